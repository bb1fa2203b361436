/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <string.h>
#include "packet_priv.h"

#define ETH_SOURCE "02:00:00:00:00:01"

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

static __u8 *build_prepend(struct build *b, size_t n)
{
	if (n > b->at)
		build_fail(b->text, "more than %d octets", PACKET_MAX);
	b->at -= n;
	return memset(b->data + b->at, 0, n);
}

/* Octets from here to the end of the packet proper. */
static size_t build_rest(const struct build *b)
{
	return b->end - b->pad - b->at;
}

__u32 packet_sum16(__u32 sum, const __u8 *p, size_t n)
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
static void build_csum(struct build *b, struct layer *l, __u8 *to, __u32 sum, bool zero_is_ffff)
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
		put16(to, arg_to_number(b, l, s));
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
		return s ? arg_to_number(b, &b->layer[i + 1], s) : 0x8100;
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
	return packet_sum16(packet_sum16(0, a, 2 * n), tail, sizeof(tail));
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
	__u8 *p = build_prepend(b, 14);

	arg_mac(b, l, "dst", "02:00:00:00:00:02", p);
	arg_mac(b, l, "src", ETH_SOURCE, p + 6);
	put16(p + 12, arg_number(b, l, "type", ethertype_inside(b, i)));
}

static void build_vlan(struct build *b, struct layer *l, int i)
{
	__u8 *p = build_prepend(b, 4);

	arg_value(l, "tpid");
	put16(p + 2, arg_number(b, l, "type", ethertype_inside(b, i)));
	put16(p, arg_number(b, l, "pcp", 0) << 13 | arg_to_number(b, l, arg_bare(b, l)));
}

static void build_ip4(struct build *b, struct layer *l, int i)
{
	__u8 opts[40];
	size_t n = arg_octets(b, l, "opts", opts, sizeof(opts));
	__u8 *p = build_prepend(b, 20 + n);
	__u32 off = arg_number(b, l, "off", 0) / 8;

	if (n % 4)
		build_fail(b->text, "ip4: opts must be whole words");
	p[0] = arg_number(b, l, "version", 4) << 4 | arg_number(b, l, "ihl", 5 + n / 4);
	p[1] = arg_number(b, l, "tos", 0);
	put16(p + 2, arg_length(b, l, "len", build_rest(b)));
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
	build_csum(b, l, p + 10, packet_sum16(0, p, 20 + n), false);
}

static void build_ip6(struct build *b, struct layer *l, int i)
{
	__u32 len = build_rest(b);
	__u8 *p = build_prepend(b, 40);

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
	__u8 *p = build_prepend(b, 2 + n);

	if ((n + 2) % 8)
		build_fail(b->text, "%s: data must have 6, 14, 22 ... octets", l->word);
	p[0] = arg_number(b, l, "next", proto_inside(b, i));
	p[1] = arg_length(b, l, "len", (n + 2) / 8 - 1);
	memcpy(p + 2, data, n);
}

static void build_frag(struct build *b, struct layer *l, int i)
{
	__u8 *p = build_prepend(b, 8);

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
	__u8 *p = build_prepend(b, 4 + n);

	if (n % 4)
		build_fail(b->text, "ah: data must be whole words");
	p[0] = arg_number(b, l, "next", proto_inside(b, i));
	p[1] = arg_length(b, l, "len", (n + 4) / 4 - 2);
	memcpy(p + 4, data, n);
}

static void build_udp(struct build *b, struct layer *l, int i)
{
	__u8 *p = build_prepend(b, 8);
	size_t n = build_rest(b);

	put16(p, arg_number(b, l, "sport", 1000));
	put16(p + 2, arg_number(b, l, "dport", 443));
	put16(p + 4, arg_length(b, l, "len", n));
	build_csum(b, l, p + 6, packet_sum16(pseudo_sum(b, i, 17, n), p, n), true);
}

static void build_tcp(struct build *b, struct layer *l, int i)
{
	static const char *const flags[] = { "fin", "syn", "rst", "psh", "ack", "urg" };
	__u8 opts[40];
	size_t o = arg_octets(b, l, "opts", opts, sizeof(opts));
	__u8 *p = build_prepend(b, 20 + o);
	size_t n = build_rest(b);

	if (o % 4)
		build_fail(b->text, "tcp: opts must be whole words");
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
	build_csum(b, l, p + 16, packet_sum16(pseudo_sum(b, i, 6, n), p, n), false);
}

