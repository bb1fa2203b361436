// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which server IDs go into pages, and how they get there.
 *
 * An ID that changes sides is in both places for a while: a group that gets a page is in it,
 * whole, before the directory names it, and leaves the table a grace period later; one that
 * loses its page is in the table a grace period before the directory names the page no more.
 *
 * The directory's keys never move, so a key that finds both its buckets full gets no page; that
 * is rare, as they are a third full at most.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/lut.h"
#include "sid_store_priv.h"

/* Server IDs that differ in their last octet only. */
struct group {
	__u64 key;
	__u32 n;
	__u32 spot; /* in the directory, of one that has a page: bucket * XR_SID_WAYS + way */
	__u16 page; /* 0: none */
	bool fresh, leaves;
	__u32 content; /* of one that has a page: index in the plan's content */
};

struct sid_store_plan {
	struct group *group;
	size_t n_groups, n_paged;
	struct xr_sid_page *content; /* of the n_paged groups that have a page */
	struct xr_sid_bucket *dir;   /* as it will be, without pages' numbers */
	__u32 *gone;                 /* spots of groups of which nothing is left */
	size_t n_gone;
	bool any_fresh, any_leaves;
	struct sid_plan *table;
	struct sid_use use;
};

/* While it is made. */
struct making {
	struct sid_store_plan *p;
	const struct sid_store *s;
	const struct sid_entry *want;
	size_t n;
	struct lut by_key;
	__u32 *group_no; /* by server ID: index of its group plus one; 0: none */
	bool *taken;     /* by page */
};

static __u64 *key_at(struct xr_sid_bucket *dir, __u32 spot)
{
	return &dir[spot / XR_SID_WAYS].key[spot % XR_SID_WAYS];
}

/* ---- groups ---- */

static struct group *find_group(const struct making *m, __u64 key)
{
	__u32 at, i;

	for (at = lut_first(&m->by_key, xr_mix64(key)); (i = lut_get(&m->by_key, at)) != LUT_END;
	     at++)
		if (m->p->group[i].key == key)
			return &m->p->group[i];
	return NULL;
}

static void make_groups(struct making *m)
{
	struct sid_store_plan *p = m->p;
	struct group *g = NULL;
	__u64 key;
	size_t i;

	for (i = 0; i < m->n; i++) {
		key = sid_group_key(m->want[i].sid, m->want[i].len);
		if (!key)
			continue;
		/* Lists are sorted, mostly. */
		if (!g || g->key != key)
			g = find_group(m, key);
		if (!g) {
			g = &p->group[p->n_groups];
			g->key = key;
			lut_add(&m->by_key, xr_mix64(key), p->n_groups++);
		}
		g->n++;
		m->group_no[i] = no_of_index(g - p->group);
	}
}

/* Which groups have a page, and which of these keep it. */
static void read_dir(struct making *m)
{
	__u32 spot, spots = (m->s->dir_mask + 1) * XR_SID_WAYS;
	struct sid_store_plan *p = m->p;
	struct group *g;
	__u16 page;

	for (spot = 0; spot < spots; spot++) {
		if (!*key_at(p->dir, spot))
			continue;
		page = p->dir[spot / XR_SID_WAYS].backend[spot % XR_SID_WAYS];
		g = find_group(m, *key_at(p->dir, spot));
		if (!g || g->page || !page || page > m->s->pages || m->taken[page]) {
			*key_at(p->dir, spot) = 0;
			p->gone[p->n_gone++] = spot;
			continue;
		}
		m->taken[page] = true;
		g->page = page;
		g->spot = spot;
		g->leaves = g->n < SID_PAGE_KEEP;
		p->any_leaves |= g->leaves;
	}
}

static int used_ways(const struct xr_sid_bucket *b)
{
	int w, n = 0;

	for (w = 0; w < XR_SID_WAYS; w++)
		n += !!b->key[w];
	return n;
}

