
/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A locked VM's MAC address is used at its place only, and its addresses by it
 * alone. The right goes with the VM, at the very frame by which it moves.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include "lib/locks.h"

static const char *const legal[] = {
	FROM_VM "ip4 src=10.9.0.10 / udp",
	FROM_VM "ip6 src=fd09::10 / tcp",
	BROADCAST "arp sip=10.9.0.10 tip=10.9.0.10",
	BROADCAST "arp sip=10.9.0.10 tip=10.9.0.1",
	BROADCAST "arp op=2 sip=10.9.0.10 tip=10.9.0.1",
	BROADCAST "arp tip=10.9.0.10", /* a probe */
	BROADCAST "rarp",
	FROM_VM "fill 46",
	MULTICAST6 "ip6 src=fd09::10 dst=ff02::1 hlim=255 / "
		   "na target=fd09::10 override",
	MULTICAST6 "ip6 src=fd09::10 dst=ff02::1:ff00:1 hlim=255 / "
		   "ns target=fd09::1",
	MULTICAST6 "ip6 src=:: dst=ff02::1:ff00:10 hlim=255 / "
		   "ns target=fd09::10 bare",
	MULTICAST6 "ip6 src=fe80::5054:ff:fe12:3456 dst=ff02::1 hlim=255 / "
		   "na target=fe80::5054:ff:fe12:3456 override",
};

static void all_pass(const char *where)
{
	for (size_t i = 0; i < ARRAY_LEN(legal); i++)
		passes(legal[i], where);
}

static void all_dropped(void)
{
	for (size_t i = 0; i < ARRAY_LEN(legal); i++)
		dropped(legal[i], "guard-mac");
}

static void place(void **state)
{
	struct events s;

	world(LOCK_WORLD("here", BOUND));
	assert_int_equal(world_plane()->vm_control->locked, 1);
	all_pass("at its port");
	passes(ROUTED, "at its port");
	world(LOCK_WORLD("v", BOUND));
	all_pass("on the way from its host");
	/* By who lives behind the port. */
	world(LOCK_WORLD("away", BOUND));
	behind("away", false);
	all_pass("at its host's port");

	world(LOCK_WORLD("away", BOUND));
	all_dropped();
	take_events();
	dropped(legal[0], "guard-mac");
	s = take_events();
	assert_int_equal(s.n[XR_R_GUARD_MAC], 1);
	assert_int_equal(s.last[XR_R_GUARD_MAC].vm, vm_index_of(VM, 0) + 1);
	behind("here", true);
	all_dropped();
	world(LOCK_WORLD("far", BOUND));
	all_dropped();
	/* Without the lock nobody asks. */
	world(LOCK_WORLD("far", ", addresses: [10.9.0.10, \"fd09::10\"]"));
	for (size_t i = 0; i < ARRAY_LEN(legal); i++)
		passes(legal[i], "not locked");
}

static void addresses(void **state)
{
	static const char *const lies[] = {
		BROADCAST "arp sip=10.9.0.11 tip=10.9.0.11",
		BROADCAST "arp sip=10.9.0.1 tip=10.9.0.1",
		BROADCAST "arp op=2 sip=10.9.0.11 tip=10.9.0.1",
		BROADCAST "arp sip=10.9.0.11 tip=10.9.0.10",
		MULTICAST6 "ip6 src=fd09::11 dst=ff02::1 hlim=255 / "
			   "na target=fd09::11 override",
		MULTICAST6 "ip6 src=fd09::10 dst=ff02::1 hlim=255 / "
			   "na target=fd09::11 override",
		MULTICAST6 "ip6 src=fd09::11 dst=ff02::1:ff00:1 hlim=255 / "
			   "ns target=fd09::1",
	};
	struct events s;

	world(LOCK_WORLD("here", BOUND));
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		take_events();
		dropped(lies[i], "guard-ip");
		s = take_events();
		assert_int_equal(s.n[XR_R_GUARD_IP], 1);
		assert_int_equal(s.last[XR_R_GUARD_IP].vm, vm_index_of(VM, 0) + 1);
	}
	/* A lock without addresses is one of the MAC address. */
	world(LOCK_WORLD("here", ", lock: true"));
	for (size_t i = 0; i < ARRAY_LEN(lies); i++)
		passes(lies[i], "no addresses bound");
}

