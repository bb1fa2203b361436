/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Announcements: every kind, under every policy, from the right place and from
 * wrong ones; and what only looks like one. A frame that is not believed changes
 * nothing of the VM, octet by octet.
 */
#include "lib/announced.h"

static const struct announced others[] = { NOT_ANNOUNCEMENTS(ANNOUNCED) };

static const char *const policies[] = { "expected", "ports", "any" };
enum { EXPECTED, PORTS, ANY };

static const __u16 vlans[] = { 0, 100 };

/* ---- believed ---- */

static void check_event(const struct xr_event *e, const struct announced *k, __u16 vlan,
			const char *host)
{
	static const __u8 mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

	assert_int_equal(e->kind, XR_EVENT_VM);
	assert_int_equal(e->vm, vm_index_of(VM, vlan) + 1);
	assert_int_equal(e->vlan, vlan);
	assert_memory_equal(e->mac, mac, 6);
	assert_int_equal(e->host, host_index(host));
	assert_int_equal(e->from, host_index("old"));
	assert_int_equal(e->state, XR_VM_MOVED);
	assert_int_equal(e->announcement, k->kind);
	assert_int_equal(e->dev_slot, 0);
	assert_true(e->when_ns);
}

/* Whose frames are next to be redirected, at this very frame. */
static void check_moved(const struct announced *k, __u16 vlan, const char *host, bool expected)
{
	enum xr_reason r = expected ? XR_R_ACTIVATED : XR_R_ANNOUNCEMENT;
	struct xr_vm_now now = vm_now(world_plane(), vm_index_of(VM, vlan));
	struct xr_vm *vm = vm_live(VM, vlan);
	struct events s;

	check_vm(VM, vlan, XR_VM_MOVED, host, 0);
	assert_int_equal(now.next, 0);
	assert_int_equal(now.home, host_index(expected ? host : "old"));
	assert_int_equal(vm->ttl, 77);
	assert_in_range(vm->last, world_tick() - 1, world_tick());
	s = take_events();
	assert_int_equal(s.n[r], 1);
	assert_int_equal(s.vm_n[r], 1);
	assert_int_equal(s.n[XR_R_SPOOFED], 0);
	check_event(&s.last[r], k, vlan, host);
}

static void send_announcement(const struct announced *k, __u16 vlan, const char *reasons)
{
	struct packet p = announcement(k, vlan);
	struct result r = run(&p);

	check_reasons(&r, reasons);
}

/* A prepared move: from the place of the host it goes to, whatever that is. */
static void expected(void **state)
{
	static const char *const hosts[] = { "new", "v", "g", "m" };

	for (size_t p = 0; p < ARRAY_LEN(policies); p++) {
		world(ANNOUNCE_WORLD("%s"), policies[p]);
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
			for (size_t n = 0; n < 2; n++) {
				const char *to = hosts[i % ARRAY_LEN(hosts)];

				at_old(vlans[n]);
				behind("", false);
				post_notice("prepare " VM "%s to %s", in_vlan(vlans[n]), to);
				send_announcement(&kinds[i], vlans[n],
						  "not-moved announcement activated");
				check_moved(&kinds[i], vlans[n], to, true);
				assert_int_equal(world_plane()->vm_control->watching, 0);
			}
	}
}

/* Nobody prepared it, but the port is trusted, or any will do. */
static void unprepared(void **state)
{
	for (int p = PORTS; p <= ANY; p++) {
		world(ANNOUNCE_WORLD("%s"), policies[p]);
		behind("new", p == PORTS);
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
			for (size_t n = 0; n < 2; n++) {
				at_old(vlans[n]);
				send_announcement(&kinds[i], vlans[n], "not-moved announcement");
				check_moved(&kinds[i], vlans[n], "new", false);
			}
	}
}

/* The other of two VMs with one MAC address is not meant. */
static void other_vlan(void **state)
{
	struct xr_vm was;

	world(ANNOUNCE_WORLD("any"));
	behind("new", false);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		for (size_t n = 0; n < 2; n++) {
			at_old(vlans[0]);
			at_old(vlans[1]);
			was = *vm_live(VM, vlans[!n]);
			send_announcement(&kinds[i], vlans[n], "not-moved announcement");
			check_same(&was, VM, vlans[!n]);
		}
	/* Priority tags are no VLAN; nobody is in 99; two tags are left alone. */
	at_old(0);
	send_announcement(&(struct announced){ XR_RARP, "RARP", kinds[5].hex }, 0,
			  "not-moved announcement");
	at_old(0);
	was = *vm_live(VM, 0);
	send_announcement(&kinds[0], 99, "not-moved");
	check_same(&was, VM, 0);
	expect("eth src=" VM " dst=ff:ff:ff:ff:ff:ff / vlan 5 / vlan 100 / rarp", "not-moved qinq",
	       NULL);
	check_same(&was, VM, 0);
	expect("eth src=" VM " dst=ff:ff:ff:ff:ff:ff / vlan 0 pcp=7 / rarp",
	       "not-moved announcement", NULL);
	check_vm(VM, 0, XR_VM_MOVED, "new", 0);
	at_old(0);
	expect("eth src=" VM " dst=ff:ff:ff:ff:ff:ff / vlan 0 / vlan 0 pcp=7 / "
	       "rarp",
	       "not-moved announcement", NULL);
	check_vm(VM, 0, XR_VM_MOVED, "new", 0);
	at_old(100);
	expect("eth src=" VM " dst=ff:ff:ff:ff:ff:ff / vlan 0 / vlan 100 / rarp",
	       "not-moved announcement", NULL);
	check_vm(VM, 100, XR_VM_MOVED, "new", 0);
}

