/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A locked VM's MAC address is used at its place only, and its addresses by it
 * alone. The right goes with the VM, at the very frame by which it moves.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include "lib/vms.h"
#include "lib/worlds.h"

#define OTHER      "52:54:00:12:34:57"
#define FROM_VM    "eth src=" VM " dst=02:00:00:00:00:09 / "
#define ALL_OTHER  "eth src=" OTHER " dst=ff:ff:ff:ff:ff:ff "
#define BROADCAST  "eth src=" VM " dst=ff:ff:ff:ff:ff:ff / "
#define MULTICAST6 "eth src=" VM " dst=33:33:00:00:00:01 / "

#define BOUND ", lock: true, addresses: [10.9.0.10, \"fd09::10\"]"

/* clang-format off */
#define WORLD(at, more)                                                        \
	HOSTS(HOST_PORT("here", "in") HOST_PORT("away", "out")                 \
	      HOST_VXLAN("v", "10.1.0.1", "") HOST_VXLAN("far", "10.2.0.1",    \
	      "")) VMS(VM_AT(VM, at, more))
/* clang-format on */

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

static void passes(const char *text, const char *where)
{
	struct result r = run_text("%s", text);

	if (r.action != XDP_PASS)
		fail_msg("%s: dropped %s (%d)", text, where, r.verdict);
}

static void dropped(const char *text, const char *reason)
{
	struct xr_vm was = *vm_live(VM, 0);
	struct packet p = packet("%s", text);

	expect_verdict(&p, reason);
	check_same(&was, VM, 0);
}

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

/* Where many live a router is legal, too; at its own port it is not. */
#define ROUTED FROM_VM "ip4 src=10.1.1.1 / udp"

static void place(void **state)
{
	struct said s;

	world(WORLD("here", BOUND));
	assert_int_equal(world_plane()->vm_control->locked, 1);
	all_pass("at its port");
	passes(ROUTED, "at its port");
	world(WORLD("v", BOUND));
	all_pass("on the way from its host");
	/* By who lives behind the port. */
	world(WORLD("away", BOUND));
	behind("away", false);
	all_pass("at its host's port");

	world(WORLD("away", BOUND));
	all_dropped();
	said();
	dropped(legal[0], "guard-mac");
	s = said();
	assert_int_equal(s.n[XR_R_GUARD_MAC], 1);
	assert_int_equal(s.last[XR_R_GUARD_MAC].vm, vm_place(VM, 0) + 1);
	behind("here", true);
	all_dropped();
	world(WORLD("far", BOUND));
	all_dropped();
	/* Without the lock nobody asks. */
	world(WORLD("far", ", addresses: [10.9.0.10, \"fd09::10\"]"));
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
	struct said s;

	world(WORLD("here", BOUND));
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		said();
		dropped(lies[i], "guard-ip");
		s = said();
		assert_int_equal(s.n[XR_R_GUARD_IP], 1);
		assert_int_equal(s.last[XR_R_GUARD_IP].vm, vm_place(VM, 0) + 1);
	}
	/* A lock without addresses is one of the MAC address. */
	world(WORLD("here", ", lock: true"));
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
#define SAYS(vlan) \
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
	expect(SAYS("5"), "guard-ip", NULL);
	passes(SAYS("6"), "another tenant's");
	say("add " VM " vlan 6 address 10.9.0.10 at away lock");
	say("add " VM " vlan 7 address 10.9.0.10 at away lock");
	expect(SAYS("5"), "guard-ip", NULL);
	expect(SAYS("6"), "guard-ip", NULL);
	expect(SAYS("7"), "guard-ip", NULL);
	passes(SAYS("8"), "another tenant's");
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
	port->own = vm_place(VM, 7) + 1;
	expect(UNTAGGED, "guard-ip", NULL);
	memset(port, 0, sizeof(*port));
	say("leave " VM " vlan 5");
	passes(SAYS("5"), "nobody's there any more");
	expect(SAYS("6"), "guard-ip", NULL);
	expect(SAYS("7"), "guard-ip", NULL);
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
	say("add " VM " at away lock");
	expect("eth src=" VM " / ip4 / udp", "guard-mac", NULL);
	expect("eth src=" VM " / vlan 0 / ip4 / udp", "guard-mac", NULL);
	expect("eth src=" VM " / vlan 0 / vlan 0 / ip4 / udp", "guard-mac", NULL);
	expect("eth src=" VM " / vlan 0 / vlan 6 / arp", "guard-mac", NULL);
	say("leave " VM);
	passes("eth src=" VM " / ip4 / udp", "nobody's any more");
}