/* Nobody else says the addresses are his: known or not, locked or not. */
static void stolen_addresses(void **state)
{
	static const char *const thieves[] = { OTHER, "52:54:00:99:99:99" };
	struct packet p;

	world(HOSTS(HOST_PORT("here", "in"))
	      VMS(VM_AT(VM, "here", BOUND) VM_AT(OTHER, "here", "")));
	for (size_t i = 0; i < ARRAY_LEN(thieves); i++) {
		p = packet("eth src=%s dst=ff:ff:ff:ff:ff:ff / arp "
			   "sip=10.9.0.10 tip=10.9.0.10",
			   thieves[i]);
		expect_verdict(&p, "guard-ip");
		p = packet("eth src=%s dst=02:00:00:00:00:01 / arp op=2 "
			   "sip=10.9.0.10 tip=10.9.0.1",
			   thieves[i]);
		expect_verdict(&p, "guard-ip");
		p = packet("eth src=%s dst=33:33:00:00:00:01 / ip6 src=fd09::10"
			   " dst=ff02::1 hlim=255 / na target=fd09::10 "
			   "override",
			   thieves[i]);
		expect_verdict(&p, "guard-ip");
		p = packet("eth src=%s dst=33:33:ff:00:00:01 / ip6 src=fd09::10"
			   " dst=ff02::1:ff00:1 hlim=255 / ns target=fd09::1",
			   thieves[i]);
		expect_verdict(&p, "guard-ip");
		/* To ask for it is nothing. */
		p = packet("eth src=%s dst=ff:ff:ff:ff:ff:ff / arp "
			   "sip=10.9.0.20 tip=10.9.0.10",
			   thieves[i]);
		assert_int_equal(run(&p).action, XDP_PASS);
	}
}

/* The same address in two VLANs: each tenant's own, and nobody else's there. */
static void two_tenants(void **state)
{
#define CLAIM_IN(vlan) \
	"eth src=" OTHER " dst=ff:ff:ff:ff:ff:ff / vlan " vlan " / arp sip=10.9.0.10 tip=10.9.0.1"
#define UNTAGGED ALL_OTHER "/ arp sip=10.9.0.10 tip=10.9.0.1"
	/* clang-format off */
#define TENANT_OF(vlan, at) VM_AT(VM, at, ", vlan: " vlan ", lock: true, "     \
				  "addresses: [10.9.0.10]")
	/* clang-format on */
	struct xr_port *port;

	world(HOSTS(HOST_PORT("here", "in") HOST_PORT("away", "out"))
	      VMS(TENANT_OF("5", "away")));
	port = &world_plane()->ports[0];
	expect(CLAIM_IN("5"), "guard-ip", NULL);
	passes(CLAIM_IN("6"), "another tenant's");
	post_notice("add " VM " vlan 6 address 10.9.0.10 at away lock");
	post_notice("add " VM " vlan 7 address 10.9.0.10 at away lock");
	expect(CLAIM_IN("5"), "guard-ip", NULL);
	expect(CLAIM_IN("6"), "guard-ip", NULL);
	expect(CLAIM_IN("7"), "guard-ip", NULL);
	passes(CLAIM_IN("8"), "another tenant's");
	/* At a port without tags: its VLAN's, or that of whose port it is. */
	for (int sw = XR_SWITCH_MACS; sw <= XR_SWITCH_VLANS; sw++) {
		port->sw = sw;
		port->tpid = htons(0x8100);
		for (int vlan = 5; vlan <= 8; vlan++) {
			port->pvid = vlan;
			if (vlan < 8)
				expect(UNTAGGED, "guard-ip", NULL);
			else
				passes(UNTAGGED, "another tenant's");
		}
	}
	port->sw = XR_SWITCH_MACS;
	port->pvid = 0;
	vm_live(VM, 7)->tap = ifindex_of("in");
	port->own = vm_index_of(VM, 7) + 1;
	expect(UNTAGGED, "guard-ip", NULL);
	memset(port, 0, sizeof(*port));
	post_notice("leave " VM " vlan 5");
	passes(CLAIM_IN("5"), "nobody's there any more");
	expect(CLAIM_IN("6"), "guard-ip", NULL);
	expect(CLAIM_IN("7"), "guard-ip", NULL);
}

