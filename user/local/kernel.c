// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the kernel of this machine believes a VM to be. Packets of this machine's own
 * senders, other VMs among them, never pass XDP: they go by the kernel's routes,
 * neighbours and bridge tables. What is written there is noted in vm_info.kernel first, so
 * that it is found and removed also after a kill.
 */
#include <errno.h>
#include <string.h>

#include "host/host.h"
#include "host/vm_ip.h"
#include "lib/text.h"
#include "local_priv.h"
#include "plane/vm_state.h"

/* To such a host packets are sent, which it routes on, and not frames. */
static bool is_routed(const struct xr_host_info *h)
{
	return h->method == XR_FORWARD_IPIP || h->method == XR_FORWARD_GUE ||
		h->method == XR_FORWARD_L2;
}

/* A bridge that knows no VLANs has but one table. */
static __u16 fdb_vlan(const struct local *l, const struct link *port)
{
	const struct link *br = links_by_index(&l->links, port->master);

	return br && br->filters ? l->vlan : 0;
}

/* true: somebody else's entry is left as it is. So of set_vtep(). */
static bool set_fdb(struct local *l, const struct link *port, enum fdb_kind how)
{
	__u16 vlan = fdb_vlan(l, port);
	int ret = fdb_set(&l->nl, port->ifindex, l->mac, vlan, how, l->by_fdb);

	if (ret == -EINVAL && vlan) /* the port is not in that VLAN */
		ret = fdb_set(&l->nl, port->ifindex, l->mac, 0, how, l->by_fdb);
	if (ret == -EPERM && how == FDB_DYNAMIC)
		local_warn(
			l,
			"%s: its bridge takes no entry for a port that is down or has no carrier: it learns of the VM by its first frame",
			port->name);
	else if (ret < 0)
		local_warn(l, "%s: FDB entry: %s", port->name, strerror(-ret));
	return ret > 0;
}

static void del_fdb(struct local *l, __u32 ifindex)
{
	const struct link *port = links_by_index(&l->links, ifindex);
	__u16 vlan;

	if (!port)
		return;
	vlan = fdb_vlan(l, port);
	if (fdb_del(&l->nl, ifindex, l->mac, vlan) && vlan)
		fdb_del(&l->nl, ifindex, l->mac, 0);
}

/* ---- addresses ---- */

static const __be32 *address(const struct local *l, int i)
{
	const __be32 *a = l->info->addr[i];

	return addr_is_zero(a) ? NULL : a;
}

/*
 * The VM's i-th address, if there is to be a route to it, or NULL. The kernel's routes know
 * no segments, so there is none to an address that VMs in several VLANs have; nor to a
 * link-local one.
 */
static const __be32 *to_route(struct local *l, int i)
{
	const __be32 *a = address(l, i);
	char text[TEXT_ADDR];

	if (a && addr_is_link_local(a))
		return NULL;
	if (!a || !vm_ip_shared(l->p, a))
		return a;
	local_warn(l, "%s is another VM's, too, in another VLAN: no route to it is made",
		   text_addr(text, a));
	return NULL;
}

static void del_routes(struct local *l)
{
	int i;

	for (i = 0; i < XR_VM_ADDRS; i++) {
		const __be32 *a = address(l, i);

		if (a && l->info->kernel & XR_KERNEL_ROUTE)
			route_del(&l->nl, a);
		if (a && l->info->kernel & XR_KERNEL_NEIGH)
			neigh_del(&l->nl, l->info->kernel_dev, a);
	}
	l->info->kernel &= ~(XR_KERNEL_ROUTE | XR_KERNEL_NEIGH);
}

/* ---- the VM is elsewhere ---- */

static bool set_vtep(struct local *l, const struct link *vxlan, const struct xr_host_info *h)
{
	int ret = vtep_set(&l->nl, vxlan->ifindex, l->mac, h->addr, l->by_fdb);

	if (ret == -EEXIST)
		local_warn(
			l,
			"%s: its FDB says otherwise where the VM is, by an entry that xroam did not make: it stays",
			vxlan->name);
	else if (ret < 0)
		local_warn(l, "%s: FDB entry: %s", vxlan->name, strerror(-ret));
	return ret > 0;
}

