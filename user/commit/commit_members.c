// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is behind which VIP: the lists as they are and as they shall be, what that
 * changes in the members map, and the pools that spare the program that map.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "commit_priv.h"
#include "model/model_edit.h"
#include "lib/lut.h"
#include "plane/members.h"

/* ---- lists ---- */

static int compare_member(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->vip != y->vip)
		return x->vip < y->vip ? -1 : 1;
	return x->backend < y->backend ? -1 : x->backend > y->backend;
}

static int list_members(const struct model *m, struct members *out)
{
	const struct model_vip_key *k;
	const struct model_backend *b;
	const struct model_vip *v;
	size_t i, j, total = 0;
	struct member *to;
	struct lut l;

	for (i = 0; i < m->n_backends; i++)
		total += m->backends[i].n_vips;
	out->item = malloc(total * sizeof(*out->item) + 1);
	if (!out->item || model_index_vips(m, &l))
		return -ENOMEM;
	for (i = 0; i < m->n_backends; i++) {
		b = &m->backends[i];
		for (j = 0; j < b->n_vips; j++) {
			k = &b->vips[j];
			v = model_indexed_vip(m, &l, k->addr, k->port, k->proto);
			to = &out->item[out->n];
			to->vip = v ? v->index : 0;
			to->backend = b->index;
			to->weight = b->info.state == XR_BACKEND_UP ? b->info.weight : 0;
			out->n += to->vip != 0;
		}
	}
	lut_free(&l);
	qsort(out->item, out->n, sizeof(*out->item), compare_member);
	return 0;
}

struct pairs {
	struct xr_member *item;
	size_t n;
};

static int on_pair(void *ctx, const struct xr_member *k)
{
	struct pairs *p = ctx;
	struct xr_member *to = model_grow(&p->item, &p->n, sizeof(*to));

	if (!to)
		return -ENOMEM;
	*to = *k;
	return 0;
}

static int compare_pair(const void *a, const void *b)
{
	const struct xr_member *x = a, *y = b;

	if (x->vip != y->vip)
		return x->vip < y->vip ? -1 : 1;
	return x->backend < y->backend ? -1 : x->backend > y->backend;
}

/* Compared with the map itself, not with c->have: a kill may have left pairs in it. */
static int diff_members(struct commit *c)
{
	struct pairs live = { NULL, 0 };
	const struct member *w = c->want_members.item;
	struct xr_member pair;
	size_t i, j, n = c->want_members.n;
	int ret = members_each(c->p, on_pair, &live), d;

	if (!ret && live.n)
		qsort(live.item, live.n, sizeof(*live.item), compare_pair);
	c->add_members = malloc(n * sizeof(pair) + 1);
	c->del_members = malloc(live.n * sizeof(pair) + 1);
	if (!c->add_members || !c->del_members)
		ret = -ENOMEM;
	for (i = 0, j = 0; !ret && (i < n || j < live.n);) {
		if (i < n)
			pair = (struct xr_member){ w[i].vip, w[i].backend };
		d = i == n ? 1 : j == live.n ? -1 : compare_pair(&pair, &live.item[j]);
		if (d < 0)
			c->add_members[c->n_add_members++] = pair;
		if (d > 0)
			c->del_members[c->n_del_members++] = live.item[j];
		i += d <= 0;
		j += d >= 0;
	}
	free(live.item);
	return ret;
}

/* ---- pools ---- */

static int compare_backend(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->backend != y->backend)
		return x->backend < y->backend ? -1 : 1;
	return x->vip < y->vip ? -1 : x->vip > y->vip;
}

/* One backend's VIPs, among members in the order of backends. */
struct behind {
	const struct member *item;
	size_t n;
};

static bool same_vips(const struct behind *a, const struct behind *b)
{
	size_t i;

	for (i = 0; a->n == b->n && i < a->n; i++)
		if (a->item[i].vip != b->item[i].vip)
			return false;
	return a->n == b->n;
}

