/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A locked VM at its own port: what it may say there, what nobody else may; and
 * the guide's table of every claim at every place.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include "lib/locks.h"

#define VRRP_LL  "fe80::200:5eff:fe00:101"
#define OTHER_LL "fe80::5054:ff:fe12:3457"

/* clang-format off */
#define HOME(more)                                                             \
	GATEWAYS HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")       \
		       HOST_VXLAN("far", "10.2.0.1", "")) VMS(more)
static const char *const may_send[] = {
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

/* clang-format on */

static void its_own_port(void **state)
{
	size_t i;

	world(HOME(VM_AT(VM, "here", BOUND) VM_AT(OTHER, "here", ", lock: "
						  "true")));
	own_port(0);
	for (i = 0; i < ARRAY_LEN(may_send); i++)
		passes(may_send[i], "its own");
	for (i = 0; i < ARRAY_LEN(may_not); i++)
		dropped(may_not[i], "guard-ip");
	for (i = 0; i < ARRAY_LEN(others); i++)
		dropped(others[i], "guard-mac");
	/* A device of another VM that shares the port. */
	post_notice("add 02:00:00:00:00:99 at here");
	vm_live("02:00:00:00:00:99", 0)->tap = ifindex_of("in");
	passes(others[0], "shared");
	/* Elsewhere it is no longer the VM's. */
	post_notice("move " VM " to far");
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

	post_notice("move " VM " to %s", at[place]);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_own_port),
		TEST(access_port),
		TEST(the_table),
	};

	return harness_main("lock: its own port, and the table", tests, ARRAY_LEN(tests));
}
