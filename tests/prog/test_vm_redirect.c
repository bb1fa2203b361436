/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames for a VM that moved, found by its MAC address: every kind of host,
 * whole frames; for how long; which are too large; and which are left alone.
 */
#include "lib/vms.h"
#include "lib/worlds.h"

#define ETH_IN(n)  "eth src=" MAC_IN " dst=02:00:00:00:01:0" n
#define ETH_OUT(n) "eth src=" MAC_OUT " dst=02:00:00:00:02:0" n
#define TO_VM      "eth dst=" VM

/* The VM was at old, which is of no account after that. */
#define OLD            HOST_VXLAN("old", "10.2.0.9", "")
#define MOVED_TO(host) HOSTS(OLD host) VMS(VM_AT(VM, "old", ""))

#define VXLAN4_IN                                            \
	ETH_IN("1")                                          \
	" / ip4 src=10.1.0.254 dst=10.1.0.1 df id=0x7800 / " \
	"udp sport=@ dport=4789 csum=0 / vxlan 100 / "
#define VXLAN4_OUT                                           \
	ETH_OUT("1")                                         \
	" / ip4 src=10.2.0.254 dst=10.2.0.1 df id=0x7800 / " \
	"udp sport=@ dport=4789 csum=0 / vxlan 100 / "
#define VXLAN6_IN                                   \
	ETH_IN("1")                                 \
	" / ip6 src=fd01::fe dst=fd01::1 flow=@ / " \
	"udp sport=@ dport=4789 csum=0 / vxlan 100 / "
#define VXLAN6_OUT                                  \
	ETH_OUT("1")                                \
	" / ip6 src=fd02::fe dst=fd02::1 flow=@ / " \
	"udp sport=@ dport=4789 csum=0 / vxlan 100 / "

/* Everything an Ethernet frame can be, as it goes into a tunnel: unchanged. */
static const char *const frames[] = {
	"ip4 ttl=9 id=77 df / udp dport=80 / fill 40",
	"ip4 ttl=1 / tcp syn",
	"ip4 opts=0101010101010101 / icmp4 type=8 rest=7 / fill 56",
	"ip4 mf id=9 / udp / fill 24",
	"ip4 off=1480 id=9 / fill 24",
	"ip4 proto=50 / fill 60",
	"ip4 proto=4 / ip4 / udp",
	"ip6 hlim=1 / tcp ack / fill 9",
	"ip6 / icmp6 type=128 rest=7 / fill 56",
	"ip6 / frag off=1448 mf id=9 / fill 24",
	"ip6 / hopopts / dstopts / udp / fill 4",
	"ip6 next=59",
	"arp op=1 sip=10.9.0.1 tip=10.9.0.10",
	"arp op=2 sip=10.9.0.1 tip=10.9.0.10 tha=" VM,
	"ip6 src=fd09::1 dst=fd09::10 hlim=255 / ns target=fd09::10",
	"fill 46", /* an unknown EtherType */
	"hex 45",
	"ip4 version=7 / fill 9", /* what is no IP packet at all */
	"ip4 len=9000 / udp",
	"ip6 len=9000 / udp",
	"hex 0000",
};

static void unchanged_in(const char *outer)
{
	char in[2048], out[2048];

	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		snprintf(in, sizeof(in), TO_VM " / %s", frames[i]);
		snprintf(out, sizeof(out), "%s%s", outer, in);
		expect(in, "moved", out);
	}
}

static void moved_to(const char *host)
{
	say("move " VM " to %s", host);
}

static const struct way {
	const char *name, *host, *outer;
} whole_frame_ways[] = {
	{ "VXLAN over IPv4", HOST_VXLAN("new", "10.1.0.1", ""), VXLAN4_IN },
	{ "VXLAN over IPv4, other device", HOST_VXLAN("new", "10.2.0.1", ""), VXLAN4_OUT },
	{ "VXLAN over IPv6", HOST_VXLAN("new", "fd01::1", ""), VXLAN6_IN },
	{ "VXLAN over IPv6, other device", HOST_VXLAN("new", "fd02::1", ""), VXLAN6_OUT },
	{ "VXLAN to another port", HOST_VXLAN("new", "10.2.0.1", ", port: 8472"),
	  ETH_OUT("1") " / ip4 src=10.2.0.254 dst=10.2.0.1 df id=0x7800 / "
		       "udp sport=@ dport=8472 csum=0 / vxlan 100 / " },
	{ "port", HOST_PORT("new", "out"), "" },
};

static void whole_frames(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(whole_frame_ways); i++) {
		const struct way *w = &whole_frame_ways[i];

		world(MOVED_TO("%s"), w->host);
		moved_to("new");
		unchanged_in(w->outer);
	}
}

/* The action, and where the frame is sent: out of a device or back. */
static void actions(void **state)
{
	struct result r;

	world(HOSTS(HOST_VXLAN("a", "10.1.0.1", "") HOST_VXLAN("c", "10.2.0.1",
	      "") HOST_PORT("p", "out")) VMS(VM_AT(VM, "p", "")));
	moved_to("a");
	r = run_text(TO_VM " / ip4 / udp");
	assert_int_equal(r.action, XDP_TX);
	moved_to("c");
	r = run_text(TO_VM " / ip4 / udp");
	assert_int_equal(r.action, XDP_REDIRECT);
	moved_to("p");
	r = run_text(TO_VM " / ip4 / udp");
	assert_int_equal(r.action, XDP_REDIRECT);
}

/* ---- VLANs ---- */

/*
 * In a tunnel the VNI is the segment, so the tag goes; the outer frame has none
 * either. Out of a port a frame goes as it is. VLAN 0 is no VLAN.
 */
