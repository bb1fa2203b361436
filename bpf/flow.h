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
 *
 * What keeps a stranger from ending an established TCP flow, whose server is
 * asked in the spirit of RFC 5961: let it judge what a SYN, FIN or RST is worth,
 * by numbers that nobody here knows. FIN and RST do but mark the entry, and data
 * takes the mark off. Only once a marked flow has been quiet for as long as
 * TIME-WAIT lasts is it over.
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
 * The flow's entry, or NULL. A branch per way: what follows is
 * begun on a guess while the bucket comes from memory; measured, that is worth
 * more than the wrong guesses cost, also at a million flows.
 */
static __always_inline struct xr_flow *flow_entry(struct xr_flow_bucket *b, __u32 tag)
{
#pragma unroll
	for (int i = 0; i < XR_FLOW_WAYS; i++)
		if (b->way[i].tag == tag)
			return &b->way[i];
	return NULL;
}

/* The entry's word, or 0: a tag is never 0. See union flow_word. */
static __always_inline __u64 flow_find(const struct xr_flow_bucket *b, __u32 tag)
{
	__u64 word;

#pragma unroll
	for (int i = 0; i < XR_FLOW_WAYS; i++) {
		word = *(volatile __u64 *)&b->way[i];
		if ((__u32)word == tag)
			goto found;
	}
	word = 0;
found:
	/* Read here, not before: the compiler would put all eight on the stack. */
	hide_from_compiler(word);
	return word;
}

/* Replaces an entry's word, unless it has changed meanwhile. */
__noinline int flow_exchange(__u64 hash, __u64 old, __u64 new)
{
	struct xr_flow_bucket *b = flow_bucket(hash);
	struct xr_flow *f = b ? flow_entry(b, xr_flow_tag(hash)) : NULL;

	if (f)
		__sync_val_compare_and_swap((__u64 *)f, old, new);
	return 0;
}

#define FLOW_QUIET 60 /* seconds; Linux' TIME-WAIT, in which a client keeps its port */

/* Whether a SYN on its 4-tuple is another connection's. */
static __always_inline int flow_is_over(struct xr_flow f, __u32 now)
{
	return !(f.seen & XR_FLOW_ESTABLISHED) ||
		(f.seen & XR_FLOW_CLOSING && flow_age(f, now) > FLOW_QUIET);
}

/* The entry's word after a packet that alone establishes nothing. */
static __always_inline __u32 flow_first(__u32 now, __u32 was, __u32 flags)
{
	const __u32 seen = (now & XR_FLOW_SEEN) | (was & XR_FLOW_ESTABLISHED);

	if (flags & IS_LONG || !(was & XR_FLOW_ESTABLISHED))
		return seen;
	if (flags & IS_END && !(was & XR_FLOW_CLOSING))
		return seen | XR_FLOW_CLOSING;
	return was;
}

/*
 * Marks the entry as seen now; writes at most once a second and flow. A SYN is
 * no sign of life of what is established, nor is a FIN or RST after the first.
 */
static __always_inline void flow_touch(const struct packet *p, union flow_word old, __u32 now)
{
	union flow_word new = old;
	const __u32 flags = p->flow_flags, was = old.flow.seen;

	_Static_assert(IS_BARE << 11 == XR_FLOW_CLOSING, "bare keeps the mark");
	new.flow.seen = (now & XR_FLOW_SEEN) | XR_FLOW_ESTABLISHED |
		(was & flags << 11 & XR_FLOW_CLOSING);
	if (unlikely(flags & IS_FIRST))
		new.flow.seen = flow_first(now, was, flags);
	if (unlikely(new.flow.seen != was))
		flow_exchange(p->hash, old.word, new.word);
}

/*
 * How gladly an entry is given up: a number that grows from established over
 * unestablished and idled out to free, and by age among equals. Which way it is
 * stands in the lowest bits.
 */
