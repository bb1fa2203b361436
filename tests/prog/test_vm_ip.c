/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets for a moved VM's address, whatever they are addressed to below: the
 * fabric is routed and nobody there knows MAC addresses. And backends that are
 * VMs: what was built for them takes the same way.
 */
#include "lib/vms.h"
#include "lib/worlds.h"

#define GUE_IN                                     \
	ETH_IN("2")                                \
	" / ip4 src=10.1.0.254 dst=10.1.0.2 df / " \
	"udp sport=@ dport=6080 csum=0 / "
#define IPIP6_OUT ETH_OUT("1") " / ip6 src=fd02::fe dst=fd02::1 flow=@ / "
#define REWRITTEN ETH_OUT("7") " / "

#define BOUND ", addresses: [" VM4 ", \"" VM6 "\"]"

/* clang-format off */
#define WORLD                                                                  \
	HOSTS(HOST_GUE("old", "10.2.0.9", "") HOST_GUE("g", "10.1.0.2", "")    \
	      HOST_IPIP("i", "fd02::1", "")                                    \
	      HOST_MAC("r", "02:00:00:00:02:07", "out")                        \
	      HOST_VXLAN("v", "10.1.0.3", "") HOST_PORT("p", "out"))           \
	VMS(VM_AT(VM, "old", BOUND))
/* clang-format on */

/* As for backends, a tag stays where the packet leaves by the same device. */
static const struct {
	const char *host, *outer, *tagged;
} ways[] = {
	{ "g", GUE_IN,
	  ETH_IN("2") " / vlan 7 / ip4 src=10.1.0.254 dst=10.1.0.2 "
		      "df / udp sport=@ dport=6080 csum=0 / " },
	{ "i", IPIP6_OUT, IPIP6_OUT },
	{ "r", REWRITTEN, REWRITTEN },
};

/* Any protocol, whole or in pieces; the TTL is the only thing that changes. */
static const char *const packets[] = {
	"ip4 dst=" VM4 " ttl=%d id=77 df / udp dport=80 / fill 40",
	"ip4 dst=" VM4 " ttl=%d / tcp syn opts=020405b4",
	"ip4 dst=" VM4 " ttl=%d / icmp4 type=8 rest=7 / fill 56",
	"ip4 dst=" VM4 " ttl=%d / icmp4 type=3 code=1 ( ip4 src=" VM4 " dst=10.0.0.1 / udp )",
	"ip4 dst=" VM4 " ttl=%d mf id=9 / udp / fill 24",
	"ip4 dst=" VM4 " ttl=%d off=1480 id=9 / fill 24",
	"ip4 dst=" VM4 " ttl=%d opts=0101010101010101 / udp",
	"ip4 dst=" VM4 " ttl=%d proto=132 / fill 32",
	"ip4 dst=" VM4 " ttl=%d proto=50 / fill 60",
	"ip6 dst=" VM6 " hlim=%d flow=5 / udp dport=80 / fill 40",
	"ip6 dst=" VM6 " hlim=%d / tcp syn",
	"ip6 dst=" VM6 " hlim=%d / icmp6 type=128 rest=7 / fill 56",
	"ip6 dst=" VM6 " hlim=%d / frag mf id=9 / udp / fill 24",
	"ip6 dst=" VM6 " hlim=%d / frag off=1448 id=9 / fill 24",
	"ip6 dst=" VM6 " hlim=%d / hopopts / dstopts / routing / ah / tcp",
	"ip6 dst=" VM6 " hlim=%d next=132 / fill 32",
	"ip6 dst=" VM6 " hlim=%d next=59",
};

static void each_packet(const char *l2, const char *reason, const char *outer)
{
	char in[512], out[512], text[300];

	for (size_t k = 0; k < ARRAY_LEN(packets); k++) {
		snprintf(text, sizeof(text), packets[k], 9);
		snprintf(in, sizeof(in), "%s / %s", l2, text);
		snprintf(text, sizeof(text), packets[k], 8);
		snprintf(out, sizeof(out), "%s%s", outer, text);
		expect(in, reason, out);
		snprintf(text, sizeof(text), packets[k], 1);
		snprintf(in, sizeof(in), "%s / %s", l2, text);
		expect(in, "ttl-expired", NULL);
	}
}

