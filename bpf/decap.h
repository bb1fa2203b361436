/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of a tunnel: finds the packet in IPIP, GUE or VXLAN, and strips what
 * is round it. Tags stay: a VLAN outside is the segment the packet is in, and no
 * tunnel leads out of that. DSCP stays the inner packet's; what the tunnel met of
 * congestion is carried over (RFC 6040 §4.2).
 */
#ifndef XROAM_BPF_DECAP_H
#define XROAM_BPF_DECAP_H

#include "csum.h"
#include "parse.h"
#include "tunnel_header.h"
#include "report.h"

#define GUE_VARIANT1(first) ((first) >> 6 == 1) /* an IP header follows directly */
#define GUE_CONTROL         0x20
#define GUE_HLEN            0x1f
#define GUE_FIXED           4
#define ECN_ECT1            1
#define ECN_ECT0            2
#define ECN_CE              3

/* What is left to find out while the outer header is read. */
struct tunnel {
	__u32 inner; /* offset of the inner IP header */
	__u32 inner_ipv6;
	__u32 end;   /* of what the tunnel carries */
	__u32 udp;   /* offset of the outer UDP header; 0: none */
	__u32 frame; /* VXLAN: offset of the inner Ethernet header */
	__u32 vni;
	__u32 flaw;   /* found, but not to be opened: BAD_TUNNEL */
	__u32 reason; /* the DECAP_* verdict, if all goes well */
};

/*
 * GUE: IP directly (variant 1), or a header naming the protocol (variant 0).
 * No flag and no private data is known here, and what is not known must not be
 * skipped (draft-ietf-intarea-gue §3.3, §3.4). Where the packet is they still
 * tell.
 */
static __always_inline int parse_gue(struct xdp_md *ctx, struct tunnel *t, __u32 at)
{
	__u8 *gue = octet_at(ctx, at);

	if (gue + GUE_FIXED > (__u8 *)end_of(ctx))
		return XR_R_BAD_TUNNEL;
	t->reason = XR_R_DECAP_GUE;
	t->inner = at;
	if (GUE_VARIANT1(gue[0])) {
		t->inner_ipv6 = gue[0] >> 4 == 6;
		return 0;
	}
	if (gue[0] >> 6 || (gue[0] & GUE_CONTROL))
		return XR_R_BAD_TUNNEL;
	if (gue[1] != IPPROTO_IPIP && gue[1] != IPPROTO_IPV6)
		return XR_R_BAD_TUNNEL;
	if ((gue[0] & GUE_HLEN) || gue[2] || gue[3])
		t->flaw = XR_R_BAD_TUNNEL;
	t->inner = at + GUE_FIXED + (gue[0] & GUE_HLEN) * 4;
	t->inner_ipv6 = gue[1] == IPPROTO_IPV6;
	return 0;
}

/* Of the flags only I counts; the others are ignored (RFC 7348 §5). */
static __always_inline int parse_vxlan(struct xdp_md *ctx, struct tunnel *t, __u32 at)
{
	__be32 *vxlan = octet_at(ctx, at);
	struct ethhdr *eth = (void *)(vxlan + 2);

	t->reason = XR_R_DECAP_VXLAN;
	if ((void *)(eth + 1) > end_of(ctx) || !(vxlan[0] & bpf_htonl(VXLAN_HAS_VNI)))
		return XR_R_BAD_TUNNEL;
	t->vni = bpf_ntohl(vxlan[1]) >> 8;
	t->frame = at + 2 * sizeof(*vxlan);
	t->inner = t->frame + sizeof(*eth);
	t->inner_ipv6 = eth->h_proto == bpf_htons(ETH_P_IPV6);
	if (!t->inner_ipv6 && eth->h_proto != bpf_htons(ETH_P_IP))
		return XR_R_BAD_TUNNEL;
	return 0;
}

/* 0: a tunnel; t has where the inner packet is. */
static __always_inline int parse_tunnel(struct xdp_md *ctx, const struct packet *p,
					struct tunnel *t, __be16 gue_port, __be16 vxlan_port)
{
	struct udphdr *udp;
	__u32 len;

	t->end = p->end;
	switch (p->proto) {
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		t->inner = p->l4;
		t->inner_ipv6 = p->proto == IPPROTO_IPV6;
		t->reason = XR_R_DECAP_IPIP;
		return 0;
	case IPPROTO_UDP:
		break;
	default:
		return XR_R_NOT_TUNNEL;
	}
	udp = octet_at(ctx, p->l4);
	if ((void *)(udp + 1) > end_of(ctx))
		return XR_R_MALFORMED_L4;
	t->udp = p->l4;
	len = bpf_ntohs(udp->len);
	if (udp->dest != gue_port && udp->dest != vxlan_port)
		return XR_R_NOT_TUNNEL;
	/* A shorter one ends the tunnel there; what is behind is not inside. */
	if (len < sizeof(*udp) || p->l4 + len > p->end)
		t->flaw = XR_R_BAD_TUNNEL;
	else
		t->end = p->l4 + len;
	if (udp->dest == gue_port)
		return parse_gue(ctx, t, p->l4 + sizeof(*udp));
	return parse_vxlan(ctx, t, p->l4 + sizeof(*udp));
}

