/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <string.h>
#include "packet_priv.h"

#define ETH_SOURCE "02:00:00:00:00:01"

static void *build_prepend(struct build *b, size_t n)
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

__u32 packet_sum16(__u32 sum, const void *octets, size_t n)
{
	const __u8 *p = octets;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += p[i] << 8 | p[i + 1];
	if (n & 1)
		sum += p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* csum= may be a number or "bad"; right is the folded sum, not yet inverted. */
static __be16 build_csum(struct build *b, struct layer *l, __u32 sum, bool zero_is_ffff)
{
	const char *s = arg_value(l, "csum");
	__u16 right = ~sum;

	if (!right && zero_is_ffff)
		right = 0xffff;
	if (!s)
		return htons(right);
	if (!strcmp(s, "bad"))
		return htons(right ^ 0x5555);
	return htons(arg_to_number(b, l, s));
}

/* ---- what a layer is called in the header before it ---- */

#define NONE (-1) /* it cannot stand there */

static const struct {
	const char *word;
	int proto;
	int ethertype;
} numbers[] = {
	{ "ip4", IPPROTO_IPIP, ETHERTYPE_IP4 }, { "ip6", IPPROTO_IPV6, ETHERTYPE_IP6 },
	{ "udp", IPPROTO_UDP, NONE },           { "tcp", IPPROTO_TCP, NONE },
	{ "icmp4", IPPROTO_ICMP, NONE },        { "icmp6", IPPROTO_ICMPV6, NONE },
	{ "na", IPPROTO_ICMPV6, NONE },         { "ns", IPPROTO_ICMPV6, NONE },
	{ "hopopts", IPPROTO_HOPOPTS, NONE },   { "routing", IPPROTO_ROUTING, NONE },
	{ "frag", IPPROTO_FRAGMENT, NONE },     { "ah", IPPROTO_AH, NONE },
	{ "dstopts", IPPROTO_DSTOPTS, NONE },   { "vlan", NONE, ETHERTYPE_VLAN },
	{ "arp", NONE, ETHERTYPE_ARP },         { "rarp", NONE, ETHERTYPE_RARP },
};

static int proto_inside(struct build *b, int i)
{
	if (i + 1 < b->layers)
		for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers); k++)
			if (!strcmp(numbers[k].word, b->layer[i + 1].word) &&
			    numbers[k].proto != NONE)
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
		return s ? arg_to_number(b, &b->layer[i + 1], s) : ETHERTYPE_VLAN;
	}
	for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers); k++)
		if (!strcmp(numbers[k].word, b->layer[i + 1].word) && numbers[k].ethertype != NONE)
			return numbers[k].ethertype;
	return 0x88b5;
}

/* The pseudo header's sum, from the nearest IP header outside layer i. */
static __u32 pseudo_sum(struct build *b, int i, int proto, size_t len)
{
	__be32 tail[2] = { htonl(len), htonl(proto) };
	__u8 src[16], dst[16];
	__u32 sum;
	int f, n;

	for (f = i - 1; f >= 0; f--)
		if (!strcmp(b->layer[f].word, "ip4") || !strcmp(b->layer[f].word, "ip6"))
			break;
	if (f < 0)
		return 0;
	if (!strcmp(b->layer[f].word, "ip4")) {
		n = 4;
		arg_address(b, &b->layer[f], "src", "10.0.0.1", AF_INET, src);
		arg_address(b, &b->layer[f], "dst", "192.0.2.1", AF_INET, dst);
	} else {
		n = 16;
		arg_address(b, &b->layer[f], "src", "fd00::1", AF_INET6, src);
		arg_address(b, &b->layer[f], "dst", "2001:db8::1", AF_INET6, dst);
	}
	sum = packet_sum16(packet_sum16(0, src, n), dst, n);
	return packet_sum16(sum, tail, sizeof(tail));
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
	struct wire_eth *eth = build_prepend(b, sizeof(*eth));

	arg_mac(b, l, "dst", "02:00:00:00:00:02", eth->dst);
	arg_mac(b, l, "src", ETH_SOURCE, eth->src);
	eth->type = htons(arg_number(b, l, "type", ethertype_inside(b, i)));
}