/* ---- moves ---- */

/* Where it was keeps the right until the frame that takes it away. */
static void follows_the_move(void **state)
{
	for (int paused = 0; paused < 2; paused++) {
		world(WORLD("here", BOUND));
		say("prepare " VM " to far");
		if (paused)
			say("pause " VM);
		all_pass("prepared, at its old place");
		world(WORLD("far", BOUND));
		say("prepare " VM " to away");
		if (paused)
			say("pause " VM);
		all_dropped();
	}
	/* As told: one store, and the next frame is judged by it. */
	world(WORLD("here", BOUND));
	passes(legal[0], "before the move");
	say("move " VM " to away");
	all_dropped();
	say("move " VM " to here");
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
		world(WORLD("away", BOUND));
		dropped(legal[0], "guard-mac");
		say("prepare " VM " to here");
		/* With a lie it gains nothing. */
		dropped(BROADCAST "arp sip=10.9.0.11 tip=10.9.0.11", "guard-mac");
		check_vm(VM, 0, XR_VM_PREPARED, "away", XR_VM_LOCK);
		passes(first[i], "the first frame");
		check_vm(VM, 0, XR_VM_MOVED, "here", XR_VM_LOCK);
		all_pass("at its new place");
		/* And away lost it: the same port, were it away's. */
		say("move " VM " to away");
		all_dropped();
	}
}

/* What attaching to the port does. */
static void own_port(__u16 vlan)
{
	vm_live(VM, vlan)->tap = ifindex_of("in");
	world_plane()->ports[0].own = vm_place(VM, vlan) + 1;
}

