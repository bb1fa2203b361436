// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host.h"
#include "lib/lut.h"
#include "lib/whole.h"
#include "lib/text.h"
#include "net/links.h"
#include "underlay/outer.h"
#include "underlay/paths.h"

/* ---- names ---- */

#define MEMO 4096

/* What this process has found out about a plane's hosts: their names, and which have a route. */
struct host_memo {
	__u64 serial;        /* the plane's */
	__u16 by_name[MEMO]; /* by hash: a guess, whose name is compared */
	__u32 routed[];      /* by host: the tick when it had a route, plus one */
};

/* A process works on one plane: only the last one is remembered. NULL: no memory. */
static struct host_memo *memo_of(const struct plane *p)
{
	static struct host_memo *memo;

	if (memo && memo->serial == p->serial)
		return memo;
	free(memo);
	memo = calloc(1, sizeof(*memo) + (p->meta->limits.hosts + 1) * sizeof(memo->routed[0]));
	if (memo)
		memo->serial = p->serial;
	return memo;
}

__u16 host_find(struct plane *p, const char *name)
{
	struct host_memo *memo = memo_of(p);
	__u32 at = lut_hash(name, strlen(name)) % MEMO, i;

	if (!name[0])
		return 0;
	i = memo ? memo->by_name[at] : 0;
	if (i && !strcmp(p->host_info[i].name, name))
		return i;
	for (i = 1; i <= p->meta->limits.hosts; i++) {
		if (strcmp(p->host_info[i].name, name))
			continue;
		if (memo)
			memo->by_name[at] = i;
		return i;
	}
	return 0;
}

const char *host_name(struct plane *p, __u16 host)
{
	if (!host || host > p->meta->limits.hosts || !p->host_info[host].name[0])
		return "?";
	return p->host_info[host].name;
}

bool host_is_local(const struct plane *p, __u16 host)
{
	return host && host <= p->meta->limits.hosts && p->hosts[host].flags & XR_HOST_LOCAL;
}

bool host_any_local(const struct plane *p)
{
	return p->meta->features & XR_FEATURE_LOCAL;
}

/* ---- how a host is reached ---- */

static __u16 tunnel_port(const struct xr_host_info *h)
{
	if (h->port)
		return h->port;
	return h->method == XR_FORWARD_VXLAN  ? XR_PORT_VXLAN
		: h->method == XR_FORWARD_GUE ? XR_PORT_GUE
					      : 0;
}

bool host_same_way(const struct xr_host_info *a, const struct xr_host_info *b)
{
	return a->method == b->method && a->local == b->local && a->vni == b->vni &&
		tunnel_port(a) == tunnel_port(b) && !memcmp(a->addr, b->addr, sizeof(a->addr)) &&
		!memcmp(a->mac, b->mac, sizeof(a->mac)) && !strcmp(a->dev, b->dev);
}

void host_as_backend(const struct xr_host_info *h, struct xr_backend_info *facts)
{
	memset(facts, 0, sizeof(*facts));
	memcpy(facts->name, h->name, sizeof(facts->name));
	memcpy(facts->addr, h->addr, sizeof(facts->addr));
	memcpy(facts->mac, h->mac, sizeof(facts->mac));
	memcpy(facts->dev, h->dev, sizeof(facts->dev));
	facts->vni = h->vni;
	facts->port = h->port;
	facts->forward = h->method;
}

/* ---- where tunnels to a host begin ---- */

/* The other end knows IPIP and GUE by the address alone: either will do for the other. */
static int source_rank(const struct xr_host_info *to, const struct xr_host_info *local)
{
	if (!local->local || !host_has_tunnel(local) || !host_has_tunnel(to) ||
	    local->vni != to->vni || addr_is_ipv4(local->addr) != addr_is_ipv4(to->addr))
		return 0;
	if (local->method == to->method)
		return 2;
	return local->method != XR_FORWARD_VXLAN && to->method != XR_FORWARD_VXLAN;
}

void host_better_source(const struct xr_host_info *to, const struct xr_host_info *local,
			const struct xr_host_info **near)
{
	int rank = source_rank(to, local);

	if (rank > (*near ? source_rank(to, *near) : 0))
		*near = local;
}