/* A bridge that is all of one VLAN: another VLAN's VMs have no name there. */
static void other_bridge(void **state)
{
	struct xr_port *port;

	world(HOSTS(HOST_PORT("here", "in") HOST_PORT("away", "out"))
	      VMS(TENANT_OF("5", "away")));
	port = &world_plane()->ports[0];
	port->sw = XR_SWITCH_MACS;
	for (int vlan = 0; vlan <= 5; vlan += 5) {
		port->pvid = vlan;
		expect(UNTAGGED, "guard-ip", NULL);
		expect(FROM_VM "fill 46", "guard-mac", NULL);
	}
	port->pvid = 6;
	passes(UNTAGGED, "another bridge");
	passes(FROM_VM "fill 46", "another bridge");
}

/* The same MAC address in two VLANs: two VMs, two places. */
static void two_vlans(void **state)
{
	world(HOSTS(HOST_PORT("here", "in") HOST_PORT("away", "out"))
	      VMS(VM_AT(VM, "here", ", vlan: 5, lock: true")
		  VM_AT(VM, "away", ", vlan: 6, lock: true")
		  VM_AT(VM, "away", "")));
	passes("eth src=" VM " / vlan 5 / ip4 / udp", "in its VLAN");
	passes("eth src=" VM " / ip4 / udp", "not locked there");
	passes("eth src=" VM " / vlan 7 / ip4 / udp", "nobody's");
	expect("eth src=" VM " / vlan 6 / ip4 / udp", "guard-mac", NULL);
	expect("eth src=" VM " / vlan 6 pcp=3 / arp", "guard-mac", NULL);
	passes("eth src=" VM " / vlan 5 / vlan 6 / ip4 / udp", "two tags");
	post_notice("add " VM " at away lock");
	expect("eth src=" VM " / ip4 / udp", "guard-mac", NULL);
	expect("eth src=" VM " / vlan 0 / ip4 / udp", "guard-mac", NULL);
	expect("eth src=" VM " / vlan 0 / vlan 0 / ip4 / udp", "guard-mac", NULL);
	expect("eth src=" VM " / vlan 0 / vlan 6 / arp", "guard-mac", NULL);
	post_notice("leave " VM);
	passes("eth src=" VM " / ip4 / udp", "nobody's any more");
}

/* ---- moves ---- */

/* Where it was keeps the right until the frame that takes it away. */
static void follows_the_move(void **state)
{
	for (int paused = 0; paused < 2; paused++) {
		world(LOCK_WORLD("here", BOUND));
		post_notice("prepare " VM " to far");
		if (paused)
			post_notice("pause " VM);
		all_pass("prepared, at its old place");
		world(LOCK_WORLD("far", BOUND));
		post_notice("prepare " VM " to away");
		if (paused)
			post_notice("pause " VM);
		all_dropped();
	}
	/* As told: one store, and the next frame is judged by it. */
	world(LOCK_WORLD("here", BOUND));
	passes(legal[0], "before the move");
	post_notice("move " VM " to away");
	all_dropped();
	post_notice("move " VM " to here");
	all_pass("back again");
}

