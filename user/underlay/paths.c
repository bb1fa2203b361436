// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>

#include "paths.h"

static void take(const struct plane *p, bool *taken, __u32 path)
{
	if (path < p->paths_max)
		taken[path] = true;
}

bool *paths_taken(const struct plane *p)
{
	const struct xr_limits *l = &p->meta->limits;
	bool *taken = calloc(p->paths_max + 1, sizeof(*taken));
	__u32 i;

	if (!taken)
		return NULL;
	taken[0] = true;
	for (i = 1; i <= l->backends; i++)
		take(p, taken, p->backends[i].path);
	for (i = 1; i <= l->hosts; i++)
		take(p, taken, p->hosts[i].path);
	return taken;
}

__u32 paths_find_free(const struct plane *p)
{
	bool *taken = paths_taken(p);
	__u32 i, path = 0;

	for (i = 1; taken && !path && i < p->paths_max; i++)
		if (!taken[i])
			path = i;
	free(taken);
	return path;
}

/* The kernel pads a per-CPU value to eight octets; so is the struct. */
_Static_assert(sizeof(struct xr_nexthop) % 8 == 0, "per-CPU stride");

int paths_unready(struct plane *p, __u32 path)
{
	struct xr_ready *ready = calloc(p->cpus, sizeof(*ready));
	int cpu, ret = ready ? 0 : -ENOMEM;

	/* The rest stays: a packet on its way may be reading it. */
	if (!ret && bpf_map_lookup_elem(p->fd[PLANE_READY], &path, ready))
		ret = -errno;
	for (cpu = 0; !ret && cpu < p->cpus; cpu++)
		ready[cpu].mtu = ready[cpu].mtu6 = 0;
	if (!ret && bpf_map_update_elem(p->fd[PLANE_READY], &path, ready, BPF_ANY))
		ret = -errno;
	free(ready);
	return ret;
}

int paths_store(struct plane *p, __u32 path, const struct path_job *j)
{
	struct xr_nexthop *hop = calloc(p->cpus, sizeof(*hop));
	int cpu, ret;

	if (!hop)
		return -ENOMEM;
	for (cpu = 0; cpu < p->cpus; cpu++)
		hop[cpu] = j->hop;
	ret = paths_unready(p, path);
	if (!ret) {
		p->paths[path] = j->path;
		ret = bpf_map_update_elem(p->fd[PLANE_NEXTHOPS], &path, hop, BPF_ANY);
	}
	free(hop);
	return ret;
}

__u32 paths_device(const struct plane *p, __u32 path)
{
	struct xr_nexthop *hop;
	__u32 device;
	int cpu;

	if (!path || path >= p->paths_max)
		return 0;
	device = p->paths[path].ifindex;
	if (device)
		return device;
	hop = calloc(p->cpus, sizeof(*hop));
	if (hop && !bpf_map_lookup_elem(p->fd[PLANE_NEXTHOPS], &path, hop))
		for (cpu = 0; cpu < p->cpus && !device; cpu++)
			device = hop[cpu].ifindex;
	free(hop);
	return device;
}

enum paths_dev paths_check_device(const struct plane *p, __u32 path, const char *dev)
{
	__u32 now = dev[0] ? if_nametoindex(dev) : 0;

	if (!dev[0] || !path || path >= p->paths_max || (now && now == p->paths[path].ifindex))
		return PATHS_DEV_FINE;
	return now ? PATHS_DEV_ANEW : PATHS_DEV_GONE;
}
