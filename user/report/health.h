/* SPDX-License-Identifier: GPL-2.0-only */
/* What an operator should know at a glance, and what is wrong. */
#ifndef XR_REPORT_HEALTH_H
#define XR_REPORT_HEALTH_H

#include "plane/server_ids.h"

struct health {
	__u32 vips;
	__u32 backends[XR_BACKEND_DOWN + 1]; /* by enum xr_backend_state */
	__u32 cids;
	struct sid_use sids;
	__u32 devices;
	__u32 hosts;
	__u32 vms;
	/* VMs by state */
	__u32 under_way; /* prepared, or in blackout */
	__u32 moved;     /* redirected now */
	__u32 frozen, disabled;
};

void health_count(struct plane *p, struct health *h);
/* Of them, server IDs alone. */
struct sid_use health_server_ids(const struct plane *p);

/* The counters of now, from which health_check() sees what came since; NULL: out of memory. */
struct health_baseline *health_baseline(struct plane *p);
void health_baseline_free(struct health_baseline *w);

/*
 * Calls each() with a line for each thing that is wrong, and what to do. since: a
 * baseline taken some time ago, or NULL.
 */
void health_check(struct plane *p, const struct health_baseline *since,
		  void (*each)(void *ctx, const char *line), void *ctx);

/* The same for each way that ICMP errors showed to be narrower than its route. */
void health_narrow(struct plane *p, void (*each)(void *ctx, const char *line), void *ctx);

#endif
