/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's virtqueue against its tap: of what QEMU read as it stopped, no frame
 * that the guest got is said to be missed, whatever came before; and where a
 * steady guest was asked often enough, the one that it did not get is.
 */
#include "user/local/used_priv.h"
#include <xroam/hash.h>
#include "lib/unit.h"

#define WORLDS 20000
#define BASE   1000 /* what the tap had counted before the ring began */

static const __u8 group[6] = { 0x33, 0x33, 0, 0, 0, 1 };

static struct xr_ring_frame frames[XR_RING_FRAMES];
static struct xr_ring ring;
static const struct used used = { &ring, frames, { 0x52, 0x54, 0, 0x12, 0x34, 0x56 } };

/* The truth. */
static __u64 entered, reads; /* since the ring began */
static __u16 index_used;
static int noise; /* so many of 256 frames the card filters */
static __u64 seed;

static __u32 draw(__u32 below)
{
	return xr_mix64(++seed * 0x9e3779b97f4a7c15ULL) % below;
}

static struct xr_ring_frame *at(__u64 n)
{
	return &frames[n % XR_RING_FRAMES];
}

static void enter(int n)
{
	while (n--) {
		struct xr_ring_frame *f = at(entered);

		f->number = ++entered;
		f->len = 60;
		memcpy(f->octet, (int)draw(256) < noise ? group : used.mac, 6);
	}
	ring.entered = entered;
}

/* QEMU takes what is there; the guest gets what its card lets through. */
static void take(int n)
{
	while (n-- && reads < entered)
		index_used += !memcmp(at(reads++)->octet, used.mac, 6);
}

static void begin(int noisy)
{
	memset(&ring, 0, sizeof(ring));
	memset(frames, 0, sizeof(frames));
	ring.read_base = BASE;
	entered = reads = 0;
	index_used = draw(65536);
	noise = noisy;
}

/* Before it is asked, while it is, and after, frames may come. */
static bool ask(int most)
{
	__u64 before = BASE + reads;
	__u16 used_then;

	enter(draw(most + 1));
	take(draw(most + 1));
	used_then = index_used;
	enter(draw(most + 1));
	take(draw(most + 1));
	return used_compare(&used, used_then, before, BASE + reads);
}

/* Frame by frame, each asked about: the difference is known exactly. */
static void keep_step(int n)
{
	enter(n);
	while (n--) {
		take(1);
		used_compare(&used, index_used, BASE + reads, BASE + reads);
	}
}

/* It stops, and has thrown so many away; the next one it reads and keeps. */
static __u64 stop(int thrown)
{
	enter(thrown);
	take(entered - reads - thrown);
	reads += thrown;
	ring.first = reads;
	return used_first_missed(&used, index_used);
}

static void nothing_that_it_got(void **state)
{
	int i, k, thrown;
	__u64 used_then;

	(void)state;
	for (i = 0; i < WORLDS; i++) {
		begin(draw(3) * draw(60));
		for (k = draw(30); k > 0; k--) {
			ask(draw(4));
			enter(draw(3));
			take(draw(3));
		}
		thrown = draw(2);
		if (thrown && draw(4) == 0)
			ask(0); /* answered while it stops */
		used_then = stop(thrown);
		assert_true(used_then <= ring.first && used_then + thrown >= ring.first);
	}
}

static void what_it_did_not_get(void **state)
{
	int i, k, thrown, known = 0;
	__u64 used_then;

	(void)state;
	for (i = 0; i < WORLDS; i++) {
		begin(0);
		enter(1);
		take(1);
		for (k = 0; k < 200 && !ask(2); k++)
			;
		if (k == 200)
			continue;
		known++;
		take(entered - reads);
		thrown = draw(2);
		used_then = stop(thrown);
		assert_int_equal(used_then, ring.first - thrown);
	}
	assert_true(known > WORLDS * 9 / 10);
}

/* In step with the flow, each answer fits two differences: the lesser loss counts. */
static void what_it_surely_did_not_get(void **state)
{
	__u64 used_then;
	int k;

	(void)state;
	begin(0);
	for (k = 0; k < 20; k++) {
		__u64 before = BASE + reads;

		enter(1);
		take(1);
		assert_false(used_compare(&used, index_used, before, BASE + reads));
	}
	used_then = stop(1);
	assert_int_equal(used_then, ring.first - 1);
}

/* One that was asked before STOP is answered when a frame is already lost. */
static void an_answer_while_it_stops(void **state)
{
	(void)state;
	begin(0);
	keep_step(10);
	enter(1);
	reads++;
	used_compare(&used, index_used, BASE + reads, BASE + reads);
	ring.first = reads;
	assert_int_equal(used_first_missed(&used, index_used), ring.first - 1);
}

/* The card filters a frame: the difference is another from then on. */
static void a_filtered_frame(void **state)
{
	int k;

	(void)state;
	begin(0);
	keep_step(10);
	noise = 256;
	enter(1);
	noise = 0;
	take(1);
	ring.first = reads;
	assert_int_equal(used_first_missed(&used, index_used), ring.first);
	enter(5);
	for (k = 0; k < 5; k++) {
		__u64 before = BASE + reads;

		take(1); /* so wide a look fits the old one, too */
		used_compare(&used, index_used, before, BASE + reads);
	}
	ring.first = reads;
	assert_int_equal(used_first_missed(&used, index_used), ring.first);
}

/* The guest is behind: QEMU has read one, and waits for a buffer to give it. */
static void held(int questions)
{
	enter(10);
	reads++;
	while (questions--)
		used_compare(&used, index_used, BASE + reads, BASE + reads);
	index_used++;
}

static void a_guest_that_is_behind(void **state)
{
	__u64 said;

	(void)state;
	begin(0);
	keep_step(10);
	held(10);
	take(entered - reads);
	said = stop(1);
	assert_int_equal(said, ring.first - 1);

	/* Asked for the first time just then. */
	begin(0);
	held(10);
	take(entered - reads - 1);
	keep_step(1);
	said = stop(1);
	assert_int_equal(said, ring.first - 1);
}

/* More unread at first than was known, and no frame but those in the ring counts. */
static void a_base_that_was_too_low(void **state)
{
	__u64 said;

	(void)state;
	begin(0);
	ring.read_base = BASE - 2;
	keep_step(10);
	assert_int_equal(ring.read_base, BASE);
	said = stop(1);
	assert_int_equal(said, ring.first - 1);
	begin(0);
	enter(3 * XR_RING_FRAMES);
	used_compare(&used, index_used, BASE, BASE);
	take(3 * XR_RING_FRAMES);
	ring.first = reads;
	assert_int_equal(used_first_missed(&used, index_used - 1), ring.first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_that_it_got),
		cmocka_unit_test(what_it_did_not_get),
		cmocka_unit_test(what_it_surely_did_not_get),
		cmocka_unit_test(an_answer_while_it_stops),
		cmocka_unit_test(a_filtered_frame),
		cmocka_unit_test(a_guest_that_is_behind),
		cmocka_unit_test(a_base_that_was_too_low),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("used", tests, NULL, NULL);
}
