/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounds-checked cursors: Ethernet, VLAN tags, IPv4 with options,
 * IPv6 with extension headers, TCP and UDP. Each returns 0 or the reason to
 * leave the packet to the kernel.
 */
#ifndef XROAM_BPF_PARSE_H
#define XROAM_BPF_PARSE_H

#include "packet.h"

#define MAX_EXT_HEADERS 8

static __always_inline void *data_of(struct xdp_md *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *end_of(struct xdp_md *ctx)
{
	return (void *)(long)ctx->data_end;
}

#define MAX_OFFSET 0x3fff

/* The packet's octet at off, for the caller to compare with end_of(). */

static __always_inline void *octet(void *data, __u64 off)
{
	if (!__builtin_constant_p(off))
		bound_by(off, MAX_OFFSET);
	return data + off;
}

static __always_inline void *octet_at(struct xdp_md *ctx, __u64 off)
{
	return octet(data_of(ctx), off);
}

/* Addresses and EtherType, in words; NULL: the frame ends before. */
static __always_inline __u16 *ethernet_at(struct xdp_md *ctx, __u64 off)
{
	__u16 *eth = octet_at(ctx, off);

	return (void *)eth + sizeof(struct ethhdr) > end_of(ctx) ? NULL : eth;
}

/* The words of an Ethernet header: destination, source, EtherType. */
#define ETH_SOURCE 3
#define ETH_TYPE   6

/*
 * Whether the frame holds len octets. A frame of several buffers shows only
 * its first one between data and data_end, so ask before calling it short.
 */
static __always_inline int frame_holds(struct xdp_md *ctx, struct packet *p, __u32 len)
{
	if (likely(len <= p->bytes))
		return 1;
	p->bytes = bpf_xdp_get_buff_len(ctx);
	return len <= p->bytes;
}

struct vlan_tag {
	__be16 tci;
	__be16 next;
};

static __always_inline int is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

#define MAX_TAGS 4

/*
 * What read_tags() gives. A tag with VLAN ID 0 has a priority and no VLAN
 * (IEEE 802.1Q §6.9), however many of them there are.
 */
#define TAGS_PROTO(t)  ((__be16)(t)) /* EtherType behind them */
#define TAGS_VLAN(t)   ((__u32)((t) >> 16) & 0xfff)
#define TAGS_OCTETS(t) ((__u32)((t) >> 32) & 0x1f)
#define TAGS_DOUBLE    (1ULL << 40) /* two VLANs: TAGS_VLAN() is the outer one */
#define TAGS_OTHER     (1ULL << 41) /* the first one is of 802.1ad */
#define TAGS_PRIORITY  (1ULL << 42) /* the first one has no VLAN */
#define TAGS_DEEP      (1ULL << 43) /* more tags than are read */

/*
 * The tags of the frame at off; 0 if it is too short for them. Rare, so a call
 * is cheaper than the verifier's walk through the rest for each number of tags.
 */
__noinline __u64 read_tags(struct xdp_md *ctx, __u32 off)
{
	__u64 vlan = 0, flags = 0, at = off + 2 * ETH_ALEN;
	__be16 proto;
	__be16 *next;
	__u32 n = 0;

	if (at > MAX_OFFSET - sizeof(struct ethhdr) - MAX_TAGS * sizeof(struct vlan_tag))
		return 0;
	next = octet_at(ctx, at);
	if ((void *)(next + 1) > end_of(ctx))
		return 0;
	proto = *next;
	for (int i = 0; i < MAX_TAGS && is_vlan(proto); i++) {
		struct vlan_tag *tag = octet_at(ctx, at + sizeof(proto));
		__u32 id;

		if ((void *)(tag + 1) > end_of(ctx))
			return 0;
		id = bpf_ntohs(tag->tci) & 0xfff;
		if (!i && proto == bpf_htons(ETH_P_8021AD))
			flags |= TAGS_OTHER;
		if (!i && !id)
			flags |= TAGS_PRIORITY;
		if (id && vlan)
			flags |= TAGS_DOUBLE;
		vlan = vlan ?: id;
		proto = tag->next;
		at += sizeof(*tag);
		n += sizeof(*tag);
	}
	if (is_vlan(proto))
		flags |= TAGS_DEEP;
	return flags | (__u64)n << 32 | vlan << 16 | proto;
}

/* Finds the IP header; *proto is its EtherType. */
static __always_inline int parse_ethernet(struct xdp_md *ctx, struct packet *p, __be16 *proto)
{
	struct ethhdr *eth = data_of(ctx);
	const struct vlan_tag *tag = (void *)(eth + 1);
	__u64 tags;

	if ((void *)(eth + 1) > end_of(ctx))
		return XR_R_MALFORMED_L2;
	p->group = *(__u8 *)eth & 1;
	*proto = *(__be16 *)((void *)eth + 2 * ETH_ALEN); /* ethhdr is packed: octet by octet */
	p->l3 = sizeof(*eth);
	if (likely(!is_vlan(*proto)))
		return 0;
	if (likely((void *)(tag + 1) <= end_of(ctx) && !is_vlan(tag->next))) {
		*proto = tag->next;
		p->vlans = 1;
		p->l3 += sizeof(*tag);
		return 0;
	}
	tags = read_tags(ctx, 0);
	if (!tags)
		return XR_R_MALFORMED_L2;
	if (TAGS_OCTETS(tags) > 2 * sizeof(struct vlan_tag))
		return XR_R_NOT_IP;
	*proto = TAGS_PROTO(tags);
	p->vlans = TAGS_OCTETS(tags) / sizeof(struct vlan_tag) & 3;
	p->l3 += p->vlans * sizeof(struct vlan_tag);
	return 0;
}

static __always_inline int parse_ipv4(struct xdp_md *ctx, struct packet *p)
{
	struct iphdr *ip = octet_at(ctx, p->l3);
	__u32 hlen;

	if ((void *)(ip + 1) > end_of(ctx))
		return XR_R_MALFORMED_IP;
	hlen = ip->ihl * 4;
	p->ip_len = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || hlen < sizeof(*ip) || p->ip_len < hlen)
		return XR_R_MALFORMED_IP;
	p->end = p->l3 + p->ip_len;
	if (!frame_holds(ctx, p, p->end))
		return XR_R_MALFORMED_IP;

	p->l4 = p->l3 + hlen;
	p->proto = ip->protocol;
	p->tos = ip->tos;
	p->saddr[0] = p->saddr[1] = p->daddr[0] = p->daddr[1] = 0;
	p->saddr[2] = p->daddr[2] = bpf_htonl(0xffff);
	p->saddr[3] = ip->saddr;
	p->daddr[3] = ip->daddr;
	if (ip->frag_off & bpf_htons(IP_OFFSET_OR_MF))
		return XR_R_FRAGMENT;
	return 0;
}