static void depart_vxlan(struct local *l, const struct xr_host_info *h)
{
	const struct link *vxlan = links_by_vni(&l->links, h->vni, host_source(l->p, h));
	/* Without the VM's port the bridge does not know the VM, and floods its frames. */
	bool floods = !links_by_index(&l->links, l->vm->tap), left = true;

	if (!vxlan || !vxlan->master) {
		local_warn(
			l,
			"no VXLAN device with VNI %u is in a bridge here: this machine's own senders learn of the move from the fabric",
			h->vni);
		return;
	}
	l->info->kernel_dev = vxlan->ifindex;
	l->info->kernel &= ~XR_KERNEL_TOLD;
	l->info->kernel |= XR_KERNEL_FDB | XR_KERNEL_BRIDGE;
	/*
	 * A flooded frame leaves by an uplink, too, and would come to the new host twice:
	 * then the tunnel gets its far end only after the bridge has its entry. Otherwise it
	 * gets it before, for a frame that comes to a tunnel without a far end is lost.
	 */
	if (!floods)
		left = set_vtep(l, vxlan, h);
	left = set_fdb(l, vxlan, FDB_LEARNED) && left;
	if (floods)
		left = set_vtep(l, vxlan, h) && left;
	if (left)
		l->info->kernel |= XR_KERNEL_TOLD;
}

/*
 * Host routes to the VM's addresses, by the way that the new host itself is reached: to it,
 * if it is a neighbour, else to the router. A router that does not know of the move sends
 * the packet back here, where XDP redirects it.
 */
static void depart_routed(struct local *l, const struct xr_host_info *h)
{
	struct way_out way;
	int i, ret;

	ret = route_query(&l->nl, h->addr, &way);
	for (i = 0; !ret && i < XR_VM_ADDRS; i++) {
		const __be32 *a = to_route(l, i);

		if (!a)
			continue;
		l->info->kernel |= XR_KERNEL_ROUTE;
		ret = route_set(&l->nl, a, way.ifindex, way.gateway);
		if (ret == -EAFNOSUPPORT)
			ret = 0; /* no next hop of its family */
	}
	if (ret)
		local_warn(l, "routes to host %s: %s", h->name, strerror(-ret));
}

static int set_neigh(struct local *l, __u32 dev, const __be32 *addr, const __u8 mac[6])
{
	char text[TEXT_ADDR];
	int ret = neigh_set(&l->nl, dev, addr, mac);

	if (ret != -EEXIST)
		return ret;
	local_warn(
		l,
		"neighbour %s: another MAC is given for it, by an entry that xroam did not make: it stays",
		text_addr(text, addr));
	return 0;
}

/* Of the next router only the MAC is known: the VM's addresses get it as neighbours. */
static void depart_l2(struct local *l, const struct xr_host_info *h)
{
	const struct link *dev = links_by_name(&l->links, h->dev);
	int i, ret = 0;

	l->info->kernel_dev = dev ? dev->ifindex : 0;
	for (i = 0; dev && !ret && i < XR_VM_ADDRS; i++) {
		const __be32 *a = to_route(l, i);

		if (!a)
			continue;
		l->info->kernel |= XR_KERNEL_ROUTE | XR_KERNEL_NEIGH;
		ret = set_neigh(l, dev->ifindex, a, h->mac);
		if (!ret)
			ret = route_set(&l->nl, a, dev->ifindex, NULL);
	}
	if (ret)
		local_warn(l, "routes to host %s: %s", h->name, strerror(-ret));
}

/* What is there of the move before has only to name another host: no frame is lost meanwhile. */
static bool is_repointed(const struct local *l, const struct xr_host_info *h)
{
	const struct link *vxlan;
	__u8 k = l->info->kernel & ~XR_KERNEL_TOLD;

	if (h->method != XR_FORWARD_VXLAN || k != (XR_KERNEL_FDB | XR_KERNEL_BRIDGE))
		return false;
	vxlan = links_by_vni(&l->links, h->vni, host_source(l->p, h));
	return vxlan && vxlan->master && vxlan->ifindex == l->info->kernel_dev;
}

