/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow table: what is written, what becomes established, what gives way to
 * what, and that floods do not evict established flows. The tables here are
 * small, and the flows that meet in a bucket are picked by the hash.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>
#include <xroam/hash.h>
#include "lib/harness.h"
#include "lib/worlds.h"

#define IDLE 64

/* 64 entries: 8 buckets of 8. */
/* clang-format off */
#define SMALL_WITH(idle, a)                                                    \
		LIMIT_FLOWS("64") POLICY("flow_idle: " idle) FLOW_VIPS         \
		"backends:\n"                                                  \
		BACKEND("a", VIPS4) "    address: 10.1.0.1\n" a                \
		BACKEND("b", VIPS4) "    address: 10.1.0.2\n"
/* clang-format on */

#define SMALL SMALL_WITH("64", "")

static __u64 hash_of(__u32 client, int sport)
{
	__be32 saddr[4] = { 0, 0, htonl(0xffff), htonl(client) };
	__be32 daddr[4] = { 0, 0, htonl(0xffff), htonl(0xc0000201) };

	return xr_flow_hash(world_plane()->hash_keys, saddr, daddr, 0,
			    htons(sport) | (__u32)htons(443) << 16, IPPROTO_TCP);
}

#define CLIENT 0x0a000001

static __u32 bucket_of(int sport)
{
	return hash_of(CLIENT, sport) & (world_plane()->flow_buckets - 1);
}

/* The next source port after last whose flow falls into the bucket. */
static int next_in(__u32 bucket, int last)
{
	while (++last < 65536)
		if (bucket_of(last) == bucket)
			return last;
	fail_msg("too few ports");
	return 0;
}

static struct xr_flow *entry_of(int sport)
{
	struct xr_flow_bucket *b = &world_plane()->flows[bucket_of(sport)];
	__u32 tag = xr_flow_tag(hash_of(CLIENT, sport));

	for (int i = 0; i < XR_FLOW_WAYS; i++)
		if (b->way[i].backend && b->way[i].tag == tag)
			return &b->way[i];
	return NULL;
}

static struct result tcp(int sport, const char *flags)
{
	return run_text("eth / ip4 / tcp sport=%d %s", sport, flags);
}

/*
 * The clock ticks by itself once a second: right after the test set it, it
 * stays for a while at most one on.
 */
static __u32 later(__u32 seconds)
{
	world_set_tick(world_tick() + seconds);
	return world_tick();
}

static void entry_and_promotion(void **state)
{
	struct xr_flow *f;
	struct result r;
	__u32 now;

	world(SMALL);
	assert_int_equal(world_plane()->flow_buckets, 8);
	now = later(1000);
	r = tcp(1, "syn");
	check_reasons(&r, "hash flow-new");
	f = entry_of(1);
	assert_non_null(f);
	assert_in_range(f->seen, now, now + 1);
	assert_true(f->backend);

	/* A second SYN is but another try. */
	r = tcp(1, "syn");
	check_reasons(&r, "flow");
	assert_false(f->seen & XR_FLOW_ESTABLISHED);
	r = tcp(1, "ack");
	check_reasons(&r, "flow");
	assert_true(f->seen & XR_FLOW_ESTABLISHED);
	/* And it stays so. */
	r = tcp(1, "syn");
	check_reasons(&r, "flow");
	assert_true(f->seen & XR_FLOW_ESTABLISHED);

	now = later(10);
	r = tcp(1, "ack");
	assert_in_range(f->seen & XR_FLOW_SEEN, now, now + 1);
}

/* QUIC: a long header opens, a short one establishes. */
static void quic_promotion(void **state)
{
	struct xr_flow *f = NULL;
	struct result r;

	world(LIMIT_FLOWS("64") WORLD_SPREAD);
	r = run_text("eth / ip4 / udp / quic long dcid=67");
	check_reasons(&r, "hash flow-new initial cid-no-config");
	for (__u32 b = 0; b < world_plane()->flow_buckets; b++)
		for (int i = 0; i < XR_FLOW_WAYS; i++)
			if (world_plane()->flows[b].way[i].backend) {
				assert_null(f);
				f = &world_plane()->flows[b].way[i];
			}
	assert_non_null(f);
	r = run_text("eth / ip4 / udp / quic long dcid=67");
	check_reasons(&r, "flow initial cid-no-config");
	assert_false(f->seen & XR_FLOW_ESTABLISHED);
	r = run_text("eth / ip4 / udp / quic short dcid=67");
	check_reasons(&r, "flow cid-no-config");
	assert_true(f->seen & XR_FLOW_ESTABLISHED);
}