/* The first bucket costs a reader one cache line less. */
static bool take_spot(struct making *m, struct group *g)
{
	struct xr_sid_bucket *dir = m->p->dir;
	__u32 b = xr_sid_bucket1(g->key) & m->s->dir_mask;
	__u32 b2 = xr_sid_bucket2(g->key) & m->s->dir_mask;
	int w;

	if (used_ways(&dir[b]) >= XR_SID_WAYS - 1 && used_ways(&dir[b2]) < used_ways(&dir[b]))
		b = b2;
	for (w = 0; w < XR_SID_WAYS; w++) {
		if (dir[b].key[w])
			continue;
		dir[b].key[w] = g->key;
		g->spot = b * XR_SID_WAYS + w;
		return true;
	}
	return false;
}

static int largest_first(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return x->key < y->key ? -1 : x->key > y->key;
}

static int give_pages(struct making *m)
{
	struct group **dense = malloc((m->n / SID_PAGE_BEGIN + 1) * sizeof(*dense)), *g;
	size_t i, n = 0;
	__u32 page = 1;

	if (!dense)
		return -ENOMEM;
	for (i = 0; i < m->p->n_groups; i++)
		if (m->p->group[i].n >= SID_PAGE_BEGIN && !m->p->group[i].page)
			dense[n++] = &m->p->group[i];
	qsort(dense, n, sizeof(*dense), largest_first);
	for (i = 0; i < n; i++) {
		g = dense[i];
		while (page <= m->s->pages && m->taken[page])
			page++;
		if (page > m->s->pages)
			break;
		if (!take_spot(m, g))
			continue;
		g->page = page++;
		g->fresh = m->p->any_fresh = true;
	}
	free(dense);
	return 0;
}

/* ---- what the pages and the table are to have ---- */

static int make_content(struct making *m)
{
	struct sid_store_plan *p = m->p;
	size_t i;

	for (i = 0; i < p->n_groups; i++) {
		if (!p->group[i].page)
			continue;
		p->group[i].content = p->n_paged++;
		if (p->group[i].leaves)
			continue;
		p->use.pages++;
		p->use.in_pages += p->group[i].n;
	}
	p->content = calloc(p->n_paged + 1, sizeof(*p->content));
	return p->content ? 0 : -ENOMEM;
}

/* Fills the pages; what is for the table is put into rest. */
static int divide(struct making *m, struct sid_entry *rest, size_t *n_rest, struct xr_err *err)
{
	const struct sid_entry *e = m->want;
	const struct group *g;
	__u16 *slot;
	size_t i;

	for (i = 0; i < m->n; i++, e++) {
		g = m->group_no[i] ? &m->p->group[index_of_no(m->group_no[i])] : NULL;
		if (g && g->page) {
			slot = &m->p->content[g->content].backend[sid_page_slot(e->sid, e->len)];
			if (*slot)
				return sid_given_twice(e, err);
			*slot = e->backend;
		}
		if (!g || !g->page || g->leaves)
			rest[(*n_rest)++] = *e;
	}
	return 0;
}

static int plan_table(struct making *m, struct xr_err *err)
{
	struct sid_entry *rest = malloc(m->n * sizeof(*rest) + 1);
	size_t n = 0;
	int ret = rest ? divide(m, rest, &n, err) : -ENOMEM;

	if (!ret)
		ret = sid_plan_make(&m->s->table, rest, n, &m->p->table, err);
	m->p->use.in_table = n;
	free(rest);
	return ret;
}

/* ---- the directory ---- */

/* What leaves is there no more; spill as the keys that stay make it. */
static void finish_dir(struct making *m)
{
	__u32 spot, b, home, spots = (m->s->dir_mask + 1) * XR_SID_WAYS;
	struct sid_store_plan *p = m->p;
	size_t i;

	for (i = 0; p->any_leaves && i < p->n_groups; i++)
		if (p->group[i].leaves)
			*key_at(p->dir, p->group[i].spot) = 0;
	for (b = 0; b <= m->s->dir_mask; b++)
		p->dir[b].spill = 0;
	for (spot = 0; spot < spots; spot++) {
		if (!*key_at(p->dir, spot))
			continue;
		home = xr_sid_bucket1(*key_at(p->dir, spot)) & m->s->dir_mask;
		p->dir[home].spill += home != spot / XR_SID_WAYS;
	}
}