static void every_way(void **state)
{
	world(WORLD);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		post_notice("move " VM " to %s", ways[i].host);
		each_packet("eth", "moved-ip", ways[i].outer);
		/* One tag at most. */
		each_packet("eth / vlan 7", "moved-ip", ways[i].tagged);
		/* To the VM's own MAC address: found by that. */
		each_packet("eth dst=" VM, "moved", ways[i].outer);
	}
	expect("eth / vlan 7 / vlan 8 / ip4 dst=" VM4 " / udp", "not-moved qinq", NULL);
}

/* What the fields of the outer header follow from the packet inside. */
static void outer_fields(void **state)
{
	world(WORLD);
	post_notice("move " VM " to g");
	for (int tos = 0; tos < 256; tos += 51) {
		char in[256], out[256];

		snprintf(in, sizeof(in),
			 "eth / ip4 dst=" VM4 " tos=%d ttl=9 / "
			 "udp",
			 tos);
		snprintf(out, sizeof(out),
			 ETH_IN("2") " / ip4 src=10.1.0.254 "
				     "dst=10.1.0.2 df tos=%d / udp sport=@ dport=6080 "
				     "csum=0 / ip4 dst=" VM4 " tos=%d ttl=8 / udp",
			 tos, tos);
		expect(in, "moved-ip", out);
	}
	/* Ethernet padding does not travel in the tunnel's lengths. */
	expect("eth / ip4 dst=" VM4 " ttl=9 / udp / pad 18", "moved-ip",
	       GUE_IN "ip4 dst=" VM4 " ttl=8 / udp / pad 18");
}

#define TENANT "52:54:00:12:34:60"
#define ROUTER "52:54:00:12:34:61"
#define TO_VM  "ip4 dst=" VM4 " ttl=9 / udp"
#define LEFT   "ip4 dst=" VM4 " ttl=8 / udp"
#define GUE_5                                               \
	ETH_IN("2")                                         \
	" / vlan 5 / ip4 src=10.1.0.254 dst=10.1.0.2 df / " \
	"udp sport=@ dport=6080 csum=0 / "

static void nobodys(const char *frame)
{
	expect(frame, "not-moved", NULL);
}

/*
 * Two tenants' VMs of one address. In a VLAN it is the one's that is in it;
 * without a tag, routed, it is nobody's as long as more than one has it.
 */
static void segments(void **state)
{
	world(HOSTS(HOST_GUE("old", "10.2.0.9", "")
		    HOST_GUE("g", "10.1.0.2", "") HOST_IPIP("i", "fd02::1", "")
		    HOST_MAC("r", "02:00:00:00:02:07", "out"))
	      VMS(VM_AT(VM, "old", ", vlan: 5" BOUND)));
	post_notice("move " VM " vlan 5 to g");
	expect("eth / vlan 5 / " TO_VM, "moved-ip", GUE_5 LEFT);
	expect("eth / " TO_VM, "moved-ip", GUE_IN LEFT);
	nobodys("eth / vlan 6 / " TO_VM);
	nobodys("eth / vlan 6 / ip6 dst=" VM6 " / udp");

	post_notice("add " TENANT " vlan 6 address " VM4 " address " VM6 " at old");
	expect("eth / vlan 5 / " TO_VM, "moved-ip", GUE_5 LEFT);
	expect("eth / vlan 6 / " TO_VM, "vm-here", NULL);
	nobodys("eth / " TO_VM);
	post_notice("move " TENANT " vlan 6 to i");
	expect("eth / vlan 5 / " TO_VM, "moved-ip", GUE_5 LEFT);
	expect("eth / vlan 6 / " TO_VM, "moved-ip", IPIP6_OUT LEFT);
	expect("eth / vlan 6 / ip6 dst=" VM6 " hlim=9 / udp", "moved-ip",
	       IPIP6_OUT "ip6 dst=" VM6 " hlim=8 / udp");
	nobodys("eth / " TO_VM);
	nobodys("eth / vlan 7 / " TO_VM);

	/* A third without a VLAN: what is in no other's. */
	post_notice("add " ROUTER " address " VM4 " at old");
	post_notice("move " ROUTER " to r");
	expect("eth / " TO_VM, "moved-ip", REWRITTEN LEFT);
	expect("eth / vlan 7 / " TO_VM, "moved-ip", REWRITTEN LEFT);
	expect("eth / vlan 5 / " TO_VM, "moved-ip", GUE_5 LEFT);
	expect("eth / vlan 6 / " TO_VM, "moved-ip", IPIP6_OUT LEFT);

	/* Whoever was there first goes: the others are found as before. */
	post_notice("leave " VM " vlan 5");
	expect("eth / vlan 6 / " TO_VM, "moved-ip", IPIP6_OUT LEFT);
	expect("eth / vlan 5 / " TO_VM, "moved-ip", REWRITTEN LEFT);
	post_notice("leave " ROUTER);
	expect("eth / " TO_VM, "moved-ip", IPIP6_OUT LEFT);
	expect("eth / vlan 6 / " TO_VM, "moved-ip", IPIP6_OUT LEFT);
	nobodys("eth / vlan 5 / " TO_VM);
}

