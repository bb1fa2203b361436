/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables that user space writes and the data plane reads, on plain memory;
 * among them: that a reader on another CPU never misses a server ID that stays,
 * and never takes another one's backend for it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <xroam/hash.h>
#include "lib/unit.h"
#include "user/steer/flow_table.h"
#include "user/steer/sid_table.h"
#include "user/steer/vip_table.h"

/* ---- server IDs ---- */

static struct sid_table new_sids(__u32 buckets)
{
	struct sid_table t = {
		aligned_alloc(64, buckets * sizeof(*t.bucket)),
		calloc(buckets, sizeof(*t.names)),
		buckets - 1,
	};

	assert_non_null(t.bucket);
	assert_non_null(t.names);
	memset(t.bucket, 0, buckets * sizeof(*t.bucket));
	return t;
}

static void free_sids(struct sid_table *t)
{
	free(t->bucket);
	free(t->names);
}

static struct sid_entry *make_sids(size_t n, __u8 len)
{
	struct sid_entry *e = calloc(n, sizeof(*e));
	__u64 x;
	size_t i;

	assert_non_null(e);
	for (i = 0; i < n; i++) {
		x = xr_mix64(i + 1) ^ (i & 0xff);
		if (len < 8)
			x = i;
		e[i].len = len;
		memcpy(e[i].sid, &x, len < 8 ? len : 8);
		e[i].backend = 1 + i % 1000;
	}
	return e;
}

static int graces;

static void count_grace(void *ctx)
{
	graces++;
}

static void set_sids(struct sid_table *t, const struct sid_entry *want, size_t n,
		     void (*grace)(void *))
{
	struct xr_err err = { "" };
	struct sid_plan *plan;

	if (sid_plan_make(t, want, n, &plan, &err))
		fail_msg("%s", err.text);
	sid_plan_apply(plan, t, grace, NULL);
	sid_plan_free(plan);
}

static void expect_sids(const struct sid_table *t, const struct sid_entry *e, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		assert_int_equal(sid_table_find(t, e[i].sid, e[i].len), e[i].backend);
}

/* What abi.h promises: spill counts, names beside keys, nothing twice. */
static void expect_sound(const struct sid_table *t, size_t n)
{
	__u32 *spill = calloc(t->mask + 1, sizeof(*spill)), b, home;
	const struct xr_sid_name *name;
	size_t used = 0;
	__u64 key;
	int w;

	for (b = 0; b <= t->mask; b++) {
		for (w = 0; w < XR_SID_WAYS; w++) {
			key = t->bucket[b].key[w];
			name = &t->names[b].way[w];
			assert_int_equal(!key, !name->len);
			if (!key)
				continue;
			used++;
			assert_true(sid_key(name->sid, name->len) == key);
			home = xr_sid_bucket1(key) & t->mask;
			spill[home] += home != b;
			assert_true(home == b || (xr_sid_bucket2(key) & t->mask) == b);
		}
	}
	assert_int_equal(used, n);
	for (b = 0; b <= t->mask; b++)
		assert_int_equal(t->bucket[b].spill, spill[b]);
	free(spill);
}

static void sids_of_every_length(void **state)
{
	struct sid_table t = new_sids(64);
	struct sid_entry e[XR_SID_MAX];
	__u8 zero[XR_SID_MAX] = { 0 };
	int i;

	memset(e, 0, sizeof(e));
	/* All-zero server IDs are valid, and differ by their length. */
	for (i = 0; i < XR_SID_MAX; i++) {
		e[i].len = i + 1;
		e[i].backend = 100 + i;
	}
	set_sids(&t, e, XR_SID_MAX, count_grace);
	expect_sids(&t, e, XR_SID_MAX);
	expect_sound(&t, XR_SID_MAX);
	zero[0] = 1;
	assert_int_equal(sid_table_find(&t, zero, 4), 0);
	free_sids(&t);
}

static void sids_change_and_go(void **state)
{
	struct sid_table t = new_sids(4096);
	struct sid_entry *e = make_sids(16000, 4);
	size_t i;

	set_sids(&t, e, 16000, count_grace);
	expect_sids(&t, e, 16000);
	expect_sound(&t, 16000);

	/* A thousand go, a thousand change, a thousand come. */
	for (i = 1000; i < 2000; i++)
		e[i].backend = 7;
	set_sids(&t, e + 1000, 14000, count_grace);
	expect_sids(&t, e + 1000, 14000);
	expect_sound(&t, 14000);
	for (i = 0; i < 1000; i++)
		assert_int_equal(sid_table_find(&t, e[i].sid, 4), 0);
	set_sids(&t, e, 16000, count_grace);
	expect_sids(&t, e, 16000);
	expect_sound(&t, 16000);

	set_sids(&t, e, 0, count_grace);
	expect_sound(&t, 0);
	free(e);
	free_sids(&t);
}