/* As it shows itself: the very frame. */
static void follows_the_frame(void **state)
{
	static const char *const first[] = {
		FROM_VM "ip4 src=10.9.0.10 / udp",
		BROADCAST "rarp",
		BROADCAST "arp sip=10.9.0.10 tip=10.9.0.10",
		MULTICAST6 "ip6 src=fd09::10 dst=ff02::1 hlim=255 / "
			   "na target=fd09::10 override",
	};

	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		world(LOCK_WORLD("away", BOUND));
		dropped(legal[0], "guard-mac");
		post_notice("prepare " VM " to here");
		/* With a lie it gains nothing. */
		dropped(BROADCAST "arp sip=10.9.0.11 tip=10.9.0.11", "guard-mac");
		check_vm(VM, 0, XR_VM_PREPARED, "away", XR_VM_LOCK);
		passes(first[i], "the first frame");
		check_vm(VM, 0, XR_VM_MOVED, "here", XR_VM_LOCK);
		all_pass("at its new place");
		/* And away lost it: the same port, were it away's. */
		post_notice("move " VM " to away");
		all_dropped();
	}
}

/*
 * At its own port on the new host, guarded too, it may speak: whether it runs,
 * tc sees behind the port (test_move_ends.c). Its neighbours may not.
 */
static void comes_to_its_port(void **state)
{
	__u64 spoofed;

	/* Its port is not the device that has this machine's address. */
	for (int known = 0; known < 2; known++) {
		world(HOSTS(HOST_VXLAN("here", "10.1.0.253", ", local: true")
			    HOST_VXLAN("far", "10.2.0.1", ""))
		      VMS(VM_AT(VM, "far", BOUND)));
		if (known)
			own_port(0);
		all_dropped();
		post_notice("prepare " VM " to here");
		own_port(0);
		if (!known)
			vm_live(VM, 0)->tap = ifindex_of("out");
		if (!known) {
			all_dropped();
			continue;
		}
		spoofed = vm_info_of(VM, 0)->spoofed;
		all_pass("at its own port");
		dropped(ROUTED, "guard-ip");
		check_vm(VM, 0, XR_VM_PREPARED, "far", XR_VM_LOCK);
		assert_int_equal(vm_info_of(VM, 0)->spoofed, spoofed);
		/* One of its number, in another namespace, is not it. */
		world_plane()->ports[0].own = 0;
		all_dropped();
		own_port(0);
		expect(BROADCAST "arp sip=10.9.0.11 tip=10.9.0.1", "guard-ip announcement-bad",
		       NULL);
		post_notice("move " VM " to here");
		all_pass("there");
	}
}

/* A thief at another port can move nothing, whatever the policy. */
static void thieves(void **state)
{
	static const char *const policies[] = { "expected", "ports", "any" };

	for (size_t p = 0; p < ARRAY_LEN(policies); p++) {
		world(POLICY("moves: %s") LOCK_WORLD("away", BOUND), policies[p]);
		behind("", false);
		all_dropped();
	}
}

/* ---- in a tunnel ---- */

