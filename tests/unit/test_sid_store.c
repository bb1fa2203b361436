// SPDX-License-Identifier: GPL-2.0-only
/*
 * Server IDs in pages and in the table, against a plain list of them: all are found and
 * listed, once; a packet finds each that stays, at whatever instant it began to look for it;
 * and a kill at any step is made good by the next plan.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <xroam/hash.h>
#include "lib/unit.h"
#include "user/steer/sid_store.h"

#define BUCKETS  1024
#define PAGES    8
#define PREFIXES 24
#define LENGTHS  5
#define IDS      (PREFIXES * XR_SID_PAGE)

static const __u8 length[LENGTHS] = { 1, 2, 4, 8, 12 };

static struct sid_store new_store(__u32 buckets, __u32 pages)
{
	__u32 dir = sid_dir_buckets(pages);
	struct sid_store s = {
		.table = { calloc(buckets, sizeof(*s.table.bucket)),
			   calloc(buckets, sizeof(*s.table.names)), buckets - 1 },
		.dir = calloc(dir, sizeof(*s.dir)),
		.page = calloc(pages + 1, sizeof(*s.page)),
		.dir_mask = dir - 1,
		.pages = pages,
	};

	assert_true(s.table.bucket && s.table.names && s.dir && s.page);
	return s;
}

static void free_store(struct sid_store *s)
{
	free(s->table.bucket);
	free(s->table.names);
	free(s->dir);
	free(s->page);
}

/* ---- as the program looks ---- */

static __u32 find_key(const struct xr_sid_bucket *bucket, __u32 mask, __u64 key)
{
	const volatile struct xr_sid_bucket *b = &bucket[xr_sid_bucket1(key) & mask];
	int w;

	for (w = 0; w < XR_SID_WAYS; w++)
		if (b->key[w] == key)
			return b->backend[w];
	if (!b->spill)
		return 0;
	b = &bucket[xr_sid_bucket2(key) & mask];
	for (w = 0; w < XR_SID_WAYS; w++)
		if (b->key[w] == key)
			return b->backend[w];
	return 0;
}

static __u32 page_of(const struct sid_store *s, const struct sid_entry *e)
{
	__u64 key = sid_group_key(e->sid, e->len);

	return key ? find_key(s->dir, s->dir_mask, key) : 0;
}

/* From when it has the page's number on. */
static __u16 find_on(const struct sid_store *s, const struct sid_entry *e, __u32 page)
{
	const volatile __u16 *backend = s->page[page].backend;
	__u16 found = backend[e->sid[e->len - 1]];

	return found ? found : find_key(s->table.bucket, s->table.mask, sid_key(e->sid, e->len));
}

/* ---- the model ---- */

/* An ID that there may be. */
struct id {
	struct sid_entry e;
	__u16 have, want; /* backends; 0: it is not there */
	__u32 page;       /* as somebody saw it who is on his way since */
};

static struct {
	struct sid_store s;
	struct id id[IDS];
	int graces, dies_at; /* 0: it does not */
	jmp_buf death;
} model;

static __u64 seed = 1;

static __u32 pick(__u32 n)
{
	return xr_mix64(seed++) % n;
}

static void make_ids(void)
{
	struct sid_entry *e;
	__u32 i;

	memset(&model.id, 0, sizeof(model.id));
	for (i = 0; i < IDS; i++) {
		e = &model.id[i].e;
		e->len = length[i / XR_SID_PAGE % LENGTHS];
		/* What prefixes differ in is behind their first octet; of one octet there is one. */
		memset(e->sid, 0x11 * (i / XR_SID_PAGE % 3), e->len);
		if (e->len > 2)
			e->sid[1] = i / XR_SID_PAGE;
		else if (e->len == 2)
			e->sid[0] = i / XR_SID_PAGE;
		e->sid[e->len - 1] = i;
		if (e->len == 1 && i >= XR_SID_PAGE)
			e->len = 0; /* there is that one already */
	}
}

static void change_some(void)
{
	__u32 n, many, prefix, i;
	struct id *id;

	for (n = pick(6); n--;) {
		prefix = pick(PREFIXES);
		many = pick(3) ? pick(40) : pick(257);
		for (i = 0; i < XR_SID_PAGE; i++) {
			id = &model.id[prefix * XR_SID_PAGE + i];
			if (!id->e.len)
				continue;
			if (pick(XR_SID_PAGE) >= many)
				id->want = 0;
			else if (!id->want || !pick(9))
				id->want = 1 + pick(60000);
		}
	}
}