/* Each link has a fe80::1, and no router brings it from another. */
static void of_a_link(void **state)
{
	world(HOSTS(HOST_GUE("old", "10.2.0.9", "")
		    HOST_GUE("g", "10.1.0.2", ""))
	      VMS(VM_AT(VM, "old", ", addresses: [\"fe80::1\", \"" VM6 "\"]")));
	post_notice("move " VM " to g");
	nobodys("eth / ip6 dst=fe80::1 / udp");
	nobodys("eth / vlan 5 / ip6 dst=fe80::1 / udp");
	expect("eth / ip6 dst=" VM6 " hlim=9 / udp", "moved-ip",
	       GUE_IN "ip6 dst=" VM6 " hlim=8 / udp");
	/* In its own link it is found by its MAC. */
	expect("eth dst=" VM " / ip6 dst=fe80::1 hlim=9 / udp", "moved",
	       GUE_IN "ip6 dst=fe80::1 hlim=8 / udp");
}

/* As many as there are VLANs; each is found, whoever came before or has gone. */
static void many_segments(void **state)
{
	__u16 vlan;

	world(HOSTS(HOST_GUE("old", "10.2.0.9", "") HOST_IPIP("i", "fd02::1",
	      "")));
	for (vlan = 1; vlan <= 200; vlan++) {
		post_notice("add " VM " vlan %u address " VM4 " at old", vlan);
		post_notice("move " VM " vlan %u to i", vlan);
	}
	for (vlan = 1; vlan <= 200; vlan++) {
		char frame[128];

		snprintf(frame, sizeof(frame), "eth / vlan %u / " TO_VM, vlan);
		expect(frame, "moved-ip", IPIP6_OUT LEFT);
		/* The first are those that are found without their VLAN. */
		post_notice("leave " VM " vlan %u", vlan);
		nobodys(frame);
		if (vlan == 199)
			expect("eth / " TO_VM, "moved-ip", IPIP6_OUT LEFT);
		else
			nobodys("eth / " TO_VM);
	}
}

/* Hosts that take frames, not packets, say nothing about addresses. */
static void other_hosts(void **state)
{
	world(WORLD);
	post_notice("move " VM " to v");
	expect("eth / ip4 dst=" VM4 " / udp", "vm-here", NULL);
	expect("eth / ip6 dst=" VM6 " / udp", "vm-here", NULL);
	post_notice("move " VM " to p");
	expect("eth / ip4 dst=" VM4 " / udp", "vm-here", NULL);
	/* Nobody's address; nobody's any more; a VM that did not move. */
	post_notice("move " VM " to g");
	expect("eth / ip4 dst=10.9.0.11 / udp", "not-moved", NULL);
	expect("eth / ip4 src=" VM4 " / udp", "not-moved", NULL);
	expect("eth / ip6 dst=fd09::11 / udp", "not-moved", NULL);
	expect("eth / ip6 dst=::ffff:10.9.0.10 / udp", "not-moved", NULL);
	post_notice("leave " VM);
	expect("eth / ip4 dst=" VM4 " / udp", "not-moved", NULL);
	post_notice("add " VM " address " VM4 " at g");
	expect("eth / ip4 dst=" VM4 " / udp", "vm-here", NULL);
	expect("eth / ip6 dst=" VM6 " / udp", "not-moved", NULL);
}