/* Whom the inner packet is for; not 0: there is none of the right version. */
static __always_inline int inner_dst(struct xdp_md *ctx, const struct tunnel *t, __be32 *addr)
{
	__be32 *ip = octet_at(ctx, t->inner);

	if (ip + 5 > (__be32 *)end_of(ctx))
		return XR_R_BAD_TUNNEL;
	if (!t->inner_ipv6) {
		addr[0] = addr[1] = 0;
		addr[2] = bpf_htonl(0xffff);
		addr[3] = ip[4];
		return *(__u8 *)ip >> 4 == 4 ? 0 : XR_R_BAD_TUNNEL;
	}
	if (ip + 10 > (__be32 *)end_of(ctx))
		return XR_R_BAD_TUNNEL;
	__builtin_memcpy(addr, ip + 6, XR_ADDR_WORDS * sizeof(*addr));
	return *(__u8 *)ip >> 4 == 6 ? 0 : XR_R_BAD_TUNNEL;
}

/* A whole IP header of the right version, and as much packet as it says. */
static __always_inline int check_inner(struct xdp_md *ctx, const struct tunnel *t)
{
	__u8 *ip = octet_at(ctx, t->inner);
	__u32 len;

	if (t->flaw || ip + sizeof(struct iphdr) > (__u8 *)end_of(ctx))
		return XR_R_BAD_TUNNEL;
	if (t->inner_ipv6) {
		struct ipv6hdr *six = (void *)ip;

		if ((void *)(six + 1) > end_of(ctx) || ip[0] >> 4 != 6)
			return XR_R_BAD_TUNNEL;
		len = sizeof(*six) + bpf_ntohs(six->payload_len);
	} else {
		struct iphdr *four = (void *)ip;

		if (ip[0] >> 4 != 4 || four->ihl < 5)
			return XR_R_BAD_TUNNEL;
		len = bpf_ntohs(four->tot_len);
		if (len < four->ihl * 4U)
			return XR_R_BAD_TUNNEL;
	}
	return t->inner + len <= t->end ? 0 : XR_R_BAD_TUNNEL;
}

/* ---- the outer UDP checksum ---- */

/*
 * One that is not zero must be right (RFC 768, RFC 8200 §8.1): nobody checks it
 * once the header is gone. xroam's own tunnels have none (RFC 6935).
 */
static __always_inline int check_udp_sum(struct xdp_md *ctx, const struct packet *p,
					 const struct tunnel *t)
{
	struct udphdr *udp = octet_at(ctx, t->udp);
	__u64 sum;

	if (!t->udp || (void *)(udp + 1) > end_of(ctx) || !udp->check)
		return 0;
	/* ::ffff: before both IPv4 addresses adds nothing: 0xffff is zero here. */
	sum = bpf_htons(IPPROTO_UDP) + (__u64)udp->len;
	for (int i = 0; i < XR_ADDR_WORDS; i++)
		sum += (__u64)p->saddr[i] + p->daddr[i];
	return is_sum_right(ctx, t->udp, t->end, sum) ? 0 : XR_R_BAD_TUNNEL;
}

/* ---- what goes on ---- */

/*
 * RFC 6040 §4.2, figure 4: CE goes on, ECT(1) over ECT(0), too; where the inner
 * packet could not bear CE, it is dropped. Only once it is known to end here.
 */
static __always_inline int mark_inner(struct xdp_md *ctx, const struct packet *p,
				      const struct tunnel *t)
{
	__u8 *ip = octet_at(ctx, t->inner);
	struct iphdr *four = (void *)ip;
	__u32 outer = p->tos & 3, inner;
	__be16 was;

	if (outer != ECN_CE && outer != ECN_ECT1)
		return 0;
	if ((void *)(four + 1) > end_of(ctx))
		return XR_R_BAD_TUNNEL;
	inner = t->inner_ipv6 ? (ip[1] >> 4) & 3 : ip[1] & 3;
	if (outer == ECN_CE && !inner)
		return XR_R_BAD_ECN;
	if (outer == inner || inner == ECN_CE || (outer == ECN_ECT1 && inner != ECN_ECT0))
		return 0;
	if (t->inner_ipv6) {
		ip[1] = (ip[1] & ~(3 << 4)) | outer << 4;
		return 0;
	}
	was = bpf_htons(ip[1]);
	ip[1] = (ip[1] & ~3) | outer;
	four->check = csum_replace(four->check, was, bpf_htons(ip[1]));
	return 0;
}

/*
 * Moves the Ethernet header, with its tags, to the inner packet's front. Inside
 * there is room behind it: an IP header, at least.
 */
static __always_inline int strip(struct xdp_md *ctx, const struct packet *p, const struct tunnel *t)
{
	__u32 l3 = p->l3, *front = data_of(ctx), was[5];
	__be16 *type;

	if ((void *)(front + 5) > end_of(ctx))
		return XR_R_BAD_TUNNEL;
	__builtin_memcpy(was, front, sizeof(was));
	if (bpf_xdp_adjust_head(ctx, (int)t->inner - (int)l3))
		return XR_R_BAD_TUNNEL;
	front = data_of(ctx);
	type = octet(front, l3 - sizeof(*type));
	if ((void *)(front + 5) > end_of(ctx) || (void *)(type + 1) > end_of(ctx))
		return XR_R_BAD_TUNNEL;
	__builtin_memcpy(front, was, 2 * ETH_ALEN);
	if (p->vlans)
		front[3] = was[3];
	if (p->vlans > 1)
		front[4] = was[4];
	*type = t->inner_ipv6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	return 0;
}

#endif