/* Opens n flows in the bucket; their ports go to port[]. */
static void fill(__u32 bucket, int n, int *port, const char *then)
{
	int last = 0;

	for (int i = 0; i < n; i++) {
		struct result r;

		last = port[i] = next_in(bucket, last);
		r = tcp(last, "syn");
		check_reasons(&r, "hash flow-new");
		if (then) {
			r = tcp(last, then);
			check_reasons(&r, "flow");
		}
	}
}

/* The unestablished one that was seen longest ago goes first. */
static void lru_among_the_unestablished(void **state)
{
	int port[8], more;
	struct result r;

	world(SMALL);
	later(1000);
	fill(3, 8, port, NULL);
	/* 0..7 are now 16 .. 2 seconds old. */
	for (int i = 0; i < 8; i++) {
		entry_of(port[i])->seen = world_tick();
		later(2);
	}
	more = next_in(3, port[7]);
	for (int i = 0; i < 8; i++) {
		r = tcp(more, "syn");
		check_reasons(&r, "hash flow-new flow-evict");
		assert_non_null(entry_of(more));
		assert_null(entry_of(port[i]));
		for (int k = i + 1; k < 8; k++)
			assert_non_null(entry_of(port[k]));
		more = next_in(3, more);
	}
}

/* Established flows do not give way to a new one while they are alive. */
static void established_stay(void **state)
{
	int port[8], more;
	struct result r;

	world(SMALL);
	later(1000);
	fill(5, 7, port, "ack");
	more = next_in(5, port[6]);
	/* One place is left; all newcomers fight for it. */
	for (int i = 0; i < 50; i++) {
		r = tcp(more, "syn");
		check_reasons(&r, i ? "hash flow-new flow-evict" : "hash flow-new");
		for (int k = 0; k < 7; k++)
			assert_non_null(entry_of(port[k]));
		more = next_in(5, more);
	}
	for (int k = 0; k < 7; k++) {
		r = tcp(port[k], "ack");
		check_reasons(&r, "flow");
	}
}

static void full_of_established(void **state)
{
	int port[8], more;
	struct result r;

	world(SMALL);
	later(1000);
	fill(2, 8, port, "ack");
	more = next_in(2, port[7]);
	for (int i = 0; i < 20; i++) {
		r = tcp(more, "syn");
		check_reasons(&r, "hash flow-full");
		/* It is served all the same, by hash. */
		r = tcp(more, "ack");
		check_reasons(&r, "hash flow-full");
		more = next_in(2, more);
	}
	for (int k = 0; k < 8; k++) {
		r = tcp(port[k], "ack");
		check_reasons(&r, "flow");
	}

	/* The quietest of them goes when it was quiet for long. */
	later(IDLE / 8 + 2);
	for (int k = 0; k < 8; k++)
		if (k != 4) {
			r = tcp(port[k], "ack");
			check_reasons(&r, "flow");
		}
	r = tcp(more, "syn");
	check_reasons(&r, "hash flow-new flow-evict");
	assert_null(entry_of(port[4]));
}

static void idle_out(void **state)
{
	int port[8], more;
	struct result r;

	world(SMALL);
	later(1000);
	fill(1, 8, port, "ack");
	later(IDLE - 2);
	r = tcp(port[0], "ack");
	check_reasons(&r, "flow");
	later(4); /* 1..7 are idle now, 0 is not */
	r = tcp(port[1], "ack");
	check_reasons(&r, "hash flow-new");
	r = tcp(port[0], "ack");
	check_reasons(&r, "flow");
	/* An idle one is no loss: it is not counted as evicted. */
	more = next_in(1, port[7]);
	r = tcp(more, "syn");
	check_reasons(&r, "hash flow-new");
	assert_non_null(entry_of(port[0]));
	assert_non_null(entry_of(port[1]));
}

