// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include "flow_table.h"

_Static_assert(sizeof(struct xr_flow) == sizeof(__u64),
	       "an entry is read and exchanged as one word");

static struct xr_flow unpack(__u64 word)
{
	struct xr_flow f;

	memcpy(&f, &word, sizeof(f));
	return f;
}

size_t flow_table_sweep(struct xr_flow_bucket *bucket, size_t buckets, const bool *gone)
{
	size_t i, freed = 0;
	__u64 *word, was;
	int w;

	for (i = 0; i < buckets; i++) {
		for (w = 0; w < XR_FLOW_WAYS; w++) {
			word = (__u64 *)(void *)&bucket[i].way[w];
			was = __atomic_load_n(word, __ATOMIC_RELAXED);
			/* A failed exchange reloads was: judge it afresh. */
			while (was && gone[unpack(was).backend]) {
				if (!__atomic_compare_exchange_n(word, &was, 0, false,
								 __ATOMIC_ACQ_REL,
								 __ATOMIC_RELAXED))
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
	const __u64 *word;
	struct xr_flow f;
	size_t i, n = 0;
	int w;

	for (i = 0; i < buckets; i++) {
		for (w = 0; w < XR_FLOW_WAYS; w++) {
			word = (const __u64 *)(const void *)&bucket[i].way[w];
			f = unpack(__atomic_load_n(word, __ATOMIC_RELAXED));
			if (!f.backend || ((tick - f.seen) & XR_FLOW_SEEN) > idle)
				continue;
			n++;
			if (per_backend)
				per_backend[f.backend]++;
		}
	}
	return n;
}
