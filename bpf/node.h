/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node. A packet's way: for a moved VM? on to its new host. For a VIP? parse,
 * steer, forward. All else goes to the kernel untouched.
 *
 * The way is written once and compiled twice: for plain packets, which nearly
 * all are and for which most of it is constant, and for every other kind.
 */
#ifndef XROAM_BPF_NODE_H
#define XROAM_BPF_NODE_H

#include "icmp.h"
#include "path_mtu.h"
#include "steer.h"
#include "forward.h"
#include "stray.h"
#include "vm.h"
#include "vm_bounds.h"

/* The rest of the transport header, once the packet is known to be ours. */
static __always_inline int parse_transport(struct xdp_md *ctx, struct packet *p)
{
	if (p->icmp)
		return 0;
	/* TCP's, too, which nobody asks for: so it is a constant of plain packets. */
	p->payload = p->l4 + sizeof(struct udphdr);
	return p->proto == IPPROTO_TCP ? parse_tcp(ctx, p) : parse_udp(p);
}

/*
 * From addresses and ports on: a packet for a VIP goes to its backend. vms: some
 * backends may be VMs.
 */
static __always_inline int serve(struct xdp_md *ctx, struct packet *p, const struct xr_vip *vip,
				 const struct xr_hash_keys *keys, int vms)
{
	int reason;

	if (unlikely(p->group))
		return XR_R_LINK_GROUP;
	if (unlikely(p->martian))
		return XR_R_MARTIAN;
	reason = parse_transport(ctx, p);
	if (rarely(reason))
		return reason;
	reload_memory();
	count_vip(p);
	p->reason = hide_from_verifier(steer(ctx, p, vip, keys), keys->zero, REASONS - 1);
	reload_memory();
	if (!is_sent(p->reason))
		return p->reason;
	reason = forward(ctx, p, vms ? hide_from_verifier(is_tied(p), keys->zero, 1) : 0);
	if (vms)
		note_egress(p->egress);
	if (vms && unlikely(is_tied(p)) && !reason)
		reason = follow_vm(ctx, p);
	return reason ?: count_backend(p, p->reason);
}

/* Down to addresses and ports. */
static __always_inline int parse(struct xdp_md *ctx, struct packet *p)
{
	__be16 proto;
	int reason = parse_ethernet(ctx, p, &proto);

	if (reason)
		return reason;
	if (proto == bpf_htons(ETH_P_IP))
		reason = parse_ipv4(ctx, p);
	else if (proto == bpf_htons(ETH_P_IPV6))
		reason = parse_ipv6(ctx, p);
	else
		return XR_R_NOT_IP;
	if (reason)
		return reason;
	reason = likely(tcp_or_udp(p->proto)) ? parse_ports(ctx, p) : parse_icmp(ctx, p);
	p->martian |= is_martian(p);
	return reason;
}

static __always_inline int serve_any(struct xdp_md *ctx, int vms)
{
	const struct xr_hash_keys *keys = secret_keys();
	struct packet *p = scratch_at(IN_HAND);
	const struct xr_vip *vip;
	int reason;

	if (!keys || !p)
		return XDP_PASS;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = ctx->data_end - ctx->data;
	p->sent = XDP_PASS;
	reason = parse(ctx, p);
	reload_memory();
	trace_packet(p);
	if (!reason) {
		vip = find_vip(p, keys);
		reason = vip      ? serve(ctx, p, vip, keys, vms)
			: p->icmp ? XR_R_ICMP_OTHER
				  : XR_R_NOT_VIP;
	}
	p->reason = reason;
	reload_memory();
	if (p->reason == XR_R_ICMP_OTHER && learn_mtu(ctx, p->l3, p->l4, p->ipv6))
		note(p, XR_R_PATH_MTU);
	if (unlikely(may_be_stray(p->reason)))
		p->reason = hide_from_verifier(stray(ctx, p), keys->zero, REASONS - 1);
	if (vms)
		p->reason = keep_bounds(ctx, p, p->reason);
	return verdict(p);
}

/* Tags, IPv6, options, ICMP, several buffers, malformed: a call away. */
__noinline int any_kind(struct xdp_md *ctx)
{
	return serve_any(ctx, 0);
}

