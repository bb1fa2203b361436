// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <stdlib.h>

#include "hops.h"
#include "host.h"
#include "path.h"
#include "stats.h"

#define FOREVER 1000	/* ticks: nobody's but an operator's MAC */

static bool expire(struct xr_nexthop *hop, int cpus, __u32 tick)
{
	bool any = false;
	int cpu;

	for (cpu = 0; cpu < cpus; cpu++) {
		__s32 left = hop[cpu].until - tick;

		if (!hop[cpu].ifindex || left < 0 || left > FOREVER)
			continue;
		hop[cpu].until = tick - 1;
		any = true;
	}
	return any;
}

/*
 * The data plane writes here, too. What it wrote between our read and our write
 * is lost, and asked for again: until says so.
 */
static void expire_path(struct plane *p, __u32 path, struct xr_nexthop *hop,
			__u32 tick)
{
	if (!path || path >= p->paths_max ||
	    bpf_map_lookup_elem(p->fd[PLANE_NEXTHOPS], &path, hop))
		return;
	if (expire(hop, p->cpus, tick))
		bpf_map_update_elem(p->fd[PLANE_NEXTHOPS], &path, hop, 0);
}

void hops_expire(struct plane *p)
{
	struct xr_nexthop *hop = calloc(p->cpus, sizeof(*hop));
	__u32 i, tick = stats_tick(p);

	for (i = 1; hop && i <= p->meta->limits.hosts; i++)
		if (p->hosts[i].flags & XR_HOST_USED)
			expire_path(p, p->hosts[i].path, hop, tick);
	for (i = 1; hop && i <= p->meta->limits.backends; i++)
		if (p->backends[i].state != XR_BACKEND_NONE)
			expire_path(p, p->backends[i].path, hop, tick);
	free(hop);
}

void hops_remind(struct plane *p, __u32 *from, __u32 n)
{
	struct xr_backend_info facts;
	struct path_job job = { .info = &facts, .host = true };
	__u32 i = *from ? *from : 1;

	for (; n && i <= p->meta->limits.hosts; i++) {
		const struct xr_host *h = &p->hosts[i];

		if (!(h->flags & XR_HOST_USED) || h->flags & XR_HOST_LOCAL ||
		    h->method == XR_FORWARD_PORT)
			continue;
		n--;
		host_facts(&p->host_info[i], &facts);
		path_remind(&job, 1, &p->meta->policy, stats_tick(p));
	}
	*from = i > p->meta->limits.hosts ? 0 : i;
}
