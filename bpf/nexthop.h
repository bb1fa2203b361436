/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The next hop of a path: device and MAC addresses, cached per CPU. User space
 * fills it before the path is used; every second the first packet of a CPU
 * asks the kernel's FIB again, so that no daemon is needed. XDP and tc alike.
 */
#ifndef XROAM_BPF_NEXTHOP_H
#define XROAM_BPF_NEXTHOP_H

#include <xroam/hash.h>
#include "neighbour.h"
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
static __always_inline __u32 egress_of(struct xdp_md *ctx, __u32 ifindex)
{
	if (knobs.master && ifindex == knobs.master)
		return ingress_of(ctx);
	return ifindex;
}

/* ctx: of XDP or of tc; from: the device it asks for. */
static __always_inline int look_up_fib(void *ctx, __u32 from, const struct xr_path *path,
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
		__builtin_memcpy(fib->ipv6_src, path->saddr, sizeof(fib->ipv6_src));
		__builtin_memcpy(fib->ipv6_dst, path->daddr, sizeof(fib->ipv6_dst));
	} else {
		fib->family = AF_INET;
		fib->ipv4_src = path->saddr[3];
		fib->ipv4_dst = path->daddr[3];
	}
	return bpf_fib_lookup(ctx, fib, sizeof(*fib), flags);
}

/* Of whom the MAC address is: the gateway, or who is on the link. */
static __always_inline __u32 neighbour_print(const struct bpf_fib_lookup *fib)
{
	__be32 four[XR_ADDR_WORDS] = { 0, 0, bpf_htonl(0xffff), 0 };

	if (fib->family == AF_INET6)
		return xr_address_print(fib->ipv6_dst);
	four[3] = fib->ipv4_dst;
	return xr_address_print(four);
}

/* The route still leads there. */
static __always_inline int is_same_hop(const struct xr_nexthop *nh,
				       const struct bpf_fib_lookup *fib)
{
	return nh->ifindex && nh->gateway == neighbour_print(fib) && routed_by(nh) == fib->ifindex;
}

static __always_inline int is_same_mac(const void *a, const void *b)
{
	const __u16 *x = a, *y = b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]));
}

static __always_inline void forget_hop(struct xr_nexthop *nh)
{
	nh->bridge = routed_by(nh);
	nh->ifindex = 0;
}

/* Added to the reason that take_fib() gives: the kernel should ask for the neighbour. */
#define NEEDS_NEIGHBOUR 0x100

/*
 * Stores the FIB's answer. Where forwarding is off on the device, or the
 * neighbour has just expired, the last known next hop still serves: as long as
 * the FIB does not name another device or gateway, and of an expired one for no
 * longer than a second.
 *
 * The FIB gives a MAC address that the kernel doubts as it does a sound one, and
 * only who sends by the kernel makes it ask. A new one is worth that.
 */
static __always_inline int take_fib(struct xr_nexthop *nh, const struct bpf_fib_lookup *fib,
				    int err)
{
	__u32 tick = now_tick();
	int same, answer = XR_R_FIB;

	nh->until = tick + 1;
	if (err == BPF_FIB_LKUP_RET_SUCCESS) {
		if (is_same_hop(nh, fib) && !is_same_mac(nh->dmac, fib->dmac))
			answer |= NEEDS_NEIGHBOUR;
		__builtin_memcpy(nh->dmac, fib->dmac, sizeof(nh->dmac));
		__builtin_memcpy(nh->smac, fib->smac, sizeof(nh->smac));
		if (!nh->ifindex || nh->bridge != fib->ifindex) {
			nh->ifindex = fib->ifindex;
			nh->bridge = 0;
		}
		nh->gateway = neighbour_print(fib);
		nh->mtu = fib->mtu_result;
		nh->unsure = 0;
		return answer;
	}
	if (!nh->unsure)
		nh->unsure = tick ?: 1;
	switch (err) {
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		same = is_same_hop(nh, fib);
		nh->until = tick;
		if (!same)
			forget_hop(nh);
		return (same ? XR_R_FIB_STALE : XR_R_NO_NEIGHBOUR) | NEEDS_NEIGHBOUR;
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return nh->ifindex ? XR_R_FIB_STALE : XR_R_NO_ROUTE;
	default:
		forget_hop(nh);
		return XR_R_NO_ROUTE;
	}
}

/* One per CPU: the stack is short. The FIB's last answer stays. */
struct fib_query {
	struct bpf_fib_lookup fib;
	struct xr_outer_key key;
};

XR_PERCPU(fib_question, struct fib_query, 1);

static __always_inline struct fib_query *fib_query_record(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&fib_question, &zero);
}

