/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "packet.h"

#define TEXT_MAX   8192
#define ARGS_MAX   24
#define ETH_SOURCE "02:00:00:00:00:01"

struct arg {
	char *key;
	char *value; /* NULL: a bare word */
	bool used;
};

struct layer {
	char *word;
	struct arg arg[ARGS_MAX];
	int args;
	bool has_quote;
	struct packet quote; /* what stood in parentheses */
};

/* One text being built, from the last layer to the first. */
struct build {
	const char *text; /* for messages */
	struct layer *layer;
	int layers;
	size_t at; /* data[at..end] is done */
	size_t end;
	size_t pad;
	__u8 data[PACKET_MAX];
	size_t start[PACKET_LAYERS];
};

static struct packet parse(const char *whole, char *text);

__attribute__((format(printf, 2, 3), noreturn)) static void die(const char *text, const char *fmt,
								...)
{
	va_list ap;

	fprintf(stderr, "packet text: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n  in: %s\n", text);
	abort();
}

/* ---- arguments ---- */

static const char *arg_value(struct layer *l, const char *key)
{
	for (int i = 0; i < l->args; i++)
		if (l->arg[i].value && !strcmp(l->arg[i].key, key)) {
			l->arg[i].used = true;
			return l->arg[i].value;
		}
	return NULL;
}

static bool arg_flag(struct layer *l, const char *key)
{
	for (int i = 0; i < l->args; i++)
		if (!l->arg[i].value && !strcmp(l->arg[i].key, key)) {
			l->arg[i].used = true;
			return true;
		}
	return false;
}

/* The first bare word not taken yet. */
static const char *arg_bare(struct build *b, struct layer *l)
{
	for (int i = 0; i < l->args; i++)
		if (!l->arg[i].value && !l->arg[i].used) {
			l->arg[i].used = true;
			return l->arg[i].key;
		}
	die(b->text, "%s: something is missing after it", l->word);
}

static long long to_number(struct build *b, struct layer *l, const char *s)
{
	long long v;
	char *end;

	errno = 0;
	v = strtoll(s, &end, 0);
	if (errno || end == s || *end)
		die(b->text, "%s: '%s' is not a number", l->word, s);
	return v;
}

static __u32 arg_number(struct build *b, struct layer *l, const char *key, __u32 otherwise)
{
	const char *s = arg_value(l, key);

	return s ? (__u32)to_number(b, l, s) : otherwise;
}

/* A length: as it should be, or +N or -N off that, or as said. */
static __u32 arg_length(struct build *b, struct layer *l, const char *key, __u32 right)
{
	const char *s = arg_value(l, key);

	if (!s)
		return right;
	if (*s == '+' || *s == '-')
		return right + to_number(b, l, s);
	return to_number(b, l, s);
}

static size_t to_octets(struct build *b, struct layer *l, const char *s, __u8 *to, size_t max)
{
	size_t n = strlen(s) / 2;

	if (strlen(s) % 2 || strspn(s, "0123456789abcdefABCDEF") != strlen(s))
		die(b->text, "%s: '%s' is not pairs of hex digits", l->word, s);
	if (n > max)
		die(b->text, "%s: '%s' is too long", l->word, s);
	for (size_t i = 0; i < n; i++) {
		char two[3] = { s[2 * i], s[2 * i + 1] };

		to[i] = strtoul(two, NULL, 16);
	}
	return n;
}

static size_t arg_octets(struct build *b, struct layer *l, const char *key, __u8 *to, size_t max)
{
	const char *s = arg_value(l, key);

	return s ? to_octets(b, l, s, to, max) : 0;
}

static void arg_mac(struct build *b, struct layer *l, const char *key, const char *otherwise,
		    __u8 *to)
{
	const char *s = arg_value(l, key) ?: otherwise;
	char extra;

	if (sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &to[0], &to[1], &to[2], &to[3], &to[4],
		   &to[5], &extra) != 6)
		die(b->text, "%s: '%s' is not a MAC address", l->word, s);
}