static void sids_twice_are_refused(void **state)
{
	struct sid_table t = new_sids(64);
	struct sid_entry *e = make_sids(3, 4);
	struct xr_err err = { "" };
	struct sid_plan *plan;

	e[2] = e[0];
	e[2].backend = 9;
	assert_int_equal(sid_plan_make(&t, e, 3, &plan, &err), -EEXIST);
	assert_null(plan);
	assert_string_equal(err.text,
			    "server ID 00000000 is given twice: a server ID names one backend");
	expect_sound(&t, 0);
	free(e);
	free_sids(&t);
}

static void sids_too_many_are_refused(void **state)
{
	struct sid_table t = new_sids(64);
	struct sid_entry *e = make_sids(400, 4);
	struct xr_err err = { "" };
	struct sid_plan *plan;

	set_sids(&t, e, 300, count_grace);
	assert_int_equal(sid_plan_make(&t, e, 400, &plan, &err), -ENOSPC);
	assert_null(plan);
	expect_sids(&t, e, 300);
	expect_sound(&t, 300);
	free(e);
	free_sids(&t);
}

/* Nearly full tables: keys must move, old ones in rounds with grace periods. */
static void sids_crowd(void **state)
{
	struct sid_table t = new_sids(1024);
	struct sid_entry *e = make_sids(5900, 8);
	size_t n;

	graces = 0;
	for (n = 100; n <= 5900; n += 100) {
		set_sids(&t, e, n, count_grace);
		expect_sids(&t, e, n);
		expect_sound(&t, n);
	}
	printf("# 96 %% full in 59 steps: %d grace periods\n", graces);
	assert_true(graces > 0);
	free(e);
	free_sids(&t);
}

/* What a kill in the middle leaves: a key in both places, counts too high. */
static void sids_after_a_kill(void **state)
{
	struct sid_table t = new_sids(64);
	struct sid_entry *e = make_sids(100, 4);
	__u64 key = sid_key(e[5].sid, 4);
	__u32 home = xr_sid_bucket1(key) & t.mask;
	__u32 other = xr_sid_bucket2(key) & t.mask;
	int w;

	set_sids(&t, e, 100, count_grace);
	if (other == home)
		skip();
	for (w = 0; w < XR_SID_WAYS; w++)
		if (t.bucket[home].key[w] == key)
			break;
	if (w == XR_SID_WAYS) /* it sits in its second bucket */
		other = home;
	for (w = 0; t.bucket[other].key[w]; w++)
		assert_int_not_equal(w, XR_SID_WAYS - 1);
	t.bucket[other].key[w] = key;
	t.bucket[other].backend[w] = e[5].backend;
	t.names[other].way[w].len = 4;
	memcpy(t.names[other].way[w].sid, e[5].sid, 4);
	t.bucket[home].spill += 3;

	set_sids(&t, e, 100, count_grace);
	expect_sids(&t, e, 100);
	expect_sound(&t, 100);
	free(e);
	free_sids(&t);
}

/* The reader, as the data plane reads; counts its rounds for grace periods. */
struct reader {
	struct sid_table *t;
	const struct sid_entry *e;
	size_t n;
	volatile bool stop;
	volatile unsigned long round;
	unsigned long missed, wrong, reads;
};

static __u16 read_as_bpf(const struct sid_table *t, __u64 key)
{
	__u32 b = xr_sid_bucket1(key) & t->mask;
	const volatile struct xr_sid_bucket *v = &t->bucket[b];
	int w;

	for (w = 0; w < XR_SID_WAYS; w++)
		if (v->key[w] == key)
			return v->backend[w];
	if (!v->spill)
		return 0;
	v = &t->bucket[xr_sid_bucket2(key) & t->mask];
	for (w = 0; w < XR_SID_WAYS; w++)
		if (v->key[w] == key)
			return v->backend[w];
	return 0;
}

