// SPDX-License-Identifier: GPL-2.0-only
/*
 * How packets leave for backends and hosts, by the kernel's routes and neighbours as they are
 * now, in the network namespace of the devices that packets come in by.
 */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_priv.h"
#include "host/host.h"
#include "model/model_edit.h"

/* One path may be that of many backends: it is looked for once. */
static bool is_new(bool *seen, const struct plane *p, __u32 path)
{
	if (!path || path >= p->paths_max)
		return true;
	if (seen[path])
		return false;
	return seen[path] = true;
}

static void add(struct doctor *d, struct path_job *j, __u32 path, const char *name)
{
	struct doctor_way *w = model_grow(&d->way, &d->ways, sizeof(*w));

	if (!w) {
		d->failed = true;
		return;
	}
	*w = (struct doctor_way){ .name = name, .host = j->host, .info = *j->info };
	path_check(j, &d->p->meta->policy);
	w->trouble = j->trouble;
	w->kept = j->trouble || path_is_kept(j);
	w->dev = j->path.ifindex ? j->path.ifindex
		: j->hop.ifindex ? j->hop.ifindex
				 : j->hop.bridge;
	if (!if_indextoname(w->dev, w->dev_name))
		strcpy(w->dev_name, "?");
	w->mtu = j->path.mtu;
	w->route_mtu = j->path.route_mtu;
	w->overhead = j->path.overhead;
	w->named_dev = paths_check_device(d->p, path, j->info->dev);
}

static void add_backends(struct doctor *d, bool *seen)
{
	struct plane *p = d->p;
	struct path_job j;
	__u32 i;

	for (i = 1; i <= p->meta->limits.backends; i++) {
		if (p->backend_info[i].state == XR_BACKEND_NONE ||
		    p->backend_info[i].state == XR_BACKEND_DOWN ||
		    !is_new(seen, p, p->backends[i].path))
			continue;
		j = (struct path_job){ .info = &p->backend_info[i] };
		add(d, &j, p->backends[i].path, p->backend_info[i].name);
	}
}

static void add_hosts(struct doctor *d, bool *seen)
{
	struct plane *p = d->p;
	struct xr_backend_info facts;
	struct path_job j;
	__u32 i;

	for (i = 1; i <= p->meta->limits.hosts; i++) {
		if (!p->host_info[i].name[0] || p->host_info[i].local ||
		    !is_new(seen, p, p->hosts[i].path))
			continue;
		host_as_backend(&p->host_info[i], &facts);
		j = (struct path_job){ .info = &facts, .host = true };
		j.source = host_source(p, &p->host_info[i]);
		add(d, &j, p->hosts[i].path, p->host_info[i].name);
	}
}

void ways_collect(struct doctor *d)
{
	const struct doctor_dev *dev, *from = NULL;
	__u64 here = netns_id();
	bool *seen;
	int back;

	d->ways_netns = here;
	if (!d->p)
		return;
	doctor_each_dev(d, dev) {
		if (!dev->record || dev->role != XR_ROLE_NODE || !dev->present)
			continue;
		if (!from || dev->netns == here)
			from = dev;
	}
	if (from)
		d->ways_netns = from->netns;
	if (from && from->netns != here)
		strcpy(d->ways_path, from->path);
	seen = calloc(d->p->paths_max + 1, sizeof(*seen));
	if (seen && !netns_enter(d->ways_netns, &back)) {
		add_backends(d, seen);
		add_hosts(d, seen);
		netns_leave(back);
	}
	free(seen);
}
