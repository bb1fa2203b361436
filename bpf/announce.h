/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who a frame says it is from, and whether it is an announcement: the kinds of
 * enum xr_announcement, whole, or why none of them. What is said decides
 * nothing here; guard.h judges it.
 *
 * Rare frames alone come here: facts are left in a per-CPU record, and each
 * function is global, so that the verifier walks it once.
 */
#ifndef XROAM_BPF_ANNOUNCE_H
#define XROAM_BPF_ANNOUNCE_H

#include "parse.h"

#define MAC_MASK	0xffffffffffffULL	/* of a key */
#define ARP_REQUEST	1
#define ARP_REPLY	2
#define RARP_REQUEST	3	/* what QEMU sends (RFC 903) */
#define ND_SOLICIT	135
#define ND_ADVERTISE	136
#define ND_TARGET_LLADDR 2
#define NA_SOLICITED	0x40
#define ND_ROOM		256	/* longest ND message that is believed */

enum claim_sort {
	CLAIM_DATA,		/* says nothing but its source MAC */
	CLAIM_SAYS,		/* kind tells what */
	CLAIM_PROBE,		/* ARP probe (RFC 5227), DAD: nobody's word yet */
	CLAIM_BAD,		/* an announcement that contradicts itself */
};

#define FAR_STRANGER	0xffff	/* some tunnel, of no host that is known */

struct claim {
	__u64 key;		/* VLAN, source MAC; as in struct xr_vm */
	__u32 off;		/* of the Ethernet header: not 0 in a tunnel */
	__u32 l3;
	__u32 len;		/* of the ICMPv6 message */
	__u32 bytes;		/* of the frame, for the counters */
	__u32 place;		/* of the VM that is at issue, plus one; 0: none */
	__u16 far;		/* host whose tunnel it came out of; 0: none */
	__be16 proto;
	__u8 sort;		/* enum claim_sort */
	__u8 kind;		/* enum xr_announcement */
	__u8 has_ip;		/* ip is whose address the sender says it has */
	__u8 to_one;		/* addressed to one station */
	__be32 ip[XR_ADDR_WORDS] __attribute__((aligned(8)));
	__be32 nd[ND_ROOM / 4] __attribute__((aligned(8)));	/* ICMPv6 message, zeros behind */
};

XR_PERCPU(claims, struct claim, 1);

static __always_inline struct claim *the_claim(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&claims, &zero);
}

/* ---- ARP and RARP ---- */

struct arp {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_len;
	__u8 protocol_len;
	__be16 op;
	__u16 sha[3];
	__be16 spa[2];		/* at 14: no word may be read here */
	__u16 tha[3];
	__be16 tpa[2];
};

_Static_assert(sizeof(struct arp) == 28, "RFC 826");

static __always_inline __u64 mac_of(const __u16 *mac)
{
	return mac[0] | (__u64)mac[1] << 16 | (__u64)mac[2] << 32;
}

static __always_inline __u32 addr_of(const __be16 *addr)
{
	return addr[0] | (__u32)addr[1] << 16;
}

static __always_inline void claim_ipv4(struct claim *c, __be32 addr)
{
	c->ip[0] = c->ip[1] = 0;
	c->ip[2] = bpf_htonl(0xffff);
	c->ip[3] = addr;
	c->has_ip = 1;
}

static __always_inline int is_protected(__u32 kind, const void *octets,
					__u32 len)
{
	struct xr_protected key = { .kind = kind };

	__builtin_memcpy(key.octet, octets, len);
	return bpf_map_lookup_elem(&protected, &key) != NULL;
}

/* A gateway's address, or this machine's: whom the VM asks or answers. */
static __always_inline int is_gateway(__be32 addr)
{
	__be32 mapped[XR_ADDR_WORDS] = { 0, 0, bpf_htonl(0xffff), addr };

	return is_protected(XR_PROTECTED_IP, mapped, sizeof(mapped));
}

static __always_inline int read_rarp(struct claim *c, const struct arp *a)
{
	if (a->op != bpf_htons(RARP_REQUEST) ||
	    mac_of(a->sha) != mac_of(a->tha))
		return CLAIM_BAD;
	c->kind = XR_RARP;
	return CLAIM_SAYS;
}

/* Multicast, reserved and broadcast are nobody's own. */
static __always_inline int is_one_ipv4(__be32 addr)
{
	return addr && bpf_ntohl(addr) < 0xe0000000;
}

