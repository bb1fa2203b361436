/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The roles that are no node's: pass, at the end, and backend.
 *
 * For backends whose kernel does not terminate IPIP, GUE or VXLAN: removes the
 * outer header and hands the client's packet to the kernel.
 *
 * Only tunnels to this machine, for this machine: on the same ports there may be
 * another overlay, and IPIP for others is no business of ours. Those pass as
 * they are. What is inside passes the kernel's own checks as if it had come
 * without a tunnel; the outer header is not trusted with anything else.
 */
#ifndef XROAM_BPF_BACKEND_H
#define XROAM_BPF_BACKEND_H

#include "decap.h"

/* Whether user space has the key for this device. */
static __always_inline int is_end(const struct xr_end *end)
{
	const __u64 *slots = bpf_map_lookup_elem(&tunnel_ends, end);

	return slots && *slots >> (knobs.dev_slot & 63) & 1;
}

static __always_inline int is_here(const __be32 *addr)
{
	struct xr_end end = { .kind = XR_END_ADDR };

	__builtin_memcpy(end.addr, addr, sizeof(end.addr));
	return is_end(&end);
}

static __always_inline int is_vni(__u32 kind, __u32 vni)
{
	struct xr_end end = { .kind = kind };

	end.vni = vni;
	return is_end(&end);
}

/* 02:78:72:00:00:01, as whom nodes send into a segment (user/net/path.c). */
#define NODE_MAC(w) \
	((w)[0] == bpf_htons(0x0278) && (w)[1] == bpf_htons(0x7200) && (w)[2] == bpf_htons(0x0001))

/*
 * A VNI that nobody listed. An overlay's frames are for the MAC of its own device:
 * ours are for this one, or made by a node.
 */
static __always_inline int is_overlay(struct xdp_md *ctx, const struct tunnel *t)
{
	const __be16 *to, *in;

	if (is_vni(XR_END_KERNEL, t->vni) || is_vni(XR_END_KERNEL, XR_ANY_VNI))
		return 1;
	to = data_of(ctx);
	in = octet_at(ctx, t->frame);
	if ((void *)(to + 6) > end_of(ctx) || (void *)(in + 6) > end_of(ctx))
		return 1;
	return !NODE_MAC(in + 3) && (in[0] != to[0] || in[1] != to[1] || in[2] != to[2]);
}

/* Whether the tunnel, parsed with this result, is for this machine. */
static __always_inline int whose(struct xdp_md *ctx, const struct packet *p, const struct tunnel *t,
				 int parsed)
{
	__be32 addr[XR_ADDR_WORDS];
	int vxlan = t->reason == XR_R_DECAP_VXLAN;

	if (!is_here(p->daddr))
		return XR_R_OTHER_TUNNEL;
	if (vxlan && t->frame && is_vni(XR_END_VNI, t->vni))
		return parsed;
	if (vxlan && (parsed || is_overlay(ctx, t)))
		return XR_R_OTHER_TUNNEL;
	parsed = parsed ?: inner_dst(ctx, t, addr);
	if (parsed)
		return vxlan ? XR_R_OTHER_TUNNEL : parsed;
	return is_here(addr) ? 0 : XR_R_OTHER_TUNNEL;
}

static __always_inline int decapsulate(struct xdp_md *ctx, struct packet *p)
{
	struct tunnel t = {};
	__be16 proto = 0;
	int reason = parse_ethernet(ctx, p, &proto);

	if (reason)
		return reason;
	if (proto == bpf_htons(ETH_P_IP)) {
		reason = parse_ipv4(ctx, p);
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		p->ipv6 = 1;
		reason = parse_ipv6(ctx, p);
	} else {
		return XR_R_NOT_IP;
	}
	reason = reason
		?: parse_tunnel(ctx, p, &t, bpf_htons(XR_PORT_GUE), bpf_htons(XR_PORT_VXLAN));
	if (reason && reason != XR_R_BAD_TUNNEL)
		return reason;
	reason = whose(ctx, p, &t, reason);
	reason = reason ?: check_inner(ctx, &t);
	reason = reason ?: check_udp_sum(ctx, p, &t);
	reason = reason ?: mark_inner(ctx, p, &t);
	reason = reason ?: strip(ctx, p, &t);
	return reason ?: (int)t.reason;
}

static __always_inline int serve_backend(struct xdp_md *ctx)
{
	struct packet *p = scratch_at(IN_HAND);

	if (!p)
		return XDP_PASS;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = ctx->data_end - ctx->data;
	p->reason = decapsulate(ctx, p);
	reload_memory();
	trace_packet(p);
	return verdict(p);
}

/*
 * For the other end of a veth that a node sends back out of: the kernel takes such
 * frames only where a native program is, whatever that does. Counts, and so is
 * known as the instance's.
 */
static __always_inline int serve_pass(struct xdp_md *ctx)
{
	struct packet p = { .bytes = ctx->data_end - ctx->data };

	return verdict_of(&p, XR_R_PASSED, XDP_PASS);
}

#endif