struct ext_walk {
	__u32 l4;
	__u32 proto;
};

#define IPPROTO_HIP   139
#define IPPROTO_SHIM6 140

/*
 * RFC 8200 §4: hop-by-hop, routing, destination options; RFC 4302 AH. Any other
 * protocol ends the walk, but for the extension headers not followed here. A
 * fragment header means a fragment, and w->l4 is where it is; except the atomic
 * ones of RFC 6946, which are whole packets.
 */
__noinline int skip_extensions(struct xdp_md *ctx, struct ext_walk *w)
{
	__u32 off, proto;

	if (!w)
		return XR_R_EXT_HEADERS;
	off = w->l4;
	proto = w->proto;
	for (int i = 0; i < MAX_EXT_HEADERS; i++) {
		__u8 *h;

		switch (proto) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_AH:
		case IPPROTO_FRAGMENT:
			break;
		case IPPROTO_MH:
		case IPPROTO_HIP:
		case IPPROTO_SHIM6:
			return XR_R_EXT_HEADERS;
		default:
			w->l4 = off;
			w->proto = proto;
			return 0;
		}
		if (off > MAX_OFFSET)
			return XR_R_EXT_HEADERS;
		h = octet_at(ctx, off);
		if (h + 8 > (__u8 *)end_of(ctx))
			return XR_R_MALFORMED_IP;
		if (proto == IPPROTO_FRAGMENT) {
			if (*(__be16 *)(h + 2) & bpf_htons(0xfff9)) {
				w->l4 = off;
				return XR_R_FRAGMENT;
			}
			off += 8;
		} else if (proto == IPPROTO_AH) {
			off += (h[1] + 2) * 4;
		} else {
			off += (h[1] + 1) * 8;
		}
		proto = h[0];
	}
	return XR_R_EXT_HEADERS;
}

