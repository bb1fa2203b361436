// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>

#include "attach/attach.h"
#include "model/model_edit.h"
#include "ends.h"
#include "lib/netns.h"
#include "lib/sockaddr.h"
#include "net/links.h"

struct entry {
	struct xr_end key;
	__u64 slots;
};

struct entries {
	struct plane *p;
	struct entry *item;
	size_t n;
	bool looked_for; /* want only addresses that clients' packets come to */
	int failed;
};

static void want(struct entries *e, const struct xr_end *key, __u64 slots)
{
	struct entry *to;

	if (!slots)
		return;
	to = model_grow(&e->item, &e->n, sizeof(*to));
	if (!to) {
		e->failed = -ENOMEM;
		return;
	}
	to->key = *key;
	to->slots = slots;
}

static void want_vni(struct entries *e, enum xr_end_kind kind, __u32 vni, __u64 slots)
{
	struct xr_end key = { .kind = kind };

	key.vni = vni;
	want(e, &key, slots);
}

static void want_addr(struct entries *e, const __be32 *addr, __u64 slots)
{
	struct xr_end key = { .kind = XR_END_ADDR };

	memcpy(key.addr, addr, sizeof(key.addr));
	want(e, &key, slots);
}

/* A bit for each device of this namespace that has role backend. */
static __u64 slots_here(const struct plane *p)
{
	__u64 here = netns_id(), slots = 0;
	const struct xr_device *d = p->devices;
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++, d++)
		if (d->ifindex && d->role == XR_ROLE_BACKEND && d->netns == here)
			slots |= 1ULL << i;
	return slots;
}

/* A packet for a tunnel device's own address comes out of a tunnel: it opens none. */
static bool is_tunnel(const struct links *l, const char *name)
{
	char dev[16] = "";
	const struct link *k;

	/* An IPv4 address may have a label: "eth0:1". */
	strncpy(dev, name, sizeof(dev) - 1);
	dev[strcspn(dev, ":")] = '\0';
	k = links_by_name(l, dev);
	return k && (k->kind == LINK_VXLAN || k->kind == LINK_TUNNEL);
}

/* VIPs are on the loopback device, the outer address is on the program's own device. */
static bool is_looked_for(const struct entries *e, const char *name)
{
	const struct xr_device *d = plane_device(e->p, name);

	return !strcmp(name, "lo") || (d && d->role == XR_ROLE_BACKEND);
}

static void want_addresses(struct entries *e, const struct links *l, __u64 slots)
{
	struct ifaddrs *list, *i;
	__be32 addr[XR_ADDR_WORDS];

	if (getifaddrs(&list)) {
		e->failed = -errno;
		return;
	}
	for (i = list; i; i = i->ifa_next) {
		if (is_tunnel(l, i->ifa_name) || (e->looked_for && !is_looked_for(e, i->ifa_name)))
			continue;
		if (sockaddr_to_addr(i->ifa_addr, addr))
			want_addr(e, addr, slots);
	}
	freeifaddrs(list);
}

static void want_kernels(struct entries *e, const struct links *l, __u64 slots)
{
	const struct link *k = l->link;
	size_t i;

	for (i = 0; i < l->n; i++, k++)
		if (k->kind == LINK_VXLAN && k->port == htons(XR_PORT_VXLAN))
			want_vni(e, XR_END_KERNEL, k->any_vni ? XR_ANY_VNI : k->vni, slots);
}

static void want_here(void *ctx)
{
	struct entries *e = ctx;
	__u64 slots = slots_here(e->p);
	struct links links = { 0 };
	struct netlink nl = { 0 };
	int ret;

	if (!slots)
		return;
	ret = netlink_open(&nl);
	if (!ret)
		ret = links_read(&nl, &links);
	if (ret) {
		e->failed = ret;
	} else {
		want_addresses(e, &links, slots);
		want_kernels(e, &links, slots);
	}
	links_free(&links);
	netlink_close(&nl);
}

static void want_listed(struct entries *e)
{
	const struct xr_device *d = e->p->devices;
	__u32 i, k;

	for (i = 0; i < XR_MAX_DEVICES; i++, d++) {
		if (!d->ifindex || d->role != XR_ROLE_BACKEND)
			continue;
		for (k = 0; k < d->listed.vnis && k < XR_DEV_VNIS; k++)
			want_vni(e, XR_END_VNI, d->listed.vni[k], 1ULL << i);
		for (k = 0; k < d->listed.addrs && k < XR_DEV_ADDRS; k++)
			want_addr(e, d->listed.addr[k], 1ULL << i);
	}
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct xr_end));
}

/* Each key once, in order. */
static void merge(struct entries *e)
{
	size_t i, n = 0;

	if (e->n)
		qsort(e->item, e->n, sizeof(*e->item), compare);
	for (i = 0; i < e->n; i++) {
		if (n && !compare(&e->item[n - 1], &e->item[i]))
			e->item[n - 1].slots |= e->item[i].slots;
		else
			e->item[n++] = e->item[i];
	}
	e->n = n;
}

/* New entries come first: one that holds before and after is there all the time. */
static int store(const struct entries *e)
{
	int fd = e->p->fd[PLANE_TUNNEL_ENDS], ret = 0;
	struct xr_end key, next;
	bool more;
	size_t i;

	for (i = 0; !ret && i < e->n; i++)
		ret = bpf_map_update_elem(fd, &e->item[i].key, &e->item[i].slots, 0);
	more = !bpf_map_get_next_key(fd, NULL, &key);
	while (more) {
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (!e->n || !bsearch(&key, e->item, e->n, sizeof(*e->item), compare))
			bpf_map_delete_elem(fd, &key);
		key = next;
	}
	return ret;
}

int ends_refresh(struct plane *p, struct xr_err *err)
{
	struct entries e = { .p = p };
	int ret;

	plane_each_netns(p, want_here, &e);
	want_listed(&e);
	merge(&e);
	ret = e.failed;
	if (!ret)
		ret = store(&e);
	free(e.item);
	if (ret == -E2BIG)
		return xr_fail(
			err, ret,
			"role backend: the machine has more addresses than the map tunnel_ends has room for");
	if (ret)
		return xr_fail(err, ret, "role backend: reading the machine's addresses: %s",
			       strerror(-ret));
	return 0;
}

__u32 ends_missing(struct plane *p, __be32 *first)
{
	struct entries e = { .p = p, .looked_for = true };
	__u32 missing = 0;
	__u64 slots;
	size_t i;

	plane_each_netns(p, want_here, &e);
	merge(&e);
	for (i = 0; i < e.n; i++) {
		if (e.item[i].key.kind != XR_END_ADDR)
			continue;
		if (!bpf_map_lookup_elem(p->fd[PLANE_TUNNEL_ENDS], &e.item[i].key, &slots) &&
		    !(e.item[i].slots & ~slots))
			continue;
		if (!missing++)
			memcpy(first, e.item[i].key.addr, sizeof(e.item[i].key.addr));
	}
	free(e.item);
	return missing;
}
