// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the programs know of the devices they are on: who lives behind one, by
 * which key the switch there takes a frame's source, and whether it is a VM's own
 * port.
 */
#include <string.h>
#include "host.h"
#include "links.h"
#include "netns.h"
#include "ports.h"
#include "vm_priv.h"

static __u16 behind(struct plane *p, const char *dev)
{
	const struct xr_host_info *h;
	__u32 i;

	for (i = 1; i <= p->meta->limits.hosts; i++) {
		h = &p->host_info[i];
		if (h->name[0] && h->method == XR_FORWARD_PORT &&
		    !strcmp(h->dev, dev))
			return i;
	}
	return 0;
}

/* ---- switches ---- */

/* The bridge's port that the device is, or that it is a part of. */
static void know_switch(const struct links *l, __u32 ifindex,
			struct xr_port *port)
{
	const struct link *dev = links_by_index(l, ifindex), *br;
	int hops;

	port->sw = XR_SWITCH_OTHER;
	for (hops = 0; dev && hops < 4; hops++, dev = br) {
		br = links_by_index(l, dev->master);
		if (!dev->master || (br && br->kind == LINK_VRF)) {
			port->sw = XR_SWITCH_NONE;
			return;
		}
		if (!br || br->kind == LINK_BOND)
			continue;
		if (br->kind != LINK_BRIDGE)
			return;
		port->sw = br->filters ? XR_SWITCH_VLANS : XR_SWITCH_MACS;
		port->pvid = br->filters ? dev->pvid : 0;
		port->tpid = br->filters ? br->tpid : 0;
		return;
	}
}

/* Those of one namespace at once. */
struct reader {
	__u64 netns;
	struct links links;
	bool read;
};

static void read_links(struct reader *r, __u64 netns)
{
	struct netlink nl = { 0 };
	int back;

	if (r->read && r->netns == netns)
		return;
	links_free(&r->links);
	r->netns = netns;
	r->read = true;
	if (netns_enter(netns, &back))
		return;
	if (!netlink_open(&nl) && !links_read(&nl, &r->links))
		links_pvids(&nl, &r->links);
	netlink_close(&nl);
	netns_leave(back);
}

/* In the order it has in struct xr_port. */
static __u64 mac_of(const struct links *l, __u32 ifindex)
{
	const struct link *dev = links_by_index(l, ifindex);
	__u64 mac = 0;

	if (dev)
		memcpy(&mac, dev->mac, sizeof(dev->mac));
	return mac;
}

void host_refresh_ports(struct plane *p)
{
	const struct xr_device *d = p->devices;
	struct reader r = { 0 };
	struct xr_port port;
	__u64 word;
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++, d++) {
		memset(&port, 0, sizeof(port));
		if (d->ifindex) {
			port.host = behind(p, d->name);
			port.trusted = d->trusted;
		} else {
			p->ports[i].own = 0;
		}
		if (d->ifindex) {
			read_links(&r, d->netns);
			know_switch(&r.links, d->ifindex, &port);
			port.mac = mac_of(&r.links, d->ifindex);
		}
		memcpy(&word, &port, sizeof(word));
		__atomic_store_n((__u64 *)(void *)&p->ports[i], word,
				 __ATOMIC_RELEASE);
		__atomic_store_n(&p->ports[i].mac, port.mac,
				 __ATOMIC_RELEASE);
	}
	links_free(&r.links);
}

/* ---- VMs' own ports ---- */

static bool is_locked(const struct plane *p, __u32 place)
{
	return p->vms[place].now.flags & XR_VM_LOCK;
}

/* Of several VMs behind one port any with a lock makes it a guarded one. */
static void own_slot(struct plane *p, int slot, __u32 place)
{
	__u32 own = p->ports[slot].own, tap = p->devices[slot].ifindex;

	if (own && own != place + 1 && p->vms[own - 1].tap == tap &&
	    is_locked(p, own - 1) && !is_locked(p, place))
		return;
	__atomic_store_n(&p->ports[slot].own, place + 1, __ATOMIC_RELEASE);
}

void ports_own(struct plane *p, __u32 place, __u32 tap)
{
	const struct xr_device *d = p->devices;
	int i;

	for (i = 0; tap && i < XR_MAX_DEVICES; i++)
		if (d[i].ifindex == tap && d[i].netns == p->vm_info[place].netns)
			own_slot(p, i, place);
}

struct search {
	struct plane *p;
	int slot;
};

static int look_at_vm(void *ctx, __u32 place)
{
	const struct search *s = ctx;
	const struct xr_device *d = &s->p->devices[s->slot];

	if (s->p->vms[place].tap == d->ifindex &&
	    s->p->vm_info[place].netns == d->netns)
		own_slot(s->p, s->slot, place);
	return 0;
}

void ports_find_own(struct plane *p, const struct xr_device *d)
{
	struct search s = { p, d - p->devices };

	__atomic_store_n(&p->ports[s.slot].own, 0, __ATOMIC_RELEASE);
	if (host_any_local(p))
		vm_each(p, look_at_vm, &s);
}