static void arg_address(struct build *b, struct layer *l, const char *key, const char *otherwise,
			int family, __u8 *to)
{
	const char *s = arg_value(l, key) ?: otherwise;

	if (inet_pton(family, s, to) != 1)
		die(b->text, "%s: '%s' is not an address", l->word, s);
}

static void args_all_used(struct build *b, struct layer *l)
{
	for (int i = 0; i < l->args; i++)
		if (!l->arg[i].used)
			die(b->text, "%s: what is '%s'?", l->word, l->arg[i].key);
}

/* ---- octets ---- */

static void put16(__u8 *p, __u32 v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(__u8 *p, __u32 v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static __u8 *prepend(struct build *b, size_t n)
{
	if (n > b->at)
		die(b->text, "more than %d octets", PACKET_MAX);
	b->at -= n;
	return memset(b->data + b->at, 0, n);
}

/* Octets from here to the end of the packet proper. */
static size_t rest(const struct build *b)
{
	return b->end - b->pad - b->at;
}

static __u32 sum16(__u32 sum, const __u8 *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += p[i] << 8 | p[i + 1];
	if (n & 1)
		sum += p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* csum= may be a number or "bad"; right is the folded sum, not yet inverted. */
static void put_csum(struct build *b, struct layer *l, __u8 *to, __u32 sum, bool zero_is_ffff)
{
	const char *s = arg_value(l, "csum");
	__u16 right = ~sum;

	if (!right && zero_is_ffff)
		right = 0xffff;
	if (!s)
		put16(to, right);
	else if (!strcmp(s, "bad"))
		put16(to, right ^ 0x5555);
	else
		put16(to, to_number(b, l, s));
}

/* ---- what a layer is called in the header before it ---- */

static const struct {
	const char *word;
	int proto;
	int ethertype;
} numbers[] = {
	{ "ip4", 4, 0x0800 },  { "ip6", 41, 0x86dd },  { "udp", 17, -1 },
	{ "tcp", 6, -1 },      { "icmp4", 1, -1 },     { "icmp6", 58, -1 },
	{ "hopopts", 0, -1 },  { "routing", 43, -1 },  { "frag", 44, -1 },
	{ "ah", 51, -1 },      { "dstopts", 60, -1 },  { "vlan", -1, 0x8100 },
	{ "arp", -1, 0x0806 }, { "rarp", -1, 0x8035 }, { "na", 58, -1 },
	{ "ns", 58, -1 },
};

static int proto_inside(struct build *b, int i)
{
	if (i + 1 < b->layers)
		for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers); k++)
			if (!strcmp(numbers[k].word, b->layer[i + 1].word) && numbers[k].proto >= 0)
				return numbers[k].proto;
	return 253; /* RFC 3692: for experiments */
}

static int ethertype_inside(struct build *b, int i)
{
	const char *s;

	if (i + 1 >= b->layers)
		return 0x88b5; /* IEEE 802: for experiments */
	if (!strcmp(b->layer[i + 1].word, "vlan")) {
		s = arg_value(&b->layer[i + 1], "tpid");
		return s ? to_number(b, &b->layer[i + 1], s) : 0x8100;
	}
	for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers); k++)
		if (!strcmp(numbers[k].word, b->layer[i + 1].word) && numbers[k].ethertype >= 0)
			return numbers[k].ethertype;
	return 0x88b5;
}

