/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 neighbour discovery (RFC 4861): the address that the sender claims. */
#ifndef XROAM_BPF_ND_H
#define XROAM_BPF_ND_H

#include "claim.h"

#define ND_ROUTER_SOLICIT 133
#define ND_ROUTER_ADVERT  134
#define ND_SOLICIT        135
#define ND_ADVERTISE      136
#define ND_REDIRECT       137
#define ND_SOURCE_LLADDR  1
#define ND_TARGET_LLADDR  2
#define ND_OPTIONS        32 /* more are not read */
#define NA_SOLICITED      0x40

/* Copies the message, so that what follows reads memory of a known size. */
static __always_inline int copy_nd(struct xdp_md *ctx, struct claim *c, __u32 at)
{
	__u64 len = c->len;

	__builtin_memset(c->nd, 0, sizeof(c->nd));
	if (len < 24 || len > ND_ROOM)
		return -1;
	return bpf_xdp_load_bytes(ctx, at, c->nd, bound_length(len, 255));
}

/*
 * Every link-layer address it gives: Linux takes the first of two, others may
 * take the last. RFC 4861 §4.6: options are eights of octets. at: of the first
 * option; end: of the message. c->unread where one cannot be read.
 */
__noinline int read_options(struct xdp_md *ctx, __u32 at, __u32 end)
{
	struct claim *c = the_claim();
	__u16 o[4] __attribute__((aligned(8)));

	if (!c)
		return -1;
	for (int i = 0; i < ND_OPTIONS && at < end; i++) {
		const __u8 *octets = (const __u8 *)o;
		__u32 len;

		if (bpf_xdp_load_bytes(ctx, at, o, sizeof(o)))
			goto unread;
		len = octets[1] * 8;
		if (!len || at + len > end)
			goto unread;
		if (octets[0] == ND_SOURCE_LLADDR || octets[0] == ND_TARGET_LLADDR)
			claim_mac(c, mac_of(o + 1));
		at += len;
	}
	if (at == end)
		return 0;
unread:
	c->unread = 1;
	return -1;
}

static __always_inline int is_one_ipv6(const __be32 *addr)
{
	return (addr[0] | addr[1] | addr[2] | addr[3]) && *(const __u8 *)addr != 0xff;
}

