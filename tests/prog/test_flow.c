
/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow table: what is written, what becomes established, what gives way to
 * what. The tables here are small, and the flows that meet in a bucket are picked
 * by the hash.
 */
#include <stdio.h>
#include "lib/flows.h"

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

/* The next source port after last whose flow falls into the bucket. */
static int next_in(__u32 bucket, int last)
{
	while (++last < 65536)
		if (flow_bucket_of(last) == bucket)
			return last;
	fail_msg("too few ports");
	return 0;
}

static void entry_and_promotion(void **state)
{
	struct xr_flow *f;
	struct result r;
	__u32 now;

	world(SMALL);
	assert_int_equal(world_plane()->flow_buckets, 8);
	now = flow_later(1000);
	r = flow_packet(1, "syn");
	check_reasons(&r, "hash flow-new");
	f = flow_entry_of(1);
	assert_non_null(f);
	assert_in_range(f->seen, now, now + 1);
	assert_true(f->backend);

	/* A second SYN is but another try. */
	r = flow_packet(1, "syn");
	check_reasons(&r, "flow");
	assert_false(f->seen & XR_FLOW_ESTABLISHED);
	r = flow_packet(1, "ack");
	check_reasons(&r, "flow");
	assert_true(f->seen & XR_FLOW_ESTABLISHED);
	/* And it stays so. */
	r = flow_packet(1, "syn");
	check_reasons(&r, "flow");
	assert_true(f->seen & XR_FLOW_ESTABLISHED);

	now = flow_later(10);
	r = flow_packet(1, "ack");
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
		r = flow_packet(last, "syn");
		check_reasons(&r, "hash flow-new");
		if (then) {
			r = flow_packet(last, then);
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
	flow_later(1000);
	fill(3, 8, port, NULL);
	/* 0..7 are now 16 .. 2 seconds old. */
	for (int i = 0; i < 8; i++) {
		flow_entry_of(port[i])->seen = world_tick();
		flow_later(2);
	}
	more = next_in(3, port[7]);
	for (int i = 0; i < 8; i++) {
		r = flow_packet(more, "syn");
		check_reasons(&r, "hash flow-new flow-evict");
		assert_non_null(flow_entry_of(more));
		assert_null(flow_entry_of(port[i]));
		for (int k = i + 1; k < 8; k++)
			assert_non_null(flow_entry_of(port[k]));
		more = next_in(3, more);
	}
}

/* Established flows do not give way to a new one while they are alive. */
static void established_stay(void **state)
{
	int port[8], more;
	struct result r;

	world(SMALL);
	flow_later(1000);
	fill(5, 7, port, "ack");
	more = next_in(5, port[6]);
	/* One place is left; all newcomers fight for it. */
	for (int i = 0; i < 50; i++) {
		r = flow_packet(more, "syn");
		check_reasons(&r, i ? "hash flow-new flow-evict" : "hash flow-new");
		for (int k = 0; k < 7; k++)
			assert_non_null(flow_entry_of(port[k]));
		more = next_in(5, more);
	}
	for (int k = 0; k < 7; k++) {
		r = flow_packet(port[k], "ack");
		check_reasons(&r, "flow");
	}
}

static void full_of_established(void **state)
{
	int port[8], more;
	struct result r;

	world(SMALL);
	flow_later(1000);
	fill(2, 8, port, "ack");
	more = next_in(2, port[7]);
	for (int i = 0; i < 20; i++) {
		r = flow_packet(more, "syn");
		check_reasons(&r, "hash flow-full");
		/* It is served all the same, by hash. */
		r = flow_packet(more, "ack");
		check_reasons(&r, "hash flow-full");
		more = next_in(2, more);
	}
	for (int k = 0; k < 8; k++) {
		r = flow_packet(port[k], "ack");
		check_reasons(&r, "flow");
	}

	/* The quietest of them goes when it was quiet for long. */
	flow_later(IDLE / 8 + 2);
	for (int k = 0; k < 8; k++)
		if (k != 4) {
			r = flow_packet(port[k], "ack");
			check_reasons(&r, "flow");
		}
	r = flow_packet(more, "syn");
	check_reasons(&r, "hash flow-new flow-evict");
	assert_null(flow_entry_of(port[4]));
}

static void idle_out(void **state)
{
	int port[8], more;
	struct result r;

	world(SMALL);
	flow_later(1000);
	fill(1, 8, port, "ack");
	flow_later(IDLE - 2);
	r = flow_packet(port[0], "ack");
	check_reasons(&r, "flow");
	flow_later(4); /* 1..7 are idle now, 0 is not */
	r = flow_packet(port[1], "ack");
	check_reasons(&r, "hash flow-new");
	r = flow_packet(port[0], "ack");
	check_reasons(&r, "flow");
	/* An idle one is no loss: it is not counted as evicted. */
	more = next_in(1, port[7]);
	r = flow_packet(more, "syn");
	check_reasons(&r, "hash flow-new");
	assert_non_null(flow_entry_of(port[0]));
	assert_non_null(flow_entry_of(port[1]));
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
		r = flow_packet(port[k], "ack");
		check_reasons(&r, "flow");
	}
	world_set_tick(XR_FLOW_SEEN + IDLE + 10);
	for (int k = 0; k < 4; k++) {
		r = flow_packet(port[k], "ack");
		check_reasons(&r, "flow");
	}
	for (int k = 4; k < 8; k++) {
		r = flow_packet(port[k], "ack");
		check_reasons(&r, "hash flow-new");
	}
	/* The clock itself wraps. */
	world_set_tick(0xffffffff - 2);
	r = flow_packet(60000, "syn");
	assert_int_equal(r.count[XR_R_FLOW_NEW], 1);
	world_set_tick(5);
	r = flow_packet(60000, "ack");
	check_reasons(&r, "flow");
}

