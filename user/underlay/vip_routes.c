// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/netns.h"
#include "model/model_edit.h"
#include "net/links.h"
#include "vip_announced.h"
#include "vip_routes.h"

struct route {
	__be32 addr[XR_ADDR_WORDS];
	__u32 table;
	bool announces;
};

#define ANY_TABLE 0 /* no table of the kernel's has this number */

struct routes {
	struct route *item;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	int d = memcmp(x->addr, y->addr, sizeof(x->addr));

	return d ? d : x->table < y->table ? -1 : x->table > y->table;
}

static int add(struct routes *r, const __be32 *addr, __u32 table, bool announces)
{
	struct route *to = model_grow(&r->item, &r->n, sizeof(*to));

	if (!to)
		return -ENOMEM;
	memcpy(to->addr, addr, sizeof(to->addr));
	to->table = table;
	to->announces = announces;
	return 0;
}

/* In order, and each once. */
static void sort(struct routes *r)
{
	size_t i, n = 0;

	if (r->n)
		qsort(r->item, r->n, sizeof(*r->item), compare);
	for (i = 0; i < r->n; i++) {
		if (!n || compare(&r->item[n - 1], &r->item[i]))
			r->item[n++] = r->item[i];
		else
			r->item[n - 1].announces |= r->item[i].announces;
	}
	r->n = n;
}

static const struct route *find(const struct routes *r, const struct route *one)
{
	return r->n ? bsearch(one, r->item, r->n, sizeof(*r->item), compare) : NULL;
}

/* Whether the list has it, or has its address for any table. */
static bool is_in(const struct routes *r, const struct route *one)
{
	struct route any = *one;

	any.table = ANY_TABLE;
	return find(r, one) || (one->table == RT_TABLE_MAIN && find(r, &any));
}

/* ---- what instances want here ---- */

struct wanted {
	const struct plane *p;
	struct routes *to;
	int ret;
};

static void add_announced(void *ctx, const __be32 *addr)
{
	struct wanted *w = ctx;

	if (add(w->to, addr, w->p->meta->policy.vip_table, true))
		w->ret = -ENOMEM;
}

static bool any_node_here(const struct plane *p)
{
	const struct xr_device *d = NULL;
	__u64 here = netns_id();

	while ((d = plane_next_device(p, d)))
		if (d->netns == here && d->role == XR_ROLE_NODE)
			return true;
	return false;
}

/*
 * Where what is announced has its routes in the main table, too, an address that asks for it
 * has none but that: a routing daemon cannot tell one of the policy's from it.
 */
static int add_policy(const struct plane *p, struct routes *to)
{
	bool same = p->meta->policy.vip_table == RT_TABLE_MAIN;
	__u32 i;

	if (!p->meta->policy.vip_route || !any_node_here(p))
		return 0;
	for (i = 1; i <= p->meta->limits.vips; i++) {
		if (!p->vips[i].used || (same && vip_announced_asked(p, p->vips[i].addr)))
			continue;
		if (add(to, p->vips[i].addr, RT_TABLE_MAIN, false))
			return -ENOMEM;
	}
	return 0;
}

static int add_wanted(const struct plane *p, struct routes *to)
{
	struct wanted w = { p, to, add_policy(p, to) };

	vip_announced_each(p, netns_id(), add_announced, &w);
	return w.ret;
}

/* The pin of an instance that plane_open() refuses: a descriptor, or -errno. */
static int open_pin(const char *name, const char *pin, struct bpf_map_info *info)
{
	__u32 len = sizeof(*info);
	char path[192];
	int fd;

	memset(info, 0, sizeof(*info));
	snprintf(path, sizeof(path), XR_PIN_ROOT "/%s/%s", name, pin);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (!bpf_obj_get_info_by_fd(fd, info, &len))
		return fd;
	close(fd);
	return -EPROTO;
}

/*
 * Whether the instance has no device here, as far as its record of them can be read: to open
 * all of an instance takes milliseconds, and a withdrawal waits for each.
 */
static bool is_elsewhere(const char *name)
{
	struct bpf_map_info info;
	struct xr_device d;
	bool any = false;
	__u32 i;
	int fd = open_pin(name, "devices", &info);

	if (fd < 0)
		return false;
	if (info.value_size != sizeof(d) || info.max_entries > XR_MAX_DEVICES)
		any = true;
	for (i = 0; !any && i < info.max_entries; i++)
		any = bpf_map_lookup_elem(fd, &i, &d) || (d.ifindex && d.netns == netns_id());
	close(fd);
	return !any;
}

/*
 * Of an instance with another map layout the addresses can be read all the same: what it has
 * there may be wanted, in whatever table.
 */
static int add_unreadable(const char *name, struct routes *to)
{
	__be32 key[XR_ADDR_WORDS], *from = NULL;
	struct bpf_map_info info;
	int fd, ret = 0;

	fd = open_pin(name, "vip_addresses", &info);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (info.key_size != sizeof(key))
		ret = -EPROTO;
	for (; !ret && !bpf_map_get_next_key(fd, from, key); from = key)
		ret = add(to, key, ANY_TABLE, false);
	close(fd);
	return ret;
}