static int plan_alloc(struct making *m)
{
	size_t buckets = (size_t)m->s->dir_mask + 1;
	struct sid_store_plan *p = m->p;

	p->group = calloc(m->n + 1, sizeof(*p->group));
	p->dir = malloc(buckets * sizeof(*p->dir));
	p->gone = malloc(buckets * XR_SID_WAYS * sizeof(*p->gone));
	m->group_no = calloc(m->n + 1, sizeof(*m->group_no));
	m->taken = calloc((size_t)m->s->pages + 1, sizeof(*m->taken));
	if (!p->group || !p->dir || !p->gone || !m->group_no || !m->taken)
		return -ENOMEM;
	memcpy(p->dir, m->s->dir, buckets * sizeof(*p->dir));
	return lut_init(&m->by_key, m->n);
}

int sid_store_plan_make(const struct sid_store *s, const struct sid_entry *want, size_t n,
			struct sid_store_plan **plan, struct xr_err *err)
{
	struct sid_store_plan *p = calloc(1, sizeof(*p));
	struct making m = { .p = p, .s = s, .want = want, .n = n };
	int ret = p ? plan_alloc(&m) : -ENOMEM;

	if (!ret) {
		make_groups(&m);
		read_dir(&m);
		ret = give_pages(&m);
	}
	if (!ret)
		ret = make_content(&m);
	if (!ret)
		ret = plan_table(&m, err);
	if (!ret)
		finish_dir(&m);
	if (ret == -ENOMEM)
		xr_fail(err, ret, "server IDs: out of memory");
	lut_free(&m.by_key);
	free(m.group_no);
	free(m.taken);
	if (ret) {
		sid_store_plan_free(p);
		p = NULL;
	}
	*plan = p;
	return ret;
}

struct sid_use sid_store_plan_use(const struct sid_store_plan *p)
{
	return p->use;
}

void sid_store_plan_free(struct sid_store_plan *p)
{
	if (!p)
		return;
	sid_plan_free(p->table);
	free(p->group);
	free(p->content);
	free(p->dir);
	free(p->gone);
	free(p);
}

/* ---- applying ---- */

static void clear_key(const struct sid_store *s, __u32 spot)
{
	__atomic_store_n(key_at(s->dir, spot), 0, __ATOMIC_RELEASE);
}

static void fill_page(struct xr_sid_page *to, const struct xr_sid_page *from)
{
	int i;

	for (i = 0; i < XR_SID_PAGE; i++)
		if (to->backend[i] != from->backend[i])
			__atomic_store_n(&to->backend[i], from->backend[i], __ATOMIC_RELEASE);
}

static void name_page(const struct sid_store *s, const struct group *g)
{
	__u32 home = xr_sid_bucket1(g->key) & s->dir_mask;
	struct xr_sid_bucket *b = &s->dir[g->spot / XR_SID_WAYS];

	/* A reader looks into the second bucket only where this count is not 0. */
	if (b != &s->dir[home])
		__atomic_store_n(&s->dir[home].spill, s->dir[home].spill + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&b->backend[g->spot % XR_SID_WAYS], g->page, __ATOMIC_RELEASE);
	__atomic_store_n(&b->key[g->spot % XR_SID_WAYS], g->key, __ATOMIC_RELEASE);
}

void sid_store_plan_apply(const struct sid_store_plan *p, const struct sid_store *s,
			  void (*grace)(void *ctx), void *ctx)
{
	const struct group *g, *end = p->group + p->n_groups;
	size_t i;
	__u32 b;

	for (i = 0; i < p->n_gone; i++)
		clear_key(s, p->gone[i]);
	/* What was let go of just now, or by a commit that was killed, may still be read. */
	if (p->n_gone || p->any_fresh)
		grace(ctx);
	for (g = p->group; g < end; g++) {
		if (!g->page)
			continue;
		fill_page(&s->page[g->page], &p->content[g->content]);
		if (g->fresh)
			name_page(s, g);
	}
	if (p->any_fresh)
		grace(ctx);
	sid_plan_apply(p->table, &s->table, grace, ctx);
	if (p->any_leaves)
		grace(ctx);
	for (g = p->group; p->any_leaves && g < end; g++)
		if (g->leaves)
			clear_key(s, g->spot);
	/* Only now may counts go down. */
	for (b = 0; b <= s->dir_mask; b++)
		if (s->dir[b].spill != p->dir[b].spill)
			__atomic_store_n(&s->dir[b].spill, p->dir[b].spill, __ATOMIC_RELEASE);
}