/* The pseudo header's sum, from the nearest IP header outside layer i. */
static __u32 pseudo_sum(struct build *b, int i, int proto, size_t len)
{
	__u8 tail[8] = { 0 };
	__u8 a[32];
	int f, n;

	for (f = i - 1; f >= 0; f--)
		if (!strcmp(b->layer[f].word, "ip4") || !strcmp(b->layer[f].word, "ip6"))
			break;
	if (f < 0)
		return 0;
	if (!strcmp(b->layer[f].word, "ip4")) {
		n = 4;
		arg_address(b, &b->layer[f], "src", "10.0.0.1", AF_INET, a);
		arg_address(b, &b->layer[f], "dst", "192.0.2.1", AF_INET, a + 4);
	} else {
		n = 16;
		arg_address(b, &b->layer[f], "src", "fd00::1", AF_INET6, a);
		arg_address(b, &b->layer[f], "dst", "2001:db8::1", AF_INET6, a + 16);
	}
	put32(tail, len);
	tail[7] = proto;
	return sum16(sum16(0, a, 2 * n), tail, sizeof(tail));
}

/* The source of the nearest Ethernet header outside layer i, as text. */
static const char *ether_source(struct build *b, int i)
{
	for (int f = i - 1; f >= 0; f--)
		if (!strcmp(b->layer[f].word, "eth"))
			return arg_value(&b->layer[f], "src") ?: ETH_SOURCE;
	return ETH_SOURCE;
}

/* ---- the layers ---- */

static void build_eth(struct build *b, struct layer *l, int i)
{
	__u8 *p = prepend(b, 14);

	arg_mac(b, l, "dst", "02:00:00:00:00:02", p);
	arg_mac(b, l, "src", ETH_SOURCE, p + 6);
	put16(p + 12, arg_number(b, l, "type", ethertype_inside(b, i)));
}

static void build_vlan(struct build *b, struct layer *l, int i)
{
	__u8 *p = prepend(b, 4);

	arg_value(l, "tpid");
	put16(p + 2, arg_number(b, l, "type", ethertype_inside(b, i)));
	put16(p, arg_number(b, l, "pcp", 0) << 13 | to_number(b, l, arg_bare(b, l)));
}

static void build_ip4(struct build *b, struct layer *l, int i)
{
	__u8 opts[40];
	size_t n = arg_octets(b, l, "opts", opts, sizeof(opts));
	__u8 *p = prepend(b, 20 + n);
	__u32 off = arg_number(b, l, "off", 0) / 8;

	if (n % 4)
		die(b->text, "ip4: opts must be whole words");
	p[0] = arg_number(b, l, "version", 4) << 4 | arg_number(b, l, "ihl", 5 + n / 4);
	p[1] = arg_number(b, l, "tos", 0);
	put16(p + 2, arg_length(b, l, "len", rest(b)));
	put16(p + 4, arg_number(b, l, "id", 0));
	if (arg_flag(l, "df"))
		off |= 0x4000;
	if (arg_flag(l, "mf"))
		off |= 0x2000;
	put16(p + 6, off);
	p[8] = arg_number(b, l, "ttl", 64);
	p[9] = arg_number(b, l, "proto", proto_inside(b, i));
	arg_address(b, l, "src", "10.0.0.1", AF_INET, p + 12);
	arg_address(b, l, "dst", "192.0.2.1", AF_INET, p + 16);
	memcpy(p + 20, opts, n);
	put_csum(b, l, p + 10, sum16(0, p, 20 + n), false);
}

static void build_ip6(struct build *b, struct layer *l, int i)
{
	__u32 len = rest(b);
	__u8 *p = prepend(b, 40);

	put32(p,
	      arg_number(b, l, "version", 6) << 28 | arg_number(b, l, "tc", 0) << 20 |
		      arg_number(b, l, "flow", 0));
	put16(p + 4, arg_length(b, l, "len", len));
	p[6] = arg_number(b, l, "next", proto_inside(b, i));
	p[7] = arg_number(b, l, "hlim", 64);
	arg_address(b, l, "src", "fd00::1", AF_INET6, p + 8);
	arg_address(b, l, "dst", "2001:db8::1", AF_INET6, p + 24);
}