static void vlan_tags(void **state)
{
	world(HOSTS(OLD HOST_VXLAN("a", "10.1.0.1", "") HOST_VXLAN("c",
	      "10.2.0.1", "") HOST_PORT("p", "out"))
	      VMS(VM_AT(VM, "old", ", vlan: 5")));
	say("move " VM " vlan 5 to a");
	expect(TO_VM " / vlan 5 pcp=3 / ip4 / udp / fill 9", "moved",
	       VXLAN4_IN TO_VM " / ip4 / udp / fill 9");
	expect(TO_VM " / vlan 5 / ip6 / tcp", "moved", VXLAN4_IN TO_VM " / ip6 / tcp");
	expect(TO_VM " / vlan 5 / arp op=1 sip=10.9.0.1 tip=10.9.0.10", "moved",
	       VXLAN4_IN TO_VM " / arp op=1 sip=10.9.0.1 tip=10.9.0.10");
	say("move " VM " vlan 5 to c");
	expect(TO_VM " / vlan 5 / ip4 / udp / fill 9", "moved",
	       VXLAN4_OUT TO_VM " / ip4 / udp / fill 9");
	say("move " VM " vlan 5 to p");
	expect(TO_VM " / vlan 5 pcp=3 / ip4 / udp / fill 9", "moved",
	       TO_VM " / vlan 5 pcp=3 / ip4 / udp / fill 9");
	/* Another VLAN's, and nobody's. */
	expect(TO_VM " / ip4 / udp", "not-moved", NULL);
	expect(TO_VM " / vlan 6 / ip4 / udp", "not-moved", NULL);
	expect(TO_VM " / vlan 0 / ip4 / udp", "not-moved", NULL);
}

/* However many: they tell a priority, and do not travel into the tunnel. */
static void priority_tags(void **state)
{
	static const char *const none[] = {
		" / vlan 0", " / vlan 0 / vlan 0 pcp=3",
		" / vlan 0 tpid=0x88a8 / vlan 0", " / vlan 0 / vlan 0 / vlan 0",
	}, *const five[] = {
		" / vlan 0 / vlan 5", " / vlan 5 / vlan 0",
		" / vlan 0 tpid=0x88a8 / vlan 5 / vlan 0",
		" / vlan 0 / vlan 0 / vlan 0 / vlan 5",
	};

	world(HOSTS(OLD HOST_VXLAN("a", "10.1.0.1", "") HOST_VXLAN("c",
	      "10.2.0.1", "")) VMS(VM_AT(VM, "old", "")
	      VM_AT(VM, "old", ", vlan: 5")));
	moved_to("a");
	say("move " VM " vlan 5 to c");
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		char text[256];

		snprintf(text, sizeof(text), TO_VM "%s / ip4 / udp / fill 9", none[i]);
		expect(text, "moved", VXLAN4_IN TO_VM " / ip4 / udp / fill 9");
		snprintf(text, sizeof(text), TO_VM "%s / ip6 / udp / fill 9", five[i]);
		expect(text, "moved", VXLAN4_OUT TO_VM " / ip6 / udp / fill 9");
	}
	expect(TO_VM " / vlan 0 / vlan 5 / vlan 6 / ip4 / udp", "not-moved qinq", NULL);
	expect(TO_VM " / vlan 5 / vlan 0 / vlan 6 / ip4 / udp", "not-moved qinq", NULL);

	world(HOSTS(OLD HOST_VXLAN("a", "10.1.0.1", "") HOST_PORT("p", "out"))
	      VMS(VM_AT(VM, "old", "")));
	moved_to("a");
	expect(TO_VM " / vlan 0 pcp=5 / ip4 / udp / fill 9", "moved",
	       VXLAN4_IN TO_VM " / ip4 / udp / fill 9");
	moved_to("p");
	expect(TO_VM " / vlan 0 pcp=5 / ip4 / udp / fill 9", "moved",
	       TO_VM " / vlan 0 pcp=5 / ip4 / udp / fill 9");
	expect(TO_VM " / vlan 1 / ip4 / udp", "not-moved", NULL);
}

/* One MAC address, three VMs; each goes its own way. */
static void same_mac(void **state)
{
	world(HOSTS(OLD HOST_VXLAN("a", "10.1.0.1", "") HOST_VXLAN("c",
	      "10.2.0.1", "") HOST_PORT("p", "out"))
	      VMS(VM_AT(VM, "old", "") VM_AT(VM, "old", ", vlan: 5")
		  VM_AT(VM, "old", ", vlan: 4094")));
	say("move " VM " to p");
	say("move " VM " vlan 5 to a");
	say("move " VM " vlan 4094 to c");
	expect(TO_VM " / ip4 / udp", "moved", TO_VM " / ip4 / udp");
	expect(TO_VM " / vlan 5 / ip4 / udp", "moved", VXLAN4_IN TO_VM " / ip4 / udp");
	expect(TO_VM " / vlan 4094 / ip4 / udp", "moved", VXLAN4_OUT TO_VM " / ip4 / udp");
	expect(TO_VM " / vlan 6 / ip4 / udp", "not-moved", NULL);
	say("leave " VM " vlan 5");
	expect(TO_VM " / vlan 5 / ip4 / udp", "not-moved", NULL);
	expect(TO_VM " / ip4 / udp", "moved", NULL);
	expect(TO_VM " / vlan 4094 / ip4 / udp", "moved", NULL);
}

