/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The next hop of a path: device and MAC addresses, cached per CPU. User space
 * fills it before the path is used; every second the first packet of a CPU
 * asks the kernel's FIB again, so that no daemon is needed.
 */
#ifndef XROAM_BPF_NEXTHOP_H
#define XROAM_BPF_NEXTHOP_H

#include "report.h"

#ifndef AF_INET
#define AF_INET 2
#endif
#ifndef AF_INET6
#define AF_INET6 10
#endif

static __always_inline __u32 ingress_of(struct xdp_md *ctx)
{
	return knobs.ifindex ?: ctx->ingress_ifindex;
}

/*
 * Where the underlay's address is a bridge's, the route names the bridge; user
 * space found the port. Where it could not: out of the port they came in by.
 */
static __always_inline __u32 egress_of(struct xdp_md *ctx,
				       const struct xr_nexthop *nh)
{
	if (knobs.master && nh->ifindex == knobs.master)
		return ingress_of(ctx);
	return nh->ifindex;
}

/* ctx: of XDP or of tc; from: the device it asks for. */
static __always_inline int ask_fib(void *ctx, __u32 from,
				   const struct xr_path *path,
				   struct bpf_fib_lookup *fib)
{
	__u32 flags = 0;

	fib->ifindex = from;
	if (path->ifindex) {
		fib->ifindex = path->ifindex;
		flags = BPF_FIB_LOOKUP_OUTPUT;
	}
	fib->tot_len = 1; /* not 0: makes the kernel tell the route's MTU */
	if (path->ipv6) {
		fib->family = AF_INET6;
		__builtin_memcpy(fib->ipv6_src, path->saddr,
				 sizeof(fib->ipv6_src));
		__builtin_memcpy(fib->ipv6_dst, path->daddr,
				 sizeof(fib->ipv6_dst));
	} else {
		fib->family = AF_INET;
		fib->ipv4_src = path->saddr[3];
		fib->ipv4_dst = path->daddr[3];
	}
	return bpf_fib_lookup(ctx, fib, sizeof(*fib), flags);
}

/*
 * Stores what the FIB said. Where forwarding is off on the device, or the
 * neighbour has just expired, the last known next hop still serves.
 */
static __always_inline int take_fib(struct xr_nexthop *nh,
				    const struct bpf_fib_lookup *fib, int err)
{
	nh->until = now_tick() + 1;
	switch (err) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		__builtin_memcpy(nh->dmac, fib->dmac, sizeof(nh->dmac));
		__builtin_memcpy(nh->smac, fib->smac, sizeof(nh->smac));
		if (!nh->bridge || nh->bridge != fib->ifindex) {
			nh->ifindex = fib->ifindex;
			nh->bridge = 0;
		}
		nh->mtu = fib->mtu_result;
		return XR_R_FIB;
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		return nh->ifindex ? XR_R_FIB_STALE : XR_R_NO_NEIGHBOUR;
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return nh->ifindex ? XR_R_FIB_STALE : XR_R_NO_ROUTE;
	default:
		nh->ifindex = 0;
		nh->bridge = 0;
		return XR_R_NO_ROUTE;
	}
}

XR_PERCPU(fib_question, struct bpf_fib_lookup, 1); /* the stack is short */

/* Global functions like this one are verified once, not once per caller. */
__noinline int refresh_nexthop(struct xdp_md *ctx, __u32 index)
{
	struct xr_nexthop *nh = bpf_map_lookup_elem(&nexthops, &index);
	struct xr_path *path = bpf_map_lookup_elem(&paths, &index);
	struct bpf_fib_lookup *fib;
	__u32 zero = 0;
	int err;

	fib = bpf_map_lookup_elem(&fib_question, &zero);
	if (!nh || !path || !fib)
		return XR_R_NO_ROUTE;
	__builtin_memset(fib, 0, sizeof(*fib));
	err = ask_fib(ctx, knobs.master ?: ingress_of(ctx), path, fib);
	return take_fib(nh, fib, err);
}

/* 0 and *out, or the reason to drop. */
static __always_inline int find_nexthop_at(struct xdp_md *ctx,
					   struct packet *p, __u32 index,
					   struct xr_nexthop **out, __u32 tick)
{
	struct xr_nexthop *nh = bpf_map_lookup_elem(&nexthops, &index);
	struct xr_trace *t = trace_record();
	int said;

	if (!nh)
		return XR_R_NO_ROUTE;
	*out = nh;
	if (likely(nh->ifindex && (__s32)(nh->until - tick) >= 0)) {
		if (t)
			t->flags |= XR_TRACE_CACHED;
		return 0;
	}
	said = refresh_nexthop(ctx, index);
	if (said != XR_R_FIB && said != XR_R_FIB_STALE)
		return said;
	note(p, said);
	return 0;
}

static __always_inline int find_nexthop(struct xdp_md *ctx, struct packet *p,
					__u32 index, struct xr_nexthop **out)
{
	return find_nexthop_at(ctx, p, index, out, now_tick());
}

#endif
