// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <limits.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "hops.h"
#include "host.h"
#include "lib/netns.h"
#include "lib/whole.h"
#include "net/path.h"
#include "underlay/outer.h"
#include "underlay/paths.h"

/* The neighbour by which a path goes, as found last. */
struct way {
	__be32 addr[XR_ADDR_WORDS]; /* whose; zero: nobody's so far */
	__u32 ifindex;              /* 0: not known */
	__be32 gateway[XR_ADDR_WORDS];
	__u8 mac[6];  /* zero: not known, or it is not all that counts */
	bool touched; /* something changed since */
};

struct hops {
	struct plane *p;
	struct xr_nexthop *value; /* one of each CPU */
	struct way *way;          /* hosts by index, then backends by index */
	__u32 hosts, n;
	__u32 changes; /* of the configuration, up to which all ways are known or touched */
	__u32 from;    /* where hops_refresh() goes on */
	bool any;      /* one is touched */
};

struct hops *hops_new(struct plane *p)
{
	struct hops *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->p = p;
	h->hosts = p->meta->limits.hosts + 1;
	h->n = h->hosts + p->meta->limits.backends + 1;
	h->way = calloc(h->n, sizeof(*h->way));
	h->value = calloc(p->cpus, sizeof(*h->value));
	if (h->way && h->value)
		return h;
	hops_free(h);
	return NULL;
}

void hops_free(struct hops *h)
{
	if (!h)
		return;
	free(h->way);
	free(h->value);
	free(h);
}

static void touch(struct hops *h, __u32 i)
{
	h->way[i].touched = true;
	h->any = true;
}

void hops_touch_all(struct hops *h)
{
	__u32 i;

	for (i = 0; i < h->n; i++)
		touch(h, i);
}

/* The facts and the path of way i; false: no such host or backend. */
static bool facts_of(struct plane *p, __u32 i, __u32 hosts, struct xr_backend_info *facts,
		     __u32 *path)
{
	if (i >= hosts) {
		i -= hosts;
		*path = p->backends[i].path;
		*facts = p->backend_info[i];
		return p->backends[i].state != XR_BACKEND_NONE;
	}
	if (!(p->hosts[i].flags & XR_HOST_USED) || p->hosts[i].flags & XR_HOST_LOCAL)
		return false;
	*path = p->hosts[i].path;
	host_as_backend(&p->host_info[i], facts);
	return true;
}

/* Who came, or got another address, since all were looked at. */
static void touch_new(struct hops *h)
{
	__u32 i, path, changes = __atomic_load_n(&h->p->meta->changes, __ATOMIC_ACQUIRE);
	struct xr_backend_info facts;

	if (changes == h->changes)
		return;
	h->changes = changes;
	for (i = 0; i < h->n; i++) {
		if (!facts_of(h->p, i, h->hosts, &facts, &path) ||
		    !memcmp(h->way[i].addr, facts.addr, sizeof(facts.addr)))
			continue;
		touch(h, i);
	}
}

void hops_touch(struct hops *h, __u32 ifindex, const __be32 *addr, const __u8 *mac)
{
	__u32 i;

	touch_new(h);
	for (i = 0; i < h->n; i++) {
		if (h->way[i].ifindex != ifindex ||
		    memcmp(h->way[i].gateway, addr, sizeof(h->way[i].gateway)) ||
		    (mac && !memcmp(h->way[i].mac, mac, sizeof(h->way[i].mac))))
			continue;
		touch(h, i);
	}
}

void hops_touch_named(struct hops *h)
{
	struct xr_backend_info facts;
	__u32 i, path;

	for (i = 0; i < h->n; i++) {
		if (!facts_of(h->p, i, h->hosts, &facts, &path) || !facts.dev[0])
			continue;
		touch(h, i);
	}
}

bool hops_touched(const struct hops *h)
{
	return h->any;
}

static bool is_same(const struct xr_nexthop *a, const struct xr_nexthop *b)
{
	return a->ifindex == b->ifindex && a->gateway == b->gateway &&
		!memcmp(a->dmac, b->dmac, 6) && !memcmp(a->smac, b->smac, 6);
}

/*
 * The kernel copies by eight octets, so that a new MAC of the same neighbour is one store.
 * Only where the device changes, too, a packet may see one half of the old next hop and one
 * of the new: that reaches neither, like a packet on its way while the route changes.
 */
static void write_hop(struct hops *h, __u32 path, const struct xr_nexthop *hop)
{
	struct plane *p = h->p;
	bool changed = false;
	int cpu;

	if (!path || path >= p->paths_max ||
	    bpf_map_lookup_elem(p->fd[PLANE_NEXTHOPS], &path, h->value))
		return;
	for (cpu = 0; cpu < p->cpus; cpu++) {
		if (is_same(&h->value[cpu], hop))
			continue;
		h->value[cpu] = *hop;
		changed = true;
	}
	if (!changed)
		return;
	bpf_map_update_elem(p->fd[PLANE_NEXTHOPS], &path, h->value, 0);
	paths_unready(p, path);
}