/* Two tags: counted, and left alone. */
static void qinq(void **state)
{
	world(HOSTS(OLD HOST_VXLAN("a", "10.1.0.1", ""))
	      VMS(VM_AT(VM, "old", "") VM_AT(VM, "old", ", vlan: 5")));
	say("move " VM " to a");
	say("move " VM " vlan 5 to a");
	expect(TO_VM " / vlan 5 tpid=0x88a8 / vlan 6 / ip4 / udp", "not-moved qinq", NULL);
	expect(TO_VM " / vlan 5 / vlan 5 / ip4 / udp", "not-moved qinq", NULL);
	expect(TO_VM " / vlan 6 / vlan 5 / vlan 7 / ip4 / udp", "not-moved qinq", NULL);
}

/* ---- IP packets only ---- */

#define L4    "udp dport=80 / fill 40"
#define IN4   "ip4 ttl=9 tos=%d id=77 df / " L4
#define SENT4 "ip4 ttl=8 tos=%d id=77 df / " L4
#define IN6   "ip6 hlim=9 tc=%d flow=0x54321 / " L4
#define SENT6 "ip6 hlim=8 tc=%d flow=0x54321 / " L4

enum { FOUR = 1, SIX = 2, BOTH = 3 };

static const struct ip_way {
	const char *name, *host;
	int families;
	const char *outer;
} ip_ways[] = {
	{ "IPIP over IPv4", HOST_IPIP("new", "10.1.0.1", ""), FOUR,
	  ETH_IN("1") " / ip4 src=10.1.0.254 dst=10.1.0.1 df tos=%d / " },
	{ "IPIP over IPv4, other device", HOST_IPIP("new", "10.2.0.1", ""), FOUR,
	  ETH_OUT("1") " / ip4 src=10.2.0.254 dst=10.2.0.1 df tos=%d / " },
	{ "IPIP over IPv6", HOST_IPIP("new", "fd01::1", ""), BOTH,
	  ETH_IN("1") " / ip6 src=fd01::fe dst=fd01::1 tc=%d flow=@ / " },
	{ "GUE over IPv4", HOST_GUE("new", "10.1.0.2", ""), BOTH,
	  ETH_IN("2") " / ip4 src=10.1.0.254 dst=10.1.0.2 df tos=%d / "
		      "udp sport=@ dport=6080 csum=0 / " },
	{ "GUE over IPv6, other port and device", HOST_GUE("new", "fd02::2", ", port: 7777"), BOTH,
	  ETH_OUT("2") " / ip6 src=fd02::fe dst=fd02::2 tc=%d flow=@ / "
		       "udp sport=@ dport=7777 csum=0 / " },
	{ "MAC rewritten", HOST_MAC("new", "02:00:00:00:02:07", "out"), BOTH, ETH_OUT("7") " / " },
	{ "MAC rewritten, same device", HOST_MAC("new", "02:00:00:00:01:07", "in"), BOTH,
	  ETH_IN("7") " / " },
};

static void one_way(const struct ip_way *w, const char *l2, const char *in, const char *out,
		    int tos)
{
	char fmt[2048], text_in[2048], text_out[2048];

	snprintf(fmt, sizeof(fmt), "%s / %s", l2, in);
	snprintf(text_in, sizeof(text_in), fmt, tos);
	snprintf(fmt, sizeof(fmt), "%s%s", w->outer, out);
	snprintf(text_out, sizeof(text_out), fmt, tos, tos);
	expect(text_in, "moved", text_out);
}

static void ip_hosts(void **state)
{
	static const int tos[] = { 0, 1, 2, 3, 0xb8, 0xff };

	for (size_t i = 0; i < ARRAY_LEN(ip_ways); i++) {
		const struct ip_way *w = &ip_ways[i];

		world(HOSTS(OLD "%s") VMS(VM_AT(VM, "old", "")), w->host);
		moved_to("new");
		for (size_t t = 0; t < ARRAY_LEN(tos); t++) {
			if (w->families & FOUR)
				one_way(w, TO_VM, IN4, SENT4, tos[t]);
			if (w->families & SIX)
				one_way(w, TO_VM, IN6, SENT6, tos[t]);
		}
	}
}

/* Whatever the IP packet holds; what is none cannot travel so. */
static void any_ip(void **state)
{
	static const char *const packets[] = {
		"ip4 ttl=%d mf id=9 / udp / fill 24",
		"ip4 ttl=%d off=1480 id=9 / fill 24",
		"ip4 ttl=%d opts=0101010101010101 / icmp4 type=8 / fill 56",
		"ip4 ttl=%d proto=50 / fill 60",
		"ip4 ttl=%d / udp len=+9 / fill 6",
		"ip6 hlim=%d / icmp6 type=128 / fill 56",
		"ip6 hlim=%d / frag off=1448 mf id=9 / fill 24",
		"ip6 hlim=%d / hopopts / dstopts / routing / ah / tcp",
		"ip6 hlim=%d next=59",
	};
	static const char *const others[] = {
		"arp op=1 sip=10.9.0.1 tip=10.9.0.10",
		"fill 46",
		"ip4 len=9000 / udp",
		"ip4 len=10 / udp",
		"ip4 ihl=4 / udp",
		"ip4 version=6 / udp / fill 40",
		"ip4 / cut 33",
		"ip6 len=9000 / udp",
		"ip6 version=4 / udp",
		"ip6 / cut 53",
	};
	char in[512], out[512], text[256];

	world(HOSTS(OLD HOST_GUE("g", "10.1.0.2", "")
		    HOST_MAC("r", "02:00:00:00:02:07", "out"))
	      VMS(VM_AT(VM, "old", "")));
	for (int gue = 0; gue < 2; gue++) {
		moved_to(gue ? "g" : "r");
		for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
			snprintf(text, sizeof(text), packets[i], 30);
			snprintf(in, sizeof(in), TO_VM " / %s", text);
			snprintf(text, sizeof(text), packets[i], 29);
			snprintf(out, sizeof(out), "%s%s",
				 gue ? ETH_IN("2") " / ip4 src=10.1.0.254 "
						   "dst=10.1.0.2 df / udp sport=@ "
						   "dport=6080 csum=0 / "
				     : ETH_OUT("7") " / ",
				 text);
			expect(in, "moved", out);
			snprintf(text, sizeof(text), packets[i], 1);
			snprintf(in, sizeof(in), TO_VM " / %s", text);
			expect(in, "ttl-expired", NULL);
		}
		for (size_t i = 0; i < ARRAY_LEN(others); i++) {
			struct result r = run_text(TO_VM " / %s", others[i]);

			assert_int_equal(r.action, XDP_PASS);
		}
	}
}

