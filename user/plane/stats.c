// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/reason.h"
#include "stats.h"

/* As large as the largest of them. */
union any_counter {
	struct xr_counter counter;
	struct xr_backend_counter backend;
	struct xr_cid_counter cid;
	struct xr_dev_counter dev;
};

/* A counter is an array of u64, whichever it is, so one loop sums them all. */
static int sum_words(struct plane *p, enum plane_map map, __u32 index, void *sum, size_t size)
{
	size_t words = size / sizeof(__u64), i;
	__u64 *value, *out = sum;
	int cpu, ret = 0;

	memset(sum, 0, size);
	value = calloc(p->cpus, size);
	if (!value)
		return -ENOMEM;
	if (bpf_map_lookup_elem(p->fd[map], &index, value))
		ret = -errno;
	for (cpu = 0; !ret && cpu < p->cpus; cpu++) {
		for (i = 0; i < words; i++)
			out[i] += value[cpu * words + i];
	}
	free(value);
	return ret;
}

int stats_vip(struct plane *p, __u32 vip, struct xr_counter *sum)
{
	return sum_words(p, PLANE_VIP_STATS, vip, sum, sizeof(*sum));
}

int stats_backend(struct plane *p, __u32 backend, struct xr_backend_counter *sum)
{
	return sum_words(p, PLANE_BACKEND_STATS, backend, sum, sizeof(*sum));
}

int stats_cid(struct plane *p, __u32 vip, struct xr_cid_counter *sum)
{
	return sum_words(p, PLANE_CID_STATS, vip, sum, sizeof(*sum));
}

__u64 stats_sum_codepoints(const __u64 counts[XR_CODEPOINTS], unsigned int points)
{
	__u64 sum = 0;
	int i;

	for (i = 0; i < XR_CODEPOINTS; i++)
		sum += points & 1U << i ? counts[i] : 0;
	return sum;
}

int stats_steered(struct plane *p, unsigned int points, struct stats_steered *s)
{
	const struct xr_limits *l = &p->meta->limits;
	struct xr_backend_counter b;
	struct xr_cid_counter c;
	__u32 i;
	int ret;

	memset(s, 0, sizeof(*s));
	for (i = 1; i <= l->backends; i++) {
		if (p->backend_info[i].state == XR_BACKEND_NONE)
			continue;
		ret = stats_backend(p, i, &b);
		if (ret)
			return ret;
		s->by_cid += stats_sum_codepoints(b.by_cid, points);
	}
	for (i = 1; i <= l->vips; i++) {
		if (!p->vips[i].used || !(p->vips[i].flags & XR_VIP_CID))
			continue;
		ret = stats_cid(p, i, &c);
		if (ret)
			return ret;
		s->astray += stats_sum_codepoints(c.astray, points);
		s->down += stats_sum_codepoints(c.down, points);
	}
	return 0;
}

int stats_host(struct plane *p, __u32 host, struct xr_counter *sum)
{
	return sum_words(p, PLANE_HOST_STATS, host, sum, sizeof(*sum));
}

static void add_counter(struct xr_counter *to, const struct xr_counter *c)
{
	to->packets += c->packets;
	to->bytes += c->bytes;
}

static int reasons_of_dev(struct plane *p, __u32 slot, struct xr_dev_reasons *sum)
{
	return sum_words(p, PLANE_DEV_REASONS, slot, sum, sizeof(*sum));
}

int stats_reasons(struct plane *p, struct xr_counter sum[XR_REASON_MAX])
{
	struct xr_dev_reasons dev;
	__u32 slot;
	int i, ret = 0;

	for (i = 0; i < XR_REASON_MAX && !ret; i++)
		ret = sum_words(p, PLANE_REASON_STATS, i, &sum[i], sizeof(*sum));
	/* An older layout's map has no counter for the last ones: see plane_map_fits(). */
	if (ret == -ENOENT)
		memset(&sum[i - 1], 0, (XR_REASON_MAX - i + 1) * sizeof(*sum));
	else if (ret)
		return ret;
	for (slot = 0; slot < XR_MAX_DEVICES; slot++) {
		ret = reasons_of_dev(p, slot, &dev);
		if (ret)
			return ret;
		for (i = 0; i < XR_REASON_MAX; i++)
			add_counter(&sum[i], &dev.reason[i]);
	}
	return 0;
}

int stats_dev(struct plane *p, __u32 slot, struct xr_dev_counter *sum)
{
	struct xr_counter kind[XR_KIND_MAX];
	struct xr_dev_reasons dev;
	int i, ret = sum_words(p, PLANE_DEV_STATS, slot, sum, sizeof(*sum));

	if (!ret)
		ret = reasons_of_dev(p, slot, &dev);
	if (ret)
		return ret;
	stats_kinds(dev.reason, kind);
	for (i = 0; i < XR_KIND_NOTE; i++)
		add_counter(&sum->kind[i], &kind[i]);
	return 0;
}

int stats_begin_dev(struct plane *p, __u32 slot)
{
	struct xr_dev_counter *now = calloc(p->cpus, sizeof(*now)), sum;
	int i, ret = now ? stats_clear(p, PLANE_DEV_STATS, slot) : -ENOMEM;

	if (!ret)
		ret = stats_dev(p, slot, &sum);
	for (i = 0; !ret && i < XR_KIND_NOTE; i++) {
		now->kind[i].packets = -sum.kind[i].packets;
		now->kind[i].bytes = -sum.kind[i].bytes;
	}
	if (!ret && bpf_map_update_elem(p->fd[PLANE_DEV_STATS], &slot, now, 0))
		ret = -errno;
	free(now);
	return ret;
}

void stats_kinds(const struct xr_counter reason[XR_REASON_MAX], struct xr_counter kind[XR_KIND_MAX])
{
	int i;

	memset(kind, 0, XR_KIND_MAX * sizeof(*kind));
	for (i = XR_REASON_NONE + 1; i < XR_REASON_MAX; i++) {
		enum xr_reason_kind k = reason_kind(i);

		kind[k].packets += reason[i].packets;
		kind[k].bytes += reason[i].bytes;
	}
}

int stats_clear(struct plane *p, enum plane_map map, __u32 index)
{
	void *zero = calloc(p->cpus, sizeof(union any_counter));
	int ret = 0;

	if (!zero)
		return -ENOMEM;
	if (bpf_map_update_elem(p->fd[map], &index, zero, 0))
		ret = -errno;
	free(zero);
	return ret;
}

#define SAMPLE 65536 /* buckets: 4 MB of table, some milliseconds */

int stats_flow_table(struct plane *p, struct stats_flows *flows)
{
	__u32 now = plane_tick(p), idle = p->meta->policy.flow_idle;
	__u32 step = (p->flow_buckets + SAMPLE - 1) / SAMPLE, b, looked = 0;
	int w;

	memset(flows, 0, sizeof(*flows));
	flows->entries = (__u64)p->flow_buckets * XR_FLOW_WAYS;
	flows->sampled = step > 1;
	/* Buckets are chosen by a hash, so any regular sample is a fair one. */
	for (b = 0; b < p->flow_buckets; b += step, looked++) {
		for (w = 0; w < XR_FLOW_WAYS; w++) {
			struct xr_flow f = p->flows[b].way[w];

			if (!f.backend || ((now - f.seen) & XR_FLOW_SEEN) > idle)
				continue;
			flows->used++;
			flows->established += !!(f.seen & XR_FLOW_ESTABLISHED);
		}
	}
	if (step > 1 && looked) {
		flows->used = flows->used * p->flow_buckets / looked;
		flows->established = flows->established * p->flow_buckets / looked;
	}
	return 0;
}
