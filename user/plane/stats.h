/* SPDX-License-Identifier: GPL-2.0-only */
/* The per-CPU counters, summed. Index: reason, VIP, backend or device slot. */
#ifndef XR_PLANE_STATS_H
#define XR_PLANE_STATS_H

#include "plane.h"

/* 0 or -errno; the counter is zeroed where it cannot be read. */
int stats_vip(struct plane *p, __u32 vip, struct xr_counter *sum);
int stats_backend(struct plane *p, __u32 backend, struct xr_backend_counter *sum);
int stats_cid(struct plane *p, __u32 vip, struct xr_cid_counter *sum);
int stats_host(struct plane *p, __u32 host, struct xr_counter *sum);
int stats_dev(struct plane *p, __u32 slot, struct xr_dev_counter *sum);

/* A slot gets a new owner: its device's counts begin at 0. The reasons' sums stay. */
int stats_begin_dev(struct plane *p, __u32 slot);

/* The sum of the counts of a set of codepoints: bit i for codepoint i. */
#define STATS_ALL_CODEPOINTS ((1U << XR_CODEPOINTS) - 1)
__u64 stats_sum_codepoints(const __u64 counts[XR_CODEPOINTS], unsigned int points);

/* Packets with CIDs of some codepoints (see xr_cid_codepoints()), at all VIPs. */
struct stats_steered {
	__u64 by_cid; /* steered by the CID to its server */
	__u64 down;   /* the CID named a server that is down */
	__u64 astray; /* short headers of which the CID named no server */
};

int stats_steered(struct plane *p, unsigned int points, struct stats_steered *s);

/* All reasons at once. */
int stats_reasons(struct plane *p, struct xr_counter sum[XR_REASON_MAX]);

/* By kind of verdict, over all reasons; notes come out as their own kind. */
void stats_kinds(const struct xr_counter reason[XR_REASON_MAX],
		 struct xr_counter kind[XR_KIND_MAX]);

/* Zeroes one element (a slot that gets a new owner) of a *_STATS map. */
int stats_clear(struct plane *p, enum plane_map map, __u32 index);

struct stats_flows {
	__u64 entries; /* the table has room for */
	__u64 used;    /* not yet idle; an estimate where sampled */
	__u64 established;
	bool sampled;
};

/* Counts the flow table, or a sample of a large one. */
int stats_flow_table(struct plane *p, struct stats_flows *flows);

#endif