/* ---- who is not redirected ---- */

static void groups(void **state)
{
	static const char *const to[] = {
		"ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01", "01:00:5e:00:00:fb",
		"01:80:c2:00:00:0e", "53:54:00:12:34:56",
	};

	world(HOSTS(OLD HOST_VXLAN("a", "10.1.0.1", "")
		    HOST_GUE("g", "10.1.0.2", ""))
	      VMS(VM_AT(VM, "old", ", addresses: [10.9.0.10, \"fd09::10\"]")));
	for (int by_ip = 0; by_ip < 2; by_ip++) {
		moved_to(by_ip ? "g" : "a");
		for (size_t i = 0; i < ARRAY_LEN(to); i++) {
			struct result r;

			r = run_text("eth dst=%s / ip4 dst=" VM4 " / udp", to[i]);
			check_reasons(&r, "not-moved");
			r = run_text("eth dst=%s / ip6 dst=" VM6 " / udp", to[i]);
			check_reasons(&r, "not-moved");
			r = run_text("eth dst=%s / arp sip=10.9.0.1 tip=" VM4, to[i]);
			assert_int_equal(r.action, XDP_PASS);
		}
	}
}

/* In no state but "moved", nor to where the network brings frames anyway. */
static void states(void **state)
{
	world(HOSTS(HOST_VXLAN("a", "10.1.0.1", "") HOST_VXLAN("b", "10.1.0.2",
	      "") HOST_VXLAN("here", "10.1.0.254", ", local: true"))
	      VMS(VM_AT(VM, "a", "")));
	expect(TO_VM " / ip4 / udp", "vm-here", NULL);
	expect("eth dst=52:54:00:12:34:57 / ip4 / udp", "not-moved", NULL);
	say("prepare " VM " to b");
	expect(TO_VM " / ip4 / udp", "vm-here", NULL);
	say("pause " VM);
	expect(TO_VM " / ip4 / udp", "vm-here", NULL);
	say("cancel " VM);
	check_vm(VM, 0, XR_VM_STABLE, "a", 0);
	expect(TO_VM " / ip4 / udp", "vm-here", NULL);

	say("prepare " VM " to b");
	say("pause " VM);
	say("move " VM " to b");
	check_vm(VM, 0, XR_VM_MOVED, "b", 0);
	expect(TO_VM " / ip4 / udp", "moved", NULL);
	/* It moved a moment ago, and is to move on: still redirected. */
	say("prepare " VM " to here");
	expect(TO_VM " / ip4 / udp", "moved", NULL);
	say("pause " VM);
	expect(TO_VM " / ip4 / udp", "moved", NULL);
	say("move " VM " to here");
	check_vm(VM, 0, XR_VM_MOVED, "here", 0);
	expect(TO_VM " / ip4 / udp", "vm-here", NULL);
	/* A VM that was never moved to where it is. */
	say("leave " VM);
	expect(TO_VM " / ip4 / udp", "not-moved", NULL);
	say("add " VM " at b");
	expect(TO_VM " / ip4 / udp", "vm-here", NULL);
}

/* With VIPs what is for no VM takes the VIPs' way. */
static void beside_vips(void **state)
{
	world(WORLD_TWO HOSTS(HOST_VXLAN("a", "10.1.0.1", "")
			      HOST_VXLAN("b", "10.1.0.2", ""))
	      VMS(VM_AT(VM, "a", "")));
	expect("eth / ip4 / tcp syn", "hash", NULL);
	expect("eth / ip4 dst=192.0.2.9 / tcp syn", "not-vip", NULL);
	expect("eth / ip4 / udp / quic short dcid=07020202aabbccdd", "cid", NULL);
	expect("eth / arp", "not-ip", NULL);
	say("move " VM " to b");
	expect(TO_VM " / ip4 / tcp syn", "moved",
	       ETH_IN("2") " / ip4 src=10.1.0.254 dst=10.1.0.2 df id=0x7800 / "
			   "udp sport=@ dport=4789 csum=0 / vxlan 100 / " TO_VM " / ip4 / tcp syn");
	expect("eth / ip4 / tcp syn", "hash", NULL);
	expect("eth / ip4 dst=192.0.2.9 / tcp syn", "not-vip", NULL);
	expect("eth dst=ff:ff:ff:ff:ff:ff / arp", "not-ip", NULL);
}

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
	say("move " VM " to a ttl 30");
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
	assert_int_equal(vm_now(world_plane(), vm_place(VM, 0)).host, host_index("a"));
	/* The tick wraps after 136 years, or at once in a test. */
	world_set_tick(0xfffffff0);
	say("move " VM " to b ttl 30");
	world_set_tick(9);
	redirected("within the ttl, over the wrap");
	world_set_tick(41);
	left_alone("after the ttl, over the wrap");
}