static __u64 hash_vips(const struct behind *b)
{
	__u64 hash = b->n;
	size_t i;

	for (i = 0; i < b->n; i++)
		hash = xr_mix64(hash ^ b->item[i].vip) + i;
	return hash;
}

/* A pool's number is the index of its first backend, so no two have the same. */
static void name_pool(struct commit *c, struct lut *first, const struct behind *all, __u32 backend)
{
	__u64 hash = hash_vips(&all[backend]);
	__u32 at, i;

	c->backend[backend].pool = backend;
	for (at = lut_first(first, hash); (i = lut_get(first, at)) != LUT_END; at++)
		if (same_vips(&all[i], &all[backend])) {
			c->backend[backend].pool = i;
			return;
		}
	lut_add(first, hash, backend);
}

/*
 * All backends with the same VIPs are a pool, and a VIP has the number of the largest
 * pool behind it. A packet whose backend and VIP have the same pool need not be looked
 * up in the members map: nearly all of them.
 */
static int make_pools(struct commit *c)
{
	const struct members *m = &c->want_members;
	struct member *by_backend = malloc(m->n * sizeof(*by_backend) + 1);
	__u32 size = c->have->limits.backends, i;
	struct behind *all = calloc(size + 1, sizeof(*all));
	size_t *backends = calloc(size + 1, sizeof(*backends));
	struct lut first = { NULL, 0 };
	int ret = -ENOMEM;
	size_t k;

	if (!by_backend || !all || !backends || lut_init(&first, size + 1))
		goto out;
	memcpy(by_backend, m->item, m->n * sizeof(*by_backend));
	qsort(by_backend, m->n, sizeof(*by_backend), compare_backend);
	for (k = 0; k < m->n; k++)
		if (!all[by_backend[k].backend].n++)
			all[by_backend[k].backend].item = &by_backend[k];
	for (i = 1; i <= size; i++) {
		if (!c->backend[i].want)
			continue;
		name_pool(c, &first, all, i);
		backends[c->backend[i].pool]++;
	}
	for (k = 0; k < m->n; k++) {
		struct vip_slot *v = &c->vip[m->item[k].vip];
		__u16 pool = c->backend[m->item[k].backend].pool;

		if (!v->pool || backends[pool] > backends[v->pool])
			v->pool = pool;
	}
	ret = 0;
out:
	lut_free(&first);
	free(by_backend);
	free(all);
	free(backends);
	return ret;
}

int commit_list_members(struct commit *c)
{
	int ret = list_members(c->have, &c->have_members);

	return ret ? ret : list_members(c->want, &c->want_members);
}

int commit_members(struct commit *c)
{
	int ret = make_pools(c);

	return ret ? ret : diff_members(c);
}

/* ---- into the map ---- */

int commit_add_members(struct commit *c)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	size_t done;
	int ret = members_change(c->p, c->add_members, c->n_add_members, true, &done);

	if (!ret)
		return 0;
	c->n_add_members = done;
	commit_undo_members(c);
	bpf_obj_get_info_by_fd(c->p->fd[PLANE_MEMBERS], &info, &len);
	if (ret == -E2BIG)
		return xr_fail(
			c->err, ret,
			"too many pairs of VIP and backend: with those that go, more than the %u that this instance has room for, %d for each of limits.backends; take away first, then add",
			info.max_entries, XR_PAIRS_PER_BACKEND);
	return xr_fail(c->err, ret, "writing pairs of VIP and backend: %s", strerror(-ret));
}

void commit_undo_members(struct commit *c)
{
	size_t done;

	members_change(c->p, c->add_members, c->n_add_members, false, &done);
}

void commit_del_members(struct commit *c)
{
	size_t done, from = 0;

	/* A batch stops at a key that is not there: go on behind it. */
	while (from < c->n_del_members) {
		members_change(c->p, c->del_members + from, c->n_del_members - from, false, &done);
		from += done + 1;
	}
}
