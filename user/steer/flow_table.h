/* SPDX-License-Identifier: GPL-2.0-only */
/* The map flows, which the data plane fills: what user space counts and frees there. */
#ifndef XR_STEER_FLOW_TABLE_H
#define XR_STEER_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <xroam/abi.h>

/*
 * Frees every entry whose backend is marked in gone[XR_MAX_BACKENDS + 1], also one that
 * the data plane changes meanwhile. Returns the number of entries freed.
 */
size_t flow_table_sweep(struct xr_flow_bucket *bucket, size_t buckets, const bool *gone);

/*
 * Counts the entries that were used within the last idle ticks, and adds them to
 * per_backend[XR_MAX_BACKENDS + 1] by backend where that is not NULL.
 */
size_t flow_table_count(const struct xr_flow_bucket *bucket, size_t buckets, __u32 tick, __u32 idle,
			__u32 *per_backend);

enum flow_merge {
	FLOW_MERGE_NEW,   /* entered */
	FLOW_MERGE_NEWER, /* in the place of an older entry of this flow */
	FLOW_MERGE_KEPT,  /* the entry that is there is as new, or newer */
	FLOW_MERGE_FULL,  /* every place is in use, and established */
};

/*
 * Brings a flow from elsewhere into its bucket, also while the data plane changes that.
 * flow.seen is by this instance's tick, and not idle. Which place a new one takes is as in
 * bpf/flow.h, but nothing that is established and in use gives way.
 */
enum flow_merge flow_table_merge(struct xr_flow_bucket *bucket, struct xr_flow flow, __u32 tick,
				 __u32 idle);

#endif