/* The entry of host or backend i names another path from here on. */
static void store_path_index(struct plane *p, __u32 i, __u32 hosts, __u32 path)
{
	struct xr_backend b;
	struct xr_host host;

	if (i < hosts) {
		host = p->hosts[i];
		host.path = path;
		whole_store(&p->hosts[i], host);
		return;
	}
	b = p->backends[i - hosts];
	b.path = path;
	whole_store(&p->backends[i - hosts], b);
}

/*
 * Packets get another source address now, or it was not known so far. That cannot be stored at
 * once, so another path is filled and named. false: nothing of the kind, or no path is free.
 */
static bool renew(struct hops *h, __u32 i, __u32 path, const struct path_job *job)
{
	struct plane *p = h->p;
	const struct xr_path *was = &p->paths[path];
	__u32 other;

	if (job->path.method == XR_FORWARD_L2 ||
	    (was->source_bits == job->path.source_bits &&
	     !memcmp(was->saddr, job->path.saddr, sizeof(was->saddr))))
		return false;
	other = paths_find_free(p);
	if (!other || paths_store(p, other, job))
		return false;
	outer_store_mtu(p, other, job->path.mtu, job->path.route_mtu);
	store_path_index(p, i, h->hosts, other);
	plane_grace(p); /* the old one may be filled anew from here on */
	outers_sync(p);
	return true;
}

/*
 * The device that is named may have been made anew, with another ifindex. Where there is none
 * of that name, the old ifindex stays if its device is there: it was only renamed.
 */
static void follow_device(struct plane *p, __u32 path, const struct path_job *job)
{
	__u32 *is, now = job->path.ifindex;
	char name[IF_NAMESIZE];

	if (!job->info->dev[0] || !path || path >= p->paths_max)
		return;
	is = &p->paths[path].ifindex;
	if (!now && (job->info->forward != XR_FORWARD_PORT || if_indextoname(*is, name)))
		return;
	if (*is != now)
		__atomic_store_n(is, now, __ATOMIC_RELEASE);
}

static void refresh_way(struct hops *h, __u32 i)
{
	struct xr_backend_info facts;
	struct path_job job = { .info = &facts, .host = i < h->hosts };
	struct way *w = &h->way[i];
	__u32 path;

	if (!facts_of(h->p, i, h->hosts, &facts, &path)) {
		memset(w, 0, sizeof(*w));
		return;
	}
	memcpy(w->addr, facts.addr, sizeof(w->addr));
	if (job.host)
		job.source = host_source(h->p, &h->p->host_info[i]);
	path_refresh(&job, 1, &h->p->meta->policy, plane_tick(h->p));
	follow_device(h->p, path, &job);
	if (job.host && facts.dev[0]) {
		if (job.hop.ifindex)
			write_hop(h, path, &job.hop);
		return;
	}
	w->ifindex = job.ifindex;
	memcpy(w->gateway, job.gateway, sizeof(w->gateway));
	/* By a bridge it may be behind another port. */
	memset(w->mac, 0, sizeof(w->mac));
	if (job.trouble == PATH_FINE && !job.by_bridge)
		memcpy(w->mac, job.hop.dmac, sizeof(w->mac));
	if (!job.ifindex || !path || path >= h->p->paths_max ||
	    (job.trouble == PATH_FINE && renew(h, i, path, &job)))
		return;
	outer_store_mtu(h->p, path, job.path.mtu, job.path.route_mtu);
	if (job.trouble == PATH_FINE && job.hop.ifindex)
		write_hop(h, path, &job.hop);
}

bool hops_refresh(struct hops *h, unsigned int n)
{
	if (!h->any)
		return false;
	for (; h->from < h->n; h->from++) {
		if (!h->way[h->from].touched)
			continue;
		if (!n)
			return true;
		h->way[h->from].touched = false;
		refresh_way(h, h->from);
		n -= h->way[h->from].ifindex != 0;
	}
	h->from = 0;
	h->any = false;
	return false;
}

/* This network namespace has devices of the instance, or there are none at all. */
static bool is_home(const struct plane *p)
{
	__u64 here = netns_id();
	bool any = false;
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		const struct xr_device *d = &p->devices[i];

		/* Role pass: as a rule the other end of a node's veth, in another machine. */
		if (!d->ifindex || d->role == XR_ROLE_PASS)
			continue;
		if (d->netns == here)
			return true;
		any = true;
	}
	return !any;
}

void hops_follow(struct plane *p)
{
	struct hops *h = is_home(p) ? hops_new(p) : NULL;

	if (!h)
		return;
	hops_touch_all(h);
	hops_refresh(h, UINT_MAX);
	hops_free(h);
}