void kernel_depart(struct local *l)
{
	const struct xr_host_info *h = &l->p->host_info[l->now.host];

	if (!is_repointed(l, h))
		kernel_clear(l);
	if (h->method == XR_FORWARD_VXLAN)
		depart_vxlan(l, h);
	else if (h->method == XR_FORWARD_L2)
		depart_l2(l, h);
	else if (is_routed(h))
		depart_routed(l, h);
}

void kernel_depart_again(struct local *l)
{
	if (!is_repointed(l, &l->p->host_info[l->now.host]))
		kernel_depart(l);
}

/* ---- the VM is here ---- */

/* Packets out of the tunnel are routed into the bridge, or straight to the tap. */
static void arrive_routed(struct local *l, const struct link *tap)
{
	__u32 dev = tap->master ? tap->master : tap->ifindex;
	int i, ret = 0;

	l->info->kernel_dev = dev;
	for (i = 0; !ret && i < XR_VM_ADDRS; i++) {
		const __be32 *a = to_route(l, i);

		if (!a)
			continue;
		l->info->kernel |= XR_KERNEL_ROUTE | XR_KERNEL_NEIGH;
		ret = set_neigh(l, dev, a, l->mac);
		if (!ret)
			ret = route_set(&l->nl, a, dev, NULL);
	}
	if (ret)
		local_warn(l, "%s: route or neighbour: %s", tap->name, strerror(-ret));
}

/*
 * Nothing leads out of the bridge but a VXLAN device: no frame of the fabric's can teach it
 * otherwise. A sticky entry would make EVPN announce the VM there as one that never moves
 * (RFC 7432, section 15.2), and no other host would believe that it does.
 */
static bool is_overlay(const struct local *l, __u32 bridge)
{
	bool vxlan = false;
	size_t i;

	for (i = 0; i < l->links.n; i++) {
		const struct link *port = &l->links.link[i];

		if (port->master != bridge)
			continue;
		if (port_is_attached(l->p, port->ifindex) && port->kind != LINK_TUN &&
		    port->ifindex != l->vm->tap)
			return false;
		vxlan |= port->kind == LINK_VXLAN;
	}
	return vxlan;
}

void kernel_arrive(struct local *l, __u16 host, bool sticky)
{
	bool routed = is_routed(&l->p->host_info[host]);
	const struct link *tap;

	/* Until the VM runs here, frames are brought by the program at the tunnel's end. */
	if ((!sticky && !routed) || local_read(l))
		return;
	kernel_clear(l);
	tap = links_by_index(&l->links, l->vm->tap);
	if (!tap)
		return;
	if (routed)
		arrive_routed(l, tap);
	if (!tap->master)
		return;
	l->info->kernel |= XR_KERNEL_STICKY;
	set_fdb(l, tap, is_overlay(l, tap->master) ? FDB_DYNAMIC : FDB_STICKY);
}

void kernel_clear(struct local *l)
{
	__u8 k = l->info->kernel;
	size_t i;

	/* Who wrote those takes them away; but what goes round must not. */
	if (k & XR_KERNEL_TOLD && !(l->now.flags & XR_VM_LOOP))
		k &= ~(XR_KERNEL_FDB | XR_KERNEL_BRIDGE);
	if (k & XR_KERNEL_FDB)
		vtep_del(&l->nl, l->info->kernel_dev, l->mac);
	if (k & XR_KERNEL_BRIDGE)
		del_fdb(l, l->info->kernel_dev);
	del_routes(l);
	/* The tap may not be known any more: then the entry may be on any port. */
	for (i = 0; k & XR_KERNEL_STICKY && i < l->links.n; i++)
		if (l->links.link[i].master &&
		    (!l->vm->tap || l->links.link[i].ifindex == l->vm->tap))
			del_fdb(l, l->links.link[i].ifindex);
	l->info->kernel = 0;
	l->info->kernel_dev = 0;
}