/* Padded with one PadN option, which is right for the two kinds of options. */
static void build_options(struct build *b, struct layer *l, int i)
{
	__u8 data[256] = { 1, 4 };
	size_t n = arg_octets(b, l, "data", data, sizeof(data)) ?: 6;
	__u8 *p = prepend(b, 2 + n);

	if ((n + 2) % 8)
		die(b->text, "%s: data must have 6, 14, 22 ... octets", l->word);
	p[0] = arg_number(b, l, "next", proto_inside(b, i));
	p[1] = arg_length(b, l, "len", (n + 2) / 8 - 1);
	memcpy(p + 2, data, n);
}

static void build_frag(struct build *b, struct layer *l, int i)
{
	__u8 *p = prepend(b, 8);

	p[0] = arg_number(b, l, "next", proto_inside(b, i));
	put16(p + 2,
	      (arg_number(b, l, "off", 0) & ~7U) | (arg_number(b, l, "res", 0) & 3) << 1 |
		      arg_flag(l, "mf"));
	put32(p + 4, arg_number(b, l, "id", 0));
}

static void build_ah(struct build *b, struct layer *l, int i)
{
	__u8 data[256] = { 0 };
	size_t n = arg_octets(b, l, "data", data, sizeof(data)) ?: 12;
	__u8 *p = prepend(b, 4 + n);

	if (n % 4)
		die(b->text, "ah: data must be whole words");
	p[0] = arg_number(b, l, "next", proto_inside(b, i));
	p[1] = arg_length(b, l, "len", (n + 4) / 4 - 2);
	memcpy(p + 4, data, n);
}

static void build_udp(struct build *b, struct layer *l, int i)
{
	__u8 *p = prepend(b, 8);
	size_t n = rest(b);

	put16(p, arg_number(b, l, "sport", 1000));
	put16(p + 2, arg_number(b, l, "dport", 443));
	put16(p + 4, arg_length(b, l, "len", n));
	put_csum(b, l, p + 6, sum16(pseudo_sum(b, i, 17, n), p, n), true);
}

static void build_tcp(struct build *b, struct layer *l, int i)
{
	static const char *const flags[] = { "fin", "syn", "rst", "psh", "ack", "urg" };
	__u8 opts[40];
	size_t o = arg_octets(b, l, "opts", opts, sizeof(opts));
	__u8 *p = prepend(b, 20 + o);
	size_t n = rest(b);

	if (o % 4)
		die(b->text, "tcp: opts must be whole words");
	put16(p, arg_number(b, l, "sport", 1000));
	put16(p + 2, arg_number(b, l, "dport", 443));
	put32(p + 4, arg_number(b, l, "seq", 1));
	put32(p + 8, arg_number(b, l, "ack", 0));
	p[12] = arg_number(b, l, "off", 5 + o / 4) << 4;
	for (int k = 0; k < 6; k++)
		if (arg_flag(l, flags[k]))
			p[13] |= 1 << k;
	put16(p + 14, arg_number(b, l, "win", 65535));
	memcpy(p + 20, opts, o);
	put_csum(b, l, p + 16, sum16(pseudo_sum(b, i, 6, n), p, n), false);
}

static void build_icmp(struct build *b, struct layer *l, int i)
{
	bool six = !strcmp(l->word, "icmp6");
	size_t n;
	__u8 *p;

	if (l->has_quote) {
		p = prepend(b, l->quote.len);
		memcpy(p, l->quote.data, l->quote.len);
	}
	p = prepend(b, 8);
	n = rest(b);
	p[0] = arg_number(b, l, "type", six ? 1 : 3);
	p[1] = arg_number(b, l, "code", 0);
	put32(p + 4, arg_number(b, l, "rest", arg_number(b, l, "mtu", 0)));
	put_csum(b, l, p + 2, sum16(six ? pseudo_sum(b, i, 58, n) : 0, p, n), false);
}