/*
 * At its own port on the new host, guarded too, it may speak: whether it runs,
 * tc sees behind the port (tests/prog/test_copy.c). Its neighbours may not.
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
		say("prepare " VM " to here");
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
		say("move " VM " to here");
		all_pass("there");
	}
}

/* A thief at another port can move nothing, whatever the policy. */
static void thieves(void **state)
{
	static const char *const policies[] = { "expected", "ports", "any" };

	for (size_t p = 0; p < ARRAY_LEN(policies); p++) {
		world(POLICY("moves: %s") WORLD("away", BOUND), policies[p]);
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
	say("move " VM " to far");
	dropped("eth / ip4 src=10.2.0.1 dst=10.1.0.254 / udp dport=4789 csum=0"
		" / vxlan 100 / " FROM_VM "ip4 / udp",
		"guard-mac");
	behind("", true);
	passes("eth / ip4 src=10.2.0.1 dst=10.1.0.254 / udp dport=4789 csum=0 "
	       "/ vxlan 100 / " FROM_VM "ip4 / udp",
	       "by a trusted port");
}

/* ---- at the VM's own port ---- */

#define GATEWAY_LL "fe80::ff:fe00:1" /* of its MAC address */
#define VRRP_LL    "fe80::200:5eff:fe00:101"
#define OTHER_LL   "fe80::5054:ff:fe12:3457"

/* clang-format off */
#define HOME(more)                                                             \
	GATEWAYS HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")       \
		       HOST_VXLAN("far", "10.2.0.1", "")) VMS(more)
/* clang-format on */

static void its_own_port(void **state)
{
	static const char *const may[] = {
		FROM_VM "ip4 src=10.9.0.10 / udp",
		FROM_VM "vlan 0 / ip4 src=10.9.0.10 / udp",
		FROM_VM "ip6 src=fd09::10 / tcp", FROM_VM "fill 46",
		BROADCAST "ip4 src=0.0.0.0 dst=255.255.255.255 / udp sport=68 "
		"dport=67 / fill 300",
		BROADCAST "arp sip=10.9.0.10 tip=10.9.0.1",
		BROADCAST "arp tip=10.9.0.77", BROADCAST "rarp",
		MULTICAST6 "ip6 src=:: dst=ff02::16 hlim=1 / hopopts / icmp6 "
		"type=143", MULTICAST6 "ip6 src=fe80::1234 dst=ff02::1 hlim=255"
		" / ns target=fe80::1", FROM_VM "ip6 src=fe80::1234 / udp",
		MULTICAST6 "ip6 src=:: dst=ff02::1:ff00:10 hlim=255 / ns "
		"target=fd09::77 bare",
	}, *const may_not[] = {
		FROM_VM "ip4 src=10.9.0.11 / udp", FROM_VM "ip4 src=10.1.1.1 / "
		"tcp syn", FROM_VM "ip4 src=10.1.1.1 off=64 / fill 20",
		FROM_VM "ip6 src=fd09::11 / udp",
		FROM_VM "ip4 src=10.9.0.1 / udp",
		BROADCAST "arp sip=10.9.0.1 tip=10.9.0.1",
		BROADCAST "arp tip=10.9.0.1",
		MULTICAST6 "ip6 src=" GATEWAY_LL " dst=ff02::1 hlim=255 / na "
		"target=" GATEWAY_LL " override",
		MULTICAST6 "ip6 src=" GATEWAY_LL " dst=ff02::1 hlim=255 / "
		"icmp6 type=134 rest=0x40000708 / hex 0000000000000000",
		MULTICAST6 "ip6 src=" VRRP_LL " dst=ff02::1 hlim=255 / ns "
		"target=fe80::77",
		MULTICAST6 "ip6 src=:: dst=ff02::1:ff00:1 hlim=255 / ns target="
		GATEWAY_LL " bare", FROM_VM "ip6 src=" GATEWAY_LL " / udp",
		FROM_VM "ip6 src=" OTHER_LL " / udp",
		MULTICAST6 "ip6 src=fd09::10 dst=ff02::1 hlim=255 / na "
		"target=fd09::10 lla=02:00:00:00:00:99 override",
		FROM_VM "arp op=2 sha=02:00:00:00:00:99 sip=10.9.0.10 "
		"tip=10.9.0.1",
	}, *const others[] = {
		"eth src=02:00:00:00:00:99 / ip4 src=10.9.0.10 / udp",
		"eth src=02:00:00:00:00:99 / ip6 src=fd09::10 / udp",
		"eth src=02:00:00:00:00:99 / fill 46",
		"eth src=02:00:00:00:00:99 / vlan 7 / ip4 src=10.9.0.99 / udp",
		"eth src=02:00:00:00:00:99 / vlan 7 / vlan 8 / ip4 / udp",
		"eth src=02:00:00:00:00:99 dst=ff:ff:ff:ff:ff:ff / rarp",
		"eth src=02:00:00:00:00:99 dst=ff:ff:ff:ff:ff:ff / arp "
		"sip=10.9.0.99 tip=10.9.0.1",
	};
	size_t i;

	world(HOME(VM_AT(VM, "here", BOUND) VM_AT(OTHER, "here", ", lock: "
						  "true")));
	own_port(0);
	for (i = 0; i < ARRAY_LEN(may); i++)
		passes(may[i], "its own");
	for (i = 0; i < ARRAY_LEN(may_not); i++)
		dropped(may_not[i], "guard-ip");
	for (i = 0; i < ARRAY_LEN(others); i++)
		dropped(others[i], "guard-mac");
	/* A device of another VM that shares the port. */
	say("add 02:00:00:00:00:99 at here");
	vm_live("02:00:00:00:00:99", 0)->tap = ifindex_of("in");
	passes(others[0], "shared");
	/* Elsewhere it is no longer the VM's. */
	say("move " VM " to far");
	passes("eth src=02:00:00:00:00:88 / ip4 / udp", "given up");

	/* Without addresses a router is legal; a gateway's name is not. */
	world(HOME(VM_AT(VM, "here", ", lock: true")));
	own_port(0);
	passes(FROM_VM "ip4 src=10.1.1.1 / udp", "none is bound");
	passes(BROADCAST "arp sip=10.9.0.11 tip=10.9.0.11", "none is bound");
	dropped(BROADCAST "arp sip=10.9.0.1 tip=10.9.0.1", "guard-ip");
	dropped(others[0], "guard-mac");
	/* Without a lock nothing is. */
	world(HOME(VM_AT(VM, "here", ", addresses: [10.9.0.10]")));
	own_port(0);
	for (i = 0; i < ARRAY_LEN(others); i++)
		passes(others[i], "not locked");
	passes(may_not[0], "not locked");
}

/* An untagged port of its VLAN: the VM itself may, a neighbour may not. */
static void access_port(void **state)
{
	static const struct {
		enum xr_switch sw;
		__u16 pvid;
		bool same; /* segment, at the neighbour's port */
	} at[] = {
		{ XR_SWITCH_NONE, 0, true },  { XR_SWITCH_MACS, 0, true },
		{ XR_SWITCH_VLANS, 5, true }, { XR_SWITCH_VLANS, 6, false },
		{ XR_SWITCH_OTHER, 0, true },
	};
	struct xr_port *port;

	world(HOME(VM_AT(VM, "here", ", vlan: 5" BOUND)));
	port = &world_plane()->ports[0];
	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		port->sw = at[i].sw;
		port->pvid = at[i].pvid;
		port->tpid = htons(0x8100);
		own_port(5);
		passes(BROADCAST "arp sip=10.9.0.10 tip=10.9.0.10", "its own");
		passes(FROM_VM "ip4 src=10.9.0.10 / udp", "its own");
		expect(BROADCAST "arp sip=10.9.0.11 tip=10.9.0.11", "guard-ip", NULL);
		expect("eth src=" OTHER " / ip4 / udp", "guard-mac", NULL);
		port->own = 0;
		vm_live(VM, 5)->tap = ifindex_of("out");
		if (at[i].same) {
			expect(FROM_VM "ip4 src=10.9.0.10 / udp", "guard-mac", NULL);
			expect("eth src=" OTHER " / vlan 0 / arp sip=10.9.0.10 "
			       "tip=10.9.0.10",
			       "guard-ip", NULL);
		} else {
			passes(FROM_VM "ip4 src=10.9.0.10 / udp", "PVID 6");
		}
		expect(FROM_VM "vlan 5 / ip4 / udp", "guard-mac", NULL);
	}
}

