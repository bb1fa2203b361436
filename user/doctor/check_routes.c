// SPDX-License-Identifier: GPL-2.0-only
/* The ways to backends and hosts: route, neighbour, device, room for the outer header. */
#include <net/if.h>
#include <string.h>

#include "doctor_priv.h"
#include "lib/text.h"
#include "plane/daemon_claim.h"

#define CLIENT_MTU 1500 /* what clients' packets have at most, as a rule */

static struct doctor_finding *found_way(struct doctor *d, const struct doctor_way *w)
{
	return doctor_found(d, "%s %s", w->host ? "host" : "backend", w->name);
}

/* A host that does not answer is no trouble while no VM goes there. */
static bool is_in(const struct doctor_way *w, enum path_trouble trouble)
{
	return w->trouble == trouble && !(w->host && trouble == PATH_NO_NEIGHBOUR);
}

static void cure_down(struct doctor_finding *f, const struct doctor *d, const struct doctor_way *w)
{
	doctor_cure_xroam(f, d->instance);
	if (w->host)
		doctor_cure(f, "host del %s", w->name);
	else
		doctor_cure(f, "backend set %s state down", w->name);
}

static const char *node_device(const struct doctor *d)
{
	const struct doctor_dev *dev;

	doctor_each_dev(d, dev) {
		if (dev->record && dev->role == XR_ROLE_NODE && dev->netns == d->ways_netns)
			return dev->name;
	}
	return NULL;
}

static void look_route(struct doctor *d, const struct doctor_way *w)
{
	const char *dev = node_device(d);
	struct doctor_finding *f;
	char addr[TEXT_ADDR];

	doctor_looked(d);
	if (!is_in(w, PATH_NO_ROUTE))
		return;
	text_addr(addr, w->info.addr);
	f = found_way(d, w);
	doctor_wrong(f, "there is no route to %s", addr);
	if (w->info.dev[0])
		dev = w->info.dev;
	if (!dev) {
		cure_down(f, d, w);
		return;
	}
	doctor_cure_in(f, d->ways_path);
	doctor_cure(f, "ip route add %s dev %s # or \"via\" its router", addr, QUOTE(dev));
}

static void look_neighbour(struct doctor *d, const struct doctor_way *w)
{
	struct doctor_finding *f;
	char addr[TEXT_ADDR];

	doctor_looked(d);
	if (!is_in(w, PATH_NO_NEIGHBOUR))
		return;
	f = found_way(d, w);
	doctor_wrong(f, "its next hop, on the way to %s by %s, does not answer",
		     text_addr(addr, w->info.addr), w->dev_name);
	cure_down(f, d, w);
	doctor_cure(f, " # until it answers");
}

/* The daemon asks for it again by itself. */
static void look_kept(struct doctor *d, const struct doctor_way *w)
{
	struct doctor_finding *f;

	doctor_looked(d);
	if (w->kept || daemon_pid(d->instance))
		return;
	f = found_way(d, w);
	doctor_wrong(f, "the kernel does not keep its next hop's neighbour entry, by %s",
		     w->dev_name);
	doctor_cure_xroam(f, d->instance);
	doctor_cure(f, "reload");
}

static void look_own_address(struct doctor *d, const struct doctor_way *w)
{
	struct doctor_finding *f;
	char addr[TEXT_ADDR];

	doctor_looked(d);
	if (!is_in(w, PATH_LOCAL))
		return;
	text_addr(addr, w->info.addr);
	f = found_way(d, w);
	doctor_wrong(f, "%s is this machine's own address", addr);
	cure_down(f, d, w);
}

static void look_gateway(struct doctor *d, const struct doctor_way *w)
{
	struct doctor_finding *f;

	if (w->info.forward != XR_FORWARD_L2)
		return;
	doctor_looked(d);
	if (!is_in(w, PATH_NOT_ON_LINK))
		return;
	f = found_way(d, w);
	doctor_wrong(f, "it is reached by l2, but a gateway is in between");
	cure_down(f, d, w);
	doctor_cure(f, " # and add it with \"forward ipip\"");
}