/* RFC 826, RFC 903. */
static void build_arp(struct build *b, struct layer *l, int i)
{
	bool rarp = !strcmp(l->word, "rarp");
	__u8 *p = prepend(b, 28);
	const char *sha = arg_value(l, "sha") ?: ether_source(b, i);

	put16(p, arg_number(b, l, "htype", 1));
	put16(p + 2, arg_number(b, l, "ptype", 0x0800));
	p[4] = arg_number(b, l, "hlen", 6);
	p[5] = arg_number(b, l, "plen", 4);
	put16(p + 6, arg_number(b, l, "op", rarp ? 3 : 1));
	arg_mac(b, l, "sha", sha, p + 8);
	arg_address(b, l, "sip", "0.0.0.0", AF_INET, p + 14);
	arg_mac(b, l, "tha", rarp ? sha : "00:00:00:00:00:00", p + 18);
	arg_address(b, l, "tip", "0.0.0.0", AF_INET, p + 24);
}

/* RFC 4861 §4.3, §4.4; one link-layer address option, or none. */
static void build_nd(struct build *b, struct layer *l, int i)
{
	bool na = !strcmp(l->word, "na"), bare = arg_flag(l, "bare");
	__u8 *p = prepend(b, bare ? 24 : 32);
	size_t n = rest(b);

	p[0] = arg_number(b, l, "type", na ? 136 : 135);
	p[1] = arg_number(b, l, "code", 0);
	p[4] = arg_flag(l, "router") << 7 | arg_flag(l, "solicited") << 6 |
		arg_flag(l, "override") << 5;
	arg_address(b, l, "target", "fd00::1", AF_INET6, p + 8);
	if (!bare) {
		p[24] = arg_number(b, l, "option", na ? 2 : 1);
		p[25] = arg_number(b, l, "olen", 1);
		arg_mac(b, l, "lla", ether_source(b, i), p + 26);
	}
	put_csum(b, l, p + 2, sum16(pseudo_sum(b, i, 58, n), p, n), false);
}

static void build_gue(struct build *b, struct layer *l, int i)
{
	__u8 data[124];
	size_t n = arg_octets(b, l, "data", data, sizeof(data));
	__u8 *p = prepend(b, 4 + n);

	if (n % 4)
		die(b->text, "gue: data must be whole words");
	p[0] = arg_flag(l, "ctrl") << 5 | arg_number(b, l, "hlen", n / 4) |
		arg_number(b, l, "version", 0) << 6;
	p[1] = arg_number(b, l, "proto", proto_inside(b, i));
	put16(p + 2, arg_number(b, l, "flags", 0));
	memcpy(p + 4, data, n);
}

static void build_vxlan(struct build *b, struct layer *l, int i)
{
	__u8 *p = prepend(b, 8);

	(void)i;
	p[0] = arg_number(b, l, "flags", 8);
	put32(p + 4, to_number(b, l, arg_bare(b, l)) << 8);
}

static void build_quic_long(struct build *b, struct layer *l)
{
	static const char *const types[] = { "initial", "0rtt", "handshake", "retry" };
	const char *type = arg_value(l, "type") ?: "initial";
	const char *version = arg_value(l, "version") ?: "1";
	__u8 dcid[256], scid[256];
	size_t d = arg_octets(b, l, "dcid", dcid, sizeof(dcid));
	size_t s = arg_octets(b, l, "scid", scid, sizeof(scid));
	__u8 *p = prepend(b, 7 + d + s);
	__u32 v = to_number(b, l, version);
	int k = 0;

	while (k < 4 && strcmp(types[k], type))
		k++;
	if (k == 4)
		die(b->text, "quic: no packet type '%s'", type);
	if (v == 2) /* RFC 9369, 3.2: the types are moved by one */
		k = (k + 1) % 4;
	p[0] = 0x80 | arg_number(b, l, "fixed", 1) << 6 | k << 4 | arg_number(b, l, "low", 0);
	put32(p + 1, v == 2 ? 0x6b3343cf : v);
	p[5] = arg_length(b, l, "dlen", d);
	memcpy(p + 6, dcid, d);
	p[6 + d] = arg_length(b, l, "slen", s);
	memcpy(p + 7 + d, scid, s);
}