/* What a Linux guest sends is not padded. */
static void unpadded(void **state)
{
	world(ANNOUNCE_WORLD("any"));
	behind("new", false);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct packet p = announcement(&kinds[i], 0);
		struct result r;

		at_old(0);
		if (p.len == 60)
			p.len = sizeof(struct wire_eth) + sizeof(struct wire_arp);
		r = run(&p);
		check_reasons(&r, "not-moved announcement");
		check_moved(&kinds[i], 0, "new", false);
	}
}

/* ---- from the wrong place ---- */

static void not_believed(const struct announced *k, __u16 vlan)
{
	struct xr_vm was = *vm_live(VM, vlan);
	__u64 spoofed = vm_info_of(VM, vlan)->spoofed;
	__u32 watching = world_plane()->vm_control->watching;
	struct events s;

	take_events();
	send_announcement(k, vlan, "not-moved spoofed");
	check_same(&was, VM, vlan);
	assert_int_equal(vm_info_of(VM, vlan)->spoofed, spoofed + 1);
	assert_int_equal(world_plane()->vm_control->watching, watching);
	s = take_events();
	assert_int_equal(s.n[XR_R_SPOOFED], 1);
	assert_int_equal(s.last[XR_R_SPOOFED].vm, vm_index_of(VM, vlan) + 1);
	assert_int_equal(s.last[XR_R_SPOOFED].announcement, k->kind);
	assert_int_equal(s.last[XR_R_SPOOFED].vlan, vlan);
	assert_int_equal(s.n[XR_R_ANNOUNCEMENT] + s.n[XR_R_ACTIVATED] + s.vm_n[XR_R_ANNOUNCEMENT] +
				 s.vm_n[XR_R_ACTIVATED],
			 0);
}

static void wrong_place(void **state)
{
	for (int p = EXPECTED; p <= ANY; p++) {
		world(ANNOUNCE_WORLD("%s"), policies[p]);
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
			for (size_t n = 0; n < 2; n++) {
				at_old(vlans[n]);
				/* Nobody knows who lives behind the port. */
				behind("", p == PORTS);
				not_believed(&kinds[i], vlans[n]);
				/* Expected, but of another place. */
				post_notice("prepare " VM "%s to far", in_vlan(vlans[n]));
				not_believed(&kinds[i], vlans[n]);
				if (p == PORTS) {
					behind("new", false);
					not_believed(&kinds[i], vlans[n]);
				}
				if (p == EXPECTED) {
					behind("new", true);
					not_believed(&kinds[i], vlans[n]);
				}
			}
	}
}

/* Each is counted; the event comes once a second. */
static void flood_of_spoofed(void **state)
{
	struct events s;
	__u32 tick;

	world(ANNOUNCE_WORLD("expected"));
	behind("new", true);
	do {
		take_events();
		tick = world_tick();
		vm_info_of(VM, 0)->spoofed = 0;
		for (int i = 0; i < 50; i++)
			send_announcement(&kinds[5], 0, "not-moved spoofed");
		s = take_events();
	} while (world_tick() != tick + 2);
	assert_int_equal(vm_info_of(VM, 0)->spoofed, 50);
	assert_int_equal(s.n[XR_R_SPOOFED], 1);
}

/* A VM that says something where it is does nothing wrong. */
static void at_home(void **state)
{
	struct xr_vm was;
	struct events s;

	for (int p = EXPECTED; p <= ANY; p++) {
		/* All its addresses are known: there is nothing to learn. */
		world(POLICY("moves: %s") GATEWAYS ANNOUNCE_HOSTS
		      VMS(VM_AT(VM, "old",
				", addresses: [10.9.0.10, \"fd09::10\"]")),
		      policies[p]);
		post_notice("move " VM " to new");
		behind("new", true);
		for (int prepared = 0; prepared < 2; prepared++) {
			if (prepared)
				post_notice("prepare " VM " to far");
			take_events();
			was = *vm_live(VM, 0);
			for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
				struct packet f = announcement(&kinds[i], 0);
				struct result r = run(&f);

				assert_int_equal(r.count[XR_R_SPOOFED], 0);
				assert_int_equal(r.count[XR_R_ANNOUNCEMENT_BAD], 0);
				check_same(&was, VM, 0);
			}
			s = take_events();
			assert_int_equal(s.vm_n[XR_R_ANNOUNCEMENT], 0);
			assert_int_equal(s.vm_n[XR_R_ACTIVATED], 0);
		}
	}
}