/* ---- the guide's table ---- */

enum { AT_HOST, ELSEWHERE, AT_OWN, IN_TUNNEL, IN_OTHER_TUNNEL, PLACES };

static const char M[] = "guard-mac", I[] = "guard-ip", U[] = "guard-unread";

#define BY_OTHER  "eth src=02:00:00:00:00:99 dst=33:33:00:00:00:01 / "
#define OTHERS_NA BY_OTHER "ip6 src=fe80::99 dst=ff02::1 hlim=255 / na "

static const struct {
	const char *frame, *reason[PLACES];
} table[] = {
	{ FROM_VM "fill 46", { 0, M, 0, 0, M } },
	{ FROM_VM "ip4 src=10.9.0.10 / udp", { 0, M, 0, 0, M } },
	{ BY_OTHER "ip6 src=fd09::99 / udp", { 0, 0, M, 0, 0 } },
	{ BROADCAST "arp sip=10.9.0.10 tip=10.9.0.1", { 0, M, 0, 0, M } },
	{ MULTICAST6 "ip6 src=fe80::1234 dst=ff02::1 hlim=255 / na "
		     "target=fe80::1234 override",
	  { 0, M, 0, 0, M } },
	{ BY_OTHER "arp sip=10.9.0.10 tip=10.9.0.1", { I, I, M, I, I } },
	{ BY_OTHER "arp tip=10.9.0.10", { I, I, M, I, I } },
	{ BY_OTHER "ip6 src=:: dst=ff02::1:ff00:10 hlim=255 / ns "
		   "target=fd09::10 bare",
	  { I, I, M, I, I } },
	{ OTHERS_NA "target=fe80::5054:ff:fe12:3456", { I, I, M, I, I } },
	{ BROADCAST "arp sip=10.9.0.77 tip=10.9.0.1", { I, M, I, I, M } },
	{ BROADCAST "arp sip=10.9.0.1 tip=10.9.0.77", { I, M, I, I, M } },
	{ BROADCAST "arp tip=10.9.0.1", { I, M, I, I, M } },
	{ MULTICAST6 "ip6 src=" GATEWAY_LL " dst=ff02::1 hlim=255 / na "
		     "target=" GATEWAY_LL " override",
	  { I, M, I, I, M } },
	{ BROADCAST "arp sha=02:00:00:00:00:99 sip=10.9.0.10 tip=10.9.0.1", { I, M, I, I, M } },
	{ MULTICAST6 "ip6 src=fd09::10 dst=ff02::1 hlim=255 / na "
		     "target=fd09::10 lla=02:00:00:00:00:99",
	  { I, M, I, I, M } },
	{ BY_OTHER "arp sha=" VM " sip=10.9.0.77 tip=10.9.0.1", { M, M, M, M, M } },
	{ OTHERS_NA "target=fe80::99 lla=" VM, { M, M, M, M, M } },
	{ FROM_VM "ip4 src=10.1.1.1 / udp", { 0, M, I, 0, M } },
	{ BROADCAST "ip4 src=0.0.0.0 dst=255.255.255.255 / udp sport=68 "
		    "dport=67 / fill 240",
	  { 0, M, 0, 0, M } },
	{ MULTICAST6 "ip6 src=:: dst=ff02::1:ff00:10 hlim=255 / ns "
		     "target=fd09::77 bare",
	  { 0, M, 0, 0, M } },
	{ OTHERS_NA "target=fe80::99 olen=0", { U, U, M, U, U } },
	{ BY_OTHER "ip6 src=fe80::99 / frag mf / na target=fe80::99",
	  { 0, 0, M, 0, 0 } }, /* hop limit 64 */
	{ BY_OTHER "vlan 0 / vlan 0 / vlan 0 / ip4 / udp", { U, U, M, U, U } },
	{ BY_OTHER "ip4 src=10.2.0.1 dst=10.1.0.254 opts=01010101 mf / udp "
		   "sport=50000 dport=4789 csum=0 / cut 46",
	  { U, U, M, 0, 0 } },
};

