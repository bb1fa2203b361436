/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The index behind vms and vm_ips: struct xr_tag_bucket says how it is laid
 * out. The caller compares keys and fills the place.
 */
#ifndef XR_STEER_TAG_TABLE_H
#define XR_STEER_TAG_TABLE_H

#include <stdbool.h>
#include <xroam/hash.h>

#define TAG_NOWHERE 0xffffffffU

struct tag_table {
	struct xr_tag_bucket *bucket;
	__u32 n;
	bool (*same)(const void *ctx, __u32 place, const void *key);
	const void *ctx;
};

/* The place of the key with hash h, or TAG_NOWHERE. */
__u32 tag_find(const struct tag_table *t, __u64 h, const void *key);
/* A free place for it, to be filled, then published; TAG_NOWHERE: no room. */
__u32 tag_room(const struct tag_table *t, __u64 h);
void tag_publish(struct tag_table *t, __u64 h, __u32 place);
/* The place may be used again after a grace period. */
void tag_remove(struct tag_table *t, __u32 place);

#endif
