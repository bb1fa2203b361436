// SPDX-License-Identifier: GPL-2.0-only
/* VIPs and tunnels that lead back to where their packets came from, or to nowhere. */
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_priv.h"
#include "host/host.h"
#include "lib/sockaddr.h"
#include "lib/text.h"
#include "net/links.h"
#include "underlay/ends.h"
#include "underlay/vip_own.h"

static void on_loop(void *ctx, const struct xr_device *dev, const __be32 *addr, __u32 out)
{
	char text[TEXT_ADDR], name[IF_NAMESIZE] = "?", path[NETNS_PATH] = "";
	struct doctor *d = ctx;
	struct doctor_finding *f = doctor_found(d, "vip %s", text_addr(text, addr));

	if_indextoname(out, name);
	doctor_wrong(f, "what xroam leaves to the kernel is sent back, by %s", name);
	if (d->p->meta->policy.vip_route) {
		doctor_cure_xroam(f, d->instance);
		doctor_cure(f, "reload");
		return;
	}
	if (dev->netns != d->ways_netns)
		netns_path(dev->netns, path);
	doctor_cure_in(f, path[0] ? path : d->ways_path);
	doctor_cure(f, "ip route add blackhole %s metric 4294967295 # or policy vip_route: on",
		    text);
}

static void look_vip_loop(struct doctor *d)
{
	if (!d->p)
		return;
	doctor_looked(d);
	vip_own_each_loop(d->p, on_loop, d);
}

/* ---- the VIPs, in order ---- */

struct vip_key {
	__be32 addr[XR_ADDR_WORDS];
	__be16 port;
	__u8 proto, zero;
};

struct vip_keys {
	struct vip_key *item;
	size_t n;
};

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct vip_key));
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct vip_key *)0)->addr));
}

/* free() item. */
static struct vip_keys keys_of(const struct plane *p)
{
	struct vip_keys k = { calloc(p->meta->limits.vips + 1, sizeof(*k.item)), 0 };
	__u32 i;

	for (i = 1; k.item && i <= p->meta->limits.vips; i++) {
		const struct xr_vip *v = &p->vips[i];

		if (!v->used)
			continue;
		memcpy(k.item[k.n].addr, v->addr, sizeof(v->addr));
		k.item[k.n].port = v->port;
		k.item[k.n++].proto = v->proto;
	}
	if (k.n)
		qsort(k.item, k.n, sizeof(*k.item), compare_keys);
	return k;
}

static bool is_vip(const struct vip_keys *k, const __be32 *addr)
{
	return k->n && bsearch(addr, k->item, k->n, sizeof(*k->item), compare_addresses);
}

/* The device that has the address, and the length of its prefix. */
static int find_address(const __be32 *addr, char dev[IF_NAMESIZE])
{
	struct ifaddrs *list, *i;
	__be32 own[XR_ADDR_WORDS], mask[XR_ADDR_WORDS];
	int bits = -1, w;

	if (getifaddrs(&list))
		return -1;
	for (i = list; i && bits < 0; i = i->ifa_next) {
		if (!sockaddr_to_addr(i->ifa_addr, own) || memcmp(own, addr, sizeof(own)) ||
		    !sockaddr_to_addr(i->ifa_netmask, mask))
			continue;
		bits = addr_is_ipv4(addr) ? __builtin_popcount(mask[3]) : 0;
		for (w = 0; !addr_is_ipv4(addr) && w < XR_ADDR_WORDS; w++)
			bits += __builtin_popcount(mask[w]);
		strncpy(dev, i->ifa_name, IF_NAMESIZE - 1);
		/* An IPv4 address may have a label: "eth0:1". */
		dev[strcspn(dev, ":")] = '\0';
	}
	freeifaddrs(list);
	return bits;
}

static void check_vip_local(struct doctor *d, const __be32 *addr, struct netlink *nl)
{
	char text[TEXT_ADDR], dev[IF_NAMESIZE] = "";
	struct doctor_finding *f;
	__u32 none;
	int bits;

	doctor_looked(d);
	if (route_kind(nl, addr, &none) != ROUTE_LOCAL)
		return;
	f = doctor_found(d, "vip %s", text_addr(text, addr));
	bits = find_address(addr, dev);
	doctor_wrong(f, "the node itself has the address%s%s", dev[0] ? ", on " : "", dev);
	doctor_cure_in(f, d->ways_path);
	if (bits >= 0)
		doctor_cure(f, "ip addr del %s/%d dev %s", text, bits, QUOTE(dev));
	else
		doctor_cure(f, "ip route del local %s table local", text);
	/* The blackhole route, which it had no use for. */
	doctor_cure(f, " && ");
	doctor_cure_xroam(f, d->instance);
	doctor_cure(f, "reload");
}

static void look_vip_local(struct doctor *d)
{
	struct netlink nl = { 0 };
	struct vip_keys k;
	size_t i;
	int back;

	if (!d->p || netns_enter(d->ways_netns, &back))
		return;
	k = keys_of(d->p);
	for (i = netlink_open(&nl) ? k.n : 0; i < k.n; i++)
		if (!i || compare_addresses(&k.item[i - 1], &k.item[i]))
			check_vip_local(d, k.item[i].addr, &nl);
	netlink_close(&nl);
	free(k.item);
	netns_leave(back);
}