/* The same where some backends may be VMs. */
__noinline int for_no_vm(struct xdp_md *ctx)
{
	return serve_any(ctx, 1);
}

/* Every kind but the plain one. */
static __always_inline int serve_other(struct xdp_md *ctx, int vms)
{
	return vms ? for_no_vm(ctx) : any_kind(ctx);
}

/* Plain packets here, every other kind a call away. */
static __always_inline int serve_vips(struct xdp_md *ctx, const struct xr_hash_keys *keys, int vms)
{
	struct packet p = { .bytes = ctx->data_end - ctx->data, .sent = XDP_PASS };
	const struct xr_vip *vip;

	if (!keys || !parse_plain(ctx, &p))
		return serve_other(ctx, vms);
	trace_packet(&p);
	vip = find_vip(&p, keys);
	if (!vip) {
		if (may_be_stray(XR_R_NOT_VIP) && unlikely(may_be_vips(p.daddr[3])))
			return serve_other(ctx, vms);
		return verdict_of(&p, XR_R_NOT_VIP, XDP_PASS);
	}
	p.reason = serve(ctx, &p, vip, keys, vms);
	/* What is sent is hidden by serve() already. */
	if (unlikely(!is_sent(p.reason))) {
		p.reason = hide_from_verifier(p.reason, keys->zero, REASONS - 1);
		if (may_be_stray(p.reason))
			return serve_other(ctx, vms);
	}
	if (vms)
		p.reason = keep_bounds(ctx, &p, p.reason);
	return verdict(&p);
}

/* At a glance: where there are no VIPs, ICMP is not parsed but for this. */
static __always_inline int may_be_icmp(struct xdp_md *ctx)
{
	const __u8 *eth = data_of(ctx);
	__be16 proto;

	if (eth + sizeof(struct ethhdr) + sizeof(struct iphdr) > (const __u8 *)end_of(ctx))
		return 0;
	proto = *(const __be16 *)(eth + 2 * ETH_ALEN);
	return proto == bpf_htons(ETH_P_IP)
		? eth[23] == IPPROTO_ICMP
		: proto == bpf_htons(ETH_P_IPV6) && eth[20] == IPPROTO_ICMPV6;
}

/* p: room for what is in the frame. */
__noinline int learn_from_icmp(struct xdp_md *ctx, struct packet *p)
{
	if (!p)
		return 0;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = ctx->data_end - ctx->data;
	if (!parse_whole_ip(ctx, p) && learn_mtu(ctx, p->l3, p->l4, p->ipv6))
		note(p, XR_R_PATH_MTU);
	return 0;
}

static __always_inline int serve_vms_then_vips(struct xdp_md *ctx)
{
	const struct xr_hash_keys *keys = secret_keys();
	struct packet p = { .bytes = ctx->data_end - ctx->data, .sent = XDP_PASS };
	int reason;

	if (!keys)
		return XDP_PASS;
	reason = serve_vms(ctx, &p, keys);
	if (knobs.vips && likely(reason == NO_VM_PLAIN))
		return serve_vips(ctx, keys, 1);
	if (knobs.vips && unlikely(reason == NO_VM))
		return for_no_vm(ctx);
	if (!knobs.vips && !is_verdict(reason) && unlikely(may_be_icmp(ctx)))
		learn_from_icmp(ctx, scratch_at(IN_FRAME));
	if (likely(!is_verdict(reason)))
		return verdict_of(&p, XR_R_NOT_MOVED, XDP_PASS);
	reason = keep_bounds(ctx, &p, reason);
	p.reason = hide_from_verifier(reason, keys->zero, REASONS - 1);
	if (likely(p.reason == XR_R_MOVED))
		return verdict_of(&p, XR_R_MOVED, p.sent);
	return verdict(&p);
}

/* Where there are hosts: VMs come first, and a frame for one is never for a VIP, too. */
static __always_inline int serve_vms_first(struct xdp_md *ctx)
{
	if (are_bounds_kept())
		begin_bounds(ctx);
	/* A pointer into the packet that was read before is none after it. */
	reload_memory();
	return serve_vms_then_vips(ctx);
}

#endif
