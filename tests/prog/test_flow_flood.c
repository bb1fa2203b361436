/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow table under floods, which do not evict established flows, and under
 * two CPUs at once.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "lib/flows.h"

#define ESTABLISHED 600

/*
 * Establishes flows from ports 1 on. was: their backends, 0 for no place. Returns
 * how many have one.
 */
static int establish(__u16 was[ESTABLISHED])
{
	int held = 0;

	for (int i = 0; i < ESTABLISHED; i++) {
		flow_packet(1 + i, "syn");
		flow_packet(1 + i, "ack");
	}
	for (int i = 0; i < ESTABLISHED; i++) {
		struct xr_flow *f = flow_entry_of(1 + i);

		was[i] = f ? f->backend : 0;
		held += !!f;
	}
	return held;
}

/*
 * A table for 1024 flows, 600 of them established, and a flood of SYNs and of
 * random Initials, many times the table's size. The flows that had a place
 * when the flood began keep it, and their backend.
 */
static void floods(void **state)
{
	static __u16 was[ESTABLISHED];
	int held, kept = 0;

	/* So long an idle time that nobody has been quiet for an eighth of it. */
	world(LIMIT_FLOWS("1024") POLICY("flow_idle: 16000") FLOW_VIPS CIDS
	      "backends:\n"
	      BACKEND("a", ALL_VIPS) "    address: 10.1.0.1\n"
	      "    forward: gue\n"
	      BACKEND("b", ALL_VIPS) "    address: 10.1.0.2\n"
	      "    forward: gue\n"
	      BACKEND("c", ALL_VIPS) "    address: 10.1.0.3\n"
	      "    forward: gue\n");
	held = establish(was);
	/* 75 of 128 buckets' 8 places on average: few find none. */
	assert_true(held > ESTABLISHED * 90 / 100);

	for (int i = 0; i < 10000; i++) {
		if (i & 1)
			run_text("eth / ip4 src=10.0.%d.%d / tcp sport=%d syn", i >> 8 & 255,
				 i & 255, 1 + i * 7 % 60000);
		else
			run_text("eth / ip4 src=10.0.%d.%d / udp sport=%d / "
				 "quic long dcid=67%06x",
				 i >> 8 & 255, i & 255, 1 + i * 7 % 60000, i);
	}
	for (int i = 0; i < ESTABLISHED; i++) {
		struct xr_flow *f = flow_entry_of(1 + i);

		kept += was[i] && f && f->backend == was[i];
	}
	printf("# flows established %d, with a place %d, kept %d\n", ESTABLISHED, held, kept);
	assert_int_equal(kept, held);
	for (int i = 0; i < ESTABLISHED; i++)
		if (was[i])
			assert_int_equal(flow_packet(1 + i, "ack").verdict, XR_R_FLOW);
}

/* Two packets from any address make an entry established. */
static void pairs(int from, int n)
{
	for (int i = from; i < from + n; i++)
		for (int ack = 0; ack < 2; ack++)
			run_text("eth / ip4 src=10.%d.%d.%d / tcp sport=%d %s", 1 + (i >> 16),
				 i >> 8 & 255, i & 255, 1 + i * 7 % 60000, ack ? "ack" : "syn");
}

/* Do the flows that establish() gave a place fill the bucket of this one? */
static bool bucket_is_theirs(int sport, const __u16 was[ESTABLISHED])
{
	int n = 0;

	for (int i = 0; i < ESTABLISHED; i++)
		n += was[i] && flow_bucket_of(1 + i) == flow_bucket_of(sport);
	return n == XR_FLOW_WAYS;
}

/*
 * So a flood of SYN and ACK fills the table. It takes nothing from flows that are
 * not quiet for an eighth of the idle time, it is served by hash, and so is who
 * comes meanwhile; and an eighth of the idle time after it, who comes has a place.
 */
