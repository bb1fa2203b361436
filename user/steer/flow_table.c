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