/* "seen" has 14 bits; what counts is the difference. */
static void clock_wraps(void **state)
{
	int port[8];
	struct result r;

	world(SMALL);
	world_set_tick(XR_FLOW_SEEN - 1);
	fill(1, 8, port, "ack");
	world_set_tick(XR_FLOW_SEEN + IDLE / 2);
	for (int k = 0; k < 4; k++) {
		r = tcp(port[k], "ack");
		check_reasons(&r, "flow");
	}
	world_set_tick(XR_FLOW_SEEN + IDLE + 10);
	for (int k = 0; k < 4; k++) {
		r = tcp(port[k], "ack");
		check_reasons(&r, "flow");
	}
	for (int k = 4; k < 8; k++) {
		r = tcp(port[k], "ack");
		check_reasons(&r, "hash flow-new");
	}
	/* The clock itself wraps. */
	world_set_tick(0xffffffff - 2);
	r = tcp(60000, "syn");
	assert_int_equal(r.count[XR_R_FLOW_NEW], 1);
	world_set_tick(5);
	r = tcp(60000, "ack");
	check_reasons(&r, "flow");
}

#define DRAIN_A SMALL_WITH("300", "    state: draining\n")

/* The next port after last whose flow is a's, opened and taken as far as then. */
static int flow_of_a(int last, const char *then)
{
	while (++last < 65536) {
		struct result r = tcp(last, "syn");

		if (r.verdict != XR_R_HASH || strcmp(outer_dst(&r), "10.1.0.1"))
			continue;
		if (then)
			tcp(last, then);
		return last;
	}
	fail_msg("too few ports");
	return 0;
}

static void stays(int port, const char *flags)
{
	struct result r = tcp(port, flags);

	check_reasons(&r, "flow");
	assert_string_equal(outer_dst(&r), "10.1.0.1");
}

static void leaves(int port)
{
	struct result r = tcp(port, "syn");

	check_reasons(&r, "hash flow-moved flow-new");
	assert_string_equal(outer_dst(&r), "10.1.0.2");
}

/* a drains. A stranger's SYN, or FIN, or RST, moves no connection that lives. */
static void strangers_and_draining(void **state)
{
	int begun, live, quiet, reset, closed;
	struct result r;

	world(SMALL_WITH("300", ""));
	later(1000);
	begun = flow_of_a(0, NULL);
	live = flow_of_a(begun, "ack");
	quiet = flow_of_a(live, "ack");
	reset = flow_of_a(quiet, "ack");
	closed = flow_of_a(reset, "ack");
	world_apply(DRAIN_A);

	/* Only asked for: a new connection, and not a's. */
	leaves(begun);

	stays(live, "syn");
	stays(live, "ack");
	/* The mark alone does not open the door. */
	stays(live, "rst");
	stays(live, "syn");
	stays(live, "fin ack");
	stays(live, "syn");
	/* Nor do long quiet alone, nor so many SYNs as keep no entry alive. */
	later(250);
	stays(quiet, "syn");
	later(40);
	stays(quiet, "syn");
	later(20);
	r = tcp(quiet, "syn");
	check_reasons(&r, "hash flow-new");
	assert_string_equal(outer_dst(&r), "10.1.0.2");

	world(SMALL_WITH("300", ""));
	later(1000);
	live = flow_of_a(0, "ack");
	reset = flow_of_a(live, "ack");
	closed = flow_of_a(reset, "ack");
	world_apply(DRAIN_A);
	/* Its client still says something, be it only ACK. */
	stays(live, "rst");
	for (int i = 0; i < 4; i++) {
		later(50);
		stays(live, "ack");
		stays(live, "syn");
	}
	stays(closed, "fin ack");
	stays(closed, "ack");
	stays(reset, "rst");
	later(55);
	stays(reset, "syn");
	stays(closed, "syn");
	later(10);
	leaves(reset);
	leaves(closed);
	/* Data takes the mark off. */
	stays(live, "ack / fill 1");
	later(70);
	stays(live, "syn");
	/* From the mark on, not from the last packet before: twice is once. */
	stays(live, "rst");
	later(40);
	stays(live, "rst");
	stays(live, "syn");
	later(25);
	leaves(live);
}