static void *read_on(void *ctx)
{
	struct reader *r = ctx;
	__u16 got;
	size_t i;

	while (!r->stop) {
		for (i = 0; i < r->n; i++) {
			got = read_as_bpf(r->t, sid_key(r->e[i].sid, r->e[i].len));
			r->missed += !got;
			r->wrong += got && got != r->e[i].backend;
			__atomic_store_n(&r->round, r->round + 1, __ATOMIC_RELEASE);
		}
		r->reads += r->n;
	}
	return NULL;
}

static struct reader *the_reader;

/* The reader has finished the read it was in, and begun another. */
static void wait_for_reader(void *ctx)
{
	unsigned long from = __atomic_load_n(&the_reader->round, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&the_reader->round, __ATOMIC_ACQUIRE) - from < 2)
		sched_yield();
}

static void readers_always_find(void **state)
{
	struct sid_table t = new_sids(256);
	struct sid_entry *e = make_sids(1400, 8);
	struct reader r = { .t = &t, .e = e, .n = 700 };
	pthread_t thread;
	size_t i, n;

	set_sids(&t, e, r.n, count_grace);
	the_reader = &r;
	assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
	/* Others come and go, up to 91 % full; the first 700 stay. */
	for (i = 0; i < 60; i++) {
		n = i & 1 ? 1400 : 700 + i * 7;
		set_sids(&t, e, n, wait_for_reader);
	}
	r.stop = true;
	pthread_join(thread, NULL);
	printf("# %lu reads beside 60 changes\n", r.reads);
	assert_int_equal(r.missed, 0);
	assert_int_equal(r.wrong, 0);
	free(e);
	free_sids(&t);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void a_million_sids(void **state)
{
	struct sid_table t = new_sids(1 << 18);
	struct sid_entry *e = make_sids(1 << 20, 8);
	double from = seconds();

	graces = 0;
	set_sids(&t, e, 1 << 20, count_grace);
	printf("# 2^20 server IDs: %.2f s of CPU, %d grace periods\n", seconds() - from, graces);
	expect_sids(&t, e, 1 << 20);
	expect_sound(&t, 1 << 20);
	free(e);
	free_sids(&t);
}

/* ---- VIPs ---- */

static struct xr_hash_keys keys;

static struct xr_vip make_vip(__u32 n)
{
	struct xr_vip v = { .proto = n & 1 ? IPPROTO_UDP : IPPROTO_TCP,
			    .port = htons(1 + n % 60000) };

	if (n & 2) {
		v.addr[0] = htonl(0x20010db8);
		v.addr[3] = htonl(n);
	} else {
		v.addr[2] = htonl(0xffff);
		v.addr[3] = htonl(0xc0000200 + n);
	}
	return v;
}

static void vips_come_and_go(void **state)
{
	enum { N = 1000, BUCKETS = 2048 };
	struct xr_vip_bucket *b = calloc(BUCKETS, sizeof(*b));
	struct xr_vip *vips = calloc(N + 1, sizeof(*vips)), v;
	struct vip_table t = { b, BUCKETS - 1, &keys, vips };
	int i;

	for (i = 0; i < 16; i++)
		keys.key[i] = xr_mix64(i + 77);
	for (i = 1; i <= N; i++) {
		vips[i] = v = make_vip(i);
		assert_int_equal(vip_table_find(&t, v.addr, v.port, v.proto), 0);
		assert_int_equal(vip_table_add(&t, v.addr, v.port, v.proto, i), 0);
		assert_int_equal(vip_table_add(&t, v.addr, v.port, v.proto, i), -EEXIST);
	}
	for (i = 1; i <= N; i++) {
		v = vips[i];
		assert_int_equal(vip_table_find(&t, v.addr, v.port, v.proto), i);
		assert_int_equal(vip_table_find(&t, v.addr, v.port + 1, v.proto), 0);
		assert_int_equal(vip_table_find(&t, v.addr, v.port, 1), 0);
	}
	for (i = 1; i <= N; i++) {
		v = vips[i];
		assert_int_equal(vip_table_del(&t, v.addr, v.port, v.proto, i), 0);
		assert_int_equal(vip_table_del(&t, v.addr, v.port, v.proto, i), -ENOENT);
	}
	for (i = 0; i < BUCKETS * XR_VIP_WAYS; i++)
		assert_int_equal(b[i / XR_VIP_WAYS].way[i % XR_VIP_WAYS], 0);
	free(b);
	free(vips);
}

static void a_full_vip_bucket_refuses(void **state)
{
	struct xr_vip_bucket b[1] = { { { 0 } } };
	struct xr_vip vips[XR_VIP_WAYS + 2], v;
	struct vip_table t = { b, 0, &keys, vips };
	int i;

	for (i = 1; i <= XR_VIP_WAYS; i++) {
		vips[i] = v = make_vip(i);
		assert_int_equal(vip_table_add(&t, v.addr, v.port, v.proto, i), 0);
	}
	v = make_vip(i);
	assert_int_equal(vip_table_add(&t, v.addr, v.port, v.proto, i), -ENOSPC);
	v = vips[3];
	assert_int_equal(vip_table_find(&t, v.addr, v.port, v.proto), 3);
}

/* A packet looks no further than the first 0. */
static void no_vip_stands_behind_a_free_way(void **state)
{
	enum { N = 2 * XR_VIP_WAYS };
	struct xr_vip_bucket b[1] = { { { 0 } } };
	struct xr_vip vips[N + 1];
	bool in[N + 1] = { false };
	struct vip_table t = { b, 0, &keys, vips };
	int n = 0;

	for (int i = 1; i <= N; i++)
		vips[i] = make_vip(i);
	for (int round = 0; round < 100000; round++) {
		int i = 1 + xr_mix64(round) % N, used = 0, end = 0;
		struct xr_vip v = vips[i];
		int ret = in[i] ? vip_table_del(&t, v.addr, v.port, v.proto, i)
				: vip_table_add(&t, v.addr, v.port, v.proto, i);

		assert_int_equal(ret, !in[i] && n == XR_VIP_WAYS ? -ENOSPC : 0);
		if (!ret) {
			in[i] = !in[i];
			n += in[i] ? 1 : -1;
		}
		for (; end < XR_VIP_WAYS && b->way[end]; end++)
			used += !!(b->way[end] & 0xffff);
		assert_int_equal(used, n);
		/* And it looks at no more than it has to. */
		assert_true(!end || b->way[end - 1] != XR_VIP_HOLE);
		for (int k = 1; k <= N; k++) {
			v = vips[k];
			assert_int_equal(vip_table_find(&t, v.addr, v.port, v.proto),
					 in[k] ? k : 0);
		}
	}
}

/* ---- flows ---- */

static void flows_of_a_deleted_backend(void **state)
{
	enum { BUCKETS = 128 };
	struct xr_flow_bucket *b = calloc(BUCKETS, sizeof(*b));
	bool *gone = calloc(XR_MAX_BACKENDS + 1, sizeof(*gone));
	__u32 *per = calloc(XR_MAX_BACKENDS + 1, sizeof(*per));
	int i;

	for (i = 0; i < BUCKETS * 4; i++)
		b[i / 4].way[i % 4] = (struct xr_flow){
			.tag = i,
			.backend = 1 + i % 4,
			.seen = (i & 1 ? XR_FLOW_ESTABLISHED : 0) | (i % 4 == 3 ? 10 : 500),
		};
	/* Ticks wrap at 14 bits; entries last seen at 10 are idle by then. */
	assert_int_equal(flow_table_count(b, BUCKETS, 0x10000 + 510, 300, per), BUCKETS * 3);
	assert_int_equal(per[1], BUCKETS);
	assert_int_equal(per[4], 0);

	gone[2] = true;
	assert_int_equal(flow_table_sweep(b, BUCKETS, gone), BUCKETS);
	assert_int_equal(flow_table_sweep(b, BUCKETS, gone), 0);
	for (i = 0; i < BUCKETS * 4; i++)
		assert_int_equal(b[i / 4].way[i % 4].backend, i % 4 == 1 ? 0 : 1 + i % 4);
	free(per);
	free(gone);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sids_of_every_length),
		cmocka_unit_test(sids_change_and_go),
		cmocka_unit_test(sids_twice_are_refused),
		cmocka_unit_test(sids_too_many_are_refused),
		cmocka_unit_test(sids_crowd),
		cmocka_unit_test(sids_after_a_kill),
		cmocka_unit_test(readers_always_find),
		cmocka_unit_test(a_million_sids),
		cmocka_unit_test(vips_come_and_go),
		cmocka_unit_test(a_full_vip_bucket_refuses),
		cmocka_unit_test(no_vip_stands_behind_a_free_way),
		cmocka_unit_test(flows_of_a_deleted_backend),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
