// SPDX-License-Identifier: GPL-2.0-only
/*
 * For backends whose kernel does not terminate IPIP, GUE or VXLAN: removes the
 * outer header and hands the client's packet to the kernel.
 *
 * Only frames addressed to this machine reach the kernel's IP layer afterwards,
 * and the outer header is not trusted with anything: what is inside passes the
 * kernel's own checks as if it had come without a tunnel.
 */
#include "decap.h"

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
	reason = reason ?: parse_tunnel(ctx, p, &t, bpf_htons(XR_PORT_GUE),
					bpf_htons(XR_PORT_VXLAN));
	reason = reason ?: check_inner(ctx, p, &t);
	reason = reason ?: mark_inner(ctx, p, &t);
	reason = reason ?: strip(ctx, &t);
	return reason ?: (int)t.reason;
}

SEC("xdp.frags")
int xroam_decap(struct xdp_md *ctx)
{
	struct packet *p = scratch_packet();

	if (!p)
		return XDP_PASS;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = ctx->data_end - ctx->data;
	p->reason = decapsulate(ctx, p);
	forget();
	trace_packet(p);
	return verdict(p);
}

char _license[] SEC("license") = "GPL";
