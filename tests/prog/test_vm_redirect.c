/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames for a VM that moved, found by its MAC address: every kind of host, whole
 * frames, IP packets only; and which are left alone.
 */
#include "lib/vms.h"
#include "lib/worlds.h"

#define TO_VM "eth dst=" VM

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
		move_to("new");
		unchanged_in(w->outer);
	}
}

/* The action, and where the frame is sent: out of a device or back. */
static void actions(void **state)
{
	struct result r;

	world(HOSTS(HOST_VXLAN("a", "10.1.0.1", "") HOST_VXLAN("c", "10.2.0.1",
	      "") HOST_PORT("p", "out")) VMS(VM_AT(VM, "p", "")));
	move_to("a");
	r = run_text(TO_VM " / ip4 / udp");
	assert_int_equal(r.action, XDP_TX);
	move_to("c");
	r = run_text(TO_VM " / ip4 / udp");
	assert_int_equal(r.action, XDP_REDIRECT);
	move_to("p");
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
	post_notice("move " VM " vlan 5 to a");
	expect(TO_VM " / vlan 5 pcp=3 / ip4 / udp / fill 9", "moved",
	       VXLAN4_IN TO_VM " / ip4 / udp / fill 9");
	expect(TO_VM " / vlan 5 / ip6 / tcp", "moved", VXLAN4_IN TO_VM " / ip6 / tcp");
	expect(TO_VM " / vlan 5 / arp op=1 sip=10.9.0.1 tip=10.9.0.10", "moved",
	       VXLAN4_IN TO_VM " / arp op=1 sip=10.9.0.1 tip=10.9.0.10");
	post_notice("move " VM " vlan 5 to c");
	expect(TO_VM " / vlan 5 / ip4 / udp / fill 9", "moved",
	       VXLAN4_OUT TO_VM " / ip4 / udp / fill 9");
	post_notice("move " VM " vlan 5 to p");
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
	move_to("a");
	post_notice("move " VM " vlan 5 to c");
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
	move_to("a");
	expect(TO_VM " / vlan 0 pcp=5 / ip4 / udp / fill 9", "moved",
	       VXLAN4_IN TO_VM " / ip4 / udp / fill 9");
	move_to("p");
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
	post_notice("move " VM " to p");
	post_notice("move " VM " vlan 5 to a");
	post_notice("move " VM " vlan 4094 to c");
	expect(TO_VM " / ip4 / udp", "moved", TO_VM " / ip4 / udp");
	expect(TO_VM " / vlan 5 / ip4 / udp", "moved", VXLAN4_IN TO_VM " / ip4 / udp");
	expect(TO_VM " / vlan 4094 / ip4 / udp", "moved", VXLAN4_OUT TO_VM " / ip4 / udp");
	expect(TO_VM " / vlan 6 / ip4 / udp", "not-moved", NULL);
	post_notice("leave " VM " vlan 5");
	expect(TO_VM " / vlan 5 / ip4 / udp", "not-moved", NULL);
	expect(TO_VM " / ip4 / udp", "moved", NULL);
	expect(TO_VM " / vlan 4094 / ip4 / udp", "moved", NULL);
}

/* Two tags: counted, and left alone. */
static void qinq(void **state)
{
	world(HOSTS(OLD HOST_VXLAN("a", "10.1.0.1", ""))
	      VMS(VM_AT(VM, "old", "") VM_AT(VM, "old", ", vlan: 5")));
	post_notice("move " VM " to a");
	post_notice("move " VM " vlan 5 to a");
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
		move_to("new");
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
		move_to(gue ? "g" : "r");
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
		move_to(by_ip ? "g" : "a");
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
	post_notice("prepare " VM " to b");
	expect(TO_VM " / ip4 / udp", "vm-here", NULL);
	post_notice("pause " VM);
	expect(TO_VM " / ip4 / udp", "vm-here", NULL);
	post_notice("cancel " VM);
	check_vm(VM, 0, XR_VM_STABLE, "a", 0);
	expect(TO_VM " / ip4 / udp", "vm-here", NULL);

	post_notice("prepare " VM " to b");
	post_notice("pause " VM);
	post_notice("move " VM " to b");
	check_vm(VM, 0, XR_VM_MOVED, "b", 0);
	expect(TO_VM " / ip4 / udp", "moved", NULL);
	/* It moved a moment ago, and is to move on: still redirected. */
	post_notice("prepare " VM " to here");
	expect(TO_VM " / ip4 / udp", "moved", NULL);
	post_notice("pause " VM);
	expect(TO_VM " / ip4 / udp", "moved", NULL);
	post_notice("move " VM " to here");
	check_vm(VM, 0, XR_VM_MOVED, "here", 0);
	expect(TO_VM " / ip4 / udp", "vm-here", NULL);
	/* A VM that was never moved to where it is. */
	post_notice("leave " VM);
	expect(TO_VM " / ip4 / udp", "not-moved", NULL);
	post_notice("add " VM " at b");
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
	post_notice("move " VM " to b");
	expect(TO_VM " / ip4 / tcp syn", "moved",
	       ETH_IN("2") " / ip4 src=10.1.0.254 dst=10.1.0.2 df id=0x7800 / "
			   "udp sport=@ dport=4789 csum=0 / vxlan 100 / " TO_VM " / ip4 / tcp syn");
	expect("eth / ip4 / tcp syn", "hash", NULL);
	expect("eth / ip4 dst=192.0.2.9 / tcp syn", "not-vip", NULL);
	expect("eth dst=ff:ff:ff:ff:ff:ff / arp", "not-ip", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_frames), TEST(actions), TEST(vlan_tags),   TEST(priority_tags),
		TEST(same_mac),     TEST(qinq),    TEST(ip_hosts),    TEST(any_ip),
		TEST(groups),       TEST(states),  TEST(beside_vips),
	};

	return harness_main("redirects by MAC", tests, ARRAY_LEN(tests));
}
