/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VM may send and get, judged at its own port by XDP and tc alike: a list of
 * rules, of which the first that fits decides, and limits of bits and packets a second.
 *
 * Each frame is judged once. tc sees all that goes through the port (tc.bpf.c), but
 * not what XDP takes away there: what the VM sends and XDP sends on itself, and what XDP
 * puts into the port; that XDP judges (vm_bounds.h), and nothing else.
 *
 * Nothing is remembered of flows. ARP, RARP, neighbour discovery and MLD pass the rules,
 * or no VM would be reached; the limits count them.
 */
#ifndef XROAM_BPF_BOUNDS_H
#define XROAM_BPF_BOUNDS_H

#include "vm_state.h"

#define BOUNDS_HEADERS 6 /* extension headers that are followed */

/* What the rules and limits need to know of a frame. */
struct bounds_view {
	__be32 addr[XR_WAYS][XR_ADDR_WORDS] __attribute__((aligned(8))); /* the other side's */
	__u32 octets, packets; /* packets: a GSO frame has several */
	__u32 vm_no;           /* XDP: whose port it came in by; 0: nobody's */
	__u32 egress;          /* XDP: the device it is sent out of */
	__u16 source, dest;    /* ports */
	__u8 family;           /* 0: not IP */
	__u8 proto;
	__u8 no_proto; /* more headers than are followed */
	__u8 no_ports; /* a later fragment, or too short for them */
	__u8 is_free;  /* rules do not apply */
	__u8 is_clone; /* its copy is counted where the VM will be */
};

enum { VIEW_SENT, VIEW_GIVEN, VIEWS }; /* by the VM, to it */

XR_PERCPU(bounds_views, struct bounds_view, VIEWS);

static __always_inline struct bounds_view *view_at(__u32 which)
{
	return bpf_map_lookup_elem(&bounds_views, &which);
}

static __always_inline int any_bounded(void)
{
	return *(const volatile __u32 *)&vm_control.bounded;
}

/* XDP: nothing where no host is this machine, and one load where no VM has bounds. */
static __always_inline int are_bounds_kept(void)
{
	return knobs.local && unlikely(any_bounded());
}

__noinline int store_egress(__u32 ifindex)
{
	struct bounds_view *v = view_at(VIEW_SENT);

	if (v)
		v->egress = ifindex;
	return 0;
}

/* A call, for the stack of who sends has no room for a map's key. */
static __always_inline void note_egress(__u32 ifindex)
{
	if (are_bounds_kept())
		store_egress(ifindex);
}

/* What the device is: XR_TAP_UPLINK, XR_TAP_TUNNEL, a VM's number, or 0. */
static __always_inline __u32 port_kind(__u32 ifindex)
{
	__u32 *value = bpf_map_lookup_elem(&taps, &ifindex);

	return value ? *value : 0;
}

/* The number of the VM with bounds whose port the device is; 0: nobody's. */
static __always_inline __u32 bounded_vm_no(__u32 ifindex)
{
	__u32 kind = port_kind(ifindex);
	struct xr_vm *vm = kind && kind < XR_TAP_TUNNEL ? vm_of_no(kind) : NULL;

	return vm && vm_now(vm).now.flags & XR_VM_BOUNDS ? kind : 0;
}

/* ---- reading the frame ---- */

/* in_tc: a constant, for the two have their own ways to an octet. */
static __always_inline long view_load(void *ctx, int in_tc, __u32 at, void *to, __u32 len)
{
	return in_tc ? bpf_skb_load_bytes(ctx, at, to, len) : bpf_xdp_load_bytes(ctx, at, to, len);
}

static __always_inline void view_transport(void *ctx, int in_tc, struct bounds_view *v, __u32 l4)
{
	__be16 ports[2] = {};
	__u8 type = 0;

	switch (v->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
	case IPPROTO_UDPLITE:
		if (v->no_ports || view_load(ctx, in_tc, l4, ports, sizeof(ports))) {
			v->no_ports = 1;
			return;
		}
		v->source = bpf_ntohs(ports[0]);
		v->dest = bpf_ntohs(ports[1]);
		return;
	case IPPROTO_ICMPV6:
		if (v->family != 6 || v->no_ports || view_load(ctx, in_tc, l4, &type, sizeof(type)))
			return;
		/* RFC 4861; MLD: without it no switch brings the former (RFC 4541 §3) */
		v->is_free = (type >= 133 && type <= 137) || (type >= 130 && type <= 132) ||
			type == 143;
	}
}

