/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow table: 8-way set-associative, a cache line a bucket, an entry one
 * 64-bit word that is compared-and-exchanged whole.
 *
 * What keeps a flood from emptying it: an entry starts unestablished and
 * becomes established with the flow's second packet of another kind than the
 * first (not a SYN, not a long header). A new entry takes, in this order, a
 * free place, one that idled out, the oldest unestablished one, and only when
 * a bucket holds established flows alone the one of them that has been quiet
 * longest, if that is more than an eighth of the idle time. So a flood fights
 * with itself for at most one place more than it finds free.
 */
#ifndef XROAM_BPF_FLOW_H
#define XROAM_BPF_FLOW_H

#include <xroam/hash.h>
#include "report.h"

/* An entry as the word it is exchanged as. */
union flow_word {
	struct xr_flow flow;
	__u64 word;
};

static __always_inline struct xr_flow_bucket *flow_bucket(__u64 hash)
{
	__u32 slot = hash & knobs.flow_mask;

	return bpf_map_lookup_elem(&flows, &slot);
}

static __always_inline __u32 flow_age(struct xr_flow f, __u32 now)
{
	return (now - f.seen) & XR_FLOW_SEEN;
}

/*
 * The entry's place in the bucket, or XR_FLOW_WAYS. A tag stands in a bucket
 * at most once: flow_insert reuses the place of a dead entry of the same flow.
 */
static __always_inline __u32 flow_way(const struct xr_flow_bucket *b, __u32 tag)
{
	__u64 found = 0, way = 0;

#pragma unroll
	for (int i = 0; i < XR_FLOW_WAYS; i++) {
		__u64 same = is_zero(b->way[i].tag ^ tag);

		found |= same;
		way |= same * i;
	}
	return found ? way : XR_FLOW_WAYS;
}

/* The mask is for verifiers that lose a bound across the stack (parse.h). */
static __always_inline struct xr_flow *flow_at(struct xr_flow_bucket *b,
					       __u64 way)
{
	asm volatile("%0 &= 7" : "+r"(way));
	return &b->way[way];
}

/* Marks the entry as seen now; writes at most once a second and flow. */
static __always_inline void flow_touch(struct xr_flow *f, union flow_word old,
				       const struct packet *p, __u32 now)
{
	union flow_word new = old;

	new.flow.seen = (now & XR_FLOW_SEEN) |
			(old.flow.seen & XR_FLOW_ESTABLISHED) |
			(p->first ? 0 : XR_FLOW_ESTABLISHED);
	if (new.word != old.word)
		__sync_val_compare_and_swap((__u64 *)f, old.word, new.word);
}

/*
 * How gladly an entry is given up: a number that grows from established over
 * unestablished and idled out to free, and by age among equals.
 */
#define WORTH_FREE		(1U << 18)
#define WORTH_IDLE		(1U << 17)
#define WORTH_UNESTABLISHED	(1U << 16)
#define WORTH_OWN		(1U << 19)
#define WORTH_WAY_BITS		3

static __always_inline __u64 flow_worth(struct xr_flow f, __u32 now)
{
	__u64 age = flow_age(f, now);
	__u64 idle = knobs.flow_idle - age;

	return age | is_zero(f.backend) * WORTH_FREE |
	       top_bit(idle) * WORTH_IDLE |
	       is_zero(f.seen & XR_FLOW_ESTABLISHED) * WORTH_UNESTABLISHED;
}

static __always_inline __u64 max_of(__u64 a, __u64 b)
{
	__u64 less = a - b;

	return a - less * top_bit(less);
}

/*
 * Writes a flow's entry. own: the way that holds a dead entry of this very
 * flow, or XR_FLOW_WAYS: two entries of one flow would hide each other. Returns
 * the reasons to note, at most two, an octet each. Global: verified once.
 */
__noinline __u32 flow_insert(__u64 hash, __u32 backend, __u32 own)
{
	__u32 now = now_tick();
	union flow_word new = {
		.flow.tag = xr_flow_tag(hash),
		.flow.backend = backend,
		.flow.seen = now & XR_FLOW_SEEN,
	}, old;
	struct xr_flow_bucket *b = flow_bucket(hash);
	struct xr_flow *victim;
	__u64 best = 0;

	if (!b)
		return 0;
#pragma unroll
	for (__u32 i = 0; i < XR_FLOW_WAYS; i++) {
		__u64 worth = flow_worth(b->way[i], now) |
			      is_zero(own ^ i) * WORTH_OWN;

		best = max_of(best, worth << WORTH_WAY_BITS | i);
	}
	victim = &b->way[best & (XR_FLOW_WAYS - 1)];
	best >>= WORTH_WAY_BITS;
	if (best <= knobs.flow_idle / 8)
		return XR_R_FLOW_FULL;

	old.word = *(volatile __u64 *)victim;
	if (__sync_val_compare_and_swap((__u64 *)victim, old.word, new.word) !=
	    old.word)
		return 0; /* another CPU was first; the next packet tries again */
	if (best < WORTH_IDLE)
		return XR_R_FLOW_EVICT << 8 | XR_R_FLOW_NEW;
	return XR_R_FLOW_NEW;
}

#endif