static bool is_right(const struct id *id, __u16 found)
{
	if (!id->have || !id->want) /* new, or it goes */
		return !found || found == id->have || found == id->want;
	return found == id->have || found == id->want;
}

/*
 * Before all who are on their way have ended: they find it, and so does who begins now. Who
 * begins after it sets out with what is there then.
 */
static void grace(void *ctx)
{
	struct id *id;

	for (id = model.id; id < model.id + IDS; id++) {
		if (!id->e.len)
			continue;
		assert_true(is_right(id, find_on(&model.s, &id->e, id->page)));
		id->page = page_of(&model.s, &id->e);
		assert_true(is_right(id, find_on(&model.s, &id->e, id->page)));
	}
	if (++model.graces == model.dies_at)
		longjmp(model.death, 1);
}

static void commit_ids(void)
{
	static struct sid_entry want[IDS];
	struct sid_store_plan *plan;
	struct xr_err err = { "" };
	struct id *id;
	size_t n = 0;

	for (id = model.id; id < model.id + IDS; id++) {
		if (!id->want)
			continue;
		want[n] = id->e;
		want[n++].backend = id->want;
	}
	if (sid_store_plan_make(&model.s, want, n, &plan, &err))
		fail_msg("%s", err.text);
	if (!setjmp(model.death))
		sid_store_plan_apply(plan, &model.s, grace, NULL);
	sid_store_plan_free(plan);
}

/* ---- what there is to be ---- */

static size_t listed;

static int list_one(void *ctx, const struct sid_entry *e)
{
	assert_int_equal(sid_store_find(&model.s, e->sid, e->len), e->backend);
	listed++;
	return 0;
}

static void expect_store(void)
{
	size_t n = 0, groups = 0, in_group;
	const struct id *id;
	struct sid_use use;
	__u32 i;

	for (id = model.id; id < model.id + IDS; id++) {
		if (!id->e.len)
			continue;
		n += !!id->want;
		assert_int_equal(sid_store_find(&model.s, id->e.sid, id->e.len), id->want);
	}
	listed = 0;
	assert_int_equal(sid_store_each(&model.s, list_one, NULL), 0);
	assert_int_equal(listed, n);
	use = sid_store_use(&model.s);
	assert_int_equal(use.in_table + use.in_pages, n);
	for (i = 0; i < PREFIXES; i++) {
		in_group = 0;
		id = &model.id[i * XR_SID_PAGE];
		for (n = 0; n < XR_SID_PAGE; n++)
			in_group += !!id[n].want;
		if (!id->e.len || !sid_group_key(id->e.sid, id->e.len))
			continue;
		groups += !!page_of(&model.s, &id->e);
		if (page_of(&model.s, &id->e))
			assert_true(in_group >= SID_PAGE_KEEP);
		else if (in_group >= SID_PAGE_BEGIN)
			assert_true(use.pages == PAGES || model.graces);
	}
	assert_int_equal(groups, use.pages);
	for (i = 0; i < XR_SID_PAGE; i++)
		assert_int_equal(model.s.page[0].backend[i], 0);
}

static void settle(void)
{
	struct id *id;

	for (id = model.id; id < model.id + IDS; id++) {
		id->have = id->want;
		id->page = page_of(&model.s, &id->e);
	}
}

static void ids_come_and_go(void **state)
{
	int i, most = 0, killed = 0;

	model.s = new_store(BUCKETS, PAGES);
	make_ids();
	for (i = 0; i < 400; i++) {
		change_some();
		model.graces = 0;
		model.dies_at = pick(3) ? 0 : 1 + pick(4);
		commit_ids();
		if (model.dies_at && model.graces == model.dies_at) {
			killed++;
			model.dies_at = 0;
			commit_ids();
		}
		most = model.graces > most ? model.graces : most;
		expect_store();
		settle();
	}
	printf("# %d were killed; up to %d grace periods\n", killed, most);
	assert_true(killed > 20);
	free_store(&model.s);
}

/* ---- beside a reader that never rests ---- */

static struct {
	struct sid_store s;
	const struct sid_entry *e;
	size_t n;
	bool stop;
	unsigned long round, missed, wrong;
} reader;

static void *read_on(void *ctx)
{
	const struct sid_entry *e;
	__u16 got;

	while (!__atomic_load_n(&reader.stop, __ATOMIC_RELAXED)) {
		for (e = reader.e; e < reader.e + reader.n; e++) {
			got = find_on(&reader.s, e, page_of(&reader.s, e));
			reader.missed += !got;
			reader.wrong += got && got != e->backend;
			__atomic_store_n(&reader.round, reader.round + 1, __ATOMIC_RELEASE);
		}
	}
	return NULL;
}