/* Tunnel packets to a VIP's address come back to a node, this one or another. */
static void look_vip_tunnel(struct doctor *d)
{
	struct vip_keys k = { NULL, 0 };
	struct doctor_finding *f;
	char text[TEXT_ADDR];
	size_t i;

	if (d->ways)
		k = keys_of(d->p);
	for (i = 0; i < d->ways; i++) {
		const struct doctor_way *w = &d->way[i];

		if (!w->overhead)
			continue;
		doctor_looked(d);
		if (!is_vip(&k, w->info.addr))
			continue;
		f = doctor_found(d, "%s %s", w->host ? "host" : "backend", w->name);
		doctor_wrong(f, "its address %s is a VIP's, so its tunnel leads back to the nodes",
			     text_addr(text, w->info.addr));
		doctor_cure_xroam(f, d->instance);
		doctor_cure(f, w->host ? "host del %s" : "backend set %s state down", w->name);
		doctor_cure(f, " # and give it an address of its own");
	}
	free(k.item);
}

/* ---- two instances ---- */

static bool in_same_netns(const struct plane *a, const struct plane *b)
{
	const struct xr_device *x = NULL, *y;

	while ((x = plane_next_device(a, x)))
		for (y = NULL; (y = plane_next_device(b, y));)
			if (x->netns == y->netns && x->role == XR_ROLE_NODE &&
			    y->role == XR_ROLE_NODE)
				return true;
	return false;
}

static void compare_vips(struct doctor *d, const struct vip_keys *k, const struct plane *other)
{
	struct vip_keys o = keys_of(other);
	struct doctor_finding *f;
	char vip[TEXT_VIP];
	size_t i;

	for (i = 0; k->n && i < o.n; i++) {
		const struct vip_key *v = &o.item[i];

		if (!bsearch(v, k->item, k->n, sizeof(*v), compare_keys))
			continue;
		text_vip(vip, v->addr, v->port, v->proto);
		f = doctor_found(d, "vip %s", vip);
		doctor_wrong(f, "instance \"%s\" has it, too, in the same network namespace",
			     other->name);
		doctor_cure_xroam(f, other->name);
		doctor_cure(f, "vip del %s # there, or here", QUOTE(vip));
	}
	free(o.item);
}

static void look_vip_twice(struct doctor *d)
{
	char **names = NULL, **name;
	struct vip_keys k;
	struct plane *other;

	if (!d->p)
		return;
	doctor_looked(d);
	k = keys_of(d->p);
	plane_list(&names, NULL);
	for (name = names; name && *name; name++) {
		if (strcmp(*name, d->instance) &&
		    !plane_open(&other, *name, PLANE_READ, NULL, NULL, NULL)) {
			if (in_same_netns(d->p, other))
				compare_vips(d, &k, other);
			plane_close(other);
		}
		free(*name);
	}
	free(names);
	free(k.item);
}

/* ---- ends of tunnels ---- */

static void look_tunnel_end(struct doctor *d)
{
	__be32 first[XR_ADDR_WORDS];
	const struct doctor_dev *dev;
	struct doctor_finding *f;
	char text[TEXT_ADDR];
	bool any = false;
	__u32 n;

	doctor_each_dev(d, dev)
		any |= dev->record && dev->role == XR_ROLE_BACKEND;
	if (!any)
		return;
	doctor_looked(d);
	n = ends_missing(d->p, first);
	if (!n)
		return;
	f = doctor_found(d, "role backend");
	doctor_wrong(f, "the program does not know %u of this machine's addresses: %s%s", n,
		     text_addr(text, first), n > 1 ? " and others" : "");
	doctor_cure_xroam(f, d->instance);
	doctor_cure(f, "reload");
}

static void check_host(struct doctor *d, const struct xr_host_info *h)
{
	char words[HOST_FAULT], text[TEXT_ADDR];
	const char *what = host_fault(h, words);
	struct doctor_finding *f;

	doctor_looked(d);
	if (!what)
		return;
	f = doctor_found(d, "host %s", h->name);
	if (host_lacks_address(h)) {
		doctor_wrong(f, "it is local, but its address %s is none of this machine's",
			     text_addr(text, h->addr));
		doctor_cure_in(f, d->ways_path);
		doctor_cure(f, "ip addr add %s/%d dev lo", text, addr_is_ipv4(h->addr) ? 32 : 128);
	} else {
		doctor_wrong(f, "%s", what);
		doctor_cure(f, "# make that VXLAN device anew, in its bridge: xroam-host(8)");
	}
}

static void look_host_end(struct doctor *d)
{
	const struct plane *p = d->p;
	__u32 i;
	int back;

	if (!p || netns_enter(d->ways_netns, &back))
		return;
	for (i = 1; i <= p->meta->limits.hosts; i++)
		if (p->host_info[i].name[0] && p->host_info[i].local)
			check_host(d, &p->host_info[i]);
	netns_leave(back);
}

const struct doctor_check doctor_loop_checks[] = {
	{ "vip-loop", DOCTOR_ERROR, "the kernel sends no VIP's packets back to the router",
	  "they go round until their TTL is used up", .look = look_vip_loop },
	{ "vip-local", DOCTOR_WARNING, "the node has no VIP's address itself",
	  "its kernel gets what is for no VIP, no route announces it, programs here reach themselves",
	  .look = look_vip_local },
	{ "vip-tunnel", DOCTOR_ERROR, "no backend's or host's address is a VIP's",
	  "a packet gets one outer header more at each node, until it is too large",
	  .look = look_vip_tunnel },
	{ "vip-twice", DOCTOR_WARNING, "no two instances have the same VIP",
	  "a connection is served by the one whose device it comes in by", .look = look_vip_twice },
	{ "tunnel-end", DOCTOR_ERROR, "role backend knows this machine's addresses",
	  "tunnel packets to or for them are not opened", .look = look_tunnel_end },
	{ "host-end", DOCTOR_ERROR, "tunnels to local hosts end here",
	  "what other nodes send to its VMs does not arrive", .look = look_host_end },
	{ .id = NULL },
};
