/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * server_ids and server_id_names: which backend a server ID names. Plain
 * memory; the layout and what a reader relies on are in abi.h.
 *
 * A change is planned first, on a private copy, where it may fail, and then
 * applied, where it cannot: readers see each server ID that stays at every
 * instant, and never with another one's backend.
 */
#ifndef XR_STEER_SID_TABLE_H
#define XR_STEER_SID_TABLE_H

#include <stddef.h>
#include <xroam/abi.h>
#include "lib/error.h"

struct sid_table {
	struct xr_sid_bucket *bucket;
	struct xr_sid_names *names;
	__u32 mask; /* buckets - 1 */
};

struct sid_entry {
	__u8 sid[XR_SID_MAX];
	__u8 len;
	__u16 backend;
};

struct sid_plan;

/* -EEXIST, and the line that says so. */
int sid_given_twice(const struct sid_entry *e, struct xr_err *err);

__u64 sid_key(const __u8 *sid, __u8 len);

/* The backend, 0 for none. */
__u16 sid_table_find(const struct sid_table *t, const __u8 *sid, __u8 len);

/*
 * How to make the table hold want[n] and nothing else. -ENOSPC where they do
 * not fit, -EEXIST where two share a key, -ENOMEM; the line says which.
 */
int sid_plan_make(const struct sid_table *t, const struct sid_entry *want, size_t n,
		  struct sid_plan **plan, struct xr_err *err);

struct sid_plan_size {
	size_t added, deleted, changed; /* server IDs */
	size_t moved, rounds;           /* to make room for others */
};
struct sid_plan_size sid_plan_size(const struct sid_plan *plan);

/*
 * Carries the plan out. grace() returns once no reader from before is left.
 * The table must not have changed since the plan was made.
 */
void sid_plan_apply(const struct sid_plan *plan, const struct sid_table *t,
		    void (*grace)(void *ctx), void *ctx);
void sid_plan_free(struct sid_plan *plan);

#endif
