/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What comes for a VIP's address, but for no VIP: another port or protocol, a
 * fragment, a ping. The router sends all of the address here, so the kernel,
 * which does not have it, would send it back, and so on until its TTL is used
 * up. A ping is answered in the VIP's name, the rest is dropped.
 *
 * Where the machine itself has the address (a VIP on lo), it is the kernel's. The
 * FIB knows, and where forwarding is off, so that it gives no answer, the command has
 * noted it.
 */
#ifndef XROAM_BPF_STRAY_H
#define XROAM_BPF_STRAY_H

#include "icmp.h"
#include "nexthop.h"
#include "too_big.h"

#define ECHO4 8   /* and its reply 0; RFC 792 */
#define ECHO6 128 /* and its reply 129; RFC 4443 §4 */

/* The reasons after which there is a question; a constant no where all is off. */
static __always_inline int may_be_stray(__u32 reason)
{
	if (reason - XR_R_NOT_VIP > XR_R_ICMP_OTHER - XR_R_NOT_VIP)
		return 0;
	return knobs.vip_echo || knobs.vip_other != XR_VIP_OTHER_PASS;
}

#define X(name, word, kind, text)                                          \
	+(XR_R_##name >= XR_R_NOT_VIP && XR_R_##name <= XR_R_ICMP_OTHER && \
	  XR_KIND_##kind == XR_KIND_PASS)
_Static_assert(XR_REASONS(X) == XR_R_ICMP_OTHER - XR_R_NOT_VIP + 1, "may_be_stray()");
#undef X

/* Of a plain packet: nearly always no, where it is no VIP's address. */
static __always_inline int may_be_vips(__be32 addr)
{
	__u32 bit = xr_vip_filter_bit(addr);

	return vip_filter.word[bit / 64] >> (bit % 64) & 1;
}

/*
 * Whether the kernel delivers what is for this address, or cannot pass it on. noted:
 * what the command found; an address may have come or gone since.
 */
static __always_inline int is_kernels(struct xdp_md *ctx, const struct packet *p, __u32 noted)
{
	struct bpf_fib_lookup *fib;
	__u32 zero = 0;
	int found;

	fib = bpf_map_lookup_elem(&fib_question, &zero);
	if (!fib)
		return 1;
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->ifindex = knobs.master ?: ingress_of(ctx);
	fib->family = p->ipv6 ? AF_INET6 : AF_INET;
	if (p->ipv6)
		__builtin_memcpy(fib->ipv6_dst, p->daddr, sizeof(fib->ipv6_dst));
	else
		fib->ipv4_dst = p->daddr[3];
	found = bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
	if (found == BPF_FIB_LKUP_RET_FWD_DISABLED)
		return noted & XR_VIP_ADDR_LOCAL;
	return found == BPF_FIB_LKUP_RET_NOT_FWDED;
}

/*
 * Turns a request into its reply, where it stands: addresses swapped, another
 * type. IPv4's ID and "don't fragment" stay, as the sender's own are unique.
 */
static __always_inline int turn_echo4(void *ip, __u8 *icmp, void *end)
{
	struct iphdr *four = ip;
	__u16 *check = (void *)icmp + 2;
	__be32 saddr;

	if ((void *)(four + 1) > end || (void *)(icmp + ICMP_HEADER) > end || icmp[0] != ECHO4 ||
	    icmp[1])
		return 0;
	saddr = four->saddr;
	four->saddr = four->daddr;
	four->daddr = saddr;
	/* A header that was broken on its way stays so. */
	four->check = csum_replace(four->check, bpf_htons(four->ttl << 8), bpf_htons(64 << 8));
	four->ttl = 64;
	icmp[0] = 0;
	/* Of nothing but zeros it must not be 0, and may be otherwise, too. */
	*check = csum_replace(*check, bpf_htons(ECHO4 << 8), 0) ?: 0xffff;
	return 1;
}

static __always_inline int turn_echo6(void *ip, __u8 *icmp, void *end)
{
	struct ipv6hdr *six = ip;
	__u16 *check = (void *)icmp + 2;
	struct in6_addr saddr;

	if ((void *)(six + 1) > end || (void *)(icmp + ICMP_HEADER) > end || icmp[0] != ECHO6 ||
	    icmp[1])
		return 0;
	__builtin_memcpy(&saddr, &six->saddr, sizeof(saddr));
	__builtin_memcpy(&six->saddr, &six->daddr, sizeof(saddr));
	__builtin_memcpy(&six->daddr, &saddr, sizeof(saddr));
	six->hop_limit = 64;
	icmp[0] = ECHO6 + 1;
	*check = csum_replace(*check, bpf_htons(ECHO6 << 8), bpf_htons((ECHO6 + 1) << 8));
	return 1;
}

/*
 * 0: it is no ping, or one that is not answered: options, over the rate, from a
 * link-layer address that is many.
 */
static __always_inline int answer_echo(struct xdp_md *ctx, struct packet *p)
{
	__u32 header = p->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u8 *data = data_of(ctx), *end = end_of(ctx);
	__u8 *ip = octet_at(ctx, p->l3), *icmp = octet_at(ctx, p->l4);
	__u8 type = p->ipv6 ? ECHO6 : ECHO4;
	__u32 l3 = p->l3;

	if (p->proto != (p->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || p->l4 != l3 + header ||
	    l3 > L3_MOST || l3 < L3_LEAST || p->l4 + ICMP_HEADER > p->end || data + L3_MOST > end ||
	    icmp + 1 > end || *icmp != type || data[ETH_ALEN] & 1)
		return 0;
	if (!may_reply(p, REPLY_ECHO)) {
		note(p, XR_R_REPLY_LIMIT);
		return 0;
	}
	if (!(p->ipv6 ? turn_echo6(ip, icmp, end) : turn_echo4(ip, icmp, end)))
		return 0;
	turn_ethernet(data, data, l3);
	return XR_R_VIP_ECHO;
}

/* IPv4 is stored so, but is not on any wire (see parse_ipv6()). */
static __always_inline int is_mapped(const struct packet *p)
{
	return p->ipv6 && !p->daddr[0] && !p->daddr[1] && p->daddr[2] == bpf_htonl(0xffff);
}

/*
 * The packet is for no VIP, for p->reason. The reason that it gets instead, if its
 * address is a VIP's.
 */
__noinline int stray(struct xdp_md *ctx, struct packet *p)
{
	__be32 addr[XR_ADDR_WORDS] __attribute__((aligned(8)));
	__u32 *what;

	if (!p)
		return XR_R_NOT_VIP;
	/* 6.1 takes no argument's memory for a map's key (see verifier.h). */
	copy_addr(addr, p->daddr);
	what = bpf_map_lookup_elem(&vip_addresses, addr);
	if (!what || is_mapped(p) || is_kernels(ctx, p, *what))
		return p->reason;
	if (p->group)
		return XR_R_LINK_GROUP;
	if (p->martian || is_martian(p))
		return XR_R_MARTIAN;
	if (knobs.vip_echo && p->reason == XR_R_NOT_L4 && answer_echo(ctx, p))
		return XR_R_VIP_ECHO;
	if (knobs.vip_other == XR_VIP_OTHER_PASS)
		return p->reason;
	return p->reason == XR_R_FRAGMENT ? XR_R_VIP_FRAGMENT : XR_R_VIP_OTHER;
}

#endif