static __always_inline void view_ipv4(void *ctx, int in_tc, struct bounds_view *v, __u32 l3)
{
	__be32 ip[5];
	__u32 first;

	if (view_load(ctx, in_tc, l3, ip, sizeof(ip)))
		return;
	first = bpf_ntohl(ip[0]);
	v->family = 4;
	v->addr[XR_WAY_IN][2] = v->addr[XR_WAY_OUT][2] = bpf_htonl(0xffff);
	v->addr[XR_WAY_IN][3] = ip[3];
	v->addr[XR_WAY_OUT][3] = ip[4];
	v->proto = bpf_ntohl(ip[2]) >> 16;
	v->no_ports = !!(ip[1] & bpf_htonl(0x1fff));
	view_transport(ctx, in_tc, v, l3 + (first >> 24 & 15) * 4);
}

static __always_inline int is_skipped(__u32 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
		proto == IPPROTO_FRAGMENT || proto == IPPROTO_AH || proto == 135 /* mobility */ ||
		proto == 139 /* HIP */ || proto == 140 /* shim6 */;
}

static __always_inline void view_ipv6(void *ctx, int in_tc, struct bounds_view *v, __u32 l3)
{
	__be32 ip[10];
	__u32 at = l3 + sizeof(ip);
	__u8 h[4];

	if (view_load(ctx, in_tc, l3, ip, sizeof(ip)))
		return;
	v->family = 6;
	__builtin_memcpy(v->addr[XR_WAY_IN], ip + 2, sizeof(v->addr[0]));
	__builtin_memcpy(v->addr[XR_WAY_OUT], ip + 6, sizeof(v->addr[0]));
	v->proto = bpf_ntohl(ip[1]) >> 8;
	for (int i = 0; i < BOUNDS_HEADERS && is_skipped(v->proto) && !v->no_ports; i++) {
		if (view_load(ctx, in_tc, at, h, sizeof(h)))
			break;
		if (v->proto == IPPROTO_FRAGMENT) {
			v->no_ports = !!(h[2] | (h[3] & 0xf8));
			at += 8;
		} else {
			at += v->proto == IPPROTO_AH ? (h[1] + 2) * 4 : (h[1] + 1) * 8;
		}
		v->proto = h[0];
	}
	/* Behind a later fragment's header the next one is another packet's octets. */
	v->no_proto = is_skipped(v->proto);
	if (v->no_proto)
		v->no_ports = 1;
	view_transport(ctx, in_tc, v, at);
}

/* l3, proto: behind all tags. */
static __always_inline void view_frame(void *ctx, int in_tc, struct bounds_view *v, __u32 l3,
				       __be16 proto)
{
	v->addr[XR_WAY_IN][0] = v->addr[XR_WAY_IN][1] = 0;
	v->addr[XR_WAY_OUT][0] = v->addr[XR_WAY_OUT][1] = 0;
	v->source = v->dest = 0;
	v->family = v->proto = v->no_proto = v->no_ports = v->is_free = v->is_clone = 0;
	if (proto == bpf_htons(ETH_P_IP))
		view_ipv4(ctx, in_tc, v, l3);
	else if (proto == bpf_htons(ETH_P_IPV6))
		view_ipv6(ctx, in_tc, v, l3);
	else
		v->is_free = proto == bpf_htons(ETH_P_ARP) || proto == bpf_htons(ETH_P_RARP);
}

/* ---- rules ---- */

static __always_inline int in_prefix(const struct xr_vm_rule *r, const __be32 *addr)
{
	const __u64 *a = (const void *)addr, *net = (const void *)r->addr,
		    *mask = (const void *)r->mask;

	return !(((a[0] & mask[0]) ^ net[0]) | ((a[1] & mask[1]) ^ net[1]));
}

static __always_inline int is_any(const __u16 *ports)
{
	return !ports[0] && ports[1] == 0xffff;
}