/* An instance that is gone, or not there yet, wants nothing. */
static int add_others_wanted(const char *name, struct routes *to)
{
	struct plane *other;
	int ret;

	if (is_elsewhere(name))
		return 0;
	ret = plane_open(&other, name, PLANE_READ, NULL, NULL, NULL);
	if (ret == -EPROTO)
		return add_unreadable(name, to);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	ret = add_wanted(other, to);
	plane_close(other);
	return ret;
}

/*
 * The routes that are to be in this namespace, whichever instance but p wants them. Not 0:
 * there may be more.
 */
static int add_all_others(const struct plane *p, struct routes *to)
{
	char **names = NULL, **name;
	int ret = plane_list(&names, NULL), one;

	for (name = names; name && *name; name++) {
		if (!p || strcmp(*name, p->name)) {
			one = add_others_wanted(*name, to);
			ret = ret ? ret : one;
		}
		free(*name);
	}
	free(names);
	return ret;
}

/* ---- fitting ---- */

static void found(void *ctx, const __be32 *addr, __u32 table)
{
	add(ctx, addr, table, false);
}

/*
 * An address of this machine is the kernel's, and needs no route; but one that is announced
 * has one, which changes nothing for the kernel and is what a routing daemon learns.
 */
static void drop_local(struct netlink *nl, struct routes *r)
{
	size_t i, n = 0;
	__u32 dev;

	for (i = 0; i < r->n; i++)
		if (r->item[i].announces || route_kind(nl, r->item[i].addr, &dev) != ROUTE_LOCAL)
			r->item[n++] = r->item[i];
	r->n = n;
}

static void make(struct netlink *nl, struct plane *p, const struct route *r, bool there)
{
	int ret = there ? 0 : blackhole_add(nl, r->addr, r->table);

	if (p && r->announces)
		vip_announced_refused(p, r->addr, ret);
}

/* Adds and removes routes; true: some were removed. */
static bool fit_once(struct netlink *nl, struct plane *p)
{
	struct routes have = { NULL, 0 }, want = { NULL, 0 };
	bool sure, went = false;
	size_t i;

	/* Routes are read before the VIPs: another instance stores a VIP before its route. */
	if (blackhole_each(nl, found, &have))
		goto out;
	sure = !(p ? add_wanted(p, &want) : 0) && !add_all_others(p, &want);
	sort(&want);
	drop_local(nl, &want);
	sort(&have);
	for (i = 0; sure && i < have.n; i++) {
		if (is_in(&want, &have.item[i]))
			continue;
		blackhole_del(nl, have.item[i].addr, have.item[i].table);
		went = true;
	}
	for (i = 0; i < want.n; i++)
		if (want.item[i].table != ANY_TABLE)
			make(nl, p, &want.item[i], find(&have, &want.item[i]));
out:
	free(have.item);
	free(want.item);
	return went;
}

#define FIT_TRIES 8

/* A removed route may be one that another instance has made since its VIPs were read. */
void vip_routes_fit(struct netlink *nl, struct plane *p)
{
	int tries = 0;

	while (fit_once(nl, p) && ++tries < FIT_TRIES)
		;
}

bool vip_routes_announce(struct netlink *nl, const struct plane *p, const __be32 *addr)
{
	struct route r = { .table = p->meta->policy.vip_table };
	struct routes have = { NULL, 0 };
	bool there;

	memcpy(r.addr, addr, sizeof(r.addr));
	blackhole_each(nl, found, &have);
	sort(&have);
	there = find(&have, &r);
	free(have.item);
	return there;
}

/* ---- withdrawing, without reading the kernel's routes, of which there may be a million ---- */

struct withdrawal {
	struct netlink *nl;
	struct plane *p;
	struct routes others; /* what other instances want */
	bool read;
};

static void withdraw(void *ctx, const __be32 *addr)
{
	struct withdrawal *w = ctx;
	struct route r = { .table = w->p->meta->policy.vip_table };

	memcpy(r.addr, addr, sizeof(r.addr));
	if (!w->read) {
		add_all_others(w->p, &w->others);
		sort(&w->others);
		w->read = true;
	}
	/* What an instance of another layout wants is not known, and keeps nothing announced. */
	if (!find(&w->others, &r))
		blackhole_del(w->nl, r.addr, r.table);
}

bool vip_routes_follow(struct netlink *nl, struct plane *p)
{
	struct withdrawal w = { nl, p, { NULL, 0 }, false };
	bool changed = vip_announced_update(p, nl, withdraw, &w);

	free(w.others.item);
	return changed;
}

void vip_routes_withdraw(struct netlink *nl, struct plane *p)
{
	struct withdrawal w = { nl, p, { NULL, 0 }, false };

	vip_announced_each(p, netns_id(), withdraw, &w);
	free(w.others.item);
}
