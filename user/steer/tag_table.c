// SPDX-License-Identifier: GPL-2.0-only
#include "tag_table.h"

/*
 * The first bucket is filled this far before the emptier of the two is taken:
 * most keys are then found in the first, and the table still fills evenly.
 */
#define FIRST_LANES 5

static __u32 tag_at(const struct xr_tag_bucket *b, int lane)
{
	return b->tag[lane] & ~XR_TAG_SPILL;
}

static __u32 find_in(const struct tag_table *t, __u32 bucket, __u32 tag, const void *key)
{
	const struct xr_tag_bucket *b = &t->bucket[bucket];
	int i;

	for (i = 0; i < XR_TAG_LANES; i++)
		if (tag_at(b, i) == tag && t->same(t->ctx, bucket * XR_TAG_LANES + i, key))
			return bucket * XR_TAG_LANES + i;
	return TAG_NOWHERE;
}

__u32 tag_find(const struct tag_table *t, __u64 h, const void *key)
{
	__u32 first = xr_tag_bucket1(h, t->n), index;

	index = find_in(t, first, xr_tag(h), key);
	if (index == TAG_NOWHERE && t->bucket[first].tag[0] & XR_TAG_SPILL)
		index = find_in(t, xr_tag_bucket2(h, t->n), xr_tag(h), key);
	return index;
}

/* How many are taken; *lane: the first that is free, if one is. */
static int count_used(const struct xr_tag_bucket *b, int *lane)
{
	int i, used = 0;

	for (i = XR_TAG_LANES; i-- > 0;) {
		if (tag_at(b, i))
			used++;
		else
			*lane = i;
	}
	return used;
}

__u32 tag_room(const struct tag_table *t, __u64 h)
{
	__u32 first = xr_tag_bucket1(h, t->n), second;
	int lane = 0, used = count_used(&t->bucket[first], &lane), second_lane = 0, second_used;

	if (used < FIRST_LANES)
		return first * XR_TAG_LANES + lane;
	second = xr_tag_bucket2(h, t->n);
	second_used = count_used(&t->bucket[second], &second_lane);
	if (second_used < used)
		return second * XR_TAG_LANES + second_lane;
	return used == XR_TAG_LANES ? TAG_NOWHERE : first * XR_TAG_LANES + lane;
}

static void store(struct xr_tag_bucket *b, int lane, __u16 tag)
{
	__atomic_store_n(&b->tag[lane], (b->tag[lane] & XR_TAG_SPILL) | tag, __ATOMIC_RELEASE);
}

void tag_publish(struct tag_table *t, __u64 h, __u32 index)
{
	struct xr_tag_bucket *first = &t->bucket[xr_tag_bucket1(h, t->n)];
	struct xr_tag_bucket *b = &t->bucket[index / XR_TAG_LANES];

	store(b, index % XR_TAG_LANES, xr_tag(h));
	/*
	 * In its second bucket: the first one says so. A reader that comes before this misses
	 * the entry, as if it were not there yet.
	 */
	if (b != first)
		__atomic_store_n(&first->tag[0], first->tag[0] | XR_TAG_SPILL, __ATOMIC_RELEASE);
}

void tag_remove(struct tag_table *t, __u32 index)
{
	/* The mark stays: others of that first bucket may need it. */
	store(&t->bucket[index / XR_TAG_LANES], index % XR_TAG_LANES, 0);
}