/* The default is a bridge's ageing time. */
static void default_ttl(void **state)
{
	world(MOVED_TO(HOST_VXLAN("a", "10.1.0.1", "")));
	moved_to("a");
	assert_int_equal(vm_live(VM, 0)->ttl, 300);
	world(POLICY("vm_ttl: 7") MOVED_TO(HOST_VXLAN("a", "10.1.0.1", "")));
	moved_to("a");
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
	moved_to("a");
	for (int i = 0; i < 5; i++)
		redirected("moved");
	assert_int_equal(vm_live(VM, 0)->hits, 5);
	c = host_count("a");
	assert_int_equal(c.packets, 5);
	assert_int_equal(c.bytes, 5 * len);
	moved_to("g");
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
		moved_to(name[i % 3]);
		r = run_text(TO_VM " / ip4 / udp");
		assert_string_equal(outer_dst(&r), addr[i % 3]);
	}
}

/* ---- deadlines ---- */

/* Nobody ended it: it falls back, and says so, with nobody else running. */
static void deadlines(void **state)
{
	struct xr_event *e;
	struct said s;

	world(POLICY("blackout_timeout: 4") HOSTS(HOST_VXLAN("a", "10.1.0.1",
	      "") HOST_VXLAN("b", "10.1.0.2", "")) VMS(VM_AT(VM, "a", "")));
	for (int paused = 0; paused < 2; paused++) {
		say("prepare " VM " to b timeout 20");
		if (paused)
			say("pause " VM);
		assert_int_equal(world_plane()->vm_control->watching, 1);
		said();
		world_set_tick(vm_live(VM, 0)->deadline - 2);
		expect(TO_VM " / ip4 / udp", "vm-here", NULL);
		check_vm(VM, 0, paused ? XR_VM_BLACKOUT : XR_VM_PREPARED, "a", 0);
		world_set_tick(vm_live(VM, 0)->deadline);
		expect(TO_VM " / ip4 / udp", "vm-here move-expired", NULL);
		check_vm(VM, 0, XR_VM_STABLE, "a", 0);
		assert_int_equal(vm_now(world_plane(), vm_place(VM, 0)).next, 0);
		assert_int_equal(world_plane()->vm_control->watching, 0);
		s = said();
		assert_int_equal(s.n[XR_R_MOVE_EXPIRED], 1);
		assert_int_equal(s.vm_n[XR_R_MOVE_EXPIRED], 1);
		e = &s.last[XR_R_MOVE_EXPIRED];
		assert_int_equal(e->kind, XR_EVENT_VM);
		assert_int_equal(e->vm, vm_place(VM, 0) + 1);
		assert_int_equal(e->state, XR_VM_STABLE);
		assert_int_equal(e->host, host_index("a"));
		expect(TO_VM " / ip4 / udp", "vm-here", NULL);
		assert_int_equal(said().n[XR_R_MOVE_EXPIRED], 0);
	}
}

/* A VM that was redirected before falls back to that. */
static void deadline_of_a_second_move(void **state)
{
	world(HOSTS(HOST_VXLAN("a", "10.1.0.1", "") HOST_VXLAN("b", "10.1.0.2",
	      "") HOST_VXLAN("c", "10.2.0.3", "")) VMS(VM_AT(VM, "a", "")));
	moved_to("b");
	say("prepare " VM " to c timeout 5");
	say("pause " VM);
	world_set_tick(vm_live(VM, 0)->deadline + 1);
	expect(TO_VM " / ip4 / udp", "moved move-expired",
	       ETH_IN("2") " / ip4 src=10.1.0.254 dst=10.1.0.2 df id=0x7800 / "
			   "udp sport=@ dport=4789 csum=0 / vxlan 100 / " TO_VM " / ip4 / udp");
	check_vm(VM, 0, XR_VM_MOVED, "b", 0);
}

/* ---- too large ---- */

/* n octets of IP packet for the VM, whose way carries 1400. */
static struct result send4(int n)
{
	return run_text(TO_VM " / ip4 df id=7 / udp dport=80 / fill %d", n - 28);
}

static struct result send6(int n)
{
	return run_text(TO_VM " / ip6 flow=5 / tcp ack / fill %d", n - 60);
}

static void check_limit(struct result (*send)(int n), int most, const char *beyond)
{
	struct result r = send(most);

	check_reasons(&r, "moved");
	r = send(most + 1);
	check_reasons(&r, beyond);
}

/* From the node, for the fabric shall not learn the VM here. */
#define BACK "eth src=" MAC_IN " dst=02:00:00:00:00:01 / "