static void build_quic(struct build *b, struct layer *l, int i)
{
	__u8 dcid[256];
	size_t n;
	__u8 *p;

	(void)i;
	if (arg_flag(l, "long")) {
		build_quic_long(b, l);
		return;
	}
	if (!arg_flag(l, "short"))
		die(b->text, "quic: long or short?");
	n = arg_octets(b, l, "dcid", dcid, sizeof(dcid));
	p = prepend(b, 1 + n);
	p[0] = arg_number(b, l, "fixed", 1) << 6 | arg_number(b, l, "low", 0);
	memcpy(p + 1, dcid, n);
}

static void build_hex(struct build *b, struct layer *l, int i)
{
	__u8 data[PACKET_MAX];
	size_t n = to_octets(b, l, arg_bare(b, l), data, sizeof(data));

	(void)i;
	memcpy(prepend(b, n), data, n);
}

static void build_octets(struct build *b, struct layer *l, int i)
{
	size_t n = to_number(b, l, arg_bare(b, l));
	__u8 *p = prepend(b, n);

	if (!strcmp(l->word, "fill"))
		for (size_t k = 0; k < n; k++)
			p[k] = k + 1;
	if (!strcmp(l->word, "pad")) {
		if (i + 1 < b->layers && strcmp(b->layer[i + 1].word, "cut"))
			die(b->text, "pad: must be the last layer");
		b->pad += n;
	}
}

static void build_cut(struct build *b, struct layer *l, int i)
{
	(void)b, (void)l, (void)i; /* done when all is there */
}

static const struct kind {
	const char *word;
	void (*build)(struct build *b, struct layer *l, int i);
} kinds[] = {
	{ "eth", build_eth },         { "vlan", build_vlan },       { "ip4", build_ip4 },
	{ "ip6", build_ip6 },         { "hopopts", build_options }, { "dstopts", build_options },
	{ "routing", build_options }, { "frag", build_frag },       { "ah", build_ah },
	{ "udp", build_udp },         { "tcp", build_tcp },         { "icmp4", build_icmp },
	{ "icmp6", build_icmp },      { "gue", build_gue },         { "vxlan", build_vxlan },
	{ "quic", build_quic },       { "hex", build_hex },         { "fill", build_octets },
	{ "zero", build_octets },     { "pad", build_octets },      { "cut", build_cut },
	{ "arp", build_arp },         { "rarp", build_arp },        { "na", build_nd },
	{ "ns", build_nd },
};

static void build_layer(struct build *b, int i)
{
	struct layer *l = &b->layer[i];

	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		if (!strcmp(kinds[k].word, l->word)) {
			kinds[k].build(b, l, i);
			b->start[i] = b->at;
			return;
		}
	die(b->text, "no layer '%s'", l->word);
}

static size_t cut_length(struct build *b, size_t len)
{
	struct layer *l = &b->layer[b->layers - 1];
	long long n;

	if (!b->layers || strcmp(l->word, "cut"))
		return len;
	n = to_number(b, l, arg_bare(b, l));
	if (n < 0)
		n += len;
	if (n < 0 || (size_t)n > len)
		die(b->text, "cut: there are only %zu octets", len);
	return n;
}

static struct packet finish(struct build *b)
{
	struct packet p = { .len = b->end - b->at };

	memcpy(p.data, b->data + b->at, p.len);
	p.len = cut_length(b, p.len);
	for (int i = 0; i < b->layers; i++) {
		struct packet_layer *l = &p.layer[p.layers++];

		args_all_used(b, &b->layer[i]);
		snprintf(l->word, sizeof(l->word), "%s", b->layer[i].word);
		l->start = b->start[i] - b->at;
	}
	return p;
}

/* ---- the text ---- */

