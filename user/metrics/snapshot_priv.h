/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VIPs, backends and who stands behind what, copied at one time: the metrics and the page's
 * data are made of it. An element that is another's by the time its counters were read is
 * left out, so that nobody gets another one's past.
 */
#ifndef XR_METRICS_SNAPSHOT_PRIV_H
#define XR_METRICS_SNAPSHOT_PRIV_H

#include "lib/text.h"
#include "plane/stats.h"

enum snapshot_answer { SNAPSHOT_UNKNOWN, SNAPSHOT_NO, SNAPSHOT_YES };

struct snapshot_vip {
	__u32 index;
	char name[TEXT_VIP];
	bool cid, flow;
	struct xr_counter sum;
	struct xr_cid_counter cids;
	__u32 backends, usable; /* behind it; and of them up, with a weight */
	__u8 serves, announced; /* enum snapshot_answer, of snapshot_take_serving() */
};

struct snapshot_backend {
	__u32 index;
	struct xr_backend_info info; /* its name ends with a NUL */
	__u8 state;                  /* what the programs go by: enum xr_backend_state */
	bool checked;                /* by a health check */
	__u8 health;                 /* enum xr_health: what it is found to be, or kept */
	__u64 failures;              /* how often it became bad */
	struct xr_backend_counter sum;
};

struct snapshot {
	struct snapshot_vip *vip;
	struct snapshot_backend *backend;
	size_t vips, backends;
	struct xr_member *pair; /* indices in the maps */
	size_t pairs;
	__u32 *vip_no, *backend_no; /* by index in the maps: place in the lists above plus one */
};

/* NULL: out of memory. */
struct snapshot *snapshot_take(struct plane *p);
/*
 * Whether its VIPs serve, and are announced: looked at anew, as the daemon does, without its
 * lock. It asks the kernel for its links.
 */
void snapshot_take_serving(struct plane *p, struct snapshot *s);
void snapshot_free(struct snapshot *s);

#endif