static void too_large(void **state)
{
	struct packet want;
	struct result r;

	world(RATE("65535") MOVED_TO(HOST_VXLAN("v4", "10.3.0.1", "")
				     HOST_VXLAN("v6", "fd03::1", "")
				     HOST_IPIP("i", "10.3.0.2", "")
				     HOST_GUE("g", "fd03::2", "")));
	moved_to("v4");
	check_limit(send4, 1350, "too-big-reply");
	check_limit(send6, 1350, "too-big-reply");
	moved_to("v6");
	check_limit(send4, 1330, "too-big-reply");
	check_limit(send6, 1330, "too-big-reply");
	moved_to("i");
	check_limit(send4, 1380, "too-big-reply");
	moved_to("g");
	check_limit(send4, 1352, "too-big-reply");
	check_limit(send6, 1352, "too-big-reply");

	/* To the sender, in the VM's name, with what fits. */
	moved_to("v4");
	r = send4(1400);
	want = packet(BACK "ip4 src=192.0.2.1 dst=10.0.0.1 / icmp4 type=3 "
			   "code=4 mtu=1350 ( ip4 df id=7 / udp dport=80 / "
			   "fill 1372 / cut 548 )");
	check_packet(&want, &r.out);
	r = send6(1400);
	want = packet(BACK "ip6 src=2001:db8::1 dst=fd00::1 / icmp6 type=2 "
			   "mtu=1350 ( ip6 flow=5 / tcp ack / fill 1340 / "
			   "cut 1232 )");
	check_packet(&want, &r.out);

	/* A tag is no part of what the tunnel carries, but comes back. */
	say("add " VM " vlan 5 at old");
	say("move " VM " vlan 5 to v4");
	r = run_text(TO_VM " / vlan 5 / ip4 df id=7 / udp dport=80 / fill %d", 1350 - 28);
	check_reasons(&r, "moved");
	r = run_text(TO_VM " / vlan 5 / ip4 df id=7 / udp dport=80 / fill %d", 1351 - 28);
	check_reasons(&r, "too-big-reply");
	want = packet(BACK "vlan 5 / ip4 "
			   "src=192.0.2.1 dst=10.0.0.1 / icmp4 type=3 code=4 "
			   "mtu=1350 ( ip4 df id=7 / udp dport=80 / fill 1323 / "
			   "cut 548 )");
	check_packet(&want, &r.out);
	/* What has no sender to tell. */
	r = run_text(TO_VM " / fill 1351");
	check_reasons(&r, "too-big");
	r = run_text(TO_VM " / fill 1350");
	check_reasons(&r, "moved");
}

/*
 * Of what no error may be sent about, by MAC and by address (RFC 1122 §3.2.2, RFC
 * 4443 §2.4 (e)); and what is like it, but may be told. Of 1500 octets and more.
 */
#define BIG      " / fill 1460"
#define SAYS4(t) "ip4 dst=" VM4 " / icmp4 type=" t BIG
#define SAYS6(t) "ip6 dst=" VM6 " / icmp6 type=" t BIG

static const struct {
	const char *packet, *reason;
} told[] = {
	{ "ip4 dst=" VM4 " / udp" BIG, "too-big-reply" },
	{ "ip4 dst=" VM4 " proto=132" BIG, "too-big-reply" },
	{ "ip4 dst=" VM4 " opts=01010101 / icmp4 type=8" BIG, "too-big-reply" },
	{ SAYS4("8"), "too-big-reply" },
	{ SAYS4("0"), "too-big-reply" },
	{ SAYS4("13"), "too-big-reply" },
	{ SAYS4("3"), "too-big" },
	{ SAYS4("4"), "too-big" },
	{ SAYS4("5"), "too-big" },
	{ SAYS4("11"), "too-big" },
	{ SAYS4("12"), "too-big" },
	{ "ip4 dst=" VM4 " opts=01010101 / icmp4 type=3" BIG, "too-big" },
	/* A first fragment; a first one of an error; later ones. */
	{ "ip4 dst=" VM4 " mf id=9 / udp" BIG, "too-big-reply" },
	{ "ip4 dst=" VM4 " mf id=9 / icmp4 type=3" BIG, "too-big" },
	{ "ip4 dst=" VM4 " mf off=1480 id=9" BIG, "too-big" },
	{ "ip4 dst=" VM4 " off=2960 id=9" BIG, "too-big" },
	{ "ip4 dst=" VM4 " off=8 id=9 / udp" BIG, "too-big" },

	{ "ip6 dst=" VM6 " / udp" BIG, "too-big-reply" },
	{ "ip6 dst=" VM6 " / hopopts / dstopts / tcp" BIG, "too-big-reply" },
	{ "ip6 dst=" VM6 " next=59" BIG, "too-big-reply" },
	{ SAYS6("128"), "too-big-reply" },
	{ SAYS6("129"), "too-big-reply" },
	{ SAYS6("1"), "too-big" },
	{ SAYS6("2"), "too-big" },
	{ SAYS6("3"), "too-big" },
	{ SAYS6("4"), "too-big" },
	{ SAYS6("127"), "too-big" },
	{ SAYS6("137"), "too-big" },
	{ "ip6 dst=" VM6 " / dstopts / icmp6 type=2" BIG, "too-big" },
	{ "ip6 dst=" VM6 " / frag mf id=9 / udp" BIG, "too-big-reply" },
	{ "ip6 dst=" VM6 " / hopopts / frag mf id=9 / dstopts / udp" BIG, "too-big-reply" },
	{ "ip6 dst=" VM6 " / frag mf id=9 / icmp6 type=1" BIG, "too-big" },
	{ "ip6 dst=" VM6 " / frag mf off=1448 id=9" BIG, "too-big" },
	{ "ip6 dst=" VM6 " / frag off=1448 id=9" BIG, "too-big" },
};

/* Nobody's: not routed on, where they are found by the address. */
static const char *const from_nobody[] = {
	"ip4 src=0.0.0.0 dst=" VM4 " / udp" BIG,   "ip4 src=0.1.2.3 dst=" VM4 " / udp" BIG,
	"ip4 src=127.0.0.1 dst=" VM4 " / udp" BIG, "ip4 src=224.0.0.5 dst=" VM4 " / udp" BIG,
	"ip4 src=239.1.2.3 dst=" VM4 " / udp" BIG, "ip4 src=255.255.255.255 dst=" VM4 " / udp" BIG,
	"ip6 src=:: dst=" VM6 " / udp" BIG,        "ip6 src=::1 dst=" VM6 " / udp" BIG,
	"ip6 src=ff02::1 dst=" VM6 " / udp" BIG,
};

/* The same where only the frame says whom it is for. */
static const char *const to_many[] = {
	"ip4 dst=224.0.0.9 / udp" BIG,       "ip4 dst=239.1.1.1 / udp" BIG,
	"ip4 dst=255.255.255.255 / udp" BIG, "ip6 dst=ff02::1 / udp" BIG,
	"ip6 dst=ff0e::9 / udp" BIG,
};

