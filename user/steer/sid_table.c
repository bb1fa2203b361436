// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cuckoo hashing with two buckets a key and six ways a bucket. Each place is a
 * "spot": bucket * XR_SID_WAYS + way.
 *
 * A key that makes room for another is written to its new spot before the old
 * one is cleared, with a grace period in between (a reader may have passed the
 * new spot already), and another before the old spot is written again (a
 * reader may have matched the key there and not yet read the backend). Were
 * each such step to wait for its own grace periods, a large load would take
 * minutes: the plan sorts them into rounds of steps that do not depend on each
 * other. Server IDs that are new have no readers yet: they are kicked about in
 * the private copy only and written once, to where they end up.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/progress.h"
#include "lib/index.h"
#include "lib/lut.h"
#include "lib/text.h"
#include "sid_table.h"

#define SEARCH_MAX 1024 /* buckets looked at to make room for one key */

struct step {
	__u32 from, to; /* spots */
	__u32 round;
};

struct change {
	__u32 spot;
	__u16 backend;
};

struct list {
	void *item;
	size_t n, room;
};

struct sid_plan {
	struct xr_sid_bucket *bucket; /* the table as it will be, without backends */
	__u32 mask;
	__u32 *fresh_no; /* by spot: which of want is new there; 0: none */
	__u16 *ready;    /* by spot: first round that may write here */
	__u16 *arrived;  /* by spot: round in which its key arrived */
	struct sid_entry *want;
	struct list deleted; /* __u32 spots */
	struct list changed; /* struct change */
	struct list steps;   /* struct step */
	size_t added, rounds;
};

static void *list_add(struct list *l, size_t size)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		void *item = realloc(l->item, room * size);

		if (!item)
			return NULL;
		l->item = item;
		l->room = room;
	}
	return (char *)l->item + l->n++ * size;
}

__u64 sid_key(const __u8 *sid, __u8 len)
{
	__u64 w[2] = { 0, 0 };

	memcpy(w, sid, len);
	return xr_sid_key(le64toh(w[0]), le64toh(w[1]), len);
}

static __u32 first_of(__u64 key, __u32 mask)
{
	return xr_sid_bucket1(key) & mask;
}

static __u32 second_of(__u64 key, __u32 mask)
{
	return xr_sid_bucket2(key) & mask;
}

__u16 sid_table_find(const struct sid_table *t, const __u8 *sid, __u8 len)
{
	__u64 key = sid_key(sid, len);
	__u32 b = first_of(key, t->mask);
	int pass, w;

	for (pass = 0; pass < 2; pass++, b = second_of(key, t->mask))
		for (w = 0; w < XR_SID_WAYS; w++)
			if (t->bucket[b].key[w] == key)
				return t->bucket[b].backend[w];
	return 0;
}

/* ---- planning ---- */

static int free_way(const struct sid_plan *p, __u32 b)
{
	int w;

	for (w = 0; w < XR_SID_WAYS; w++)
		if (!p->bucket[b].key[w])
			return w;
	return -1;
}

static int used_ways(const struct sid_plan *p, __u32 b)
{
	int w, n = 0;

	for (w = 0; w < XR_SID_WAYS; w++)
		n += !!p->bucket[b].key[w];
	return n;
}

static void put_key(struct sid_plan *p, __u64 key, __u32 spot)
{
	__u32 b = spot / XR_SID_WAYS, home = first_of(key, p->mask);

	p->bucket[b].key[spot % XR_SID_WAYS] = key;
	if (home != b)
		p->bucket[home].spill++;
}

static __u64 take_key(struct sid_plan *p, __u32 spot)
{
	__u32 b = spot / XR_SID_WAYS;
	__u64 key = p->bucket[b].key[spot % XR_SID_WAYS];
	__u32 home = first_of(key, p->mask);

	p->bucket[b].key[spot % XR_SID_WAYS] = 0;
	if (home != b)
		p->bucket[home].spill--;
	return key;
}