static void look_named_device(struct doctor *d, const struct doctor_way *w)
{
	struct doctor_finding *f;

	if (!w->info.dev[0])
		return;
	doctor_looked(d);
	if (w->named_dev == PATHS_DEV_FINE)
		return;
	f = found_way(d, w);
	if (w->named_dev == PATHS_DEV_GONE) {
		doctor_wrong(f, "its device %s is gone", w->info.dev);
		cure_down(f, d, w);
	} else {
		doctor_wrong(f, "its device %s was made anew, and packets go to the number it had",
			     w->info.dev);
		doctor_cure_xroam(f, d->instance);
		doctor_cure(f, "reload");
	}
}

/* A route's own MTU is what an operator says of the network: only a device's is too small. */
static void look_mtu(struct doctor *d, const struct doctor_way *w)
{
	struct doctor_finding *f;

	if (!w->overhead || !w->mtu || w->route_mtu)
		return;
	doctor_looked(d);
	if (w->mtu >= CLIENT_MTU + w->overhead)
		return;
	f = found_way(d, w);
	doctor_wrong(f, "packets of %u octets and %u of outer header do not fit the MTU of %s, %u",
		     CLIENT_MTU, w->overhead, w->dev_name, w->mtu);
	doctor_cure_in(f, d->ways_path);
	doctor_cure(f, "ip link set dev %s mtu %u # as far as the network bears it",
		    QUOTE(w->dev_name), CLIENT_MTU + w->overhead);
}

/* ---- what XDP redirects into ---- */

struct out {
	__u32 ifindex;
	char name[IF_NAMESIZE];
	struct link_end end, other;
	char path[NETNS_PATH];
	bool other_known;
	struct features other_has;
	__u64 xdp;
	int error;
};

static bool is_native_node(const struct doctor_dev *dev)
{
	return dev->record && dev->present && dev->role == XR_ROLE_NODE &&
		dev->record->mode == XR_MODE_NATIVE;
}

static bool any_native(const struct doctor *d)
{
	const struct doctor_dev *dev;

	doctor_each_dev(d, dev) {
		if (is_native_node(dev))
			return true;
	}
	return false;
}

static void read_out(struct doctor *d, struct out *o)
{
	struct netlink nl = { 0 };
	int back = -1;

	o->error = xdp_features_read(o->name, o->ifindex, &o->xdp);
	o->other_known = false;
	if (!netlink_open(&nl) && !link_end_read(&nl, o->ifindex, -1, &o->end) && o->end.is_veth &&
	    o->end.other && !link_end_read(&nl, o->end.other, o->end.nsid, &o->other))
		o->other_known = device_find_other(&nl, &o->end, o->path);
	netlink_close(&nl);
	if (!o->other_known || (o->path[0] && netns_enter_path(o->path, &back)))
		return;
	features_read(o->other.name, &o->other_has);
	netns_leave(back);
	if (!o->path[0])
		strcpy(o->path, d->ways_path);
}

/* Calls each() for every device that ways lead out of and that is not attached itself. */
static void each_out(struct doctor *d, void (*each)(struct doctor *d, const struct out *o))
{
	const struct doctor_dev *dev;
	struct out o;
	size_t i, k;

	for (i = 0; i < d->ways && any_native(d); i++) {
		memset(&o, 0, sizeof(o));
		o.ifindex = d->way[i].dev;
		for (k = 0; k < i && d->way[k].dev != o.ifindex; k++)
			;
		doctor_each_dev(d, dev) {
			if (dev->record && dev->netns == d->ways_netns && dev->ifindex == o.ifindex)
				o.ifindex = 0;
		}
		if (k < i || !o.ifindex || !if_indextoname(o.ifindex, o.name))
			continue;
		read_out(d, &o);
		/* Of a bridge it is a port that is sent out of. */
		if (strcmp(o.end.kind, "bridge"))
			each(d, &o);
	}
}