static void build_vlan(struct build *b, struct layer *l, int i)
{
	struct wire_vlan *tag = build_prepend(b, sizeof(*tag));

	arg_value(l, "tpid"); /* ethertype_inside() of the layer before writes it */
	tag->type = htons(arg_number(b, l, "type", ethertype_inside(b, i)));
	tag->tci = htons(arg_number(b, l, "pcp", 0) << 13 | arg_to_number(b, l, arg_bare(b, l)));
}

static void build_ip4(struct build *b, struct layer *l, int i)
{
	__u8 opts[40];
	size_t n = arg_octets(b, l, "opts", opts, sizeof(opts));
	struct wire_ip4 *ip = build_prepend(b, sizeof(*ip) + n);
	__u32 off = arg_number(b, l, "off", 0) / 8;

	if (n % 4)
		build_fail(b->text, "ip4: opts must be whole words");
	ip->version_ihl = arg_number(b, l, "version", 4) << 4 | arg_number(b, l, "ihl", 5 + n / 4);
	ip->tos = arg_number(b, l, "tos", 0);
	ip->len = htons(arg_length(b, l, "len", build_rest(b)));
	ip->id = htons(arg_number(b, l, "id", 0));
	if (arg_flag(l, "df"))
		off |= 0x4000;
	if (arg_flag(l, "mf"))
		off |= 0x2000;
	ip->off = htons(off);
	ip->ttl = arg_number(b, l, "ttl", 64);
	ip->proto = arg_number(b, l, "proto", proto_inside(b, i));
	arg_address(b, l, "src", "10.0.0.1", AF_INET, ip->src);
	arg_address(b, l, "dst", "192.0.2.1", AF_INET, ip->dst);
	memcpy(ip->opts, opts, n);
	ip->csum = build_csum(b, l, packet_sum16(0, ip, sizeof(*ip) + n), false);
}

static void build_ip6(struct build *b, struct layer *l, int i)
{
	__u32 len = build_rest(b);
	struct wire_ip6 *ip = build_prepend(b, sizeof(*ip));

	ip->version_tc_flow = htonl(arg_number(b, l, "version", 6) << 28 |
				    arg_number(b, l, "tc", 0) << 20 | arg_number(b, l, "flow", 0));
	ip->len = htons(arg_length(b, l, "len", len));
	ip->next = arg_number(b, l, "next", proto_inside(b, i));
	ip->hlim = arg_number(b, l, "hlim", 64);
	arg_address(b, l, "src", "fd00::1", AF_INET6, ip->src);
	arg_address(b, l, "dst", "2001:db8::1", AF_INET6, ip->dst);
}

/* Padded with one PadN option, which is right for the two kinds of options. */
static void build_options(struct build *b, struct layer *l, int i)
{
	__u8 data[256] = { 1, 4 };
	size_t n = arg_octets(b, l, "data", data, sizeof(data)) ?: 6;
	struct wire_ext *ext = build_prepend(b, sizeof(*ext) + n);

	if ((sizeof(*ext) + n) % 8)
		build_fail(b->text, "%s: data must have 6, 14, 22 ... octets", l->word);
	ext->next = arg_number(b, l, "next", proto_inside(b, i));
	ext->len = arg_length(b, l, "len", (sizeof(*ext) + n) / 8 - 1);
	memcpy(ext->data, data, n);
}

static void build_frag(struct build *b, struct layer *l, int i)
{
	struct wire_frag *frag = build_prepend(b, sizeof(*frag));

	frag->next = arg_number(b, l, "next", proto_inside(b, i));
	frag->off = htons((arg_number(b, l, "off", 0) & ~7U) |
			  (arg_number(b, l, "res", 0) & 3) << 1 | arg_flag(l, "mf"));
	frag->id = htonl(arg_number(b, l, "id", 0));
}