/* Of VMs that nobody knows there is nothing to say. */
static void unknown_vm(void **state)
{
	world(ANNOUNCE_WORLD("any"));
	behind("new", true);
	post_notice("leave " VM);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		send_announcement(&kinds[i], 0, "not-moved");
	assert_int_equal(take_events().n[XR_R_SPOOFED], 0);
}

/* ---- what is no announcement ---- */

static void not_announcements(void **state)
{
	struct xr_vm was;
	struct events s;

	for (int p = EXPECTED; p <= ANY; p++)
		for (int prepared = 0; prepared < 2; prepared++) {
			world(ANNOUNCE_WORLD("%s"), policies[p]);
			behind("new", true);
			if (prepared)
				post_notice("prepare " VM " to far");
			was = *vm_live(VM, 0);
			for (size_t i = 0; i < ARRAY_LEN(others); i++) {
				send_announcement(&others[i], 0, "not-moved");
				check_same(&was, VM, 0);
			}
			s = take_events();
			for (int r = 1; r < XR_REASON_MAX; r++)
				assert_int_equal(s.n[r] + s.vm_n[r], 0);
		}
}

/* ---- in a tunnel ---- */

#define TUNNEL(from)                                                     \
	"eth src=02:00:00:00:01:02 / ip4 src=" from " dst=10.1.0.254 / " \
	"udp sport=50000 dport=4789 csum=0 / vxlan 100 / "

/* clang-format off */
#define LOCAL_WORLD(policy)                                                    \
	POLICY("moves: " policy) GATEWAYS                                      \
	HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")                \
	      HOST_VXLAN("v", "10.1.0.1", "") HOST_VXLAN("far", "10.2.0.1", "")\
	      HOST_PORT("new", "in")) VMS(VM_AT(VM, "here", ""))
/* clang-format on */

/* From an untrusted port anybody could have put it into a tunnel. */
static void in_a_tunnel(void **state)
{
	struct xr_vm was;
	struct result r;

	for (int p = EXPECTED; p <= PORTS; p++) {
		world(LOCAL_WORLD("%s"), policies[p]);
		behind("new", p == EXPECTED);
		was = *vm_live(VM, 0);
		expect(TUNNEL("10.2.0.1") BROADCAST "rarp", "not-moved spoofed", NULL);
		check_same(&was, VM, 0);
	}

	/* Through a trusted one it tells whose tunnel it came out of. */
	world(LOCAL_WORLD("ports"));
	behind("new", true);
	expect(TUNNEL("10.2.0.1") BROADCAST "rarp", "not-moved announcement", NULL);
	check_vm(VM, 0, XR_VM_MOVED, "far", 0);
	expect(TUNNEL("10.1.0.1") BROADCAST "arp " GARP, "not-moved announcement", NULL);
	check_vm(VM, 0, XR_VM_MOVED, "v", 0);
	/* Nobody's tunnel; another segment. */
	was = *vm_live(VM, 0);
	r = run_text("%s", TUNNEL("10.2.0.9") BROADCAST "rarp");
	assert_int_equal(r.count[XR_R_ANNOUNCEMENT], 0);
	r = run_text("eth / ip4 src=10.2.0.1 dst=10.1.0.254 / udp dport=4789 "
		     "csum=0 / vxlan 101 / " BROADCAST "rarp");
	assert_int_equal(r.count[XR_R_ANNOUNCEMENT], 0);
	check_same(&was, VM, 0);
}

/* ---- asked by explain ---- */

/* What would be done, and nothing done. */
static void explained(void **state)
{
	struct xr_vm was;
	struct xr_trace t;
	struct events s;

	world_traced(ANNOUNCE_WORLD("any"));
	behind("new", false);
	for (int prepared = 0; prepared < 2; prepared++) {
		if (prepared)
			post_notice("prepare " VM " to new");
		take_events();
		was = *vm_live(VM, 0);
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
			struct packet p = announcement(&kinds[i], 0);

			run_prog(world_prog(), &p);
			t = world_trace();
			assert_int_equal(t.announcement, kinds[i].kind);
			check_same(&was, VM, 0);
		}
		s = take_events();
		for (int r = 1; r < XR_REASON_MAX; r++)
			assert_int_equal(s.n[r] + s.vm_n[r], 0);
		assert_int_equal(world_plane()->vm_control->watching, prepared);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(expected),          TEST(unprepared),       TEST(other_vlan), TEST(unpadded),
		TEST(wrong_place),       TEST(flood_of_spoofed), TEST(at_home),    TEST(unknown_vm),
		TEST(not_announcements), TEST(in_a_tunnel),      TEST(explained),
	};

	return harness_main("announcements", tests, ARRAY_LEN(tests));
}