static int move_key(struct sid_plan *p, __u32 from, __u32 to)
{
	struct step *s;

	put_key(p, take_key(p, from), to);
	p->fresh_no[to] = p->fresh_no[from];
	p->fresh_no[from] = 0;
	if (p->fresh_no[to])
		return 0;
	s = list_add(&p->steps, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->from = from;
	s->to = to;
	s->round = p->ready[to] > p->arrived[from] ? p->ready[to] : p->arrived[from];
	p->ready[from] = p->arrived[to] = s->round + 1;
	if (p->rounds < s->round + 1)
		p->rounds = s->round + 1;
	return 0;
}

struct node {
	__u32 bucket;
	__s32 parent;
	__u8 way; /* of the parent, whose key could move here */
};

static bool among_parents(const struct node *node, int i, __u32 bucket)
{
	for (; i >= 0; i = node[i].parent)
		if (node[i].bucket == bucket)
			return true;
	return false;
}

/* Breadth first: the fewest keys move. Gives the spot made free, or -ENOSPC. */
static long make_room(struct sid_plan *p, __u32 b1, __u32 b2)
{
	struct node node[SEARCH_MAX];
	int head, n = 0, way = -1, w, ret;
	__u32 to, from;
	__u64 key;

	node[n++] = (struct node){ b1, -1, 0 };
	if (b2 != b1)
		node[n++] = (struct node){ b2, -1, 0 };
	for (head = 0; head < n; head++) {
		way = free_way(p, node[head].bucket);
		if (way >= 0)
			break;
		for (w = 0; w < XR_SID_WAYS && n < SEARCH_MAX; w++) {
			key = p->bucket[node[head].bucket].key[w];
			to = first_of(key, p->mask);
			if (to == node[head].bucket)
				to = second_of(key, p->mask);
			if (among_parents(node, head, to))
				continue;
			node[n++] = (struct node){ to, head, w };
		}
	}
	if (head == n)
		return -ENOSPC;
	to = node[head].bucket * XR_SID_WAYS + way;
	for (; node[head].parent >= 0; head = node[head].parent) {
		from = node[node[head].parent].bucket * XR_SID_WAYS + node[head].way;
		ret = move_key(p, from, to);
		if (ret)
			return ret;
		to = from;
	}
	return to;
}

static int insert(struct sid_plan *p, __u64 key, __u32 index)
{
	__u32 b1 = first_of(key, p->mask), b2 = second_of(key, p->mask), b = b1;
	long spot;

	/*
	 * The first bucket costs a reader one cache line less; but once it is
	 * nearly full, filling it up makes later keys kick others out.
	 */
	if (used_ways(p, b1) >= XR_SID_WAYS - 1 && used_ways(p, b2) < used_ways(p, b1))
		b = b2;
	if (free_way(p, b) >= 0)
		spot = b * (long)XR_SID_WAYS + free_way(p, b);
	else
		spot = make_room(p, b1, b2);
	if (spot < 0)
		return spot;
	put_key(p, key, spot);
	p->fresh_no[spot] = no_of_index(index);
	p->added++;
	return 0;
}

static int plan_alloc(struct sid_plan *p, const struct sid_entry *want, size_t n, __u32 mask)
{
	size_t spots = ((size_t)mask + 1) * XR_SID_WAYS;

	p->mask = mask;
	p->bucket = calloc((size_t)mask + 1, sizeof(*p->bucket));
	p->fresh_no = calloc(spots, sizeof(*p->fresh_no));
	p->ready = calloc(spots, sizeof(*p->ready));
	p->arrived = calloc(spots, sizeof(*p->arrived));
	p->want = malloc(n * sizeof(*p->want) + 1);
	if (!p->bucket || !p->fresh_no || !p->ready || !p->arrived || !p->want)
		return -ENOMEM;
	memcpy(p->want, want, n * sizeof(*want));
	return 0;
}

static bool is_sid(const struct sid_entry *e, const __u8 *sid, __u8 len)
{
	return e->len == len && !memcmp(e->sid, sid, len);
}

int sid_given_twice(const struct sid_entry *e, struct xr_err *err)
{
	char text[2 * XR_SID_MAX + 1];

	return xr_fail(err, -EEXIST, "server ID %s is given twice: a server ID names one backend",
		       text_hex(text, sizeof(text), e->sid, e->len));
}

static int same_key(const struct sid_entry *a, const struct sid_entry *b, struct xr_err *err)
{
	char ta[2 * XR_SID_MAX + 1], tb[2 * XR_SID_MAX + 1];

	if (is_sid(a, b->sid, b->len))
		return sid_given_twice(a, err);
	text_hex(ta, sizeof(ta), a->sid, a->len);
	text_hex(tb, sizeof(tb), b->sid, b->len);
	return xr_fail(
		err, -EEXIST,
		"server IDs %s and %s cannot be told apart (their keys are equal): use another one",
		ta, tb);
}

static int index_want(struct lut *l, __u64 *key, const struct sid_entry *want, size_t n,
		      struct xr_err *err)
{
	__u32 at, j;
	size_t i;

	for (i = 0; i < n; i++) {
		key[i] = sid_key(want[i].sid, want[i].len);
		for (at = lut_first(l, xr_mix64(key[i])); (j = lut_get(l, at)) != LUT_END; at++)
			if (key[j] == key[i])
				return same_key(&want[j], &want[i], err);
		lut_add(l, xr_mix64(key[i]), i);
	}
	return 0;
}

static int compare_spot(struct sid_plan *p, const struct sid_table *t, __u32 spot,
			const struct lut *l, const __u64 *key, bool *found)
{
	__u32 b = spot / XR_SID_WAYS, w = spot % XR_SID_WAYS, at, i;
	__u64 k = t->bucket[b].key[w];
	const struct xr_sid_name *name = &t->names[b].way[w];
	struct change *c;
	__u32 *gone;

	for (at = lut_first(l, xr_mix64(k)); (i = lut_get(l, at)) != LUT_END; at++)
		if (key[i] == k)
			break;
	/* A second copy of a key is what a killed move left behind. */
	if (i == LUT_END || found[i] || !is_sid(&p->want[i], name->sid, name->len)) {
		gone = list_add(&p->deleted, sizeof(*gone));
		if (!gone)
			return -ENOMEM;
		*gone = spot;
		return 0;
	}
	found[i] = true;
	put_key(p, k, spot);
	if (t->bucket[b].backend[w] == p->want[i].backend)
		return 0;
	c = list_add(&p->changed, sizeof(*c));
	if (!c)
		return -ENOMEM;
	*c = (struct change){ spot, p->want[i].backend };
	return 0;
}

int sid_plan_make(const struct sid_table *t, const struct sid_entry *want, size_t n,
		  struct sid_plan **plan, struct xr_err *err)
{
	__u64 *key = malloc(n * sizeof(*key) + 1);
	bool *found = calloc(n + 1, sizeof(*found));
	struct sid_plan *p = calloc(1, sizeof(*p));
	struct lut l = { NULL, 0 };
	__u32 spot, spots = (t->mask + 1) * XR_SID_WAYS;
	size_t i;
	int ret = -ENOMEM;

	if (!key || !found || !p || lut_init(&l, n) || plan_alloc(p, want, n, t->mask))
		goto out;
	ret = index_want(&l, key, want, n, err);
	for (spot = 0; !ret && spot < spots; spot++)
		if (t->bucket[spot / XR_SID_WAYS].key[spot % XR_SID_WAYS])
			ret = compare_spot(p, t, spot, &l, key, found);
	progress_doing("server IDs", n);
	for (i = 0; !ret && i < n; i++) {
		if (!found[i])
			ret = insert(p, key[i], i);
		progress_at(i);
		if (progress_stopped())
			ret = xr_fail(err, -EINTR, PROGRESS_STOPPED);
	}
out:
	if (ret == -ENOMEM)
		xr_fail(err, ret, "server IDs: out of memory");
	if (ret == -ENOSPC)
		xr_fail(err, ret,
			"server IDs: %zu do not fit into this instance's table: it needs a larger limits.server_ids",
			n);
	lut_free(&l);
	free(key);
	free(found);
	if (ret) {
		sid_plan_free(p);
		p = NULL;
	}
	*plan = p;
	return ret;
}

struct sid_plan_size sid_plan_size(const struct sid_plan *p)
{
	return (struct sid_plan_size){
		.added = p->added,
		.deleted = p->deleted.n,
		.changed = p->changed.n,
		.moved = p->steps.n,
		.rounds = p->rounds,
	};
}

void sid_plan_free(struct sid_plan *p)
{
	if (!p)
		return;
	free(p->bucket);
	free(p->fresh_no);
	free(p->ready);
	free(p->arrived);
	free(p->want);
	free(p->deleted.item);
	free(p->changed.item);
	free(p->steps.item);
	free(p);
}

/* ---- applying ---- */

static void write_spot(const struct sid_table *t, __u32 spot, __u64 key, __u16 backend,
		       const struct xr_sid_name *name)
{
	__u32 b = spot / XR_SID_WAYS, w = spot % XR_SID_WAYS;
	__u32 home = first_of(key, t->mask);

	t->names[b].way[w] = *name;
	/* A reader looks into the second bucket only where this count is not 0. */
	if (home != b)
		__atomic_store_n(&t->bucket[home].spill, t->bucket[home].spill + 1,
				 __ATOMIC_RELEASE);
	__atomic_store_n(&t->bucket[b].backend[w], backend, __ATOMIC_RELEASE);
	__atomic_store_n(&t->bucket[b].key[w], key, __ATOMIC_RELEASE);
}

static void clear_spot(const struct sid_table *t, __u32 spot)
{
	__u32 b = spot / XR_SID_WAYS, w = spot % XR_SID_WAYS;

	__atomic_store_n(&t->bucket[b].key[w], 0, __ATOMIC_RELEASE);
	memset(&t->names[b].way[w], 0, sizeof(t->names[b].way[w]));
}

static void copy_spot(const struct sid_table *t, __u32 from, __u32 to)
{
	__u32 b = from / XR_SID_WAYS, w = from % XR_SID_WAYS;

	write_spot(t, to, t->bucket[b].key[w], t->bucket[b].backend[w], &t->names[b].way[w]);
}

static void run_round(const struct sid_plan *p, const struct sid_table *t, __u32 round,
		      void (*grace)(void *ctx), void *ctx)
{
	const struct step *s = p->steps.item;
	size_t i;

	for (i = 0; i < p->steps.n; i++)
		if (s[i].round == round)
			copy_spot(t, s[i].from, s[i].to);
	grace(ctx);
	for (i = 0; i < p->steps.n; i++)
		if (s[i].round == round)
			clear_spot(t, s[i].from);
	grace(ctx);
}

static void write_fresh(const struct sid_plan *p, const struct sid_table *t)
{
	__u32 spot, spots = (p->mask + 1) * XR_SID_WAYS;
	const struct sid_entry *e;
	struct xr_sid_name name;

	for (spot = 0; p->added && spot < spots; spot++) {
		if (!p->fresh_no[spot])
			continue;
		e = &p->want[index_of_no(p->fresh_no[spot])];
		memset(&name, 0, sizeof(name));
		memcpy(name.sid, e->sid, e->len);
		name.len = e->len;
		write_spot(t, spot, p->bucket[spot / XR_SID_WAYS].key[spot % XR_SID_WAYS],
			   e->backend, &name);
	}
}

void sid_plan_apply(const struct sid_plan *p, const struct sid_table *t, void (*grace)(void *ctx),
		    void *ctx)
{
	const struct change *c = p->changed.item;
	const __u32 *gone = p->deleted.item;
	__u32 b, round;
	size_t i;

	for (i = 0; i < p->changed.n; i++)
		__atomic_store_n(
			&t->bucket[c[i].spot / XR_SID_WAYS].backend[c[i].spot % XR_SID_WAYS],
			c[i].backend, __ATOMIC_RELEASE);
	for (i = 0; i < p->deleted.n; i++)
		clear_spot(t, gone[i]);
	if (p->deleted.n)
		grace(ctx);
	for (round = 0; round < p->rounds; round++)
		run_round(p, t, round, grace, ctx);
	write_fresh(p, t);
	/* Only now, and after those grace periods, may counts go down. */
	for (b = 0; b <= p->mask; b++)
		if (t->bucket[b].spill != p->bucket[b].spill)
			__atomic_store_n(&t->bucket[b].spill, p->bucket[b].spill, __ATOMIC_RELEASE);
}
