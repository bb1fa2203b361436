/* SPDX-License-Identifier: GPL-2.0-only */
/* flows: what user space does beside the data plane, which writes it. */
#ifndef XR_STEER_FLOW_TABLE_H
#define XR_STEER_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <xroam/abi.h>

/*
 * Frees every entry whose backend is marked in gone[XR_MAX_BACKENDS + 1]. An
 * entry that the data plane changes meanwhile is looked at again; the number
 * of entries freed.
 */
size_t flow_table_sweep(struct xr_flow_bucket *bucket, size_t buckets, const bool *gone);

/*
 * Entries that are not idled out, whole and (where per_backend is not NULL, of
 * XR_MAX_BACKENDS + 1) by backend.
 */
size_t flow_table_count(const struct xr_flow_bucket *bucket, size_t buckets, __u32 tick, __u32 idle,
			__u32 *per_backend);

#endif