const __be32 *host_source(const struct plane *p, const struct xr_host_info *to)
{
	const struct xr_host_info *near = NULL;
	__u32 i;

	if (!host_any_local(p) || !host_has_tunnel(to))
		return NULL;
	for (i = 1; i <= p->meta->limits.hosts; i++)
		if (p->host_info[i].name[0])
			host_better_source(to, &p->host_info[i], &near);
	return near ? near->addr : NULL;
}

bool host_lacks_address(const struct xr_host_info *h)
{
	return h->local && host_has_tunnel(h) && !path_is_local(h->addr);
}

static const char *not_here(const struct xr_host_info *h)
{
	if (!host_lacks_address(h))
		return NULL;
	return "it is local, but its address is none of this machine's now; what is sent from here bears it all the same, and what is sent to it does not arrive";
}

static const char *deaf_why(const struct xr_host_info *h, char words[HOST_FAULT])
{
	const struct link *dev = NULL;
	const char *deaf = NULL;
	struct netlink nl = { 0 };
	struct links links = { 0 };
	char why[LINK_DEAF];

	if (!h->local || h->method != XR_FORWARD_VXLAN)
		return NULL;
	if (!netlink_open(&nl) && !links_read(&nl, &links))
		dev = links_by_vni(&links, h->vni, h->addr);
	if (dev)
		deaf = link_deaf(dev, h->addr, tunnel_port(h), why);
	if (deaf)
		snprintf(words, HOST_FAULT, "no frame comes to its VMs: %s", deaf);
	links_free(&links);
	netlink_close(&nl);
	return deaf ? words : NULL;
}

const char *host_fault(const struct xr_host_info *h, char words[HOST_FAULT])
{
	const char *wrong = not_here(h);

	return wrong ? wrong : deaf_why(h, words);
}

/* ---- a route that was not there when the host was added ---- */

/*
 * When the path was filled there was no route, and so no source address: bits of the policy's
 * were put there (source_bits). Now there is a route: another path is filled and named.
 */
static void mend_path(struct plane *p, __u16 host, __u32 tick)
{
	struct xr_host entry = p->hosts[host];
	struct xr_backend_info facts;
	struct path_job job = { .info = &facts, .host = true };
	__u32 path;

	if (!entry.path || !p->paths[entry.path].source_bits)
		return;
	host_as_backend(&p->host_info[host], &facts);
	job.source = host_source(p, &p->host_info[host]);
	path_refresh(&job, 1, &p->meta->policy, tick);
	path = paths_find_free(p);
	if (job.path.source_bits || !path || paths_store(p, path, &job))
		return;
	entry.path = path;
	whole_store(&p->hosts[host], entry);
	outers_sync(p);
	plane_grace(p); /* the old one may be filled anew from here on */
}

int host_reachable(struct plane *p, __u16 host, struct xr_err *err)
{
	const struct xr_host_info *h = &p->host_info[host];
	struct host_memo *memo = memo_of(p);
	__u32 tick = plane_tick(p);
	char way[128];
	int ret;

	if (h->local || (memo && memo->routed[host] == tick + 1))
		return 0;
	if (h->method == XR_FORWARD_PORT || h->method == XR_FORWARD_L2)
		ret = if_nametoindex(h->dev) ? 0 : -errno;
	else
		ret = path_has_route(h->addr);
	if (!ret && memo)
		memo->routed[host] = tick + 1;
	if (!ret) {
		mend_path(p, host, tick);
		return 0;
	}
	host_words(way, sizeof(way), h);
	if (xr_is_shortage(ret))
		return xr_fail(err, ret,
			       "host %s (%s): cannot ask the kernel for the way to it: %s", h->name,
			       way, strerror(-ret));
	return xr_fail(
		err, -EHOSTUNREACH, "host %s (%s): %s", h->name, way,
		ret == -ENODEV
			? "there is no such device here now"
			: "there is no route to its address now; mend that, then say it again");
}

void host_set_vlan(struct plane *p, __u16 host, __u16 vlan)
{
	struct xr_host entry = p->hosts[host];

	if (entry.method != XR_FORWARD_VXLAN || entry.vlan == vlan)
		return;
	entry.vlan = vlan;
	whole_store(&p->hosts[host], entry);
}