/* Of a packet, where compilers take care of an alignment that BPF does not ask for. */
static __always_inline void copy_address(__be32 to[XR_ADDR_WORDS], const void *from)
{
	((__u64 *)to)[0] = ((const __u64 *)from)[0];
	((__u64 *)to)[1] = ((const __u64 *)from)[1];
}

static __always_inline int parse_ipv6(struct xdp_md *ctx, struct packet *p)
{
	struct ipv6hdr *ip = octet_at(ctx, p->l3);
	__u32 first;

	if ((void *)(ip + 1) > end_of(ctx))
		return XR_R_MALFORMED_IP;
	p->ipv6 = 1;
	first = bpf_ntohl(*(__be32 *)ip);
	p->tos = first >> 20;
	p->ip_len = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	p->end = p->l3 + p->ip_len;
	if (first >> 28 != 6 || !frame_holds(ctx, p, p->end))
		return XR_R_MALFORMED_IP;

	p->l4 = p->l3 + sizeof(*ip);
	p->proto = ip->nexthdr;
	copy_address(p->saddr, &ip->saddr);
	copy_address(p->daddr, &ip->daddr);
	/* ::ffff:a.b.c.d, as which IPv4 VIPs are stored, is on no wire. */
	if (unlikely(!p->daddr[0] && !p->daddr[1] && p->daddr[2] == bpf_htonl(0xffff)))
		return XR_R_NOT_VIP;
	if (unlikely(!tcp_or_udp(p->proto) && p->proto != IPPROTO_ICMPV6)) {
		struct ext_walk w = { .l4 = p->l4, .proto = p->proto };
		int reason = skip_extensions(ctx, &w);

		if (reason)
			return reason;
		p->l4 = w.l4;
		p->proto = w.proto;
		if (p->l4 > MAX_OFFSET)
			return XR_R_EXT_HEADERS;
		if (p->l4 > p->end)
			return XR_R_MALFORMED_IP;
	}
	return 0;
}

/*
 * Sources that no router forwards (RFC 1812 §5.3.7, RFC 6890): this network,
 * loopback, multicast, class E and broadcast. Not those that are private or
 * link-local, as a VIP may be, too.
 */
static __always_inline int is_martian4(__be32 addr)
{
	__u32 first = bpf_ntohl(addr) >> 24;

	return first - 1 >= 223 || first == 127;
}

/* Of IPv6: the unspecified address, loopback, mapped IPv4, multicast (RFC 4291). */
static __always_inline int is_martian6(const __be32 *s)
{
	if (s[0] || s[1])
		return (bpf_ntohl(s[0]) >> 24) == 0xff;
	return s[2] == bpf_htonl(0xffff) || (!s[2] && bpf_ntohl(s[3]) <= 1);
}

/*
 * The same of both families, and a packet from where it goes to. A client of DHCP
 * that asks from 0.0.0.0 is none. Rare, so a call.
 */
