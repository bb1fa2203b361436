/* SPDX-License-Identifier: GPL-2.0-only */
/* How long the frames of a VM that moved are redirected, and when a move ends by itself. */
#include "lib/vms.h"
#include "lib/worlds.h"

#define TO_VM "eth dst=" VM

/* ---- how long ---- */

static void redirected(const char *what)
{
	struct result r = run_text(TO_VM " / ip4 / udp / fill 9");

	if (reason_kind(r.verdict) != XR_KIND_TX)
		fail_msg("%s: not redirected", what);
}

static void left_alone(const char *what)
{
	struct result r = run_text(TO_VM " / ip4 / udp / fill 9");

	if (r.verdict != XR_R_VM_HERE)
		fail_msg("%s: not left alone", what);
}

/* ttl seconds after the last hit it is over; each hit starts it anew. */
static void ageing(void **state)
{
	__u32 t;

	world(MOVED_TO(HOST_VXLAN("a", "10.1.0.1", "")
		       HOST_VXLAN("b", "10.1.0.2", "")));
	post_notice("move " VM " to a ttl 30");
	assert_int_equal(vm_live(VM, 0)->ttl, 30);
	for (int i = 0; i < 5; i++) {
		t = vm_live(VM, 0)->last;
		world_set_tick(t + 29);
		redirected("within the ttl");
		assert_in_range(vm_live(VM, 0)->last, t + 29, t + 30);
	}
	t = vm_live(VM, 0)->last;
	world_set_tick(t + 30);
	redirected("at the ttl");
	t = vm_live(VM, 0)->last;
	world_set_tick(t + 31);
	left_alone("after the ttl");
	left_alone("after the ttl, again");
	assert_int_equal(vm_now(world_plane(), vm_index_of(VM, 0)).host, host_index("a"));
	/* The tick wraps after 136 years, or at once in a test. */
	world_set_tick(0xfffffff0);
	post_notice("move " VM " to b ttl 30");
	world_set_tick(9);
	redirected("within the ttl, over the wrap");
	world_set_tick(41);
	left_alone("after the ttl, over the wrap");
}

/* The default is a bridge's ageing time. */
static void default_ttl(void **state)
{
	world(MOVED_TO(HOST_VXLAN("a", "10.1.0.1", "")));
	move_to("a");
	assert_int_equal(vm_live(VM, 0)->ttl, 300);
	world(POLICY("vm_ttl: 7") MOVED_TO(HOST_VXLAN("a", "10.1.0.1", "")));
	move_to("a");
	assert_int_equal(vm_live(VM, 0)->ttl, 7);
}

static void hits(void **state)
{
	size_t len = packet(TO_VM " / ip4 / udp / fill 9").len;
	struct xr_counter c;

	world(MOVED_TO(HOST_VXLAN("a", "10.1.0.1", "")
		       HOST_GUE("g", "10.1.0.2", "")));
	left_alone("not moved yet");
	assert_int_equal(vm_live(VM, 0)->hits, 0);
	move_to("a");
	for (int i = 0; i < 5; i++)
		redirected("moved");
	assert_int_equal(vm_live(VM, 0)->hits, 5);
	c = host_count("a");
	assert_int_equal(c.packets, 5);
	assert_int_equal(c.bytes, 5 * len);
	move_to("g");
	redirected("moved on");
	assert_int_equal(vm_live(VM, 0)->hits, 6);
	c = host_count("g");
	assert_int_equal(c.packets, 1);
	assert_int_equal(c.bytes, len);
	/* What is dropped is no hit. */
	expect(TO_VM " / ip4 ttl=1 / udp", "ttl-expired", NULL);
	assert_int_equal(vm_live(VM, 0)->hits, 6);
	assert_int_equal(host_count("g").packets, 1);
}

/* A redirect is one store: the very next frame goes the new way. */
static void next_frame(void **state)
{
	world(HOSTS(HOST_VXLAN("a", "10.1.0.1", "") HOST_VXLAN("b", "10.1.0.2",
	      "") HOST_VXLAN("c", "10.2.0.3", "")) VMS(VM_AT(VM, "a", "")));
	for (int i = 0; i < 9; i++) {
		static const char *const name[] = { "b", "a", "c" };
		static const char *const addr[] = { "10.1.0.2", "10.1.0.1", "10.2.0.3" };
		struct result r;

		later();
		move_to(name[i % 3]);
		r = run_text(TO_VM " / ip4 / udp");
		assert_string_equal(outer_dst(&r), addr[i % 3]);
	}
}

/* ---- deadlines ---- */

/* Nobody ended it: it falls back, and says so, with nobody else running. */
static void deadlines(void **state)
{
	struct xr_event *e;
	struct events s;

	world(POLICY("blackout_timeout: 4") HOSTS(HOST_VXLAN("a", "10.1.0.1",
	      "") HOST_VXLAN("b", "10.1.0.2", "")) VMS(VM_AT(VM, "a", "")));
	for (int paused = 0; paused < 2; paused++) {
		post_notice("prepare " VM " to b timeout 20");
		if (paused)
			post_notice("pause " VM);
		assert_int_equal(world_plane()->vm_control->watching, 1);
		take_events();
		world_set_tick(vm_live(VM, 0)->deadline - 2);
		expect(TO_VM " / ip4 / udp", "vm-here", NULL);
		check_vm(VM, 0, paused ? XR_VM_BLACKOUT : XR_VM_PREPARED, "a", 0);
		world_set_tick(vm_live(VM, 0)->deadline);
		expect(TO_VM " / ip4 / udp", "vm-here move-expired", NULL);
		check_vm(VM, 0, XR_VM_STABLE, "a", 0);
		assert_int_equal(vm_now(world_plane(), vm_index_of(VM, 0)).next, 0);
		assert_int_equal(world_plane()->vm_control->watching, 0);
		s = take_events();
		assert_int_equal(s.n[XR_R_MOVE_EXPIRED], 1);
		assert_int_equal(s.vm_n[XR_R_MOVE_EXPIRED], 1);
		e = &s.last[XR_R_MOVE_EXPIRED];
		assert_int_equal(e->kind, XR_EVENT_VM);
		assert_int_equal(e->vm, vm_index_of(VM, 0) + 1);
		assert_int_equal(e->state, XR_VM_STABLE);
		assert_int_equal(e->host, host_index("a"));
		expect(TO_VM " / ip4 / udp", "vm-here", NULL);
		assert_int_equal(take_events().n[XR_R_MOVE_EXPIRED], 0);
	}
}

/* A VM that was redirected before falls back to that. */
static void deadline_of_a_second_move(void **state)
{
	world(HOSTS(HOST_VXLAN("a", "10.1.0.1", "") HOST_VXLAN("b", "10.1.0.2",
	      "") HOST_VXLAN("c", "10.2.0.3", "")) VMS(VM_AT(VM, "a", "")));
	move_to("b");
	post_notice("prepare " VM " to c timeout 5");
	post_notice("pause " VM);
	world_set_tick(vm_live(VM, 0)->deadline + 1);
	expect(TO_VM " / ip4 / udp", "moved move-expired",
	       ETH_IN("2") " / ip4 src=10.1.0.254 dst=10.1.0.2 df id=0x7800 / "
			   "udp sport=@ dport=4789 csum=0 / vxlan 100 / " TO_VM " / ip4 / udp");
	check_vm(VM, 0, XR_VM_MOVED, "b", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ageing),     TEST(default_ttl), TEST(hits),
		TEST(next_frame), TEST(deadlines),   TEST(deadline_of_a_second_move),
	};

	return harness_main("how long a redirect lasts", tests, ARRAY_LEN(tests));
}