/* Up to the parenthesis that closes the one at *text; text goes behind it. */
static char *take_quote(const char *whole, char **text)
{
	char *from = *text + 1, *s = from;
	int depth = 1;

	for (; *s; s++) {
		depth += (*s == '(') - (*s == ')');
		if (!depth)
			break;
	}
	if (!*s)
		die(whole, "a parenthesis is not closed");
	*s = 0;
	*text = s + 1;
	return from;
}

static void parse_word(const char *whole, struct layer *l, char *word)
{
	struct arg *a = &l->arg[l->args];
	char *eq = strchr(word, '=');

	if (!l->word) {
		l->word = word;
		return;
	}
	if (l->args++ == ARGS_MAX)
		die(whole, "%s: too many words", l->word);
	a->key = word;
	if (eq) {
		*eq = 0;
		a->value = eq + 1;
	}
}

static int parse_layers(const char *whole, char *text, struct layer *layer)
{
	struct layer *l = layer;
	char *end;
	char was;

	for (;;) {
		text += strspn(text, " \t\n");
		if (!*text)
			break;
		if (*text == '/') {
			if (!l->word)
				die(whole, "an empty layer");
			if (++l == layer + PACKET_LAYERS)
				die(whole, "more than %d layers", PACKET_LAYERS);
			text++;
			continue;
		}
		if (*text == '(') {
			if (!l->word || strncmp(l->word, "icmp", 4))
				die(whole, "only ICMP errors quote a packet");
			l->quote = parse(whole, take_quote(whole, &text));
			l->has_quote = true;
			continue;
		}
		end = text + strcspn(text, " \t\n/(");
		was = *end;
		*end = 0;
		/* The separator is looked at again, so keep a copy of the word. */
		parse_word(whole, l, strdup(text));
		*end = was;
		text = end;
	}
	if (!l->word && l != layer)
		die(whole, "an empty layer at the end");
	return l->word ? l - layer + 1 : 0;
}

static void free_layers(struct layer *layer, int n)
{
	for (int i = 0; i < n; i++) {
		free(layer[i].word);
		for (int k = 0; k < layer[i].args; k++)
			free(layer[i].arg[k].key);
	}
	free(layer);
}

static struct packet parse(const char *whole, char *text)
{
	struct layer *layer = calloc(PACKET_LAYERS, sizeof(*layer));
	struct build b = {
		.text = whole,
		.layer = layer,
		.at = PACKET_MAX,
		.end = PACKET_MAX,
	};
	struct packet p;

	if (!layer)
		abort();
	b.layers = parse_layers(whole, text, layer);
	for (int i = b.layers - 1; i >= 0; i--)
		build_layer(&b, i);
	p = finish(&b);
	free_layers(layer, b.layers);
	return p;
}

struct packet packet_v(const char *fmt, va_list ap)
{
	char text[TEXT_MAX], whole[TEXT_MAX];

	if (vsnprintf(text, sizeof(text), fmt, ap) >= TEXT_MAX)
		die(fmt, "longer than %d characters", TEXT_MAX);
	memcpy(whole, text, sizeof(whole));
	return parse(whole, text);
}

struct packet packet(const char *fmt, ...)
{
	struct packet p;
	va_list ap;

	va_start(ap, fmt);
	p = packet_v(fmt, ap);
	va_end(ap);
	return p;
}

struct packet packet_raw(const void *data, size_t len)
{
	struct packet p = { .len = len };

	if (len > PACKET_MAX)
		die("(raw)", "more than %d octets", PACKET_MAX);
	memcpy(p.data, data, len);
	return p;
}

size_t packet_find(const struct packet *p, const char *word, int nth)
{
	for (int i = 0; i < p->layers; i++)
		if (!strcmp(p->layer[i].word, word) && !nth--)
			return p->layer[i].start;
	die(word, "the packet has no such layer");
}

/* ---- comparing ---- */