/* Where the VM is, and where the frame comes from. */
static void go_to(int place)
{
	static const char *const at[PLACES] = { "port", "far", "here", "near", "far" };

	say("move " VM " to %s", at[place]);
	if (place == AT_OWN) {
		own_port(0);
	} else {
		vm_live(VM, 0)->tap = 0;
		world_plane()->ports[0].own = 0;
	}
}

static void the_table(void **state)
{
	char text[1024];

	world(GATEWAYS HOSTS(HOST_PORT("port", "in")
	      HOST_VXLAN("here", "10.1.0.254", ", local: true")
	      HOST_VXLAN("near", "10.1.0.1", "")
	      HOST_VXLAN("far", "10.2.0.1", "")) VMS(VM_AT(VM, "far", BOUND)));
	for (int place = 0; place < PLACES; place++) {
		go_to(place);
		for (size_t i = 0; i < ARRAY_LEN(table); i++) {
			snprintf(text, sizeof(text), "%s%s",
				 place < IN_TUNNEL ? ""
						   : "eth / ip4 "
						     "src=10.1.0.1 dst=10.1.0.254 / udp dport=4789 "
						     "csum=0 / vxlan 100 / ",
				 table[i].frame);
			if (table[i].reason[place])
				dropped(text, table[i].reason[place]);
			else
				passes(text, "by the table");
		}
	}
}

/* ---- what cannot be read ---- */

/* The cheapest lies: a receiver, or a card on the way, sees more than we do. */
static void unread(void **state)
{
#define NA              MULTICAST_OTHER "ip6 src=fd09::99 dst=ff02::1 hlim=255 / "
#define MULTICAST_OTHER "eth src=" OTHER " dst=33:33:00:00:00:01 / "
	static const char *const lies[] = {
		/* A checksum that the card will put right. */
		NA "na target=fd09::10 override csum=bad",
		MULTICAST_OTHER "ip6 src=fd09::10 dst=ff02::1 hlim=255 / ns "
		"target=fd09::1 csum=bad",
		/* No length: it goes on to the frame's end. */
		MULTICAST_OTHER "ip6 src=fd09::99 dst=ff02::1 hlim=255 len=0 / "
		"hopopts / na target=fd09::10 override",
	}, *const hidden[] = {
		NA "frag mf / na target=fd09::99 override",
		NA "frag mf / dstopts next=60", NA "cut 50", NA "na / cut 60",
		NA "na target=fd09::99 olen=0", NA "na target=fd09::99 olen=9",
		NA "na target=fd09::99 / hex 0f",
		NA "na target=fd09::99 lla=02:00:00:00:00:71 / hex "
		"02010200000000720201020000000073",
		"eth src=" OTHER " dst=ff:ff:ff:ff:ff:ff / arp / cut 38",
	}, *const none[] = {
		/* RFC 4861 §7.1: nobody takes it. */
		NA "na target=fd09::99 override csum=bad",
		MULTICAST_OTHER "ip6 src=fd09::99 dst=ff02::1 hlim=254 / na "
		"target=fd09::10 override",
		NA "frag off=8 next=58 / fill 40",
		NA "frag mf / icmp6 type=128 / fill 40",
		NA "icmp6 type=128 / fill 1200",
	};

	world(WORLD("here", BOUND));
	for (size_t i = 0; i < ARRAY_LEN(lies); i++)
		dropped(lies[i], "guard-ip");
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		dropped(hidden[i], "guard-unread");
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		passes(none[i], "no claim");
	/* It is nobody's business where nobody is locked. */
	world(WORLD("here", ""));
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		passes(hidden[i], "no lock");
}

/* ---- disguises ---- */

#define ND_OTHER                                                      \
	"eth src=" OTHER " dst=33:33:00:00:00:01 / ip6 src=fd09::99 " \
	"dst=ff02::1 hlim=255 "
