/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hash table of indices into an array that somebody else has: vms and vm_ips. Its
 * layout is at struct xr_tag_bucket. The caller compares keys, and fills the entries.
 */
#ifndef XR_STEER_TAG_TABLE_H
#define XR_STEER_TAG_TABLE_H

#include <stdbool.h>
#include <xroam/hash.h>

#define TAG_NOWHERE 0xffffffffU

struct tag_table {
	struct xr_tag_bucket *bucket;
	__u32 n; /* of buckets */
	/* Whether the entry at that index has the key. */
	bool (*same)(const void *ctx, __u32 index, const void *key);
	const void *ctx;
};

/* The index of the entry that has the key, whose hash is h; or TAG_NOWHERE. */
__u32 tag_find(const struct tag_table *t, __u64 h, const void *key);
/* The index of a free entry for it, to be filled, then published; or TAG_NOWHERE. */
__u32 tag_room(const struct tag_table *t, __u64 h);
void tag_publish(struct tag_table *t, __u64 h, __u32 index);
/* The entry may be used again after a grace period. */
void tag_remove(struct tag_table *t, __u32 index);

#endif
