/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All server IDs of an instance: those that are dense in pages (server_id_dir and
 * server_id_pages), the others in server_ids. Plain memory; the layout and what a reader
 * relies on are in abi.h.
 *
 * IDs that differ in their last octet only are a group. It gets a page once it has
 * SID_PAGE_BEGIN of them, and loses it when fewer than SID_PAGE_KEEP are left; or where all
 * pages are taken, it stays in server_ids.
 *
 * As with sid_table.h a change is planned first, where it may fail, and then applied, where
 * it cannot: readers see each server ID that stays at every instant.
 */
#ifndef XR_STEER_SID_STORE_H
#define XR_STEER_SID_STORE_H

#include <stdbool.h>
#include "sid_table.h"

#define SID_PAGE_BEGIN 32
#define SID_PAGE_KEEP  16

struct sid_store {
	struct sid_table table;    /* server_ids, server_id_names */
	struct xr_sid_bucket *dir; /* server_id_dir */
	struct xr_sid_page *page;  /* server_id_pages: 0, and those that may be used */
	__u32 dir_mask;            /* buckets - 1 */
	__u32 pages;               /* that may be used: 1 to this */
};

/* Buckets of a directory for that many pages: a third full, so that nearly each key finds room. */
__u32 sid_dir_buckets(__u32 pages);

/* The backend, 0 for none. */
__u16 sid_store_find(const struct sid_store *s, const __u8 *sid, __u8 len);

/* Each once, also while somebody else applies a plan. What is not 0 ends it and is returned. */
int sid_store_each(const struct sid_store *s, int (*visit)(void *ctx, const struct sid_entry *e),
		   void *ctx);

/* Which backends have any: has[], by index, to most. */
void sid_store_backends(const struct sid_store *s, bool *has, __u32 most);

struct sid_use {
	__u32 in_table; /* server IDs */
	__u32 in_pages; /* server IDs, too */
	__u32 pages;    /* that are used */
};
struct sid_use sid_store_use(const struct sid_store *s);

/* The key of a server ID's group; 0: it is too long to have one. */
__u64 sid_group_key(const __u8 *sid, __u8 len);

/*
 * How many of n server IDs there are at least that no page has, where there are that many
 * pages. key[]: of their groups; it is sorted.
 */
size_t sid_least_in_table(__u64 *key, size_t n, __u32 pages);

struct sid_store_plan;

/* How to make the store hold want[n] and nothing else. Errors: as sid_plan_make(). */
int sid_store_plan_make(const struct sid_store *s, const struct sid_entry *want, size_t n,
			struct sid_store_plan **plan, struct xr_err *err);

/* What there will be when it has been applied. */
struct sid_use sid_store_plan_use(const struct sid_store_plan *plan);

/*
 * Carries the plan out. grace() returns once no reader from before is left. The store must
 * not have changed since the plan was made.
 */
void sid_store_plan_apply(const struct sid_store_plan *plan, const struct sid_store *s,
			  void (*grace)(void *ctx), void *ctx);
void sid_store_plan_free(struct sid_store_plan *plan);

#endif
