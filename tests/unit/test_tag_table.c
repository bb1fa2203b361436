/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The index behind vms and vm_ips: every key is found at its own place, nothing
 * is found that is not there, and it is never full below the limit it was made
 * for, also after many keys came and went.
 */
#include "lib/unit.h"
#include "user/steer/tag_table.h"

struct world {
	struct xr_hash_keys keys;
	struct tag_table t;
	__u64 *place; /* the keys, by place; 0: free */
	__u32 *at;    /* places, by number of key */
	__u64 *key;
	__u32 limit;
};

static __u64 seed;

static __u64 draw(void)
{
	return xr_mix64(++seed * 0x9e3779b97f4a7c15ULL);
}

static bool same(const void *ctx, __u32 place, const void *key)
{
	const struct world *w = ctx;

	return w->place[place] == *(const __u64 *)key;
}

/* As plane/maps.c reckons; a test there would need the kernel. */
static __u32 buckets(__u32 limit)
{
	return limit / (XR_TAG_LANES / 2) + 16;
}

static void make(struct world *w, __u32 limit)
{
	size_t i;

	memset(w, 0, sizeof(*w));
	for (i = 0; i < 16; i++)
		w->keys.key[i] = draw();
	w->limit = limit;
	w->t.n = buckets(limit);
	w->t.bucket = calloc(w->t.n, sizeof(*w->t.bucket));
	w->t.same = same;
	w->t.ctx = w;
	w->place = calloc(w->t.n * XR_TAG_LANES, sizeof(*w->place));
	w->at = calloc(limit, sizeof(*w->at));
	w->key = calloc(limit, sizeof(*w->key));
	assert_true(w->t.bucket && w->place && w->at && w->key);
}

static void drop(struct world *w)
{
	free(w->t.bucket);
	free(w->place);
	free(w->at);
	free(w->key);
}

static void add(struct world *w, __u32 i, __u64 key)
{
	__u64 h = xr_vm_hash(&w->keys, key);

	w->key[i] = key;
	w->at[i] = tag_room(&w->t, h);
	assert_int_not_equal(w->at[i], TAG_NOWHERE);
	assert_int_equal(w->place[w->at[i]], 0);
	w->place[w->at[i]] = key;
	tag_publish(&w->t, h, w->at[i]);
}

static void take_away(struct world *w, __u32 i)
{
	tag_remove(&w->t, w->at[i]);
	w->place[w->at[i]] = 0;
}

static void all_found(struct world *w)
{
	__u64 none;
	__u32 i;

	for (i = 0; i < w->limit; i++)
		assert_int_equal(tag_find(&w->t, xr_vm_hash(&w->keys, w->key[i]), &w->key[i]),
				 w->at[i]);
	for (i = 0; i < 1000; i++) {
		none = draw() | 1ULL << 63;
		assert_int_equal(tag_find(&w->t, xr_vm_hash(&w->keys, none), &none), TAG_NOWHERE);
	}
}

/* Keys as they are: a vendor's prefix and numbers, in a few VLANs. */
static __u64 plain_key(__u32 i)
{
	return 0x005452ULL | (__u64)(i & 0xff) << 40 | (__u64)(i >> 8 & 0xff) << 32 |
		(__u64)(i >> 16 & 0xff) << 24 | (__u64)(i % 5) << 48;
}

static void fill_to(__u32 limit, int times)
{
	struct world w;
	__u32 i;
	int n;

	for (n = 0; n < times; n++) {
		make(&w, limit);
		for (i = 0; i < limit; i++)
			add(&w, i, n & 1 ? plain_key(i) : draw() >> 1 | 1);
		all_found(&w);
		drop(&w);
	}
}

static void full_at_the_limit(void **state)
{
	(void)state;
	fill_to(1, 1000);
	fill_to(7, 1000);
	fill_to(100, 400);
	fill_to(16384, 10);
	fill_to(1000000, 2);
}

static void after_much_coming_and_going(void **state)
{
	static const __u32 limits[] = { 1, 7, 100, 16384 };
	struct world w;
	size_t l;
	__u32 i, n;

	(void)state;
	for (l = 0; l < sizeof(limits) / sizeof(limits[0]); l++) {
		make(&w, limits[l]);
		for (i = 0; i < w.limit; i++)
			add(&w, i, draw() >> 1 | 1);
		for (n = 0; n < 4 * w.limit; n++) {
			i = draw() % w.limit;
			take_away(&w, i);
			add(&w, i, draw() >> 1 | 1);
		}
		all_found(&w);
		drop(&w);
	}
}

static void no_room_is_said(void **state)
{
	struct world w;
	__u32 i, n = 0;
	__u64 key, h;

	(void)state;
	make(&w, 100);
	for (i = 0; i < 10000; i++) {
		key = draw() >> 1 | 1;
		h = xr_vm_hash(&w.keys, key);
		w.at[0] = tag_room(&w.t, h);
		if (w.at[0] == TAG_NOWHERE)
			continue;
		assert_true(w.at[0] < w.t.n * XR_TAG_LANES);
		assert_int_equal(w.place[w.at[0]], 0);
		w.place[w.at[0]] = key;
		tag_publish(&w.t, h, w.at[0]);
		n++;
	}
	assert_true(n > 100 && n <= w.t.n * XR_TAG_LANES);
	drop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_at_the_limit),
		cmocka_unit_test(after_much_coming_and_going),
		cmocka_unit_test(no_room_is_said),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tag table", tests, NULL, NULL);
}