static void build_ah(struct build *b, struct layer *l, int i)
{
	__u8 data[256] = { 0 };
	size_t n = arg_octets(b, l, "data", data, sizeof(data)) ?: 12;
	struct wire_ah *ah = build_prepend(b, sizeof(*ah) + n);

	if (n % 4)
		build_fail(b->text, "ah: data must be whole words");
	ah->next = arg_number(b, l, "next", proto_inside(b, i));
	ah->len = arg_length(b, l, "len", (sizeof(*ah) + n) / 4 - 2);
	memcpy(ah->data, data, n);
}

static void build_udp(struct build *b, struct layer *l, int i)
{
	struct wire_udp *udp = build_prepend(b, sizeof(*udp));
	size_t n = build_rest(b);

	udp->sport = htons(arg_number(b, l, "sport", 1000));
	udp->dport = htons(arg_number(b, l, "dport", 443));
	udp->len = htons(arg_length(b, l, "len", n));
	udp->csum = build_csum(b, l, packet_sum16(pseudo_sum(b, i, IPPROTO_UDP, n), udp, n), true);
}

static void build_tcp(struct build *b, struct layer *l, int i)
{
	static const char *const flags[] = { "fin", "syn", "rst", "psh", "ack", "urg" };
	__u8 opts[40];
	size_t o = arg_octets(b, l, "opts", opts, sizeof(opts));
	struct wire_tcp *tcp = build_prepend(b, sizeof(*tcp) + o);
	size_t n = build_rest(b);

	if (o % 4)
		build_fail(b->text, "tcp: opts must be whole words");
	tcp->sport = htons(arg_number(b, l, "sport", 1000));
	tcp->dport = htons(arg_number(b, l, "dport", 443));
	tcp->seq = htonl(arg_number(b, l, "seq", 1));
	tcp->ack = htonl(arg_number(b, l, "ack", 0));
	tcp->off = arg_number(b, l, "off", 5 + o / 4) << 4;
	for (int k = 0; k < 6; k++)
		if (arg_flag(l, flags[k]))
			tcp->flags |= 1 << k;
	tcp->win = htons(arg_number(b, l, "win", 65535));
	memcpy(tcp->opts, opts, o);
	tcp->csum = build_csum(b, l, packet_sum16(pseudo_sum(b, i, IPPROTO_TCP, n), tcp, n), false);
}

static void build_icmp(struct build *b, struct layer *l, int i)
{
	bool six = !strcmp(l->word, "icmp6");
	struct wire_icmp *icmp;
	size_t n;

	if (l->has_quote)
		memcpy(build_prepend(b, l->quote.len), l->quote.data, l->quote.len);
	icmp = build_prepend(b, sizeof(*icmp));
	n = build_rest(b);
	icmp->type = arg_number(b, l, "type", six ? 1 : 3);
	icmp->code = arg_number(b, l, "code", 0);
	icmp->rest = htonl(arg_number(b, l, "rest", arg_number(b, l, "mtu", 0)));
	icmp->csum = build_csum(
		b, l, packet_sum16(six ? pseudo_sum(b, i, IPPROTO_ICMPV6, n) : 0, icmp, n), false);
}

/* RFC 826, RFC 903. */
static void build_arp(struct build *b, struct layer *l, int i)
{
	bool rarp = !strcmp(l->word, "rarp");
	struct wire_arp *arp = build_prepend(b, sizeof(*arp));
	const char *sha = arg_value(l, "sha") ?: ether_source(b, i);

	arp->htype = htons(arg_number(b, l, "htype", 1));
	arp->ptype = htons(arg_number(b, l, "ptype", ETHERTYPE_IP4));
	arp->hlen = arg_number(b, l, "hlen", 6);
	arp->plen = arg_number(b, l, "plen", 4);
	arp->op = htons(arg_number(b, l, "op", rarp ? 3 : 1));
	arg_mac(b, l, "sha", sha, arp->sha);
	arg_address(b, l, "sip", "0.0.0.0", AF_INET, arp->sip);
	arg_mac(b, l, "tha", rarp ? sha : "00:00:00:00:00:00", arp->tha);
	arg_address(b, l, "tip", "0.0.0.0", AF_INET, arp->tip);
}