static __always_inline __u32 least(__u32 mtu, __u32 other)
{
	return other && (!mtu || other < mtu) ? other : mtu;
}

static __always_inline struct xr_outer *outer_of(const struct xr_path *path,
						 struct xr_outer_key *key)
{
	if (!path->overhead)
		return NULL;
	__builtin_memcpy(key->addr, path->daddr, sizeof(key->addr));
	key->vni = path->vni;
	key->dport = path->dport;
	key->reserved = 0;
	return bpf_map_lookup_elem(&outers, key);
}

static __always_inline int mtu_lasts(struct xr_outer_mtu now)
{
	return !is_past(now.until, now_tick());
}

/* The MTU that ICMP gave for the way to the path's far end; 0: none, or long ago. */
static __always_inline __u32 learned_mtu(const struct xr_path *path, struct xr_outer_key *key)
{
	struct xr_outer *o = outer_of(path, key);
	struct xr_outer_mtu now;

	if (!o)
		return 0;
	now = o->now;
	return mtu_lasts(now) ? now.mtu : 0;
}

static __always_inline void settle_mtu(struct xr_path *path, __u32 mtu, struct xr_outer_key *key)
{
	mtu = least(mtu, path->route_mtu);
	mtu = least(mtu, learned_mtu(path, key));
	if (path->mtu != mtu)
		path->mtu = mtu;
}

/* Where the FIB gives no MTU: one that was learned is dropped in time all the same. */
static __always_inline void expire_mtu(struct xr_path *path, __u32 mtu, struct xr_outer_key *key)
{
	struct xr_outer *o = outer_of(path, key);
	struct xr_outer_mtu now;

	if (!o)
		return;
	now = o->now;
	if (now.mtu && now.mtu == path->mtu && !mtu_lasts(now))
		path->mtu = least(mtu, path->route_mtu);
}

/* Asks as if the packet had come in by the device `from`. */
static __always_inline int refresh(void *ctx, __u32 index, __u32 from)
{
	struct xr_nexthop *nh = bpf_map_lookup_elem(&nexthops, &index);
	struct xr_path *path = bpf_map_lookup_elem(&paths, &index);
	struct fib_query *q = fib_query_record();
	int err;

	if (!nh || !path || !q)
		return XR_R_NO_ROUTE;
	__builtin_memset(&q->fib, 0, sizeof(q->fib));
	err = look_up_fib(ctx, from, path, &q->fib);
	if (err == BPF_FIB_LKUP_RET_SUCCESS)
		settle_mtu(path, q->fib.mtu_result, &q->key);
	else
		expire_mtu(path, nh->mtu, &q->key);
	return take_fib(nh, &q->fib, err);
}

/* Global functions like this one are verified once, not once per caller. */
__noinline int refresh_nexthop(struct xdp_md *ctx, __u32 index)
{
	return refresh(ctx, index, knobs.master ?: ingress_of(ctx));
}

/* After NEEDS_NEIGHBOUR: the reason, if the frame in hand became the request. */
__noinline int request_neighbour(struct xdp_md *ctx, __u32 index)
{
	struct xr_path *path = bpf_map_lookup_elem(&paths, &index);
	__u32 in = knobs.master ?: ingress_of(ctx);
	struct fib_query *q = fib_query_record();

	if (!path || !q || !may_request(path))
		return 0;
	return become_request(ctx, index, in, q->fib.ifindex == in);
}

static __always_inline int is_fresh(const struct xr_nexthop *nh, __u32 tick)
{
	return nh->ifindex && !is_past(nh->until, tick);
}

/* 0 and *out, or the verdict's reason. */
static __always_inline int find_nexthop_at(struct xdp_md *ctx, struct packet *p, __u32 index,
					   struct xr_nexthop **out, __u32 tick)
{
	struct xr_nexthop *nh = bpf_map_lookup_elem(&nexthops, &index);
	struct xr_trace *t = trace_record();
	int answer, asked;

	if (!nh)
		return XR_R_NO_ROUTE;
	*out = nh;
	if (likely(is_fresh(nh, tick))) {
		if (t)
			t->flags |= XR_TRACE_CACHED;
		return 0;
	}
	answer = refresh_nexthop(ctx, index);
	if (answer & NEEDS_NEIGHBOUR) {
		asked = request_neighbour(ctx, index);
		if (asked)
			return asked;
		answer &= NEEDS_NEIGHBOUR - 1;
	}
	if (answer != XR_R_FIB && answer != XR_R_FIB_STALE)
		return answer;
	note(p, answer);
	return 0;
}

static __always_inline int find_nexthop(struct xdp_md *ctx, struct packet *p, __u32 index,
					struct xr_nexthop **out)
{
	return find_nexthop_at(ctx, p, index, out, now_tick());
}

#endif