/*
 * What the packet does not show, it could hide: a rule that denies fits it then, and one
 * that allows does not.
 */
static __always_inline int rule_fits(const struct xr_vm_rule *r, const struct bounds_view *v,
				     __u32 way)
{
	if (!(r->ways >> way & 1) || (r->family && r->family != v->family) || !v->family ||
	    !in_prefix(r, v->addr[way & 1]))
		return 0;
	if (!r->has_proto)
		return 1;
	if (v->no_proto)
		return r->deny;
	if (r->proto != v->proto)
		return 0;
	if (is_any(r->port) && is_any(r->source_port))
		return 1;
	if (v->no_ports)
		return r->deny;
	return v->dest >= r->port[0] && v->dest <= r->port[1] && v->source >= r->source_port[0] &&
		v->source <= r->source_port[1];
}

/* Frames that are not IP have no rule, only what is left for the rest. */
__noinline int is_denied(__u32 vm_index, __u32 which, __u32 way)
{
	struct xr_vm_bounds *b = bpf_map_lookup_elem(&vm_bounds, &vm_index);
	struct bounds_view *v = view_at(which);

	if (!b || !v)
		return 0;
	for (__u32 i = 0; i < XR_VM_RULES && i < b->n_rules; i++)
		if (rule_fits(&b->rule[i], v, way))
			return b->rule[i].deny;
	return b->deny;
}

/* ---- limits ---- */

/*
 * GCRA (ITU-T I.371) in one word: when the frame would be due, were all at the limit's
 * pace. It may be early by the burst; by the last frame, however long it is, it may get
 * further ahead, so that a GSO frame longer than the burst passes, too. Each CPU adds its
 * frame's time, and takes it back where it was too early. 1: it was.
 */
static __always_inline int is_early(__u64 *due, __u64 now, __u64 time, __u64 burst)
{
	__u64 was = *(volatile __u64 *)due;

	if ((__s64)(was - now) < 0)
		__sync_val_compare_and_swap(due, was, now);
	was = __sync_fetch_and_add(due, time);
	if ((__s64)(was - now) <= (__s64)burst)
		return 0;
	__sync_fetch_and_sub(due, time);
	return 1;
}

__noinline int is_above_limit(__u32 vm_index, __u32 which, __u32 way)
{
	struct xr_vm_bounds_used *u = bpf_map_lookup_elem(&vm_bounds_used, &vm_index);
	struct xr_vm_bounds *b = bpf_map_lookup_elem(&vm_bounds, &vm_index);
	struct bounds_view *v = view_at(which);
	struct xr_vm_limit *l;
	__u64 now, packets;

	way &= 1;
	if (!b || !u || !v)
		return 0;
	l = &b->limit[way];
	if (!l->octet_time && !l->packet_time)
		return 0;
	now = bpf_ktime_get_ns() * XR_LIMIT_NS;
	packets = v->packets * l->packet_time;
	if (l->packet_time && is_early(&u->packets_due[way], now, packets, l->burst))
		return 1;
	if (!l->octet_time ||
	    !is_early(&u->octets_due[way], now, v->octets * l->octet_time >> 16, l->burst))
		return 0;
	if (l->packet_time)
		__sync_fetch_and_sub(&u->packets_due[way], packets);
	return 1;
}

_Static_assert(XR_LIMIT_NS == 1 << 4, "octet_time is shifted by 20 - 4");

/* ---- the judgement ---- */

/* Of what is in that view: 0, or the reason to drop it. */
__noinline int judge(__u32 vm_index, __u32 which, __u32 way)
{
	struct xr_vm_bounds_used *u = bpf_map_lookup_elem(&vm_bounds_used, &vm_index);
	struct bounds_view *v = view_at(which);
	int reason = 0;

	way &= 1;
	if (!u || !v)
		return 0;
	if (!v->is_free && is_denied(vm_index, which, way))
		reason = XR_R_RULE_DENIED;
	else if (is_above_limit(vm_index, which, way))
		reason = XR_R_RATE_LIMITED;
	if (reason && !v->is_clone)
		__sync_fetch_and_add(
			reason == XR_R_RULE_DENIED ? &u->denied[way] : &u->limited[way], 1);
	return reason;
}

#endif