/* Zero folds to 0xffff: the sum over message and pseudo-header of RFC 8200 §8.1. */
static __always_inline int sum_is_right(struct claim *c, const struct ipv6hdr *ip)
{
	__be32 addrs[8];
	__u64 sum;

	__builtin_memcpy(addrs, &ip->saddr, sizeof(addrs));
	sum = bpf_csum_diff(NULL, 0, addrs, sizeof(addrs), 0);
	sum = bpf_csum_diff(NULL, 0, c->nd, sizeof(c->nd), sum);
	sum = (sum & 0xffffffff) + bpf_htonl(c->len);
	sum += bpf_htonl(IPPROTO_ICMPV6);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/*
 * RFC 4861 §7.1.2. A solicited advertisement, to the one who solicited it, is no
 * announcement; to all nodes it contradicts itself.
 */
static __always_inline int read_advert(struct claim *c, const struct ipv6hdr *ip)
{
	const __u8 *m = (const __u8 *)c->nd;
	int solicited = m[4] & NA_SOLICITED;
	int to_many = ip->daddr.s6_addr[0] == 0xff;

	if (!is_one_ipv6(c->ip) || m[1] || (solicited && to_many) || c->foreign)
		return CLAIM_BAD;
	if (solicited)
		return CLAIM_DATA;
	c->kind = XR_UNSOLICITED_NA;
	return CLAIM_ANNOUNCES;
}

/* A bit for each header that tells of a next one by its first octet. */
static __always_inline int is_extension(__u64 proto)
{
	const __u64 low = 1ULL << IPPROTO_HOPOPTS | 1ULL << IPPROTO_ROUTING |
		1ULL << IPPROTO_FRAGMENT | 1ULL << IPPROTO_AH | 1ULL << IPPROTO_DSTOPTS;

	return (proto < 64 && low >> (proto & 63) & 1) || proto == IPPROTO_MH ||
		proto == IPPROTO_HIP || proto == IPPROTO_SHIM6;
}

enum no_header {
	LATER_FRAGMENT = -1, /* none can begin here */
	HEADERS_UNREADABLE = -2,
};

/*
 * Walks over the headers of the IPv6 packet at l3: the protocol, and in c->l4 where
 * it begins; or why there is none.
 */
__noinline int walk_headers(struct xdp_md *ctx, __u32 l3)
{
	struct claim *c = the_claim();
	const struct ipv6hdr *ip = octet_at(ctx, l3);
	__u32 proto, end, at = l3 + sizeof(*ip);

	if (!c || (const void *)(ip + 1) > end_of(ctx))
		return HEADERS_UNREADABLE;
	c->part = 0;
	proto = ip->nexthdr;
	end = at + bpf_ntohs(ip->payload_len);
	for (int i = 0; i < MAX_EXT_HEADERS && is_extension(proto); i++) {
		const __u8 *h = octet_at(ctx, at);

		if (at > MAX_OFFSET || h + 8 > (const __u8 *)end_of(ctx))
			return HEADERS_UNREADABLE;
		if (proto == IPPROTO_FRAGMENT) {
			__be16 where = *(const __be16 *)(h + 2);

			if (where & bpf_htons(0xfff8))
				return LATER_FRAGMENT;
			if (where & bpf_htons(1))
				c->part = 1;
			at += 8;
		} else {
			at += proto == IPPROTO_AH ? (h[1] + 2) * 4 : (h[1] + 1) * 8;
		}
		proto = h[0];
	}
	if (is_extension(proto) || at > MAX_OFFSET)
		return HEADERS_UNREADABLE;
	/* Whatever pads the first fragment, the header begins in the second. */
	if (c->part && at + 8 > end)
		return HEADERS_UNREADABLE;
	c->l4 = at;
	return proto;
}

/* Octets before the options of a message; 0: none of neighbour discovery. */
static __always_inline __u32 nd_fixed(__u32 type)
{
	switch (type) {
	case ND_ROUTER_SOLICIT:
		return 8;
	case ND_ROUTER_ADVERT:
		return 16;
	case ND_SOLICIT:
	case ND_ADVERTISE:
		return 24;
	case ND_REDIRECT:
		return 40;
	}
	return 0;
}

/*
 * Whose addresses it uses: its source; the target of an advertisement, of a
 * redirect, and, from nowhere, of a solicitation: DAD (RFC 4862 §5.4), in which
 * who does the same denies the address to its owner (RFC 3756 §4.1.3).
 */
static __always_inline void claim_nd(struct claim *c, __u32 type, const struct ipv6hdr *ip,
				     const __be32 *target)
{
	__builtin_memcpy(c->ip, &ip->saddr, sizeof(c->ip));
	c->has_ip = !!(c->ip[0] | c->ip[1] | c->ip[2] | c->ip[3]);
	if (type == ND_ROUTER_SOLICIT || type == ND_ROUTER_ADVERT)
		return;
	if (type == ND_SOLICIT) {
		if (c->has_ip)
			return;
		c->tentative = 1;
	}
	__builtin_memcpy(c->too, c->ip, sizeof(c->too));
	c->has_too = c->has_ip;
	__builtin_memcpy(c->ip, target, sizeof(c->ip));
	c->has_ip = 1;
}

__noinline int read_nd(struct xdp_md *ctx)
{
	struct claim *c = the_claim();
	__u32 type, fixed, left;
	const struct ipv6hdr *ip;
	__be32 target[XR_ADDR_WORDS];
	const __u8 *icmp;
	int proto, hbh;

	if (!c)
		return CLAIM_DATA;
	proto = walk_headers(ctx, c->l3);
	if (proto == HEADERS_UNREADABLE)
		c->unread = 1;
	if (proto != IPPROTO_ICMPV6 || c->l4 > MAX_OFFSET)
		return CLAIM_DATA;
	icmp = octet_at(ctx, c->l4);
	if (icmp + 1 > (const __u8 *)end_of(ctx)) {
		c->unread = 1;
		return CLAIM_DATA;
	}
	type = *icmp;
	fixed = nd_fixed(type);
	if (!fixed)
		return CLAIM_DATA;
	ip = octet_at(ctx, c->l3);
	if ((const void *)(ip + 1) > end_of(ctx))
		return CLAIM_DATA;
	/* ND is never routed: its hop limit is still the largest there is. */
	if (ip->hop_limit != 255)
		return type == ND_ADVERTISE ? CLAIM_BAD : CLAIM_DATA;

	left = bpf_ntohs(ip->payload_len);
	hbh = ip->nexthdr == IPPROTO_HOPOPTS;
	/* Without a length, and with such a header, it goes on to the end. */
	c->len = left || !hbh ? c->l3 + sizeof(*ip) + left - c->l4
			      : (__u32)bpf_xdp_get_buff_len(ctx) - c->l4;
	__builtin_memset(target, 0, sizeof(target));
	if (fixed >= 24 && bpf_xdp_load_bytes(ctx, c->l4 + 8, target, sizeof(target)))
		c->unread = 1;
	ip = octet_at(ctx, c->l3);
	if ((const void *)(ip + 1) > end_of(ctx))
		return CLAIM_DATA;
	claim_nd(c, type, ip, target);
	if (c->len < fixed || c->part)
		c->unread = 1;
	else
		read_options(ctx, c->l4 + fixed, c->l4 + c->len);
	if (type == ND_SOLICIT)
		return c->tentative ? CLAIM_PROBE : CLAIM_DATA;
	if (type != ND_ADVERTISE)
		return CLAIM_DATA;

	ip = octet_at(ctx, c->l3);
	if ((const void *)(ip + 1) > end_of(ctx))
		return CLAIM_BAD;
	/* As long as SEND (RFC 3971) makes them: judged, but not believed. */
	if (!c->unread && c->len > ND_ROOM)
		return CLAIM_DATA;
	if (c->unread || copy_nd(ctx, c, c->l4) || !sum_is_right(c, ip))
		return CLAIM_BAD;
	return read_advert(c, ip);
}

#endif
