// SPDX-License-Identifier: GPL-2.0-only
/* tc programs on uplinks and VXLAN devices, which have them while some host is local. */
#include <bpf/bpf.h>
#include <string.h>

#include "attach/tc.h"
#include "host/host.h"
#include "lib/index.h"
#include "lib/netns.h"
#include "local_priv.h"

/* ---- the map taps: what a device is to the programs ---- */

void tap_set_kind(struct plane *p, __u32 ifindex, __u32 kind)
{
	if (!tc_with_same_number(p, ifindex))
		bpf_map_update_elem(p->fd[PLANE_TAPS], &ifindex, &kind, 0);
}

__u32 tap_kind(struct plane *p, __u32 ifindex)
{
	__u32 kind;

	return bpf_map_lookup_elem(p->fd[PLANE_TAPS], &ifindex, &kind) ? 0 : kind;
}

/* ---- hooks ---- */

/* All VMs of a VNI are in one VLAN: see set_tunnel_vlan() in local_move.c. */
static void hook_vxlan(struct plane *p, const struct links *links, __u32 host, struct xr_err *warn)
{
	const struct xr_host_info *h = &p->host_info[host];
	const struct link *dev;
	struct xr_err err = { "" };

	if (h->method != XR_FORWARD_VXLAN)
		return;
	dev = links_by_vni(links, h->vni, h->addr);
	if (!dev) {
		if (warn && !warn->text[0])
			xr_fail(warn, 0,
				"host %s: there is no VXLAN device for VNI %u here: no frame can come to its VMs by it",
				h->name, h->vni);
		return;
	}
	if (!tap_kind(p, dev->ifindex))
		tap_set_kind(p, dev->ifindex, XR_TAP_TUNNEL | p->hosts[host].vlan);
	if ((tc_attach(p, dev->ifindex, dev->name, XR_TC_TUNNEL_IN, &err) ||
	     tc_attach(p, dev->ifindex, dev->name, XR_TC_TUNNEL_OUT, &err)) &&
	    warn && !warn->text[0])
		*warn = err;
}

static void hook_uplink(struct plane *p, const struct xr_device *d, struct xr_err *warn)
{
	struct xr_err err = { "" };

	tap_set_kind(p, d->ifindex, XR_TAP_UPLINK);
	if ((tc_attach(p, d->ifindex, d->name, XR_TC_UPLINK_IN, &err) ||
	     tc_attach(p, d->ifindex, d->name, XR_TC_UPLINK_OUT, &err)) &&
	    warn && !warn->text[0])
		*warn = err;
}

/* kind: what the map taps says of the device. It is the port of the VM of that number. */
static bool is_tap(const struct plane *p, const struct links *links, __u32 ifindex, __u32 kind)
{
	return kind && kind < XR_TAP_TUNNEL && links_by_index(links, ifindex) &&
		p->vm_info[index_of_no(kind)].used && p->vms[index_of_no(kind)].tap == ifindex &&
		p->vm_info[index_of_no(kind)].netns == netns_id();
}

/* A device may be attached only to guard the VM behind it: that is no uplink. */
static bool is_vm_port(struct plane *p, const struct links *links, __u32 ifindex)
{
	const struct link *dev = links_by_index(links, ifindex);

	return (dev && dev->kind == LINK_TUN) || is_tap(p, links, ifindex, tap_kind(p, ifindex));
}

static bool is_uplink(struct plane *p, const struct links *links, __u32 ifindex)
{
	__u64 here = netns_id();
	int i;

	if (is_vm_port(p, links, ifindex))
		return false;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		const struct xr_device *d = &p->devices[i];

		if (d->ifindex == ifindex && d->netns == here && d->role == XR_ROLE_NODE)
			return links_by_index(links, ifindex);
	}
	return false;
}

static bool is_tunnel(const struct plane *p, const struct links *links, __u32 ifindex)
{
	const struct link *dev = links_by_index(links, ifindex);
	__u32 h;

	for (h = 1; dev && h <= p->meta->limits.hosts; h++)
		if (host_is_local(p, h) && p->host_info[h].method == XR_FORWARD_VXLAN &&
		    links_by_vni(links, p->host_info[h].vni, p->host_info[h].addr) == dev)
			return true;
	return false;
}

/* Detaches programs of this namespace that nothing needs any more. */
static void drop_hooks(struct plane *p, const struct links *links)
{
	bool any = host_any_local(p);
	__u64 here = netns_id();
	struct xr_tc_hook *h;
	__u32 ifindex, kind;
	bool wanted;
	int at = 0;

	while ((h = tc_next(p, &at))) {
		if (h->netns != here)
			continue;
		ifindex = h->ifindex;
		kind = tap_kind(p, ifindex);
		if (h->kind == XR_TC_TUNNEL_IN || h->kind == XR_TC_TUNNEL_OUT)
			wanted = is_tunnel(p, links, ifindex);
		else if (h->kind == XR_TC_TAP_OUT || h->kind == XR_TC_TAP_IN)
			wanted = is_tap(p, links, ifindex, kind);
		else
			wanted = is_uplink(p, links, ifindex);
		if (any && wanted)
			continue;
		tc_detach(p, ifindex, h->kind);
		if (!any || !is_tap(p, links, ifindex, kind))
			bpf_map_delete_elem(p->fd[PLANE_TAPS], &ifindex);
	}
}

static void hooks_here(struct plane *p, struct xr_err *warn)
{
	struct netlink nl = { 0 };
	struct links links = { 0 };
	__u32 i;

	if (netlink_open(&nl) || links_read(&nl, &links))
		goto out;
	drop_hooks(p, &links);
	if (!host_any_local(p))
		goto out;
	for (i = 0; i < XR_MAX_DEVICES; i++)
		if (p->devices[i].ifindex && is_uplink(p, &links, p->devices[i].ifindex))
			hook_uplink(p, &p->devices[i], warn);
	for (i = 1; i <= p->meta->limits.hosts; i++)
		if (host_is_local(p, i))
			hook_vxlan(p, &links, i, warn);
out:
	links_free(&links);
	netlink_close(&nl);
}

/* The namespaces of node devices and of devices that have programs: they are few. */
struct spaces {
	__u64 id[XR_MAX_DEVICES + 1];
	int n;
};

static void add_space(struct spaces *s, __u64 id)
{
	int i;

	for (i = 0; i < s->n; i++)
		if (s->id[i] == id)
			return;
	if (s->n < XR_MAX_DEVICES + 1)
		s->id[s->n++] = id;
}

int vm_local_refresh_hooks(struct plane *p, struct xr_err *warn)
{
	struct spaces s = { .n = 0 };
	struct xr_tc_hook *h;
	int i, at = 0, back;

	for (i = 0; i < XR_MAX_DEVICES && host_any_local(p); i++)
		if (p->devices[i].ifindex && p->devices[i].role == XR_ROLE_NODE)
			add_space(&s, p->devices[i].netns);
	while ((h = tc_next(p, &at)))
		add_space(&s, h->netns);
	for (i = 0; i < s.n; i++) {
		if (netns_enter(s.id[i], &back))
			continue; /* gone, and the programs with it */
		hooks_here(p, warn);
		netns_leave(back);
	}
	return 0;
}