static __always_inline int read_arp(struct claim *c, const struct arp *a)
{
	__be32 sender = addr_of(a->spa), target = addr_of(a->tpa);

	if (!sender && a->op == bpf_htons(ARP_REQUEST))
		return CLAIM_PROBE;
	if (!is_one_ipv4(sender))
		return CLAIM_BAD;
	if (a->op == bpf_htons(ARP_REQUEST)) {
		c->kind = sender == target   ? XR_GARP_REQUEST
			  : is_gateway(target) ? XR_ARP_GATEWAY
					       : XR_ARP_OTHER;
	} else if (a->op == bpf_htons(ARP_REPLY)) {
		c->kind = sender == target || !c->to_one ? XR_GARP_REPLY
			  : is_gateway(target)		 ? XR_REPLY_GATEWAY
							 : XR_REPLY_OTHER;
	} else {
		return CLAIM_BAD;
	}
	return CLAIM_SAYS;
}

/*
 * Linux believes an ARP sender that is not the Ethernet source; xroam does not,
 * but the address it claims is one all the same.
 */
__noinline int read_any_arp(struct xdp_md *ctx)
{
	struct claim *c = the_claim();
	const struct arp *a;

	if (!c)
		return CLAIM_DATA;
	a = octet_at(ctx, c->l3);
	if ((const void *)(a + 1) > end_of(ctx))
		return CLAIM_BAD;
	if (c->proto == bpf_htons(ETH_P_ARP) && addr_of(a->spa))
		claim_ipv4(c, addr_of(a->spa));
	if (a->hardware != bpf_htons(1) || a->protocol != bpf_htons(ETH_P_IP) ||
	    a->hardware_len != ETH_ALEN || a->protocol_len != 4 ||
	    mac_of(a->sha) != (c->key & MAC_MASK))
		return CLAIM_BAD;
	if (c->proto == bpf_htons(ETH_P_RARP))
		return read_rarp(c, a);
	return read_arp(c, a);
}

/* ---- neighbour discovery ---- */

/* Copies the message, so that what follows reads memory of a known size. */
static __always_inline int copy_nd(struct xdp_md *ctx, struct claim *c,
				   __u32 at)
{
	__u64 len = c->len;

	__builtin_memset(c->nd, 0, sizeof(c->nd));
	if (len < 24 || len > ND_ROOM)
		return -1;
	/* 6.1 learns no lower bound from a comparison with 0. */
	len--;
	asm volatile("%0 &= 255" : "+r"(len));
	len++;
	return bpf_xdp_load_bytes(ctx, at, c->nd, len);
}

/*
 * The link-layer address it gives, or else the sender's. RFC 4861 §4.6: options
 * are eights of octets. -1: one has none, or too many.
 */
static __always_inline int lladdr_of(const struct claim *c, __u64 *mac)
{
	const __u8 *m = (const __u8 *)c->nd;
	__u64 at = 24;

	*mac = c->key & MAC_MASK;
	for (int i = 0; i < ND_ROOM / 8 && at < c->len; i++) {
		__u32 len;

		asm volatile("%0 &= 0xf8" : "+r"(at));
		len = m[at + 1] * 8;
		if (!len || at + len > c->len)
			return -1;
		if (m[at] == ND_TARGET_LLADDR)
			*mac = mac_of((const __u16 *)(m + at + 2));
		at += len;
	}
	return at < c->len ? -1 : 0;
}

static __always_inline int is_one_ipv6(const __be32 *addr)
{
	return (addr[0] | addr[1] | addr[2] | addr[3]) &&
	       *(const __u8 *)addr != 0xff;
}

/* Zero folds to 0xffff: the sum over message and pseudo-header of RFC 8200 §8.1. */
static __always_inline int sum_is_right(struct claim *c,
					const struct ipv6hdr *ip)
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
 * RFC 4861 §7.1.2. at: of the ICMPv6 message, an advertisement. One that was
 * asked for and goes to who asked tells nothing new; nobody asks for all.
 */
static __always_inline int read_advert(struct claim *c,
				       const struct ipv6hdr *ip)
{
	const __u8 *m = (const __u8 *)c->nd;
	int solicited = m[4] & NA_SOLICITED;
	int to_many = ip->daddr.s6_addr[0] == 0xff;
	__u64 mac;

	if (!is_one_ipv6(&c->nd[2]))
		return CLAIM_BAD;
	__builtin_memcpy(c->ip, &c->nd[2], sizeof(c->ip));
	c->has_ip = 1;
	if (m[1] || (solicited && to_many) || lladdr_of(c, &mac) ||
	    mac != (c->key & MAC_MASK))
		return CLAIM_BAD;
	if (solicited)
		return CLAIM_DATA;
	c->kind = XR_UNSOLICITED_NA;
	return CLAIM_SAYS;
}