static void check_out(struct doctor *d, const struct out *o)
{
	const struct doctor_dev *dev;
	struct doctor_finding *f;
	const char *sep = "";

	if (o->error) {
		doctor_unseen(d, "dev %s: what its driver can do (kernels from 6.3 on tell)",
			      o->name);
		return;
	}
	doctor_looked(d);
	/* A driver may say so only once a program is on the device; a veth once its peer is ready. */
	if (o->end.is_veth || o->xdp & (XDP_ACT_BASIC | XDP_ACT_NDO_XMIT))
		return;
	f = doctor_found(d, "dev %s", o->name);
	doctor_wrong(f, "XDP cannot send out of it%s%s, and ways to backends or hosts lead there",
		     o->end.kind[0] ? ": it is of kind " : "", o->end.kind);
	/* Generic mode sends by the kernel, into any device. */
	doctor_each_dev(d, dev) {
		if (!is_native_node(dev))
			continue;
		doctor_cure(f, "%s", sep);
		doctor_cure_in(f, dev->path);
		doctor_cure_xroam(f, d->instance);
		doctor_cure(f, "dev detach %s && ", QUOTE(dev->name));
		doctor_cure_attach(f, d, dev, "generic");
		sep = " && ";
	}
	doctor_cure(f, " # or lead the route by another device");
}

static void check_out_peer(struct doctor *d, const struct out *o)
{
	struct doctor_finding *f;

	if (!o->end.is_veth)
		return;
	if (!o->other_known || o->other_has.error) {
		doctor_unseen(d, "dev %s: its other end", o->name);
		return;
	}
	doctor_looked(d);
	if (o->other.native || o->other_has.is[FEATURE_GRO] >= FEATURE_ON)
		return;
	f = doctor_found(d, "dev %s", o->name);
	doctor_wrong(f, "its other end, the veth %s, has neither GRO nor a native XDP program",
		     o->other.name);
	doctor_cure_in(f, o->path);
	doctor_cure(f, "ethtool -K %s gro on", QUOTE(o->other.name));
}

/* each() is called in the namespace where the ways begin. */
static void look_out(struct doctor *d, void (*each)(struct doctor *d, const struct out *o))
{
	int back;

	if (!d->ways || netns_enter(d->ways_netns, &back))
		return;
	each_out(d, each);
	netns_leave(back);
}

static void look_redirect(struct doctor *d)
{
	look_out(d, check_out);
}

static void look_redirect_peer(struct doctor *d)
{
	look_out(d, check_out_peer);
}

const struct doctor_check doctor_route_checks[] = {
	{ "no-route", DOCTOR_ERROR, "there are routes to backends and hosts",
	  "packets for it are dropped", .look_way = look_route },
	{ "no-neighbour", DOCTOR_ERROR, "next hops answer", "packets for it are dropped",
	  .look_way = look_neighbour },
	{ "neighbour-kept", DOCTOR_WARNING, "the kernel keeps next hops' neighbour entries",
	  "it is forgotten, and a packet a second is lost to ask for it anew",
	  .look_way = look_kept },
	{ "own-address", DOCTOR_ERROR, "backends and hosts have addresses of other machines",
	  "no packet can be sent to it", .look_way = look_own_address },
	{ "l2-gateway", DOCTOR_ERROR, "backends by l2 are on the segment",
	  "the gateway gets frames for addresses that it sends back here",
	  .look_way = look_gateway },
	{ "path-device", DOCTOR_ERROR, "devices that backends and hosts name are there",
	  "packets for it are dropped", .look_way = look_named_device },
	{ "path-mtu", DOCTOR_WARNING, "the ways have room for 1500 octets and an outer header",
	  "large packets are answered \"too big\", or dropped where that is filtered",
	  .look_way = look_mtu },
	{ "redirect-device", DOCTOR_ERROR, "XDP can send out of the devices that ways lead by",
	  "packets for it are lost, and no counter shows it", .look = look_redirect },
	{ "redirect-peer", DOCTOR_ERROR, "a veth that ways lead by delivers what XDP sends into it",
	  "packets for it are lost, and no counter shows it", .look = look_redirect_peer },
	{ .id = NULL },
};