/* It has finished the read it was in, and begun another. */
static void wait_for_reader(void *ctx)
{
	unsigned long from = __atomic_load_n(&reader.round, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&reader.round, __ATOMIC_ACQUIRE) - from < 2)
		sched_yield();
}

static void set_ids(const struct sid_store *s, const struct sid_entry *want, size_t n,
		    void (*wait)(void *))
{
	struct sid_store_plan *plan;
	struct xr_err err = { "" };

	if (sid_store_plan_make(s, want, n, &plan, &err))
		fail_msg("%s", err.text);
	sid_store_plan_apply(plan, s, wait, NULL);
	sid_store_plan_free(plan);
}

static struct sid_entry entry(__u32 sid, __u16 backend)
{
	struct sid_entry e = { .len = 4, .backend = backend };

	sid = __builtin_bswap32(sid);
	memcpy(e.sid, &sid, sizeof(sid));
	return e;
}

/* Ten IDs of each of 8 prefixes stay; with 30 others they are in a page, without in the table. */
static void readers_always_find(void **state)
{
	struct sid_entry e[8 * 40];
	pthread_t thread;
	__u32 i, at = 0;

	for (i = 0; i < 8 * 10; i++)
		e[at++] = entry((i / 10) << 8 | i % 10, 1 + i);
	for (i = 0; i < 8 * 30; i++)
		e[at++] = entry((i / 30) << 8 | (100 + i % 30), 500 + i);
	reader.s = new_store(64, PAGES);
	reader.e = e;
	reader.n = 8 * 10;
	set_ids(&reader.s, e, reader.n, wait_for_reader);
	assert_int_equal(pthread_create(&thread, NULL, read_on, NULL), 0);
	for (i = 0; i < 60; i++) {
		at = i & 1 ? 8 * 10 : 8 * 40;
		set_ids(&reader.s, e, at, wait_for_reader);
		assert_int_equal(sid_store_use(&reader.s).pages, i & 1 ? 0 : 8);
	}
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(reader.missed, 0);
	assert_int_equal(reader.wrong, 0);
	free_store(&reader.s);
}

/* ---- numbers ---- */

static void no_wait(void *ctx)
{
}

static void a_million_take_their_pages_only(void **state)
{
	struct sid_entry *e = calloc(1 << 20, sizeof(*e));
	struct sid_store s = new_store(64, 4096);
	struct sid_use use;
	__u32 i;

	assert_non_null(e);
	for (i = 0; i < 1 << 20; i++)
		e[i] = entry(i, 1 + i % 1000);
	set_ids(&s, e, 1 << 20, no_wait);
	use = sid_store_use(&s);
	assert_int_equal(use.in_table, 0);
	assert_int_equal(use.in_pages, 1 << 20);
	assert_int_equal(use.pages, 4096);
	for (i = 0; i < 1 << 20; i++)
		assert_int_equal(find_on(&s, &e[i], page_of(&s, &e[i])), e[i].backend);
	free(e);
	free_store(&s);
}

/* Three groups of 40, 33 and 31, and one alone. */
static void what_fits_is_known_before(void **state)
{
	static const size_t left[] = { 105, 65, 32, 32 };
	__u64 key[105];
	size_t i;
	__u32 pages;

	for (pages = 0; pages < 4; pages++) {
		for (i = 0; i < 105; i++)
			key[i] = i < 40 ? 3 : i < 73 ? 1 : i < 104 ? 2 : 0;
		assert_int_equal(sid_least_in_table(key, 105, pages), left[pages]);
	}
}

static void twice_is_refused(void **state)
{
	struct sid_store s = new_store(64, PAGES);
	struct sid_store_plan *plan;
	struct xr_err err = { "" };
	struct sid_entry e[41];
	__u32 i;

	for (i = 0; i < 40; i++)
		e[i] = entry(i, 1);
	e[40] = entry(7, 2);
	assert_int_equal(sid_store_plan_make(&s, e, 41, &plan, &err), -EEXIST);
	assert_string_equal(err.text,
			    "server ID 00000007 is given twice: a server ID names one backend");
	assert_null(plan);
	free_store(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_come_and_go),
		cmocka_unit_test(readers_always_find),
		cmocka_unit_test(a_million_take_their_pages_only),
		cmocka_unit_test(what_fits_is_known_before),
		cmocka_unit_test(twice_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("server IDs in pages", tests, NULL, NULL);
}