#define DRAIN_A SMALL_WITH("300", "    state: draining\n")

/* The next port after last whose flow is a's, opened and taken as far as then. */
static int flow_of_a(int last, const char *then)
{
	while (++last < 65536) {
		struct result r = flow_packet(last, "syn");

		if (r.verdict != XR_R_HASH || strcmp(outer_dst(&r), "10.1.0.1"))
			continue;
		if (then)
			flow_packet(last, then);
		return last;
	}
	fail_msg("too few ports");
	return 0;
}

static void stays(int port, const char *flags)
{
	struct result r = flow_packet(port, flags);

	check_reasons(&r, "flow");
	assert_string_equal(outer_dst(&r), "10.1.0.1");
}

static void leaves(int port)
{
	struct result r = flow_packet(port, "syn");

	check_reasons(&r, "hash flow-moved flow-new");
	assert_string_equal(outer_dst(&r), "10.1.0.2");
}

/* a drains. A stranger's SYN, or FIN, or RST, moves no connection that lives. */
static void strangers_and_draining(void **state)
{
	int begun, live, quiet;
	struct result r;

	world(SMALL_WITH("300", ""));
	flow_later(1000);
	begun = flow_of_a(0, NULL);
	live = flow_of_a(begun, "ack");
	quiet = flow_of_a(live, "ack");
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
	flow_later(250);
	stays(quiet, "syn");
	flow_later(40);
	stays(quiet, "syn");
	flow_later(20);
	r = flow_packet(quiet, "syn");
	check_reasons(&r, "hash flow-new");
	assert_string_equal(outer_dst(&r), "10.1.0.2");
}

/* A RST or a FIN marks its flow; for how long, and what takes the mark off. */
static void marked_and_draining(void **state)
{
	int live, reset, closed;

	world(SMALL_WITH("300", ""));
	flow_later(1000);
	live = flow_of_a(0, "ack");
	reset = flow_of_a(live, "ack");
	closed = flow_of_a(reset, "ack");
	world_apply(DRAIN_A);
	/* Its client still says something, be it only ACK. */
	stays(live, "rst");
	for (int i = 0; i < 4; i++) {
		flow_later(50);
		stays(live, "ack");
		stays(live, "syn");
	}
	stays(closed, "fin ack");
	stays(closed, "ack");
	stays(reset, "rst");
	flow_later(55);
	stays(reset, "syn");
	stays(closed, "syn");
	flow_later(10);
	leaves(reset);
	leaves(closed);
	/* Data takes the mark off. */
	stays(live, "ack / fill 1");
	flow_later(70);
	stays(live, "syn");
	/* From the mark on, not from the last packet before: twice is once. */
	stays(live, "rst");
	flow_later(40);
	stays(live, "rst");
	stays(live, "syn");
	flow_later(25);
	leaves(live);
}

/* What a RST or a FIN says establishes nothing, so a flood may take its place. */
static void ends_establish_nothing(void **state)
{
	world(SMALL);
	flow_later(1000);
	flow_packet(1, "syn");
	flow_packet(1, "rst");
	flow_packet(1, "fin ack");
	assert_false(flow_entry_of(1)->seen & XR_FLOW_ESTABLISHED);
	flow_packet(1, "ack");
	assert_true(flow_entry_of(1)->seen & XR_FLOW_ESTABLISHED);
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
		TEST(marked_and_draining),
		TEST(ends_establish_nothing),
	};

	return harness_main("flow table", tests, ARRAY_LEN(tests));
}
