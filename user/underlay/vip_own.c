// SPDX-License-Identifier: GPL-2.0-only
/* The VIPs' addresses in the maps, and what follows from them in every network namespace. */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xroam/hash.h>

#include "model/model_edit.h"
#include "lib/netns.h"
#include "lib/text.h"
#include "net/links.h"
#include "serve/serve.h"
#include "vip_announced.h"
#include "vip_own.h"
#include "vip_routes.h"

/* ---- addresses ---- */

struct address {
	__be32 addr[XR_ADDR_WORDS];
	__u32 what; /* XR_VIP_ADDR_* */
};

struct addresses {
	struct address *item;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct address *)0)->addr));
}

static int add(struct addresses *a, const __be32 *addr)
{
	struct address *to = model_grow(&a->item, &a->n, sizeof(*to));

	if (!to)
		return -ENOMEM;
	memcpy(to->addr, addr, sizeof(to->addr));
	return 0;
}

/* In order, and each once. */
static void sort(struct addresses *a)
{
	size_t i, n = 0;

	if (a->n)
		qsort(a->item, a->n, sizeof(*a->item), compare);
	for (i = 0; i < a->n; i++)
		if (!n || compare(&a->item[n - 1], &a->item[i]))
			a->item[n++] = a->item[i];
	a->n = n;
}

static struct address *find(const struct addresses *a, const __be32 *addr)
{
	return a->n ? bsearch(addr, a->item, a->n, sizeof(*a->item), compare) : NULL;
}

static int add_vips(const struct plane *p, struct addresses *to)
{
	__u32 i;

	for (i = 1; i <= p->meta->limits.vips; i++)
		if (p->vips[i].used && add(to, p->vips[i].addr))
			return -ENOMEM;
	return 0;
}

/* ---- in a namespace ---- */

/* The first device with role node in that namespace, or NULL. */
static const struct xr_device *node_device(const struct plane *p, __u64 netns)
{
	const struct xr_device *d = p->devices;
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++, d++)
		if (d->ifindex && d->netns == netns && d->role == XR_ROLE_NODE)
			return d;
	return NULL;
}

/* In this namespace. Addresses in own that the machine has itself are marked. */
static void refresh_here(struct plane *p, struct addresses *own)
{
	size_t i, n = node_device(p, netns_id()) ? own->n : 0;
	struct netlink nl = { 0 };
	__u32 dev;

	if (!netlink_open(&nl)) {
		vip_routes_follow(&nl, p);
		vip_routes_fit(&nl, p);
		for (i = 0; i < n; i++)
			if (route_kind(&nl, own->item[i].addr, &dev) == ROUTE_LOCAL)
				own->item[i].what |= XR_VIP_ADDR_LOCAL;
	}
	netlink_close(&nl);
}

/* ---- what the programs know ---- */

static void store_filter(struct plane *p, const struct addresses *own)
{
	struct xr_vip_filter f = { { 0 } };
	size_t i;
	__u32 bit;

	for (i = 0; i < own->n; i++) {
		if (!addr_is_ipv4(own->item[i].addr))
			continue;
		bit = xr_vip_filter_bit(own->item[i].addr[3]);
		f.word[bit / 64] |= 1ULL << bit % 64;
	}
	for (i = 0; i < XR_VIP_FILTER_WORDS; i++)
		__atomic_store_n(&p->vip_filter->word[i], f.word[i], __ATOMIC_RELEASE);
}

static void store(struct plane *p, const struct addresses *own)
{
	int fd = p->fd[PLANE_VIP_ADDRESSES];
	__be32 key[XR_ADDR_WORDS], *from = NULL;
	struct addresses gone = { NULL, 0 };
	size_t i;

	for (i = 0; i < own->n; i++)
		bpf_map_update_elem(fd, own->item[i].addr, &own->item[i].what, 0);
	store_filter(p, own);
	while (!bpf_map_get_next_key(fd, from, key)) {
		from = key;
		if (!find(own, key))
			add(&gone, key);
	}
	for (i = 0; i < gone.n; i++)
		bpf_map_delete_elem(fd, gone.item[i].addr);
	free(gone.item);
}

/* ---- all namespaces ---- */

static void refresh_in(struct plane *p, __u64 netns, struct addresses *own)
{
	int back;

	if (!netns || netns_enter(netns, &back))
		return;
	refresh_here(p, own);
	netns_leave(back);
}

void vip_own_refresh(struct plane *p, __u64 left)
{
	struct addresses own = { NULL, 0 };
	__u64 here = netns_id(), netns;
	int i, k;

	if (add_vips(p, &own))
		goto out;
	sort(&own);
	refresh_here(p, &own);
	if (left != here)
		refresh_in(p, left, &own);
	for (i = 0; i < XR_MAX_DEVICES; i++) {
		netns = p->devices[i].ifindex ? p->devices[i].netns : 0;
		for (k = 0; k < i && p->devices[k].netns != netns; k++)
			;
		if (k == i && netns != here && netns != left)
			refresh_in(p, netns, &own);
	}
	store(p, &own);
out:
	free(own.item);
}