static void in_a_tunnel(void **state)
{
	world(HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")
		    HOST_VXLAN("far", "10.2.0.1", "")
		    HOST_VXLAN("a", "10.1.0.1", ""))
	      VMS(VM_AT(VM, "a", BOUND)));
	passes("eth / ip4 src=10.1.0.1 dst=10.1.0.254 / udp dport=4789 csum=0 "
	       "/ vxlan 100 / " FROM_VM "ip4 / udp",
	       "from its host");
	dropped("eth / ip4 src=10.2.0.1 dst=10.1.0.254 / udp dport=4789 csum=0"
		" / vxlan 100 / " FROM_VM "ip4 / udp",
		"guard-mac");
	dropped("eth / ip4 src=10.1.0.1 dst=10.1.0.254 / udp dport=4789 csum=0"
		" / vxlan 100 / " BROADCAST "arp sip=10.9.0.11 tip=10.9.0.1",
		"guard-ip");
	/* A stranger's tunnel is as good as any frame on the port. */
	dropped("eth / ip4 src=10.9.9.9 dst=10.1.0.254 / udp dport=4789 csum=0"
		" / vxlan 100 / " FROM_VM "ip4 / udp",
		"guard-mac");
	/* From its own host, but by another way; and by that where it may. */
	post_notice("move " VM " to far");
	dropped("eth / ip4 src=10.2.0.1 dst=10.1.0.254 / udp dport=4789 csum=0"
		" / vxlan 100 / " FROM_VM "ip4 / udp",
		"guard-mac");
	behind("", true);
	passes("eth / ip4 src=10.2.0.1 dst=10.1.0.254 / udp dport=4789 csum=0 "
	       "/ vxlan 100 / " FROM_VM "ip4 / udp",
	       "by a trusted port");
}

/* ---- one MAC, many locks ---- */

static void expect_verdict_in(int vlan, const char *reason)
{
	struct packet p = packet(FROM_VM "vlan %d / ip4 / udp", vlan);

	expect_verdict(&p, reason);
}

static void same_mac(void **state)
{
	char vlan[16];

	world(HOSTS(HOST_PORT("here", "in") HOST_PORT("away", "out"))
	      VMS(VM_AT(VM, "here", ", lock: true")));
	world_plane()->ports[0].sw = XR_SWITCH_MACS;
	for (int i = 1; i < XR_LOCKED_SAME; i++)
		post_notice("add " VM " vlan %d at here lock", i);
	assert_int_equal(world_plane()->vm_control->locked, XR_LOCKED_SAME);
	passes(FROM_VM "vlan 9 / ip4 / udp", "all here");
	/* Any of them elsewhere: a switch that goes by the MAC would be fooled. */
	for (int i = 0; i < XR_LOCKED_SAME; i++) {
		snprintf(vlan, sizeof(vlan), i ? "vlan %d " : "", i);
		post_notice("move " VM " %sto away", vlan);
		expect(FROM_VM "vlan 77 / ip4 / udp", "guard-mac", NULL);
		post_notice("move " VM " %sto here", vlan);
		passes(FROM_VM "vlan 77 / ip4 / udp", "back");
	}
	/* More than are told apart: by the MAC alone nobody may. */
	for (int i = XR_LOCKED_SAME; i < 20; i++)
		post_notice("add " VM " vlan %d at here lock", i);
	expect(FROM_VM "vlan 9 / ip4 / udp", "guard-mac", NULL);
	world_plane()->ports[0].sw = XR_SWITCH_NONE;
	for (int i = 1; i < 20; i++) {
		passes(FROM_VM "vlan 9 / ip4 / udp", "another");
		post_notice("move " VM " vlan %d to away", i);
		expect_verdict_in(i, "guard-mac");
		post_notice("move " VM " vlan %d to here", i);
	}
	for (int i = 1; i < 20; i++)
		post_notice("leave " VM " vlan %d", i);
	assert_int_equal(world_plane()->vm_control->locked, 1);
	passes(FROM_VM "vlan 11 / ip4 / udp", "forgotten");
	post_notice("move " VM " to away");
	expect(FROM_VM "ip4 / udp", "guard-mac", NULL);
	post_notice("leave " VM);
	passes(FROM_VM "ip4 / udp", "forgotten");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(place),
		TEST(addresses),
		TEST(stolen_addresses),
		TEST(two_tenants),
		TEST(other_bridge),
		TEST(two_vlans),
		TEST(follows_the_move),
		TEST(follows_the_frame),
		TEST(comes_to_its_port),
		TEST(thieves),
		TEST(in_a_tunnel),
		TEST(same_mac),
	};

	return harness_main("lock", tests, ARRAY_LEN(tests));
}