#define WORTH_WAY_BITS      3
#define WORTH_UNESTABLISHED (1U << 15)
#define WORTH_IDLE          (1U << 16)
#define WORTH_FREE          (1U << 17)

static __always_inline __u64 flow_worth(const struct xr_flow_bucket *b, __u32 way, __u32 now)
{
	struct xr_flow f = b->way[way];
	__u64 age = flow_age(f, now), left = knobs.flow_idle - age;
	__u64 worth = age | (~f.seen & XR_FLOW_ESTABLISHED) | top_bit(left) * WORTH_IDLE |
		is_zero32(f.backend) * WORTH_FREE;

	return worth << WORTH_WAY_BITS | way;
}

_Static_assert(WORTH_UNESTABLISHED == XR_FLOW_ESTABLISHED, "flow_worth()");

static __always_inline __u64 max_of(__u64 a, __u64 b)
{
	__u64 less = a - b;

	return a - less * top_bit(less);
}

/* A tree, as a chain of eight would take three times as long. */
static __always_inline __u64 flow_victim(const struct xr_flow_bucket *b, __u32 now)
{
	__u64 best[XR_FLOW_WAYS];

#pragma unroll
	for (int i = 0; i < XR_FLOW_WAYS; i++)
		best[i] = flow_worth(b, i, now);
#pragma unroll
	for (int half = XR_FLOW_WAYS / 2; half; half /= 2)
#pragma unroll
		for (int i = 0; i < half; i++)
			best[i] = max_of(best[i], best[i + half]);
	return best[0];
}

/*
 * Another CPU may have entered the flow meanwhile, with another backend should
 * the hash's table have changed in between: who finds another entry gives up its
 * own. Returns that one's backend, or 0.
 */
static __always_inline __u32 flow_other(struct xr_flow_bucket *b, const struct xr_flow *own,
					union flow_word new)
{
	__u32 other = 0;

	for (int i = 0; i < XR_FLOW_WAYS; i++) {
		union flow_word e = { .word = *(volatile __u64 *)&b->way[i] };

		if (unlikely(e.flow.tag == new.flow.tag && &b->way[i] != own))
			other = e.flow.backend;
	}
	if (unlikely(other && own))
		__sync_val_compare_and_swap((__u64 *)own, new.word, 0);
	return other;
}

/*
 * Writes a flow's entry, in the place of a dead one of this very flow, if there
 * is one: two would hide each other. Returns the backend that the flow has now.
 * bytes: for the notes. Global: verified once.
 */
__noinline __u32 flow_insert(__u64 hash, __u32 backend, __u32 bytes)
{
	__u32 now = now_tick();
	union flow_word new = {
		.flow.tag = xr_flow_tag(hash),
		.flow.backend = backend,
		.flow.seen = now & XR_FLOW_SEEN,
	}, old;
	struct xr_flow_bucket *b = flow_bucket(hash);
	struct packet p = { .bytes = bytes };
	struct xr_flow *victim;
	__u32 other;
	__u64 best;

	if (!b)
		return backend;
	victim = flow_entry(b, new.flow.tag);
	if (unlikely(victim)) {
		best = WORTH_FREE;
	} else {
		best = flow_victim(b, now);
		victim = &b->way[best & (XR_FLOW_WAYS - 1)];
		best >>= WORTH_WAY_BITS;
	}
	old.word = *(volatile __u64 *)victim;
	if (best <= knobs.flow_idle / 8) {
		note(&p, XR_R_FLOW_FULL);
		return backend;
	}
	if (__sync_val_compare_and_swap((__u64 *)victim, old.word, new.word) != old.word)
		return flow_other(b, NULL, new) ?: backend; /* the next packet tries again */
	other = flow_other(b, victim, new);
	if (unlikely(other))
		return other;
	if (best < WORTH_IDLE)
		note(&p, XR_R_FLOW_EVICT);
	note(&p, XR_R_FLOW_NEW);
	return backend;
}

#endif