/* RFC 4861 §4.3, §4.4; one link-layer address option, or none. */
static void build_nd(struct build *b, struct layer *l, int i)
{
	bool na = !strcmp(l->word, "na"), bare = arg_flag(l, "bare");
	struct wire_nd_option *option = bare ? NULL : build_prepend(b, sizeof(*option));
	struct wire_nd *nd = build_prepend(b, sizeof(*nd));
	size_t n = build_rest(b);

	nd->type = arg_number(b, l, "type", na ? 136 : 135);
	nd->code = arg_number(b, l, "code", 0);
	nd->flags = arg_flag(l, "router") << 7 | arg_flag(l, "solicited") << 6 |
		arg_flag(l, "override") << 5;
	arg_address(b, l, "target", "fd00::1", AF_INET6, nd->target);
	if (option) {
		option->option = arg_number(b, l, "option", na ? 2 : 1);
		option->olen = arg_number(b, l, "olen", 1);
		arg_mac(b, l, "lla", ether_source(b, i), option->lla);
	}
	nd->csum = build_csum(b, l, packet_sum16(pseudo_sum(b, i, IPPROTO_ICMPV6, n), nd, n),
			      false);
}

static void build_gue(struct build *b, struct layer *l, int i)
{
	__u8 data[124];
	size_t n = arg_octets(b, l, "data", data, sizeof(data));
	struct wire_gue *gue = build_prepend(b, sizeof(*gue) + n);

	if (n % 4)
		build_fail(b->text, "gue: data must be whole words");
	gue->version_hlen = arg_flag(l, "ctrl") << 5 | arg_number(b, l, "hlen", n / 4) |
		arg_number(b, l, "version", 0) << 6;
	gue->proto = arg_number(b, l, "proto", proto_inside(b, i));
	gue->flags = htons(arg_number(b, l, "flags", 0));
	memcpy(gue->data, data, n);
}

static void build_vxlan(struct build *b, struct layer *l, int i)
{
	struct wire_vxlan *vxlan = build_prepend(b, sizeof(*vxlan));

	(void)i;
	vxlan->flags = arg_number(b, l, "flags", 8);
	vxlan->vni = htonl(arg_to_number(b, l, arg_bare(b, l)) << 8);
}

static void build_quic_long(struct build *b, struct layer *l)
{
	static const char *const types[] = { "initial", "0rtt", "handshake", "retry" };
	const char *type = arg_value(l, "type") ?: "initial";
	const char *version = arg_value(l, "version") ?: "1";
	__u8 dcid[256], scid[256], *s_len;
	size_t d = arg_octets(b, l, "dcid", dcid, sizeof(dcid));
	size_t s = arg_octets(b, l, "scid", scid, sizeof(scid));
	struct wire_quic_long *quic = build_prepend(b, sizeof(*quic) + d + 1 + s);
	__u32 v = arg_to_number(b, l, version);
	int k = 0;

	while (k < 4 && strcmp(types[k], type))
		k++;
	if (k == 4)
		build_fail(b->text, "quic: no packet type '%s'", type);
	if (v == 2) /* RFC 9369, 3.2: the types are moved by one */
		k = (k + 1) % 4;
	quic->first = 0x80 | arg_number(b, l, "fixed", 1) << 6 | k << 4 |
		arg_number(b, l, "low", 0);
	quic->version = htonl(v == 2 ? 0x6b3343cf : v);
	quic->dlen = arg_length(b, l, "dlen", d);
	memcpy(quic->dcid, dcid, d);
	s_len = quic->dcid + d;
	*s_len = arg_length(b, l, "slen", s);
	memcpy(s_len + 1, scid, s);
}

static void build_quic(struct build *b, struct layer *l, int i)
{
	struct wire_quic_short *quic;
	__u8 dcid[256];
	size_t n;

	(void)i;
	if (arg_flag(l, "long")) {
		build_quic_long(b, l);
		return;
	}
	if (!arg_flag(l, "short"))
		build_fail(b->text, "quic: long or short?");
	n = arg_octets(b, l, "dcid", dcid, sizeof(dcid));
	quic = build_prepend(b, sizeof(*quic) + n);
	quic->first = arg_number(b, l, "fixed", 1) << 6 | arg_number(b, l, "low", 0);
	memcpy(quic->dcid, dcid, n);
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
