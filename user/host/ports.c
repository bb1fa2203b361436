// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the programs know of the devices they are on: who lives behind one, by
 * which key the switch there takes a frame's source, and whether it is a VM's own
 * port.
 */
#include <string.h>
#include "host.h"
#include "lib/netns.h"
#include "net/links.h"
#include "plane/vm_state.h"
#include "ports.h"

/* By the number that packets to the host go to: others may have the name, too. */
static __u16 behind(struct plane *p, const struct xr_device *d)
{
	const struct xr_host_info *h;
	__u32 i, path;

	for (i = 1; i <= p->meta->limits.hosts; i++) {
		h = &p->host_info[i];
		if (!h->name[0] || h->method != XR_FORWARD_PORT)
			continue;
		path = p->hosts[i].path;
		if (path ? p->paths[path].ifindex == d->ifindex : !strcmp(h->dev, d->name))
			return i;
	}
	return 0;
}

/* ---- switches ---- */

/* As the fabric tags it: not of a VLAN in another one. */
static __u16 vlan_of_device(const struct links *l, const struct link *dev)
{
	const struct link *lower = links_by_index(l, dev->lower);

	return lower && lower->vid ? 0 : dev->vid;
}

static __u16 vlan_of_vni(const struct plane *p, __u32 vni)
{
	__u32 i;

	for (i = 1; vni && i <= p->meta->limits.hosts; i++)
		if (p->host_info[i].name[0] && p->host_info[i].vni == vni &&
		    p->host_info[i].method == XR_FORWARD_VXLAN && p->hosts[i].vlan)
			return p->hosts[i].vlan;
	return 0;
}

/*
 * A bridge for each VLAN: which one it is, a VLAN or a VXLAN device among its ports
 * tells. 0: none does, or they differ.
 */
static __u16 bridge_vlan(const struct plane *p, const struct links *l, __u32 bridge)
{
	__u16 found = 0, vlan;
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (l->link[i].master != bridge)
			continue;
		vlan = l->link[i].kind == LINK_VXLAN ? vlan_of_vni(p, l->link[i].vni)
						     : vlan_of_device(l, &l->link[i]);
		if (vlan && found && vlan != found)
			return 0;
		if (vlan)
			found = vlan;
	}
	return found;
}

/* The bridge's port that the device is, or that it is a part of. */
static void know_switch(const struct plane *p, const struct links *l, __u32 ifindex,
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
		port->pvid = br->filters ? dev->pvid : bridge_vlan(p, l, br->ifindex);
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
			port.host = behind(p, d);
			port.trusted = d->trusted;
		} else {
			p->ports[i].own = 0;
		}
		if (d->ifindex) {
			read_links(&r, d->netns);
			know_switch(p, &r.links, d->ifindex, &port);
			port.mac = mac_of(&r.links, d->ifindex);
		}
		memcpy(&word, &port, sizeof(word));
		__atomic_store_n((__u64 *)(void *)&p->ports[i], word, __ATOMIC_RELEASE);
		__atomic_store_n(&p->ports[i].mac, port.mac, __ATOMIC_RELEASE);
	}
	links_free(&r.links);
}

/* ---- VMs' own ports ---- */

/* Of several VMs behind one port any with a lock, that is here, makes it a guarded one. */
static int rank(const struct plane *p, __u32 place)
{
	struct xr_vm_now now = vm_now(p, place);

	if (!(now.flags & XR_VM_LOCK))
		return 0;
	return 1 + (host_is_local(p, now.host) || host_is_local(p, now.next));
}

static bool is_behind(const struct plane *p, __u32 place, const struct xr_device *d)
{
	return p->vms[place].tap == d->ifindex && p->vm_info[place].netns == d->netns;
}

static void own_slot(struct plane *p, int slot, __u32 place)
{
	__u32 own = p->ports[slot].own;

	if (own && own != place + 1 && is_behind(p, own - 1, &p->devices[slot]) &&
	    rank(p, own - 1) > rank(p, place))
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
	const struct xr_device *d;
	__u32 best; /* plus one */
};

static int look_at_vm(void *ctx, __u32 place)
{
	struct search *s = ctx;

	if (is_behind(s->p, place, s->d) &&
	    (!s->best || rank(s->p, place) > rank(s->p, s->best - 1)))
		s->best = place + 1;
	return 0;
}

void ports_find_own(struct plane *p, const struct xr_device *d)
{
	struct search s = { .p = p, .d = d };

	if (host_any_local(p))
		vm_each(p, look_at_vm, &s);
	__atomic_store_n(&p->ports[d - p->devices].own, s.best, __ATOMIC_RELEASE);
}

void ports_find_others(struct plane *p, __u32 place)
{
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++)
		if (p->ports[i].own == place + 1 && p->devices[i].ifindex)
			ports_find_own(p, &p->devices[i]);
}