static void not_sound(void **state)
{
	static const char *const packets[] = {
		"ip4 dst=" VM4 " len=9000 / udp",
		"ip4 dst=" VM4 " len=10 / udp",
		"ip4 dst=" VM4 " ihl=4 / udp",
		"ip4 dst=" VM4 " ihl=15 / udp",
		"ip4 dst=" VM4 " version=6 / udp / fill 40",
		"ip6 dst=" VM6 " len=9000 / udp",
		"ip6 dst=" VM6 " version=4 / udp",
	};

	world(WORLD);
	post_notice("move " VM " to g");
	for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
		struct result r = run_text("eth / %s", packets[i]);

		assert_int_equal(r.action, XDP_PASS);
	}
	for (int n = 14; n < 34; n++) {
		struct result r = run_text("eth / ip4 dst=" VM4 " / udp / "
					   "cut %d",
					   n);

		assert_int_equal(r.action, XDP_PASS);
	}
	for (int n = 14; n < 54; n++) {
		struct result r = run_text("eth / ip6 dst=" VM6 " / udp / "
					   "cut %d",
					   n);

		assert_int_equal(r.action, XDP_PASS);
	}
}

/* Found by its address, a packet is routed on; found by the VM's MAC, bridged. */
static void martians(void **state)
{
	static const char *const v4[] = { "0.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255",
					  VM4 };
	static const char *const v6[] = { "::", "::1", "ff02::1", "::ffff:10.0.0.1", VM6 };
	char in[128];

	world(WORLD);
	post_notice("move " VM " to g");
	for (size_t i = 0; i < ARRAY_LEN(v4); i++) {
		snprintf(in, sizeof(in), "eth / ip4 src=%s dst=" VM4 " / udp", v4[i]);
		expect(in, "martian", NULL);
		snprintf(in, sizeof(in), "eth / vlan 7 / ip6 src=%s dst=" VM6 " / tcp syn", v6[i]);
		expect(in, "martian", NULL);
		snprintf(in, sizeof(in), "eth dst=" VM " / ip4 src=%s dst=" VM4 " / udp", v4[i]);
		expect(in, "moved", NULL);
	}
	assert_int_equal(vm_live(VM, 0)->hits, ARRAY_LEN(v4));
	/* The redirect over, or by whole frames: left alone, as ever. */
	post_notice("move " VM " to v");
	expect("eth / ip4 src=127.0.0.1 dst=" VM4 " / udp", "vm-here", NULL);
}

static void too_large(void **state)
{
	struct packet want;
	struct result r;

	world(RATE("65535") HOSTS(HOST_GUE("old", "10.2.0.9", "")
				  HOST_GUE("far", "10.3.0.1", ""))
	      VMS(VM_AT(VM, "old", BOUND)));
	post_notice("move " VM " to far");
	r = run_text("eth / ip4 dst=" VM4 " df / udp / fill %d", 1372 - 28);
	check_reasons(&r, "moved-ip");
	r = run_text("eth / ip4 dst=" VM4 " df / udp / fill %d", 1373 - 28);
	check_reasons(&r, "too-big-reply");
	want = packet("eth src=02:00:00:00:00:02 dst=02:00:00:00:00:01 / "
		      "ip4 src=" VM4 " dst=10.0.0.1 / icmp4 type=3 code=4 "
		      "mtu=1372 ( ip4 dst=" VM4 " df / udp / fill 1345 / "
		      "cut 548 )");
	check_packet(&want, &r.out);
	r = run_text("eth / ip6 dst=" VM6 " / udp / fill %d", 1373 - 48);
	check_reasons(&r, "too-big-reply");
	want = packet("eth src=02:00:00:00:00:02 dst=02:00:00:00:00:01 / "
		      "ip6 src=" VM6 " dst=fd00::1 / icmp6 type=2 "
		      "mtu=1372 ( ip6 dst=" VM6 " / udp / fill 1325 / "
		      "cut 1232 )");
	check_packet(&want, &r.out);
}

