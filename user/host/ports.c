// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the programs know of the devices they are attached to: which host is behind one, how
 * the switch that it is a port of learns a frame's source, and whether it is a VM's own port.
 */
#include <string.h>
#include "host.h"
#include "lib/index.h"
#include "lib/netns.h"
#include "net/links.h"
#include "plane/vm_state.h"
#include "ports.h"

/*
 * The host behind the device; 0: none. By the device's ifindex where that is known: in another
 * namespace a device may have the same name.
 */
static __u16 host_behind(struct plane *p, const struct xr_device *d)
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

/* The VLAN as the fabric tags it; 0: none, or it is in another VLAN. */
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
 * The VLAN of a bridge that knows none, where each VLAN has a bridge: that of the VLAN or
 * VXLAN device among its ports. 0: there is none, or they differ.
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

/* By the bridge that the device is a port of, or the bond that it is part of. */
static void fill_in_switch(const struct plane *p, const struct links *l, __u32 ifindex,
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

/* The devices of the network namespace that was read last. */
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

/* As struct xr_port has it, which is like a VM's key. */
static __u64 mac_of(const struct links *l, __u32 ifindex)
{
	const struct link *dev = links_by_index(l, ifindex);

	return dev ? vm_key(dev->mac, 0) : 0;
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
			port.host = host_behind(p, d);
			port.trusted = d->trusted;
		} else {
			p->ports[i].own = 0;
		}
		if (d->ifindex) {
			read_links(&r, d->netns);
			fill_in_switch(p, &r.links, d->ifindex, &port);
			port.mac = mac_of(&r.links, d->ifindex);
		}
		memcpy(&word, &port, sizeof(word));
		__atomic_store_n((__u64 *)(void *)&p->ports[i], word, __ATOMIC_RELEASE);
		__atomic_store_n(&p->ports[i].mac, port.mac, __ATOMIC_RELEASE);
	}
	links_free(&r.links);
}

/* ---- VMs' own ports ---- */

/* Of several VMs behind one port locked ones come first, of these one that is here. */
static int rank(const struct plane *p, __u32 vm_index)
{
	struct xr_vm_now now = vm_now(p, vm_index);

	if (!(now.flags & XR_VM_LOCK))
		return 0;
	return 1 + (host_is_local(p, now.host) || host_is_local(p, now.next));
}

static bool is_behind(const struct plane *p, __u32 vm_index, const struct xr_device *d)
{
	return p->vms[vm_index].tap == d->ifindex && p->vm_info[vm_index].netns == d->netns;
}

static void set_own(struct plane *p, int slot, __u32 vm_index)
{
	__u32 own_no = p->ports[slot].own;

	if (own_no && own_no != no_of_index(vm_index) &&
	    is_behind(p, index_of_no(own_no), &p->devices[slot]) &&
	    rank(p, index_of_no(own_no)) > rank(p, vm_index))
		return;
	__atomic_store_n(&p->ports[slot].own, no_of_index(vm_index), __ATOMIC_RELEASE);
}

void ports_set_own(struct plane *p, __u32 vm_index, __u32 tap)
{
	const struct xr_device *d = p->devices;
	int i;

	for (i = 0; tap && i < XR_MAX_DEVICES; i++)
		if (d[i].ifindex == tap && d[i].netns == p->vm_info[vm_index].netns)
			set_own(p, i, vm_index);
}

struct search {
	struct plane *p;
	const struct xr_device *d;
	__u32 best_no; /* 0: none */
};

static int check_vm(void *ctx, __u32 vm_index)
{
	struct search *s = ctx;

	if (is_behind(s->p, vm_index, s->d) &&
	    (!s->best_no || rank(s->p, vm_index) > rank(s->p, index_of_no(s->best_no))))
		s->best_no = no_of_index(vm_index);
	return 0;
}

void ports_find_own(struct plane *p, const struct xr_device *d)
{
	struct search s = { .p = p, .d = d };

	if (host_any_local(p))
		vm_each(p, check_vm, &s);
	__atomic_store_n(&p->ports[d - p->devices].own, s.best_no, __ATOMIC_RELEASE);
}

void ports_find_others(struct plane *p, __u32 vm_index)
{
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++)
		if (p->ports[i].own == no_of_index(vm_index) && p->devices[i].ifindex)
			ports_find_own(p, &p->devices[i]);
}