static void flood_of_established(void **state)
{
	static __u16 was[ESTABLISHED];
	int held, placed = 0, late, theirs = 0;
	struct result r;

	world(LIMIT_FLOWS("1024") POLICY("flow_idle: 8000") FLOW_VIPS
	      "backends:\n"
	      BACKEND("a", ALL_VIPS) "    address: 10.1.0.1\n"
	      "    forward: gue\n"
	      BACKEND("b", ALL_VIPS) "    address: 10.1.0.2\n"
	      "    forward: gue\n");
	held = establish(was);
	/* Longer than an eighth of the idle time, of which they use all but ten. */
	for (int round = 0; round < 3; round++) {
		pairs(round * 3000, 3000);
		flow_later(990);
		for (int i = 0; i < ESTABLISHED; i++)
			if (was[i])
				assert_int_equal(flow_packet(1 + i, "ack").verdict, XR_R_FLOW);
	}
	pairs(9000, 3000);
	for (int i = 0; i < ESTABLISHED; i++) {
		struct xr_flow *f = flow_entry_of(1 + i);

		if (was[i])
			assert_true(f && f->backend == was[i]);
	}
	late = 20000;
	for (int i = 0; i < 50; i++) {
		r = flow_packet(late + i, "syn");
		assert_int_equal(r.verdict, XR_R_HASH);
		placed += r.count[XR_R_FLOW_NEW];
	}
	printf("# %d with a place; in the flood, %d of 50 more find one\n", held, placed);
	flow_later(990);
	for (int i = 0; i < ESTABLISHED; i++)
		if (was[i])
			flow_packet(1 + i, "ack");
	flow_later(20);
	for (int i = 1000; i < 1050; i++) {
		bool full = bucket_is_theirs(late + i, was);

		r = flow_packet(late + i, "syn");
		assert_int_equal(r.verdict, XR_R_HASH);
		assert_int_equal(r.count[XR_R_FLOW_NEW], !full);
		theirs += full;
	}
	printf("# of 50 after it, %d in buckets that others' flows fill\n", theirs);
	assert_in_range(theirs, 0, 40);
}

/* Short headers with random 4-tuples write nothing at all. */
static void short_header_flood(void **state)
{
	world(LIMIT_FLOWS("64") WORLD_SPREAD);
	for (int i = 0; i < 2000; i++)
		run_text("eth / ip4 src=10.0.%d.%d / udp sport=%d / "
			 "quic short dcid=%08x",
			 i >> 8, i & 255, 1 + i * 31, i * 2654435761U);
	for (__u32 b = 0; b < world_plane()->flow_buckets; b++)
		for (int i = 0; i < XR_FLOW_WAYS; i++)
			assert_int_equal(world_plane()->flows[b].way[i].backend, 0);
}

/* ---- two CPUs ---- */

#define RACES 4000

/* Two threads that send each packet as nearly at once as can be. */
static struct race {
	struct packet p;
	int go, done; /* counts of races: begun, and ended by each */
} race;

static void *racer(void *cpu)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = race.p.data, .data_size_in = race.p.len);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((long)cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	for (int i = 1; i <= RACES; i++) {
		while (__atomic_load_n(&race.go, __ATOMIC_ACQUIRE) < i)
			sched_yield();
		bpf_prog_test_run_opts(world_prog(), &opts);
		__atomic_add_fetch(&race.done, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static int entries_of(int sport)
{
	struct xr_flow_bucket *b = &world_plane()->flows[flow_bucket_of(sport)];
	__u32 tag = flow_tag_of(sport);
	int n = 0;

	for (int i = 0; i < XR_FLOW_WAYS; i++)
		n += b->way[i].tag == tag;
	return n;
}

/*
 * A flow whose first packets two CPUs see at once has one entry, or none: of two
 * one would hide the other, until it goes and the flow with it.
 */
static void two_cpus(void **state)
{
	int none = 0;
	pthread_t t[2];

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	world(LIMIT_FLOWS("65536") FLOW_VIPS "backends:\n"
	      BACKEND("a", VIPS4) "    address: 10.1.0.1\n"
	      BACKEND("b", VIPS4) "    address: 10.1.0.2\n");
	race.p = packet("eth / ip4 / tcp sport=1 syn");
	race.go = race.done = 0;
	for (long i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, racer, (void *)i), 0);
	for (int i = 1; i <= RACES; i++) {
		tcp_of(&race.p)->sport = htons(i);
		__atomic_store_n(&race.go, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(&race.done, __ATOMIC_ACQUIRE) < 2 * i)
			sched_yield();
		assert_in_range(entries_of(i), 0, 1);
		none += !entries_of(i);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	/* Both giving way is rare. */
	assert_in_range(none, 0, RACES / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(floods),
		TEST(flood_of_established),
		TEST(short_header_flood),
		TEST(two_cpus),
	};

	return harness_main("flow table: floods and races", tests, ARRAY_LEN(tests));
}