/* It ages, counts and stops as by MAC. */
static void ageing(void **state)
{
	size_t len = packet("eth / ip4 dst=" VM4 " / udp").len;
	struct packet late;

	world(WORLD);
	post_notice("move " VM " to g ttl 30");
	world_set_tick(vm_live(VM, 0)->last + 29);
	expect("eth / ip4 dst=" VM4 " / udp", "moved-ip", NULL);
	expect("eth / ip4 dst=" VM4 " / udp", "moved-ip", NULL);
	world_set_tick(vm_live(VM, 0)->last + 29);
	expect("eth / ip6 dst=" VM6 " / udp", "moved-ip", NULL);
	assert_int_equal(vm_live(VM, 0)->hits, 3);
	assert_int_equal(host_count("g").packets, 3);
	assert_int_equal(host_count("g").bytes, 2 * len + packet("eth / ip6 / udp").len);
	world_set_tick(vm_live(VM, 0)->last + 32);
	late = packet("eth / ip4 dst=" VM4 " / udp");
	expect_verdict(&late, "vm-here");
}

/* ---- backends that are VMs ---- */

#define BACKEND_VM "02:00:00:00:01:04"

/* clang-format off */
#define BACKEND_WORLD(how)                                                     \
	VIPS "backends:\n" BACKEND("b", ALL_VIPS) "    address: 10.1.0.4\n"    \
	"    forward: " how "\n    vm: {mac: \"" BACKEND_VM "\"}\n"            \
	HOSTS(HOST_PORT("old", "in") HOST_VXLAN("v", "10.2.0.3", "")           \
	      HOST_PORT("p", "out") HOST_GUE("g", "10.2.0.2", "")              \
	      HOST_MAC("r", "02:00:00:00:02:07", "out")                        \
	      HOST_VXLAN("far", "10.3.0.1", ""))                               \
	VMS(VM_AT(BACKEND_VM, "old", ", addresses: [10.1.0.4]"))
/* clang-format on */

#define V_OUT                                                \
	ETH_OUT("3")                                         \
	" / ip4 src=10.2.0.254 dst=10.2.0.3 df id=0x7800 / " \
	"udp sport=@ dport=4789 csum=0 / vxlan 100 / "

#define REQUEST  "eth / ip4 ttl=9 id=3 / tcp syn"
#define BUILT_L2 ETH_IN("4") " / ip4 ttl=8 id=3 / tcp syn"
#define BUILT_GUE                                  \
	ETH_IN("4")                                \
	" / ip4 src=10.1.0.254 dst=10.1.0.4 df / " \
	"udp sport=50000 dport=6080 csum=0 / ip4 ttl=8 id=3 / tcp syn"

/* Sent on, with this packet; by which of the reasons is not looked at. */
static struct result sent(const char *in)
{
	struct result r = run_text("%s", in);

	if (reason_kind(r.verdict) != XR_KIND_TX)
		fail_msg("not sent: %d", r.verdict);
	return r;
}

/* The outer source ports follow from a key: what came stands for them. */
static void check_sent(const char *in, const char *out)
{
	struct packet want = packet("%s", out);
	struct result r = sent(in);

	for (int i = 0; i < want.layers; i++)
		if (!strcmp(want.layer[i].word, "udp"))
			memcpy(want.data + want.layer[i].start, r.out.data + want.layer[i].start,
			       2);
	check_packet(&want, &r.out);
}

static void backend_l2(void **state)
{
	world(BACKEND_WORLD("l2"));
	check_sent(REQUEST, BUILT_L2);
	post_notice("move " BACKEND_VM " to v");
	check_sent(REQUEST,
		   ETH_OUT("3") " / ip4 src=10.2.0.254 dst=10.2.0.3 df id=0x7800 / "
				"udp sport=0 dport=4789 csum=0 / vxlan 100 / " BUILT_L2);
	assert_int_equal(sent(REQUEST).action, XDP_REDIRECT);
	post_notice("move " BACKEND_VM " to p");
	check_sent(REQUEST, BUILT_L2);
	assert_int_equal(sent(REQUEST).action, XDP_REDIRECT);
	post_notice("move " BACKEND_VM " to g");
	check_sent(REQUEST,
		   ETH_OUT("2") " / ip4 src=10.2.0.254 dst=10.2.0.2 df / "
				"udp sport=0 dport=6080 csum=0 / ip4 ttl=7 id=3 / tcp syn");
	post_notice("move " BACKEND_VM " to r");
	check_sent(REQUEST, ETH_OUT("7") " / ip4 ttl=7 id=3 / tcp syn");
	assert_int_equal(vm_live(BACKEND_VM, 0)->hits, 6);
	post_notice("leave " BACKEND_VM);
	check_sent(REQUEST, BUILT_L2);
}

