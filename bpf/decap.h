/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of a tunnel: finds the packet in IPIP, GUE or VXLAN, and strips what
 * is round it. DSCP stays the inner packet's; congestion the tunnel met is
 * carried over, and where the inner packet could not tell of it, drops it (RFC
 * 6040 §4.2).
 */
#ifndef XROAM_BPF_DECAP_H
#define XROAM_BPF_DECAP_H

#include "parse.h"
#include "report.h"

#define GUE_VARIANT1(first)	((first) >> 6 == 1) /* an IP header follows directly */
#define GUE_CONTROL		0x20
#define GUE_FIXED		4
#ifndef VXLAN_HAS_VNI
#define VXLAN_HAS_VNI		0x08000000
#endif
#define ECN_CE			3

/* What is left to find out while the outer header is read. */
struct tunnel {
	__u32 inner;		/* offset of the inner IP header */
	__u32 inner_ipv6;
	__u32 reason;		/* the DECAP_* verdict, if all goes well */
};

/* GUE: IP directly (variant 1), or a header naming the protocol (variant 0). */
static __always_inline int parse_gue(struct xdp_md *ctx, struct tunnel *t,
				     __u32 at)
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
	t->inner = at + GUE_FIXED + (gue[0] & 0x1f) * 4;
	t->inner_ipv6 = gue[1] == IPPROTO_IPV6;
	return 0;
}

static __always_inline int parse_vxlan(struct xdp_md *ctx, struct tunnel *t,
				       __u32 at)
{
	__be32 *vxlan = octet_at(ctx, at);
	struct ethhdr *eth = (void *)(vxlan + 2);

	if ((void *)(eth + 1) > end_of(ctx) ||
	    vxlan[0] != bpf_htonl(VXLAN_HAS_VNI))
		return XR_R_BAD_TUNNEL;
	t->reason = XR_R_DECAP_VXLAN;
	t->inner = at + 2 * sizeof(*vxlan) + sizeof(*eth);
	t->inner_ipv6 = eth->h_proto == bpf_htons(ETH_P_IPV6);
	if (!t->inner_ipv6 && eth->h_proto != bpf_htons(ETH_P_IP))
		return XR_R_BAD_TUNNEL;
	return 0;
}

/* 0: a tunnel of ours; t says where the inner packet is. */
static __always_inline int parse_tunnel(struct xdp_md *ctx,
					const struct packet *p,
					struct tunnel *t, __be16 gue_port,
					__be16 vxlan_port)
{
	struct udphdr *udp;

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
	if (udp->dest == gue_port)
		return parse_gue(ctx, t, p->l4 + sizeof(*udp));
	if (udp->dest == vxlan_port)
		return parse_vxlan(ctx, t, p->l4 + sizeof(*udp));
	return XR_R_NOT_TUNNEL;
}

/*
 * A whole IP header of the right version, as much packet as it says, and one that
 * may be marked if the outer one is (RFC 6040 §4.2).
 */
static __always_inline int check_inner(struct xdp_md *ctx,
				       const struct packet *p,
				       const struct tunnel *t)
{
	__u8 *ip = octet_at(ctx, t->inner);
	__u32 len;

	if (ip + sizeof(struct iphdr) > (__u8 *)end_of(ctx))
		return XR_R_BAD_TUNNEL;
	if (t->inner_ipv6) {
		struct ipv6hdr *six = (void *)ip;

		if ((void *)(six + 1) > end_of(ctx) || ip[0] >> 4 != 6)
			return XR_R_BAD_TUNNEL;
		len = sizeof(*six) + bpf_ntohs(six->payload_len);
		if ((p->tos & 3) == ECN_CE && !(ip[1] & 0x30))
			return XR_R_BAD_TUNNEL;
	} else {
		struct iphdr *four = (void *)ip;

		if (ip[0] >> 4 != 4 || four->ihl < 5)
			return XR_R_BAD_TUNNEL;
		len = bpf_ntohs(four->tot_len);
		if (len < four->ihl * 4U)
			return XR_R_BAD_TUNNEL;
		if ((p->tos & 3) == ECN_CE && !(four->tos & 3))
			return XR_R_BAD_TUNNEL;
	}
	return t->inner + len <= p->end ? 0 : XR_R_BAD_TUNNEL;
}

/* Congestion that the tunnel met goes on; only once it is known to end here. */
static __always_inline int mark_inner(struct xdp_md *ctx,
				      const struct packet *p,
				      const struct tunnel *t)
{
	__u8 *ip = octet_at(ctx, t->inner);
	struct iphdr *four = (void *)ip;
	__u32 sum;

	if ((p->tos & 3) != ECN_CE)
		return 0;
	if ((void *)(four + 1) > end_of(ctx))
		return XR_R_BAD_TUNNEL;
	if (t->inner_ipv6) {
		ip[1] |= ECN_CE << 4;
	} else if ((four->tos & 3) != ECN_CE) {
		/* RFC 1624: the checksum falls as the word grows. */
		sum = (__u16)~four->check;
		sum += bpf_htons(ECN_CE - (four->tos & 3));
		four->check = ~(sum + (sum >> 16));
		four->tos |= ECN_CE;
	}
	return 0;
}

/* Moves the Ethernet header, without tags, to the inner packet's front. */
static __always_inline int strip(struct xdp_md *ctx, const struct tunnel *t)
{
	__u32 cut = t->inner - sizeof(struct ethhdr);
	struct ethhdr eth, *front = data_of(ctx);

	if ((void *)(front + 1) > end_of(ctx))
		return XR_R_BAD_TUNNEL;
	eth = *front;
	eth.h_proto = t->inner_ipv6 ? bpf_htons(ETH_P_IPV6) :
				      bpf_htons(ETH_P_IP);
	if (bpf_xdp_adjust_head(ctx, cut))
		return XR_R_BAD_TUNNEL;
	front = data_of(ctx);
	if ((void *)(front + 1) > end_of(ctx))
		return XR_R_BAD_TUNNEL;
	*front = eth;
	return 0;
}

#endif