static void build_icmp(struct build *b, struct layer *l, int i)
{
	bool six = !strcmp(l->word, "icmp6");
	size_t n;
	__u8 *p;

	if (l->has_quote) {
		p = build_prepend(b, l->quote.len);
		memcpy(p, l->quote.data, l->quote.len);
	}
	p = build_prepend(b, 8);
	n = build_rest(b);
	p[0] = arg_number(b, l, "type", six ? 1 : 3);
	p[1] = arg_number(b, l, "code", 0);
	put32(p + 4, arg_number(b, l, "rest", arg_number(b, l, "mtu", 0)));
	build_csum(b, l, p + 2, packet_sum16(six ? pseudo_sum(b, i, 58, n) : 0, p, n), false);
}

/* RFC 826, RFC 903. */
static void build_arp(struct build *b, struct layer *l, int i)
{
	bool rarp = !strcmp(l->word, "rarp");
	__u8 *p = build_prepend(b, 28);
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
	__u8 *p = build_prepend(b, bare ? 24 : 32);
	size_t n = build_rest(b);

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
	build_csum(b, l, p + 2, packet_sum16(pseudo_sum(b, i, 58, n), p, n), false);
}

static void build_gue(struct build *b, struct layer *l, int i)
{
	__u8 data[124];
	size_t n = arg_octets(b, l, "data", data, sizeof(data));
	__u8 *p = build_prepend(b, 4 + n);

	if (n % 4)
		build_fail(b->text, "gue: data must be whole words");
	p[0] = arg_flag(l, "ctrl") << 5 | arg_number(b, l, "hlen", n / 4) |
		arg_number(b, l, "version", 0) << 6;
	p[1] = arg_number(b, l, "proto", proto_inside(b, i));
	put16(p + 2, arg_number(b, l, "flags", 0));
	memcpy(p + 4, data, n);
}

static void build_vxlan(struct build *b, struct layer *l, int i)
{
	__u8 *p = build_prepend(b, 8);

	(void)i;
	p[0] = arg_number(b, l, "flags", 8);
	put32(p + 4, arg_to_number(b, l, arg_bare(b, l)) << 8);
}

static void build_quic_long(struct build *b, struct layer *l)
{
	static const char *const types[] = { "initial", "0rtt", "handshake", "retry" };
	const char *type = arg_value(l, "type") ?: "initial";
	const char *version = arg_value(l, "version") ?: "1";
	__u8 dcid[256], scid[256];
	size_t d = arg_octets(b, l, "dcid", dcid, sizeof(dcid));
	size_t s = arg_octets(b, l, "scid", scid, sizeof(scid));
	__u8 *p = build_prepend(b, 7 + d + s);
	__u32 v = arg_to_number(b, l, version);
	int k = 0;

	while (k < 4 && strcmp(types[k], type))
		k++;
	if (k == 4)
		build_fail(b->text, "quic: no packet type '%s'", type);
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
		build_fail(b->text, "quic: long or short?");
	n = arg_octets(b, l, "dcid", dcid, sizeof(dcid));
	p = build_prepend(b, 1 + n);
	p[0] = arg_number(b, l, "fixed", 1) << 6 | arg_number(b, l, "low", 0);
	memcpy(p + 1, dcid, n);
}

static void build_hex(struct build *b, struct layer *l, int i)
{
	__u8 data[PACKET_MAX];
	size_t n = arg_to_octets(b, l, arg_bare(b, l), data, sizeof(data));

	(void)i;
	memcpy(build_prepend(b, n), data, n);
}

static void build_octets(struct build *b, struct layer *l, int i)
{
	size_t n = arg_to_number(b, l, arg_bare(b, l));
	__u8 *p = build_prepend(b, n);

	if (!strcmp(l->word, "fill"))
		for (size_t k = 0; k < n; k++)
			p[k] = k + 1;
	if (!strcmp(l->word, "pad")) {
		if (i + 1 < b->layers && strcmp(b->layer[i + 1].word, "cut"))
			build_fail(b->text, "pad: must be the last layer");
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

void build_layer(struct build *b, int i)
{
	struct layer *l = &b->layer[i];

	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		if (!strcmp(kinds[k].word, l->word)) {
			kinds[k].build(b, l, i);
			b->start[i] = b->at;
			return;
		}
	build_fail(b->text, "no layer '%s'", l->word);
}