static void backend_gue(void **state)
{
	world(BACKEND_WORLD("gue"));
	check_sent(REQUEST, BUILT_GUE);
	post_notice("move " BACKEND_VM " to v");
	check_sent(REQUEST,
		   ETH_OUT("3") " / ip4 src=10.2.0.254 dst=10.2.0.3 df id=0x7800 / "
				"udp sport=0 dport=4789 csum=0 / vxlan 100 / " BUILT_GUE);
	post_notice("move " BACKEND_VM " to p");
	check_sent(REQUEST, BUILT_GUE);
	post_notice("move " BACKEND_VM " to g");
	check_sent(REQUEST,
		   ETH_OUT("2") " / ip4 src=10.2.0.254 dst=10.2.0.2 df / "
				"udp sport=0 dport=6080 csum=0 / "
				"ip4 src=10.1.0.254 dst=10.1.0.4 df ttl=63 / "
				"udp sport=50000 dport=6080 csum=0 / ip4 ttl=8 id=3 / "
				"tcp syn");
}

/* Connections go with it: by their IDs, and by what the flow table says. */
static void backend_by_cid_and_flow(void **state)
{
	static const struct {
		const char *in, *reason;
	} packets[] = {
		{ "eth / ip4 / udp / quic short dcid=07020202aabbccdd", "cid" },
		{ "eth / ip6 / udp / quic short dcid=07020202aabbccdd", "cid" },
		{ "eth / ip4 / tcp sport=7 ack", "flow" },
		{ "eth / ip6 / tcp sport=7 ack", "flow" },
	};
	struct result r;

	world(FLOW_VIPS CIDS "backends:\n"
	      BACKEND("b", ALL_VIPS) "    address: 10.1.0.4\n    forward: gue\n"
	      "    server_ids: [\"020202\"]\n"
	      "    vm: {mac: \"" BACKEND_VM "\"}\n"
	      HOSTS(HOST_PORT("old", "in") HOST_VXLAN("v", "10.2.0.3", "")
		    HOST_VXLAN("w", "10.2.0.5", ""))
	      VMS(VM_AT(BACKEND_VM, "old", "")));
	run_text("eth / ip4 / tcp sport=7 syn");
	run_text("eth / ip6 / tcp sport=7 syn");
	for (int moves = 0; moves < 3; moves++) {
		static const char *const to[] = { "10.1.0.4", "10.2.0.3", "10.2.0.5" };

		if (moves)
			post_notice("move " BACKEND_VM " to %s", moves > 1 ? "w" : "v");
		for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
			r = run_text("%s", packets[i].in);
			check_reasons(&r, packets[i].reason);
			assert_string_equal(outer_dst(&r), to[moves]);
		}
	}
}

/* The path carries both headers, or neither. */
static void backend_too_large(void **state)
{
	struct result r;

	world(RATE("65535") BACKEND_WORLD("gue"));
	post_notice("move " BACKEND_VM " to far");
	/* 1400 - 50 for the frame, of which 14 + 28 are the first tunnel's. */
	r = run_text("eth / ip4 df / tcp ack / fill %d", 1400 - 50 - 28 - 40);
	assert_int_equal(reason_kind(r.verdict), XR_KIND_TX);
	r = run_text("eth / ip4 df / tcp ack / fill %d", 1400 - 50 - 28 - 40 + 1);
	assert_int_equal(r.verdict, XR_R_TOO_BIG_REPLY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_way),
		TEST(outer_fields),
		TEST(segments),
		TEST(of_a_link),
		TEST(many_segments),
		TEST(other_hosts),
		TEST(not_sound),
		TEST(martians),
		TEST(too_large),
		TEST(ageing),
		TEST(backend_l2),
		TEST(backend_gue),
		TEST(backend_by_cid_and_flow),
		TEST(backend_too_large),
	};

	return harness_main("redirects by address", tests, ARRAY_LEN(tests));
}