#define SNAP(oui, type) "type=36 / hex aaaa03" oui type " / "
#define UDP(more)       "udp sport=50000 dport=4789 csum=0" more
#define INTO(dst)       "ip4 src=10.2.0.1 dst=" dst " / " UDP(" / vxlan 100 / ")
#define TUNNEL          "eth / " INTO("10.1.0.254")

/* As who would not be looked for: and as whom he would be taken by somebody. */
static void disguises(void **state)
{
	static const struct {
		const char *frame, *reason;
	} as[] = {
		/* Behind a length, as bridges of other networks wrote it. */
		{ ALL_OTHER SNAP("000000", "0806") "arp sip=10.9.0.10 "
						   "tip=10.9.0.1",
		  "guard-ip" },
		{ ALL_OTHER SNAP("0000f8", "0806") "arp sip=10.9.0.10 "
						   "tip=10.9.0.1",
		  "guard-ip" },
		{ ALL_OTHER "/ vlan 0 " SNAP("000000", "0806") "arp "
							       "tip=10.9.0.10",
		  "guard-ip" },
		{ ALL_OTHER SNAP("000000", "8100") "hex 00000806 / fill 28", "guard-unread" },
		{ ALL_OTHER SNAP("000000", "0806") "arp sip=10.9.0.99 "
						   "tip=10.9.0.1",
		  NULL },
		{ ALL_OTHER SNAP("00000c", "2000") "fill 60", NULL },
		{ "eth src=" OTHER " dst=01:80:c2:00:00:00 type=38 / hex "
		  "424203 / zero 43",
		  NULL }, /* STP */
		/* IEEE 802's hardware type: Linux answers it. */
		{ ALL_OTHER "/ arp htype=6 tip=10.9.0.10", "guard-ip announcement-bad" },
		/* What pads a fragment is not what follows it. */
		{ ND_OTHER "len=16 / frag mf next=60 / hex 3a00010400000000"
			   "8000000000000000",
		  "guard-unread" },
		{ ND_OTHER "len=16 / frag mf next=44 / hex 3a00000100000000"
			   "8000000000000000",
		  "guard-unread" },
		{ "eth src=" OTHER " dst=" VM " / ip6 src=fd09::99 hlim=255 "
		  "len=16 / frag mf next=60 / hex 3a00010400000000"
		  "8000000000000000",
		  "guard-unread" },
		{ ND_OTHER "/ frag mf / icmp6 type=128 / fill 8", NULL },
		{ "eth / ip4 src=10.2.0.1 dst=10.1.0.254 mf len=28 / " UDP(" / zero 40"),
		  "guard-unread" },
		{ "eth / ip4 src=10.2.0.1 dst=10.1.0.254 mf len=36 / " UDP(" / vxlan 100 / ")
			  ALL_OTHER "/ fill 46",
		  "guard-unread" },
		{ "eth / ip6 dst=fd01::fe len=24 / frag mf / " UDP(" / vxlan 100 / ") ALL_OTHER
		  "/ fill 46",
		  "guard-unread" },
		/* A tunnel in a tunnel ends at any address of this machine. */
		{ TUNNEL ALL_OTHER "/ " INTO("10.1.0.253") FROM_VM "fill 46", "guard-unread" },
		{ TUNNEL "eth src=" OTHER " dst=02:77:00:00:00:01 / " INTO("10.1.0.253") FROM_VM
		  "fill 46",
		  NULL },
		{ TUNNEL ALL_OTHER "/ ip4 src=10.2.0.1 dst=10.1.0.254 mf / " UDP(" / zero 24"),
		  "guard-unread" },
		{ TUNNEL ALL_OTHER "/ ip4 src=10.2.0.1 dst=10.1.0.254 off=64 / " UDP(" / zero 24"),
		  NULL },
		{ "eth / ip4 src=10.2.0.1 dst=10.1.0.254 mf / " UDP(" / vxlan 100 / ") ALL_OTHER
		  "/ ip4 src=10.2.0.1 "
		  "dst=10.1.0.254 / " UDP(" / cut 92"),
		  "guard-unread" },
	};
	static const char long_na[] = MULTICAST6
		"ip6 src=fd09::10 dst=ff02::1 "
		"hlim=255 / icmp6 type=136 rest=0x20000000 / hex "
		"fd0900000000000000000000000000100201525400123456fd1f0000 / "
		"zero 244";

	world(HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")
	      HOST_VXLAN("far", "10.2.0.1", "")
	      HOST_VXLAN("a", "10.1.0.1", ""))
	      VMS(VM_AT(VM, "here", ", tap: out" BOUND)));
	for (size_t i = 0; i < ARRAY_LEN(as); i++)
		if (as[i].reason)
			expect(as[i].frame, as[i].reason, NULL);
		else
			passes(as[i].frame, "no claim");
	/* RFC 3971 makes a VM's own as long. */
	world(WORLD("here", BOUND));
	passes(long_na, "its own");
	/* Behind a length it moves nobody, what else it says. */
	world(POLICY("moves: any") WORLD("away", ""));
	behind("here", false);
	passes("eth src=" VM
	       " dst=ff:ff:ff:ff:ff:ff " SNAP("000000", "0806") "arp sip=10.9.0.10 tip=10.9.0.10",
	       "not locked");
	check_vm(VM, 0, XR_VM_STABLE, "away", 0);
	passes(BROADCAST "arp sip=10.9.0.10 tip=10.9.0.10", "not locked");
	check_vm(VM, 0, XR_VM_MOVED, "here", 0);
}