static const struct field {
	const char *word;
	__u16 at;
	const char *name;
} fields[] = {
	{ "eth", 0, "dst" },     { "eth", 6, "src" },    { "eth", 12, "type" },
	{ "ip4", 0, "ihl" },     { "ip4", 1, "tos" },    { "ip4", 2, "len" },
	{ "ip4", 4, "id" },      { "ip4", 6, "off" },    { "ip4", 8, "ttl" },
	{ "ip4", 9, "proto" },   { "ip4", 10, "csum" },  { "ip4", 12, "src" },
	{ "ip4", 16, "dst" },    { "ip4", 20, "opts" },  { "ip6", 0, "tc, flow" },
	{ "ip6", 4, "len" },     { "ip6", 6, "next" },   { "ip6", 7, "hlim" },
	{ "ip6", 8, "src" },     { "ip6", 24, "dst" },   { "udp", 0, "sport" },
	{ "udp", 2, "dport" },   { "udp", 4, "len" },    { "udp", 6, "csum" },
	{ "tcp", 0, "sport" },   { "tcp", 2, "dport" },  { "icmp4", 0, "type" },
	{ "icmp4", 1, "code" },  { "icmp4", 2, "csum" }, { "icmp4", 4, "rest" },
	{ "icmp4", 8, "quote" }, { "icmp6", 0, "type" }, { "icmp6", 1, "code" },
	{ "icmp6", 2, "csum" },  { "icmp6", 4, "rest" }, { "icmp6", 8, "quote" },
	{ "vxlan", 0, "flags" }, { "vxlan", 4, "vni" },  { "arp", 0, "htype" },
	{ "arp", 6, "op" },      { "arp", 8, "sha" },    { "arp", 14, "sip" },
	{ "arp", 18, "tha" },    { "arp", 24, "tip" },
};

static void name_place(FILE *to, const struct packet *p, size_t at)
{
	const struct packet_layer *l = NULL;
	const char *name = NULL;

	for (int i = 0; i < p->layers; i++)
		if (p->layer[i].start <= at)
			l = &p->layer[i];
	if (!l) {
		fprintf(to, "octet %zu", at);
		return;
	}
	for (size_t k = 0; k < sizeof(fields) / sizeof(*fields); k++)
		if (!strcmp(fields[k].word, l->word) && fields[k].at <= at - l->start)
			name = fields[k].name;
	fprintf(to, "octet %zu, %s + %zu%s%s", at, l->word, at - l->start, name ? ": " : "",
		name ?: "");
}

bool packet_equal(const struct packet *a, const struct packet *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

static bool differs(const struct packet *a, const struct packet *b, size_t i)
{
	return i >= a->len || i >= b->len || a->data[i] != b->data[i];
}

static void dump_line(FILE *to, const char *lead, const struct packet *p,
		      const struct packet *other, size_t from)
{
	fprintf(to, "%s%4zu ", lead, from);
	for (size_t i = from; i < from + 16 && i < p->len; i++)
		fprintf(to, "%c%02x", other && differs(p, other, i) ? '*' : ' ', p->data[i]);
	fputc('\n', to);
}

void packet_dump(FILE *to, const char *lead, const struct packet *p)
{
	for (size_t i = 0; i < p->len; i += 16)
		dump_line(to, lead, p, NULL, i);
}

void packet_diff(FILE *to, const struct packet *want, const struct packet *got)
{
	size_t max = want->len > got->len ? want->len : got->len;
	size_t at = 0;

	if (packet_equal(want, got))
		return;
	if (want->len != got->len)
		fprintf(to, "# %zu octets wanted, %zu came\n", want->len, got->len);
	while (at < max && !differs(want, got, at))
		at++;
	fprintf(to, "# first difference: ");
	name_place(to, want, at);
	fprintf(to, " (- wanted, + came)\n");
	for (size_t i = at & ~15UL; i < max; i += 16) {
		bool same = true;

		for (size_t k = i; k < i + 16 && k < max; k++)
			same &= !differs(want, got, k);
		if (same)
			continue;
		if (i < want->len)
			dump_line(to, "# -", want, got, i);
		if (i < got->len)
			dump_line(to, "# +", got, want, i);
	}
}