__noinline int may_be_martian(const struct packet *p)
{
	const __be32 *s, *d;

	if (!p)
		return 0;
	s = p->saddr;
	d = p->daddr;
	if (s[3] == d[3] && s[2] == d[2] && s[1] == d[1] && s[0] == d[0])
		return 1;
	if (!p->ipv6)
		return is_martian4(s[3]) &&
			!(!s[3] && p->proto == IPPROTO_UDP &&
			  p->ports == (bpf_htons(68) | bpf_htons(67) << 16));
	return is_martian6(s);
}

/* At a glance for nearly all of IPv6; the plain kind asks for itself. */
static __always_inline int is_martian(const struct packet *p)
{
	if (likely(p->ipv6 && p->saddr[0] && *(const __u8 *)p->saddr != 0xff &&
		   p->saddr[3] != p->daddr[3]))
		return 0;
	return may_be_martian(p);
}

/*
 * The plain kind, which nearly every packet is: IPv4 without tags, options or
 * fragments, in one buffer, TCP or UDP, from one host to one. Its offsets are
 * constants. 0: some other kind, or not sound.
 */
static __always_inline int parse_plain(struct xdp_md *ctx, struct packet *p)
{
	const __u32 l3 = sizeof(struct ethhdr), l4 = l3 + sizeof(struct iphdr);
	void *data = data_of(ctx);
	struct iphdr *ip = data + l3;
	__u32 *transport = data + l4;

	if (data + l4 + sizeof(struct tcphdr) > end_of(ctx) ||
	    *(__be16 *)(data + 2 * ETH_ALEN) != bpf_htons(ETH_P_IP) || *(__u8 *)ip != 0x45 ||
	    ip->frag_off & bpf_htons(IP_OFFSET_OR_MF) || !tcp_or_udp(ip->protocol) ||
	    *(__u8 *)data & 1 || is_martian4(ip->saddr) || ip->saddr == ip->daddr)
		return 0;
	p->ip_len = bpf_ntohs(ip->tot_len);
	p->end = l3 + p->ip_len;
	if (p->end < l4 + 8 || p->end > p->bytes)
		return 0;
	p->l3 = l3;
	p->l4 = l4;
	p->proto = ip->protocol;
	p->tos = ip->tos;
	p->saddr[2] = p->daddr[2] = bpf_htonl(0xffff);
	p->saddr[3] = ip->saddr;
	p->daddr[3] = ip->daddr;
	p->ports = transport[0];
	p->udp_len = transport[1];
	return 1;
}

/* The ports, which TCP and UDP have in the same place. */
static __always_inline int parse_ports(struct xdp_md *ctx, struct packet *p)
{
	__u32 *ports = octet_at(ctx, p->l4);

	if ((void *)(ports + 2) > end_of(ctx) || p->l4 + 8 > p->end)
		return XR_R_MALFORMED_L4;
	p->ports = ports[0];
	p->udp_len = ports[1];
	return 0;
}

static __always_inline int parse_tcp(struct xdp_md *ctx, struct packet *p)
{
	struct tcphdr *tcp = octet_at(ctx, p->l4);
	__u32 len, flags;

	if ((void *)(tcp + 1) > end_of(ctx))
		return XR_R_MALFORMED_L4;
	len = tcp->doff * 4;
	if (len < sizeof(*tcp) || p->l4 + len > p->end)
		return XR_R_MALFORMED_L4;
	flags = ((__u8 *)tcp)[13];
	p->flow_flags = (flags & (IS_FIN | IS_SYN | IS_RST)) |
		is_zero32(p->end - p->l4 - len) * IS_BARE;
	return 0;
}

/* UDP's length may be less than IP's (RFC 9868), never more. */
static __always_inline int parse_udp(struct packet *p)
{
	__u32 len = bpf_ntohs(p->udp_len);

	if (len < sizeof(struct udphdr) || p->l4 + len > p->end)
		return XR_R_MALFORMED_L4;
	p->payload_end = p->l4 + len;
	p->flow_flags = 0;
	return 0;
}

#endif