/* What is about in a network, and claims nothing: at a switch of either kind. */
static void bystanders(void **state)
{
#define BY(dst, type) "eth src=" OTHER " dst=" dst " type=" type " / "
#define BY6(dst)                                                      \
	"eth src=" OTHER " dst=33:33:00:00:00:16 / ip6 src=fe80::99 " \
	"dst=" dst
	static const char *const frames[] = {
		BY("01:80:c2:00:00:0e", "0x88cc") "fill 46",          /* LLDP */
		BY("01:80:c2:00:00:00", "38") "hex 424203 / zero 43", /* STP */
		/* Cisco's, tagged: PVST+; CDP; IPX; a length and nothing else. */
		"eth src=" OTHER " dst=01:00:0c:cc:cc:cd / vlan 7 type=50 / "
		"hex aaaa0300000c010b / zero 42",
		BY("01:00:0c:cc:cc:cc", "60") "hex aaaa0300000c2000 / fill 52",
		BY("02:00:00:00:00:09", "60") "hex aaaa030000008137 / fill 52",
		BY("02:00:00:00:00:09", "3") "hex e0e003 / zero 43",
		BY("01:80:c2:00:00:03", "0x888e") "fill 46", /* EAPOL */
		BY("02:00:00:00:00:09", "0x8863") "fill 46", /* PPPoE */
		BY("02:00:00:00:00:09", "0x8864") "fill 46",
		BY("01:0e:cf:00:00:00", "0x8892") "fill 46",  /* PROFINET */
		BY("01:1b:19:00:00:00", "0x88f7") "fill 46",  /* PTP */
		BY("02:00:00:00:00:09", "0x8847") "fill 60",  /* MPLS */
		BY("02:00:00:00:00:09", "0x88e5") "fill 60",  /* MACsec */
		BY("ff:ff:ff:ff:ff:ff", "0x0842") "fill 102", /* wake on LAN */
		BY("ff:ff:ff:ff:ff:ff", "0x88b5") "fill 46",
		BY("02:00:00:00:00:09", "0x9000") "fill 46",
		"eth src=" OTHER " / vlan 7 tpid=0x88a8 / vlan 8 / ip4 / udp",
		/* Routers: VRRP and CARP, their ARP and advertisements; HSRP. */
		"eth src=00:00:5e:00:01:07 dst=01:00:5e:00:00:12 / ip4 "
		"src=10.9.0.2 dst=224.0.0.18 ttl=255 proto=112 / fill 20",
		"eth src=00:00:5e:00:01:07 dst=ff:ff:ff:ff:ff:ff / arp "
		"sip=10.9.0.3 tip=10.9.0.3",
		"eth src=00:00:5e:00:02:07 dst=33:33:00:00:00:01 / ip6 "
		"src=fe80::7 dst=ff02::1 hlim=255 / na target=fe80::7 router "
		"override",
		"eth src=00:00:0c:07:ac:01 dst=01:00:5e:00:00:02 / ip4 "
		"src=10.9.0.2 dst=224.0.0.2 ttl=1 / udp sport=1985 dport=1985 / "
		"fill 20",
		/* Groups. */
		"eth src=" OTHER " dst=01:00:5e:00:00:16 / ip4 src=10.9.0.99 "
		"dst=224.0.0.22 ttl=1 opts=94040000 proto=2 / fill 16",
		BY6("ff02::16") " hlim=1 / hopopts data=050200000100 / icmp6 "
				"type=143 / fill 20",
		"eth src=" OTHER " dst=33:33:00:00:00:16 / ip6 src=:: "
		"dst=ff02::16 hlim=1 / hopopts data=050200000100 / icmp6 "
		"type=143 / fill 20",
		BY6("ff02::1") " hlim=1 / hopopts data=050200000000 / icmp6 "
			       "type=130 / fill 16",
		/* Who asks for an address, and for the VM. */
		"eth src=" OTHER " dst=ff:ff:ff:ff:ff:ff / ip4 src=0.0.0.0 "
		"dst=255.255.255.255 / udp sport=68 dport=67 / fill 240",
		BY6("ff02::1:2") " / udp sport=546 dport=547 / fill 60",
		BY6("ff02::1:ff00:10") " hlim=255 / ns target=fd09::10",
		BY6("ff02::2") " hlim=255 / icmp6 type=133",
		/* In pieces, behind headers, in tunnels of their own. */
		BY6("fd09::77") " / frag mf / udp / fill 1200",
		BY6("fd09::77") " / frag off=1208 next=17 / fill 600",
		BY6("fd09::77") " / frag off=1208 next=58 / fill 40",
		BY6("fd09::77") " / frag / icmp6 type=128 / fill 40",
		BY6("fd09::77") " next=50 / fill 80",
		BY6("fd09::77") " / routing / ah / tcp",
		BY6("fd09::77") " next=59",
		BY6("fd09::77") " next=139 / hex 3b00000000000000",
		BY6("fd09::77") " next=4 / fill 60",
		"eth src=" OTHER " / ip4 mf / udp dport=53 / fill 24 / pad 2",
		"eth src=" OTHER " / ip4 proto=47 / fill 60",
		"eth src=" OTHER
		" / ip4 dst=10.1.0.254 / " UDP(" / vxlan 7 / "
					       "eth src=" VM " / arp sip=10.9.0.10 tip=10.9.0.10"),
		"eth src=" OTHER " / ip4 dst=10.1.0.254 / udp dport=4789 / "
		"fill 4",
	};

	world(HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")
	      HOST_VXLAN("far", "10.2.0.1", ""))
	      VMS(VM_AT(VM, "here", ", tap: out" BOUND)));
	for (int sw = XR_SWITCH_NONE; sw <= XR_SWITCH_OTHER; sw++) {
		world_plane()->ports[0].sw = sw;
		for (size_t i = 0; i < ARRAY_LEN(frames); i++)
			passes(frames[i], "a bystander");
	}
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
		say("add " VM " vlan %d at here lock", i);
	assert_int_equal(world_plane()->vm_control->locked, XR_LOCKED_SAME);
	passes(FROM_VM "vlan 9 / ip4 / udp", "all here");
	/* Any of them elsewhere: a switch that goes by the MAC would be fooled. */
	for (int i = 0; i < XR_LOCKED_SAME; i++) {
		snprintf(vlan, sizeof(vlan), i ? "vlan %d " : "", i);
		say("move " VM " %sto away", vlan);
		expect(FROM_VM "vlan 77 / ip4 / udp", "guard-mac", NULL);
		say("move " VM " %sto here", vlan);
		passes(FROM_VM "vlan 77 / ip4 / udp", "back");
	}
	/* More than are told apart: by the MAC alone nobody may. */
	for (int i = XR_LOCKED_SAME; i < 20; i++)
		say("add " VM " vlan %d at here lock", i);
	expect(FROM_VM "vlan 9 / ip4 / udp", "guard-mac", NULL);
	world_plane()->ports[0].sw = XR_SWITCH_NONE;
	for (int i = 1; i < 20; i++) {
		passes(FROM_VM "vlan 9 / ip4 / udp", "another");
		say("move " VM " vlan %d to away", i);
		expect_verdict_in(i, "guard-mac");
		say("move " VM " vlan %d to here", i);
	}
	for (int i = 1; i < 20; i++)
		say("leave " VM " vlan %d", i);
	assert_int_equal(world_plane()->vm_control->locked, 1);
	passes(FROM_VM "vlan 11 / ip4 / udp", "forgotten");
	say("move " VM " to away");
	expect(FROM_VM "ip4 / udp", "guard-mac", NULL);
	say("leave " VM);
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
		TEST(its_own_port),
		TEST(access_port),
		TEST(the_table),
		TEST(unread),
		TEST(disguises),
		TEST(bystanders),
		TEST(same_mac),
	};

	return harness_main("lock", tests, ARRAY_LEN(tests));
}