/* A solicitation from nowhere is DAD (RFC 4862 §5.4). */
static __always_inline int read_solicit(struct claim *c,
					const struct ipv6hdr *ip)
{
	__be32 from[XR_ADDR_WORDS];

	__builtin_memcpy(from, &ip->saddr, sizeof(from));
	if (!(from[0] | from[1] | from[2] | from[3]))
		return CLAIM_PROBE;
	__builtin_memcpy(c->ip, from, sizeof(c->ip));
	c->has_ip = 1;
	return CLAIM_DATA;
}

__noinline int read_nd(struct xdp_md *ctx)
{
	struct ext_walk w = { .proto = IPPROTO_ICMPV6 };
	struct claim *c = the_claim();
	const struct ipv6hdr *ip;
	__u32 left, is_advert;
	__u8 *icmp;

	if (!c)
		return CLAIM_DATA;
	ip = octet_at(ctx, c->l3);
	if ((const void *)(ip + 1) > end_of(ctx))
		return CLAIM_DATA;
	w.l4 = c->l3 + sizeof(*ip);
	w.proto = ip->nexthdr;
	left = bpf_ntohs(ip->payload_len);
	if (w.proto != IPPROTO_ICMPV6 &&
	    (tcp_or_udp(w.proto) || skip_extensions(ctx, &w) ||
	     w.proto != IPPROTO_ICMPV6))
		return CLAIM_DATA;
	if (w.l4 > MAX_OFFSET)
		return CLAIM_DATA;
	icmp = octet_at(ctx, w.l4);
	if (icmp + 1 > (__u8 *)end_of(ctx) ||
	    (*icmp != ND_ADVERTISE && *icmp != ND_SOLICIT))
		return CLAIM_DATA;
	is_advert = *icmp == ND_ADVERTISE;

	ip = octet_at(ctx, c->l3);
	if ((const void *)(ip + 1) > end_of(ctx))
		return CLAIM_DATA;
	c->len = left - (w.l4 - c->l3 - sizeof(*ip));
	/* ND is never routed: its hop limit is still the largest there is. */
	if (ip->hop_limit != 255 || copy_nd(ctx, c, w.l4) ||
	    !sum_is_right(c, ip))
		return is_advert ? CLAIM_BAD : CLAIM_DATA;
	return is_advert ? read_advert(c, ip) : read_solicit(c, ip);
}

/* ---- any frame ---- */

#define MAC_RESERVED	0x0000c28001ULL	/* 01:80:c2:00:00:0X, first octet lowest */

static __always_inline int is_reserved(__u64 mac)
{
	return (mac & 0xf0ffffffffffULL) == MAC_RESERVED;
}

/*
 * Reads the frame at off of what came in, out of host far's tunnel if that is
 * not 0; its VMs' frames carry no tag there, but belong to vlan. 0: see
 * the_claim(); else there is nothing to judge.
 */
__noinline int read_claim(struct xdp_md *ctx, __u32 off, __u32 far, __u32 vlan)
{
	struct claim *c = the_claim();
	const __u16 *eth;
	__u64 dst, src;

	if (!c || off > MAX_OFFSET)
		return -1;
	eth = octet_at(ctx, off);
	if ((const void *)(eth + 7) > end_of(ctx))
		return -1;
	dst = mac_of(eth);
	src = mac_of(eth + 3);
	c->proto = eth[6];
	c->l3 = off + sizeof(struct ethhdr);
	if (is_vlan(c->proto)) {
		__u64 tags = read_tags(ctx, off);

		if (!tags || tags & (TAGS_DOUBLE | TAGS_DEEP))
			return -1;
		vlan = TAGS_VLAN(tags) ?: vlan;
		c->proto = TAGS_PROTO(tags);
		c->l3 += TAGS_OCTETS(tags);
	}
	c->key = src | (__u64)(vlan & 0xfff) << 48;
	c->off = off;
	c->far = far;
	c->bytes = ctx->data_end - ctx->data;
	c->kind = XR_ANNOUNCED_NOT;
	c->place = 0;
	c->has_ip = 0;
	c->to_one = !(dst & 1);
	__builtin_memset(c->ip, 0, sizeof(c->ip));
	forget();

	c->sort = CLAIM_DATA;
	if (c->proto == bpf_htons(ETH_P_ARP) ||
	    c->proto == bpf_htons(ETH_P_RARP))
		c->sort = read_any_arp(ctx);
	else if (c->proto == bpf_htons(ETH_P_IPV6))
		c->sort = read_nd(ctx);
	if (c->sort == CLAIM_SAYS && (!src || src & 1 || is_reserved(dst)))
		c->sort = CLAIM_BAD;
	return 0;
}

#endif
