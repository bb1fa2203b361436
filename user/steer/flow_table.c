// SPDX-License-Identifier: GPL-2.0-only
#include "flow_table.h"
#include "lib/whole.h"

size_t flow_table_sweep(struct xr_flow_bucket *bucket, size_t buckets, const bool *gone)
{
	const struct xr_flow none = { 0 };
	struct xr_flow *entry, was;
	size_t i, freed = 0;
	int w;

	for (i = 0; i < buckets; i++) {
		for (w = 0; w < XR_FLOW_WAYS; w++) {
			entry = &bucket[i].way[w];
			was = whole_load(entry);
			/* A failed exchange loads was anew: it is judged afresh. */
			while (was.backend && gone[was.backend]) {
				if (!whole_exchange(entry, &was, none))
					continue;
				freed++;
				break;
			}
		}
	}
	return freed;
}

size_t flow_table_count(const struct xr_flow_bucket *bucket, size_t buckets, __u32 tick, __u32 idle,
			__u32 *per_backend)
{
	struct xr_flow f;
	size_t i, n = 0;
	int w;

	for (i = 0; i < buckets; i++) {
		for (w = 0; w < XR_FLOW_WAYS; w++) {
			f = whole_load(&bucket[i].way[w]);
			if (!f.backend || ((tick - f.seen) & XR_FLOW_SEEN) > idle)
				continue;
			n++;
			if (per_backend)
				per_backend[f.backend]++;
		}
	}
	return n;
}

/* ---- merging ---- */

static __u32 age_of(struct xr_flow f, __u32 tick)
{
	return (tick - f.seen) & XR_FLOW_SEEN;
}

static struct xr_flow *entry_of(struct xr_flow_bucket *b, __u32 tag, const struct xr_flow *but)
{
	int w;

	for (w = 0; w < XR_FLOW_WAYS; w++)
		if (&b->way[w] != but && whole_load(&b->way[w]).tag == tag)
			return &b->way[w];
	return NULL;
}

/* The place that is given up most gladly, and what is in it; NULL: none may be. */
static struct xr_flow *victim_of(struct xr_flow_bucket *b, __u32 tick, __u32 idle,
				 struct xr_flow *was)
{
	__u32 worth, best = 0;
	struct xr_flow *found = NULL, f;
	int w;

	for (w = 0; w < XR_FLOW_WAYS; w++) {
		f = whole_load(&b->way[w]);
		if (!f.backend)
			worth = 3U << 16;
		else if (age_of(f, tick) > idle)
			worth = 2U << 16;
		else if (!(f.seen & XR_FLOW_ESTABLISHED))
			worth = (1U << 16) + age_of(f, tick);
		else
			continue;
		if (worth <= best)
			continue;
		best = worth;
		found = &b->way[w];
		*was = f;
	}
	return found;
}

enum flow_merge flow_table_merge(struct xr_flow_bucket *b, struct xr_flow flow, __u32 tick,
				 __u32 idle)
{
	struct xr_flow *entry, was;

	for (;;) {
		entry = entry_of(b, flow.tag, NULL);
		if (entry) {
			was = whole_load(entry);
			if (was.tag != flow.tag)
				continue;
			if (was.backend && age_of(was, tick) <= age_of(flow, tick))
				return FLOW_MERGE_KEPT;
			if (whole_exchange(entry, &was, flow))
				return FLOW_MERGE_NEWER;
			continue;
		}
		entry = victim_of(b, tick, idle, &was);
		if (!entry)
			return FLOW_MERGE_FULL;
		if (!whole_exchange(entry, &was, flow))
			continue;
		/* The data plane may have entered it at the same time: its own is newer. */
		was = flow;
		if (!entry_of(b, flow.tag, entry))
			return FLOW_MERGE_NEW;
		whole_exchange(entry, &was, (struct xr_flow){ 0 });
		return FLOW_MERGE_KEPT;
	}
}