static void whom_errors_are_told(void **state)
{
	static const char *const ways[] = { "v4", "v6", "i", "g", "p" };
	char in[256];

	shell("ip link set out mtu 1400");
	world(RATE("65535")
	      HOSTS(HOST_VXLAN("old", "10.1.0.9", "")
		    HOST_VXLAN("v4", "10.3.0.1", "")
		    HOST_VXLAN("v6", "fd03::1", "")
		    HOST_IPIP("i", "fd03::3", "") HOST_GUE("g", "10.3.0.2", "")
		    HOST_PORT("p", "out"))
	      VMS(VM_AT(VM, "old", ", addresses: [" VM4 ", \"" VM6 "\"]")));
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		say("move " VM " to %s", ways[w]);
		for (size_t i = 0; i < ARRAY_LEN(told); i++) {
			snprintf(in, sizeof(in), TO_VM " / %s", told[i].packet);
			expect(in, told[i].reason, NULL);
			snprintf(in, sizeof(in),
				 "eth src=03:00:00:00:00:01 "
				 "dst=" VM " / %s",
				 told[i].packet);
			expect(in, "too-big", NULL);
			if (*ways[w] != 'i' && *ways[w] != 'g')
				continue;
			/* By its address, to whatever MAC. */
			snprintf(in, sizeof(in), "eth / %s", told[i].packet);
			expect(in, told[i].reason, NULL);
		}
		for (size_t i = 0; i < ARRAY_LEN(from_nobody); i++) {
			snprintf(in, sizeof(in), TO_VM " / %s", from_nobody[i]);
			expect(in, "too-big", NULL);
			if (*ways[w] != 'i' && *ways[w] != 'g')
				continue;
			snprintf(in, sizeof(in), "eth / %s", from_nobody[i]);
			expect(in, "martian", NULL);
		}
		for (size_t i = 0; i < ARRAY_LEN(to_many); i++) {
			snprintf(in, sizeof(in), TO_VM " / %s", to_many[i]);
			expect(in, "too-big", NULL);
		}
	}
	shell("ip link set out mtu 1500");
}

static void too_large_dropped(void **state)
{
	world(POLICY("too_big: drop")
	      MOVED_TO(HOST_VXLAN("v4", "10.3.0.1", "")));
	moved_to("v4");
	check_limit(send4, 1350, "too-big");
	check_limit(send6, 1350, "too-big");
}

/* ---- never back, never on ---- */

/*
 * Out of the port it came in by no switch would send it: where it is somebody
 * did not know. That is no proof of a loop.
 */
static void same_port(void **state)
{
	struct said s;

	world(MOVED_TO(HOST_PORT("p", "in") HOST_VXLAN("a", "10.1.0.1", "")));
	moved_to("p");
	said();
	for (int i = 0; i < 100; i++)
		expect(TO_VM " / ip4 / udp", "vm-loop", NULL);
	check_vm(VM, 0, XR_VM_MOVED, "p", 0);
	s = said();
	assert_true(s.n[XR_R_VM_LOOP] >= 1);
	assert_int_equal(s.vm_n[XR_R_VM_LOOP], 0);
	assert_int_equal(vm_live(VM, 0)->hits, 0);
	moved_to("a");
	redirected("moved on");
}

/* clang-format off */
#define LOCAL_WORLD                                                            \
	HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")                \
	      HOST_IPIP("iphere", "10.1.0.254", ", local: true")               \
	      HOST_GUE("guehere", "fd01::fe", ", local: true")                 \
	      HOST_VXLAN("a", "10.1.0.1", "") HOST_VXLAN("b", "10.2.0.2", "")  \
	      HOST_GUE("g", "10.2.0.3", "") HOST_PORT("p", "out"))
/* clang-format on */

#define OUT_OF(from)                                \
	"eth src=02:00:00:00:01:02 / ip4 src=" from \
	" dst=10.1.0.254 / udp sport=50000 dport=4789 csum=0 / "

/* What came out of a tunnel is never tunnelled again. */
static void chain(void **state)
{
	static const char *const to[] = { "a", "b", "g", "p" };

	world(LOCAL_WORLD VMS(VM_AT(VM, "here", ", addresses: [10.9.0.10, "
				    "\"fd09::10\"]")));
	expect(OUT_OF("10.1.0.2") "vxlan 100 / " TO_VM " / ip4 / udp", "not-moved", NULL);
	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		moved_to(to[i]);
		expect(OUT_OF("10.1.0.2") "vxlan 100 / " TO_VM " / ip4 / udp", "vm-chain", NULL);
		expect(OUT_OF("10.1.0.9") "vxlan 100 / " TO_VM " / arp", "vm-chain", NULL);
		/* Another segment, another machine, another VM. */
		expect(OUT_OF("10.1.0.2") "vxlan 101 / " TO_VM " / ip4 / udp", "not-moved", NULL);
		expect("eth / ip4 src=10.1.0.2 dst=10.1.0.7 / udp dport=4789 "
		       "csum=0 / vxlan 100 / " TO_VM " / ip4 / udp",
		       "not-moved", NULL);
		expect(OUT_OF("10.1.0.2") "vxlan 100 / "
					  "eth dst=52:54:00:12:34:57 / ip4 / udp",
		       "not-moved", NULL);
	}
	/* On its way here: what the old place copies is for its tap. */
	say("prepare " VM " to here");
	expect(OUT_OF("10.1.0.2") "vxlan 100 / " TO_VM " / ip4 / udp", "not-moved", NULL);
	say("pause " VM);
	expect(OUT_OF("10.1.0.2") "vxlan 100 / " TO_VM " / ip4 / udp", "not-moved", NULL);
	say("move " VM " to here");
	expect(OUT_OF("10.1.0.2") "vxlan 100 / " TO_VM " / ip4 / udp", "not-moved", NULL);
}