/* What a RST or a FIN says establishes nothing, so a flood may take its place. */
static void ends_establish_nothing(void **state)
{
	world(SMALL);
	later(1000);
	tcp(1, "syn");
	tcp(1, "rst");
	tcp(1, "fin ack");
	assert_false(entry_of(1)->seen & XR_FLOW_ESTABLISHED);
	tcp(1, "ack");
	assert_true(entry_of(1)->seen & XR_FLOW_ESTABLISHED);
}

#define ESTABLISHED 600

/*
 * Establishes flows from ports 1 on. was: their backends, 0 for no place. Returns
 * how many have one.
 */
static int establish(__u16 was[ESTABLISHED])
{
	int held = 0;

	for (int i = 0; i < ESTABLISHED; i++) {
		tcp(1 + i, "syn");
		tcp(1 + i, "ack");
	}
	for (int i = 0; i < ESTABLISHED; i++) {
		struct xr_flow *f = entry_of(1 + i);

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
	assert_true(held > ESTABLISHED * 95 / 100);

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
		struct xr_flow *f = entry_of(1 + i);

		kept += was[i] && f && f->backend == was[i];
	}
	printf("# flows established %d, with a place %d, kept %d\n", ESTABLISHED, held, kept);
	assert_int_equal(kept, held);
	for (int i = 0; i < ESTABLISHED; i++)
		if (was[i])
			assert_int_equal(tcp(1 + i, "ack").verdict, XR_R_FLOW);
}

/* Two packets from any address make an entry established. */
static void pairs(int from, int n)
{
	for (int i = from; i < from + n; i++)
		for (int ack = 0; ack < 2; ack++)
			run_text("eth / ip4 src=10.%d.%d.%d / tcp sport=%d %s", 1 + (i >> 16),
				 i >> 8 & 255, i & 255, 1 + i * 7 % 60000, ack ? "ack" : "syn");
}

/*
 * So a flood of SYN and ACK fills the table. It takes nothing from flows that are
 * not quiet for an eighth of the idle time, it is served by hash, and so is who
 * comes meanwhile; and an eighth of the idle time after it, who comes has a place.
 */
static void flood_of_established(void **state)
{
	static __u16 was[ESTABLISHED];
	int held, placed = 0, late;
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
		later(990);
		for (int i = 0; i < ESTABLISHED; i++)
			if (was[i])
				assert_int_equal(tcp(1 + i, "ack").verdict, XR_R_FLOW);
	}
	pairs(9000, 3000);
	for (int i = 0; i < ESTABLISHED; i++) {
		struct xr_flow *f = entry_of(1 + i);

		if (was[i])
			assert_true(f && f->backend == was[i]);
	}
	late = 20000;
	for (int i = 0; i < 50; i++) {
		r = tcp(late + i, "syn");
		assert_int_equal(r.verdict, XR_R_HASH);
		placed += r.count[XR_R_FLOW_NEW];
	}
	printf("# %d with a place; in the flood, %d of 50 more find one\n", held, placed);
	later(990);
	for (int i = 0; i < ESTABLISHED; i++)
		if (was[i])
			tcp(1 + i, "ack");
	later(20);
	placed = 0;
	for (int i = 0; i < 50; i++) {
		r = tcp(late + 1000 + i, "syn");
		assert_int_equal(r.verdict, XR_R_HASH);
		placed += r.count[XR_R_FLOW_NEW];
	}
	/* But in buckets that the others' flows fill. */
	assert_in_range(placed, 40, 50);
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
	struct xr_flow_bucket *b = &world_plane()->flows[bucket_of(sport)];
	__u32 tag = xr_flow_tag(hash_of(CLIENT, sport));
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
		__be16 sport = htons(i);

		memcpy(race.p.data + 34, &sport, sizeof(sport));
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
		TEST(entry_and_promotion),
		TEST(quic_promotion),
		TEST(lru_among_the_unestablished),
		TEST(established_stay),
		TEST(full_of_established),
		TEST(idle_out),
		TEST(clock_wraps),
		TEST(strangers_and_draining),
		TEST(ends_establish_nothing),
		TEST(floods),
		TEST(flood_of_established),
		TEST(short_header_flood),
		TEST(two_cpus),
	};

	return harness_main("flow table", tests, ARRAY_LEN(tests));
}
