/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM that is announced here and there and back again is frozen where its operator put it. */
#include "lib/announced.h"

/* ---- flapping ---- */

static void announce_from(const char *host, const char *reasons)
{
	behind(host, true);
	expect(BROADCAST "rarp", reasons, NULL);
}

/* RFC 7432 §15.1: more than five within 180 seconds. */
static void flapping(void **state)
{
	static const char *const at[] = { "fourth", "third" };
	struct xr_vm_now now;
	struct xr_event *e;
	struct events s;

	world(ANNOUNCE_WORLD("ports"));
	for (int i = 0; i < 5; i++) {
		announce_from(at[i % 2], "not-moved announcement");
		check_vm(VM, 0, XR_VM_MOVED, at[i % 2], 0);
	}
	take_events();
	announce_from(at[1], "not-moved announcement frozen");
	check_vm(VM, 0, XR_VM_MOVED, "old", XR_VM_FROZEN);
	s = take_events();
	assert_int_equal(s.n[XR_R_FROZEN], 1);
	assert_int_equal(s.vm_n[XR_R_FROZEN], 1);
	e = &s.last[XR_R_FROZEN];
	assert_int_equal(e->vm, vm_index_of(VM, 0) + 1);
	assert_int_equal(e->host, host_index("old"));
	/* Its frames go to where the operator's last word put it. */
	expect("eth dst=" VM " / ip4 / udp", "moved", "eth dst=" VM " / ip4 / udp");
	/* Whatever it says now, however often. */
	for (int i = 0; i < 20; i++) {
		struct result r;

		behind(at[i % 2], true);
		r = run_text(BROADCAST "rarp");
		assert_int_equal(r.count[XR_R_ANNOUNCEMENT], 0);
		check_vm(VM, 0, XR_VM_MOVED, "old", XR_VM_FROZEN);
	}
	later();
	behind("third", true);
	run_text(BROADCAST "rarp");
	now = vm_now(world_plane(), vm_index_of(VM, 0));
	assert_int_equal(now.host, host_index("old"));
	assert_int_equal(now.flags, XR_VM_FROZEN);
	/* Until the operator speaks. */
	post_notice("move " VM " to far");
	check_vm(VM, 0, XR_VM_MOVED, "far", 0);
	announce_from("third", "not-moved announcement");
	check_vm(VM, 0, XR_VM_MOVED, "third", 0);
}

/* As often, but over a longer time; or more often, where that is allowed. */
static void not_flapping(void **state)
{
	static const char *const at[] = { "fourth", "third" };

	world(ANNOUNCE_WORLD("any"));
	for (int i = 0; i < 30; i++) {
		announce_from(at[i % 2], "not-moved announcement");
		check_vm(VM, 0, XR_VM_MOVED, at[i % 2], 0);
		world_set_tick(world_tick() + 61);
	}
	/* Saying the same again is no move. */
	for (int i = 0; i < 30; i++)
		run_text(BROADCAST "rarp");
	check_vm(VM, 0, XR_VM_MOVED, at[1], 0);

	world(POLICY("moves: any, flap_moves: 9, flap_seconds: 60") ANNOUNCE_HOSTS
	      VMS(VM_AT(VM, "old", "")));
	for (int i = 0; i < 9; i++)
		announce_from(at[i % 2], "not-moved announcement");
	announce_from(at[1], "not-moved announcement frozen");
}

/* To where it is: no move, though the frame came another way. */
static void moved_to_itself(void **state)
{
	world(ANNOUNCE_WORLD("any"));
	post_notice("move " VM " to far");
	for (int i = 0; i < 30; i++) {
		behind("far", true);
		run_text(BROADCAST "rarp");
		check_vm(VM, 0, XR_VM_MOVED, "far", 0);
	}
}

/* What a VM was prepared for counts as its operator's word. */
static void frozen_at_the_last_word(void **state)
{
	static const char *const at[] = { "fourth", "third" };

	world(ANNOUNCE_WORLD("ports"));
	post_notice("prepare " VM " to third");
	announce_from("third", "not-moved announcement activated");
	later();
	expect("eth dst=" VM " / ip4 / udp", "vm-here move-expired", NULL);
	for (int i = 0; i < 5; i++)
		announce_from(at[i % 2], "not-moved announcement");
	announce_from(at[1], "not-moved announcement frozen");
	check_vm(VM, 0, XR_VM_MOVED, "third", XR_VM_FROZEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flapping),
		TEST(not_flapping),
		TEST(moved_to_itself),
		TEST(frozen_at_the_last_word),
	};

	return harness_main("flapping", tests, ARRAY_LEN(tests));
}