void vip_own_sweep(void)
{
	struct netlink nl = { 0 };

	if (!netlink_open(&nl))
		vip_routes_fit(&nl, NULL);
	netlink_close(&nl);
}

/* ---- whether they serve ---- */

static void follow_here(void *ctx)
{
	struct netlink nl = { 0 };
	struct plane *p = ctx;

	if (!netlink_open(&nl) && vip_routes_follow(&nl, p))
		vip_routes_fit(&nl, p);
	netlink_close(&nl);
}

void vip_own_follow(struct plane *p)
{
	if (serve_is_asked(p))
		plane_each_netns(p, follow_here, p);
}

void vip_own_withdraw(struct plane *p)
{
	struct netlink nl = { 0 };

	if (!netlink_open(&nl) && serve_node(p, &nl) != XR_SERVES)
		vip_routes_withdraw(&nl, p);
	netlink_close(&nl);
}

/* ---- what is wrong ---- */

#define LINES_MAX 10

static bool forwards(const struct xr_device *d, bool ipv4)
{
	char path[128], c = '0';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv%d/conf/%s/forwarding", ipv4 ? 4 : 6,
		 d->name);
	f = fopen(path, "re");
	if (f) {
		c = fgetc(f);
		fclose(f);
	}
	return c != '0';
}

/* Whether the kernel would send on what it gets for the address, and by which device. */
static bool goes_back(struct netlink *nl, const struct xr_device *d, const __be32 *addr, __u32 *dev)
{
	return forwards(d, addr_is_ipv4(addr)) && route_kind(nl, addr, dev) == ROUTE_ELSEWHERE;
}

static const char *why(const struct plane *p)
{
	if (!p->meta->policy.vip_route)
		return "policy vip_route is off, and vip_other lets it pass";
	return "no blackhole route of ours leads there; \"xroam reload\" makes it again";
}

static void find_loops(const struct plane *p, const struct xr_device *d,
		       const struct addresses *own, vip_loop_fn *each, void *ctx)
{
	struct netlink nl = { 0 };
	size_t i;
	__u32 dev;

	/* While an address that is to be announced is withdrawn, the router sends nothing here. */
	for (i = netlink_open(&nl) ? own->n : 0; i < own->n; i++)
		if (!vip_announced_asked(p, own->item[i].addr) &&
		    goes_back(&nl, d, own->item[i].addr, &dev))
			each(ctx, d, own->item[i].addr, dev);
	netlink_close(&nl);
}

void vip_own_each_loop(struct plane *p, vip_loop_fn *each, void *ctx)
{
	const struct xr_policy *policy = &p->meta->policy;
	struct addresses own = { NULL, 0 };
	const struct xr_device *d;
	int i, back;

	/* Then hardly a packet is left to the kernel. */
	if (!policy->vip_route && policy->vip_other == XR_VIP_OTHER_DROP)
		return;
	if (!add_vips(p, &own)) {
		sort(&own);
		for (i = 0; i < XR_MAX_DEVICES; i++) {
			d = &p->devices[i];
			if (d->ifindex && node_device(p, d->netns) == d &&
			    !netns_enter(d->netns, &back)) {
				find_loops(p, d, &own, each, ctx);
				netns_leave(back);
			}
		}
	}
	free(own.item);
}

struct loop_lines {
	struct plane *p;
	void (*each)(void *ctx, const char *line);
	void *ctx;
	size_t n;
};

static void report_loop(void *ctx, const struct xr_device *d, const __be32 *addr, __u32 dev)
{
	char line[320], name[TEXT_ADDR], dev_name[IF_NAMESIZE] = "?";
	struct loop_lines *l = ctx;

	(void)d;
	if (++l->n > LINES_MAX)
		return;
	if_indextoname(dev, dev_name);
	snprintf(line, sizeof(line),
		 "vip %s: what xroam leaves to the kernel is sent back, by %s: %s",
		 text_addr(name, addr), dev_name, why(l->p));
	l->each(l->ctx, line);
}

void vip_own_check(struct plane *p, void (*each)(void *ctx, const char *line), void *ctx)
{
	struct loop_lines l = { p, each, ctx, 0 };
	char line[64];

	vip_own_each_loop(p, report_loop, &l);
	if (l.n > LINES_MAX) {
		snprintf(line, sizeof(line), "... and %zu addresses more", l.n - LINES_MAX);
		each(ctx, line);
	}
}