static void chain_by_ip(void **state)
{
	world(LOCAL_WORLD VMS(VM_AT(VM, "iphere", ", addresses: [10.9.0.10, "
				    "\"fd09::10\"]")));
	/* For a VM that is here the tunnel ends here. */
	expect("eth / ip4 src=10.2.0.3 dst=10.1.0.254 / ip4 dst=" VM4 " / udp", "decap-ipip",
	       "eth / ip4 dst=" VM4 " / udp");
	/* Others' tunnels, for which the kernel may have a device. */
	expect("eth / ip4 src=10.2.0.3 dst=10.1.0.254 / ip4 dst=10.9.0.11 / "
	       "udp",
	       "not-moved", NULL);
	moved_to("g");
	expect("eth / ip4 src=10.1.0.2 dst=10.1.0.254 / ip4 dst=" VM4 " / udp", "vm-chain", NULL);
	expect("eth / ip6 src=fd01::2 dst=fd01::fe / udp dport=6080 csum=0 / "
	       "ip6 dst=" VM6 " / udp",
	       "vm-chain", NULL);
}

#define INTO "eth / ip4 src=10.2.0.3 dst=10.1.0.254%s / "
/* clang-format off */
#define AT_HERE	VMS(VM_AT(VM, "iphere", ", addresses: [10.9.0.10, "             \
				    "\"fd09::10\"]"))
/* clang-format on */

/* IPIP and GUE for VMs are opened where a host sent them, or by policy any. */
static void strangers(void **state)
{
	static const char *const each[] = {
		"eth / ip4 src=203.0.113.66 dst=10.1.0.254 / ip4 dst=" VM4 " / udp",
		"eth / ip6 src=fd01::99 dst=fd01::fe / udp dport=6080 csum=0 / "
		"ip6 dst=" VM6 " / udp",
		/* A host, but for VXLAN only. */
		"eth / ip4 src=10.1.0.1 dst=10.1.0.254 / ip4 dst=" VM4 " / udp",
	};

	world(LOCAL_WORLD AT_HERE);
	for (size_t i = 0; i < ARRAY_LEN(each); i++)
		expect(each[i], "other-tunnel", NULL);
	world(POLICY("tunnels: any") LOCAL_WORLD AT_HERE);
	expect(each[0], "decap-ipip", "eth / ip4 dst=" VM4 " / udp");
	expect(each[1], "decap-gue", "eth / ip6 dst=" VM6 " / udp");
	expect(each[2], "decap-ipip", "eth / ip4 dst=" VM4 " / udp");
}

/* As with role backend: what is opened is whole, marked, and in its segment. */
static void ip_tunnels(void **state)
{
	static const char *const bad[] = {
		" / udp dport=6080 csum=0 / gue flags=1",
		" / udp dport=6080 csum=0 / gue data=01020304",
		" / udp dport=6080 len=12 csum=0",
		" / udp dport=6080 csum=1",
	};
	static const struct {
		int outer, inner, marked;
	} ecn[] = { { 1, 2, 1 }, { 1, 1, 1 }, { 1, 0, 0 }, { 1, 3, 3 }, { 2, 1, 1 },
		    { 2, 3, 3 }, { 3, 1, 3 }, { 3, 2, 3 }, { 3, 3, 3 } };
	char in[256], out[128], tos[16];

	world(LOCAL_WORLD AT_HERE);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(in, sizeof(in), INTO "ip4 dst=" VM4 " / udp", bad[i]);
		expect(in, "bad-tunnel", NULL);
	}
	expect("eth / ip4 src=10.2.0.3 dst=10.1.0.254 / udp dport=6080 / "
	       "ip4 dst=" VM4 " / udp",
	       "decap-gue", "eth / ip4 dst=" VM4 " / udp");
	for (size_t i = 0; i < ARRAY_LEN(ecn); i++) {
		snprintf(tos, sizeof(tos), " tos=%d", ecn[i].outer);
		snprintf(in, sizeof(in), INTO "ip4 dst=" VM4 " tos=%d / udp", tos, ecn[i].inner);
		snprintf(out, sizeof(out), "eth / ip4 dst=" VM4 " tos=%d / udp", ecn[i].marked);
		expect(in, "decap-ipip", out);
	}
	expect("eth / ip4 src=10.2.0.3 dst=10.1.0.254 tos=3 / ip4 dst=" VM4 " / udp", "bad-ecn",
	       NULL);
	expect("eth / vlan 200 / ip4 src=10.2.0.3 dst=10.1.0.254 / ip4 dst=" VM4 " / udp",
	       "decap-ipip", "eth / vlan 200 / ip4 dst=" VM4 " / udp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_frames),
		TEST(actions),
		TEST(vlan_tags),
		TEST(priority_tags),
		TEST(same_mac),
		TEST(qinq),
		TEST(ip_hosts),
		TEST(any_ip),
		TEST(groups),
		TEST(states),
		TEST(beside_vips),
		TEST(ageing),
		TEST(default_ttl),
		TEST(hits),
		TEST(next_frame),
		TEST(deadlines),
		TEST(deadline_of_a_second_move),
		TEST(too_large),
		TEST(whom_errors_are_told),
		TEST(too_large_dropped),
		TEST(same_port),
		TEST(chain),
		TEST(chain_by_ip),
		TEST(strangers),
		TEST(ip_tunnels),
	};

	return harness_main("redirects by MAC", tests, ARRAY_LEN(tests));
}
