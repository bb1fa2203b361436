/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How packets leave: every method over either family, out of the same device
 * and another. Whole packets are compared; an octet of an outer header that
 * nobody wrote would be 0xff.
 */
#include <arpa/inet.h>
#include "lib/harness.h"
#include "lib/worlds.h"

/* Two clients' packets, and what is left of them when they are sent on. */
#define IN4   "ip4 ttl=9 tos=%d id=77 df / udp dport=80 / fill 40"
#define SENT4 "ip4 ttl=8 tos=%d id=77 df / udp dport=80 / fill 40"
#define IN6   "ip6 hlim=9 tc=%d flow=0x54321 / tcp ack seq=5 / fill 40"
#define SENT6 "ip6 hlim=8 tc=%d flow=0x54321 / tcp ack seq=5 / fill 40"

enum { FOUR = 1, SIX = 2, BOTH = 3 };

static const struct way {
	const char *name;
	const char *backend; /* the rest of the backend's configuration */
	int vips;            /* which VIPs' packets can travel so */
	const char *outer;   /* what stands before the client's IP header */
} ways[] = {
	{ "IPIP over IPv4", "address: 10.1.0.1\n    forward: ipip", FOUR,
	  ETH_IN("1") " / ip4 src=10.1.0.254 dst=10.1.0.1 df tos=%d" },
	{ "IPIP over IPv4, other device", "address: 10.2.0.1\n    forward: ipip", FOUR,
	  ETH_OUT("1") " / ip4 src=10.2.0.254 dst=10.2.0.1 df tos=%d" },
	{ "IPIP over IPv6", "address: \"fd01::1\"\n    forward: ipip", BOTH,
	  ETH_IN("1") " / ip6 src=fd01::fe dst=fd01::1 tc=%d flow=@" },
	{ "IPIP over IPv6, other device", "address: \"fd02::1\"\n    forward: ipip", BOTH,
	  ETH_OUT("1") " / ip6 src=fd02::fe dst=fd02::1 tc=%d flow=@" },
	{ "GUE over IPv4", "address: 10.1.0.2\n    forward: gue", BOTH,
	  ETH_IN("2") " / ip4 src=10.1.0.254 dst=10.1.0.2 df tos=%d / "
		      "udp sport=@ dport=6080 csum=0" },
	{ "GUE over IPv4, other device", "address: 10.2.0.2\n    forward: gue", BOTH,
	  ETH_OUT("2") " / ip4 src=10.2.0.254 dst=10.2.0.2 df tos=%d / "
		       "udp sport=@ dport=6080 csum=0" },
	{ "GUE over IPv6", "address: \"fd01::2\"\n    forward: gue", BOTH,
	  ETH_IN("2") " / ip6 src=fd01::fe dst=fd01::2 tc=%d flow=@ / "
		      "udp sport=@ dport=6080 csum=0" },
	{ "VXLAN over IPv4",
	  "address: 10.1.0.3\n    forward: vxlan\n    vni: 66051\n"
	  "    mac: \"02:aa:00:00:00:01\"",
	  BOTH,
	  ETH_IN("3") " / ip4 src=10.1.0.254 dst=10.1.0.3 df tos=%d / "
		      "udp sport=@ dport=4789 csum=0 / vxlan 66051 / "
		      "eth src=02:78:72:00:00:01 dst=02:aa:00:00:00:01" },
	{ "VXLAN over IPv6, other device",
	  "address: \"fd02::3\"\n    forward: vxlan\n    vni: 16777215\n"
	  "    mac: \"02:aa:00:00:00:01\"",
	  BOTH,
	  ETH_OUT("3") " / ip6 src=fd02::fe dst=fd02::3 tc=%d flow=@ / "
		       "udp sport=@ dport=4789 csum=0 / vxlan 16777215 / "
		       "eth src=02:78:72:00:00:01 dst=02:aa:00:00:00:01" },
	{ "L2", "address: 10.1.0.4\n    forward: l2", BOTH, ETH_IN("4") },
	{ "L2, other device", "address: 10.2.0.4\n    forward: l2", BOTH, ETH_OUT("4") },
	{ "L2 by IPv6 address", "address: \"fd01::4\"\n    forward: l2", BOTH, ETH_IN("4") },
};

/* The first makes the world, the others change it, which is much quicker. */
static void world_of(const struct way *w)
{
	/* clang-format off */
	(world_plane() ? world_apply : world)(
		VIPS "backends:\n" BACKEND("b", "%s") "    %s\n",
		w->vips == BOTH ? ALL_VIPS : VIPS4, w->backend);
	/* clang-format on */
}

/* Text of a packet out; every %d in the pieces is the TOS octet. */
static void one_way(const struct way *w, const char *l2_in, const char *in, const char *out,
		    int tos)
{
	char fmt[2048], text_in[2048], text_out[2048];

	snprintf(fmt, sizeof(fmt), "%s / %s", l2_in, in);
	snprintf(text_in, sizeof(text_in), fmt, tos);
	snprintf(fmt, sizeof(fmt), "%s / %s", w->outer, out);
	snprintf(text_out, sizeof(text_out), fmt, tos, tos);
	if (!strchr(w->outer, '%'))
		snprintf(text_out, sizeof(text_out), fmt, tos);
	expect(text_in, "hash", text_out);
}

static void each_method(void **state)
{
	static const int tos[] = { 0, 1, 2, 3, 0xb8, 0xff };

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		world_of(&ways[i]);
		for (size_t t = 0; t < ARRAY_LEN(tos); t++) {
			if (ways[i].vips & FOUR)
				one_way(&ways[i], "eth", IN4, SENT4, tos[t]);
			if (ways[i].vips & SIX)
				one_way(&ways[i], "eth", IN6, SENT6, tos[t]);
		}
	}
}

/* Two nodes on a segment would send a flooded frame to and fro. */
static void flooded(void **state)
{
	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.1.0.4\n    forward: l2\n");
	expect("eth dst=02:00:00:00:01:04 / ip4 / tcp syn", "flooded", NULL);
	expect("eth dst=02:00:00:00:01:04 / ip6 / tcp syn", "flooded", NULL);
	expect("eth dst=02:00:00:00:01:04 / vlan 5 / ip4 / tcp syn", "flooded", NULL);
	expect("eth dst=02:00:00:00:01:05 / ip4 ttl=9 / tcp syn", "hash",
	       ETH_IN("4") " / ip4 ttl=8 / tcp syn");
	/* In a tunnel it is addressed to the backend's IP address. */
	world_apply(VIPS "backends:\n" BACKEND("b", VIPS4)
		    "    address: 10.1.0.4\n");
	expect("eth dst=02:00:00:00:01:04 / ip4 ttl=9 / tcp syn", "hash",
	       ETH_IN("4") " / ip4 src=10.1.0.254 dst=10.1.0.4 df / "
			   "ip4 ttl=8 / tcp syn");
}

/* Ethernet padding does not travel in the tunnel's length, nor harm it. */
static void padding(void **state)
{
	world(VIPS "backends:\n" BACKEND("b", VIPS4) "    address: 10.1.0.1\n");
	expect("eth / ip4 ttl=9 / tcp syn / pad 6", "hash",
	       ETH_IN("1") " / ip4 src=10.1.0.254 dst=10.1.0.1 df / "
			   "ip4 ttl=8 / tcp syn / pad 6");
}

#define GUE_IN                                  \
	"ip4 src=10.1.0.254 dst=10.1.0.1 df / " \
	"udp sport=@ dport=6080 csum=0 / "
#define GUE_OUT                                 \
	"ip4 src=10.2.0.254 dst=10.2.0.1 df / " \
	"udp sport=@ dport=6080 csum=0 / "

/*
 * Tags stay where the packet leaves by the device it came from, and go where
 * it leaves by another, whose VLANs are not this one's.
 */
static void vlan_tags(void **state)
{
	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.1.0.1\n    forward: gue\n");
	expect("eth / vlan 5 pcp=3 / ip4 ttl=9 / tcp syn", "hash",
	       ETH_IN("1") " / vlan 5 pcp=3 / " GUE_IN "ip4 ttl=8 / tcp syn");
	expect("eth / vlan 5 tpid=0x88a8 / vlan 6 / ip6 / tcp syn", "hash",
	       ETH_IN("1") " / vlan 5 tpid=0x88a8 / vlan 6 / " GUE_IN "ip6 hlim=63 / tcp syn");

	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.2.0.1\n    forward: gue\n");
	expect("eth / vlan 5 pcp=3 / ip4 ttl=9 / tcp syn", "hash",
	       ETH_OUT("1") " / " GUE_OUT "ip4 ttl=8 / tcp syn");
	expect("eth / vlan 5 tpid=0x88a8 / vlan 6 / ip6 / tcp syn", "hash",
	       ETH_OUT("1") " / " GUE_OUT "ip6 hlim=63 / tcp syn");

	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: \"fd02::1\"\n    forward: ipip\n");
	expect("eth / vlan 5 / vlan 6 / ip4 ttl=9 / tcp syn", "hash",
	       ETH_OUT("1") " / ip6 src=fd02::fe dst=fd02::1 flow=@ / "
			    "ip4 ttl=8 / tcp syn");

	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.1.0.1\n    forward: l2\n");
	expect("eth / vlan 5 / vlan 6 / ip4 ttl=9 / tcp syn", "hash",
	       ETH_IN("1") " / vlan 5 / vlan 6 / ip4 ttl=8 / tcp syn");
	expect("eth / vlan 5 / ip6 / tcp syn", "hash",
	       ETH_IN("1") " / vlan 5 / ip6 hlim=63 / tcp syn");

	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.2.0.1\n    forward: l2\n");
	expect("eth / vlan 5 / vlan 6 / ip4 ttl=9 / tcp syn", "hash",
	       ETH_OUT("1") " / ip4 ttl=8 / tcp syn");
	expect("eth / vlan 5 / ip6 / tcp syn", "hash", ETH_OUT("1") " / ip6 hlim=63 / tcp syn");
}

/* Options and extension headers travel inside, as they came. */
static void inner_headers(void **state)
{
	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.1.0.1\n    forward: gue\n");
	expect("eth / ip4 opts=0101010101010101 / tcp syn opts=020405b4", "hash",
	       ETH_IN("1") " / " GUE_IN "ip4 ttl=63 opts=0101010101010101 / tcp syn opts=020405b4");
	expect("eth / ip6 / hopopts / dstopts / frag id=9 / tcp syn", "hash",
	       ETH_IN("1") " / " GUE_IN "ip6 hlim=63 / hopopts / dstopts / frag id=9 / tcp syn");
}

/* Ports, sources and devices that are not the usual ones. */
static void options(void **state)
{
	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.1.0.1\n    forward: gue\n    port: 7777\n");
	expect("eth / ip6 / tcp syn", "hash",
	       ETH_IN("1") " / ip4 src=10.1.0.254 dst=10.1.0.1 df / "
			   "udp sport=@ dport=7777 csum=0 / ip6 hlim=63 / tcp syn");

	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.1.0.1\n    forward: vxlan\n    port: 8472\n"
	      "    vni: 0\n    mac: \"02:aa:00:00:00:01\"\n");
	expect("eth / ip4 / tcp syn", "hash",
	       ETH_IN("1") " / ip4 src=10.1.0.254 dst=10.1.0.1 df / "
			   "udp sport=@ dport=8472 csum=0 / vxlan 0 / "
			   "eth src=02:78:72:00:00:01 dst=02:aa:00:00:00:01 / "
			   "ip4 ttl=63 / tcp syn");

	/* One fixed source: a prefix without host bits. */
	world(VIPS POLICY("source: 198.18.0.9/32, source6: \"fd77::7/128\"")
	      "backends:\n" BACKEND("b", VIPS4) "    address: 10.1.0.1\n");
	expect("eth / ip4 / tcp syn", "hash",
	       ETH_IN("1") " / ip4 src=198.18.0.9 dst=10.1.0.1 df / "
			   "ip4 ttl=63 / tcp syn");
	world(VIPS POLICY("source: 198.18.0.9/32, source6: \"fd77::7/128\"")
	      "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: \"fd01::1\"\n");
	expect("eth / ip6 / tcp syn", "hash",
	       ETH_IN("1") " / ip6 src=fd77::7 dst=fd01::1 flow=@ / "
			   "ip6 hlim=63 / tcp syn");

	/* A server that no neighbour entry is needed for. */
	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.2.0.200\n    forward: l2\n    dev: out\n"
	      "    mac: \"02:00:00:00:02:77\"\n");
	expect("eth / ip4 / tcp syn", "hash",
	       "eth src=" MAC_OUT " dst=02:00:00:00:02:77 / ip4 ttl=63 / "
	       "tcp syn");
	world_set_tick(world_tick() + 100);
	expect("eth / ip4 / tcp syn", "hash",
	       "eth src=" MAC_OUT " dst=02:00:00:00:02:77 / ip4 ttl=63 / "
	       "tcp syn");

	/* Out of one device, though the route says another. */
	shell("ip route add 10.8.0.1/32 via 10.1.0.3");
	shell("ip route add 10.8.0.1/32 via 10.2.0.3 metric 100");
	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.8.0.1\n    forward: gue\n    dev: out\n");
	for (int i = 0; i < 2; i++) {
		expect("eth / ip4 / tcp syn", "hash",
		       ETH_OUT("3") " / ip4 src=10.2.0.254 dst=10.8.0.1 df / "
				    "udp sport=@ dport=6080 csum=0 / ip4 ttl=63 / tcp syn");
		world_set_tick(world_tick() + 100);
	}
	shell("ip route del 10.8.0.1/32 via 10.1.0.3");
	shell("ip route del 10.8.0.1/32 via 10.2.0.3");
}

/* A frame of several buffers, of which the program sees the first. */
static void jumbo_frames(void **state)
{
	shell("ip link set in mtu 9000; ip link set out mtu 9000");
	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.1.0.1\n    forward: gue\n");
	expect("eth / ip4 / tcp ack / fill 3980", "hash",
	       ETH_IN("1") " / " GUE_IN "ip4 ttl=63 / tcp ack / fill 3980");
	expect("eth / vlan 5 / ip6 / tcp ack / fill 3900", "hash",
	       ETH_IN("1") " / vlan 5 / " GUE_IN "ip6 hlim=63 / tcp ack / fill 3900");
	expect("eth / ip4 len=+1 / tcp ack / fill 3980", "malformed-ip", NULL);
	expect("eth / ip4 dst=192.0.2.9 / tcp ack / fill 3980", "not-vip", NULL);
	shell("ip link set in mtu 1500; ip link set out mtu 1500");
}

/* The checksum is changed, not computed anew: all its carries. */
static void ttl_and_checksum(void **state)
{
	char in[128], out[256];

	world(VIPS "backends:\n" BACKEND("b", VIPS4) "    address: 10.1.0.1\n"
	      "    forward: l2\n");
	for (int id = 0; id < 65536; id += 31) {
		int ttl = 2 + id % 254;

		snprintf(in, sizeof(in), "eth / ip4 id=%d ttl=%d / tcp syn", id, ttl);
		snprintf(out, sizeof(out), ETH_IN("1") " / ip4 id=%d ttl=%d / tcp syn", id,
			 ttl - 1);
		expect(in, "hash", out);
	}
	/* Checksums at both ends of their range: an ID makes any of them. */
	for (int want = 0xfe00; want < 0x10100; want++) {
		struct packet p = packet("eth / ip4 ttl=2 / tcp syn");
		int id = ntohs(ip4_of(&p)->csum) - (want & 0xffff);

		id = id < 0 ? id + 0xffff : id;
		snprintf(in, sizeof(in), "eth / ip4 id=%d ttl=2 / tcp syn", id);
		snprintf(out, sizeof(out), ETH_IN("1") " / ip4 id=%d ttl=1 / tcp syn", id);
		expect(in, "hash", out);
	}
}

/* Fields of the outer headers that differ from flow to flow. */
static __u32 outer_sport(const struct packet *p)
{
	return ntohs(udp_of(p)->sport);
}

static __u32 outer_flow_label(const struct packet *p)
{
	return ip6_flow_label(ip6_of(p));
}

static __u32 outer_source_prefix(const struct packet *p)
{
	const __u8 *src = ip4_of(p)->src;

	return src[0] << 8 | src[1];
}

static __u32 outer_source_rest(const struct packet *p)
{
	const __u8 *src = ip4_of(p)->src;

	return src[2] << 8 | src[3];
}

/* How many values a field has over 64 flows; within each it must have one. */
static size_t distinct(const char *fmt, __u32 (*field)(const struct packet *p))
{
	__u32 seen[64];
	size_t n = 0;

	for (int i = 0; i < 64; i++) {
		struct packet p = packet(fmt, 1000 + i);
		struct result a = run(&p), b = run(&p);
		__u32 v = field(&a.out);
		size_t k = 0;

		check_packet(&a.out, &b.out);
		while (k < n && seen[k] != v)
			k++;
		if (k == n)
			seen[n++] = v;
	}
	return n;
}

static void ecmp_spread(void **state)
{
	static const char *const flows[] = {
		"eth / ip4 / tcp sport=%d ack",
		"eth / ip6 / tcp sport=%d ack",
		"eth / ip4 / udp sport=%d / quic long dcid=77",
		/* A CID hit has a 4-tuple, too. */
		"eth / ip4 / udp sport=%d / quic short dcid=07020202aabbccdd",
	};

	for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
		world(VIPS CIDS "backends:\n" BACKEND("b", ALL_VIPS)
		      "    server_ids: [\"020202\"]\n"
		      "    address: 10.1.0.1\n    forward: gue\n");
		assert_true(distinct(flows[i], outer_sport) > 55);

		world(VIPS CIDS "backends:\n" BACKEND("b", ALL_VIPS)
		      "    server_ids: [\"020202\"]\n"
		      "    address: \"fd01::1\"\n    forward: ipip\n");
		assert_true(distinct(flows[i], outer_flow_label) > 55);

		/* IPIP over IPv4 has nothing but addresses. */
		if (strstr(flows[i], "ip6"))
			continue;
		world(VIPS CIDS SOURCE_RANGE "backends:\n" BACKEND("b", VIPS4)
		      "    server_ids: [\"020202\"]\n"
		      "    address: 10.1.0.1\n    forward: ipip\n");
		assert_true(distinct(flows[i], outer_source_rest) > 55);
		assert_int_equal(distinct(flows[i], outer_source_prefix), 1);
	}
}

/* ---- the next hop ---- */

/* What makes the kernel ask for the next hop: nothing in it is answered. */
#define QUESTION4(addr) "eth / ip4 src=" addr " dst=" addr " / icmp4 type=3 code=1"
#define QUESTION6(addr) "eth / ip6 src=" addr " dst=" addr " next=59"

/* The packet is given to the kernel as a question. */
static void expect_question(const char *in, const char *question)
{
	struct result r = run_text("%s", in);
	struct packet want = packet("%s", question);

	check_reasons(&r, "asked");
	check_packet(&want, &r.out);
}

static void unreachable(void **state)
{
	world(VIPS "backends:\n" BACKEND("b", VIPS4) "    address: 10.9.0.1\n");
	expect("eth / ip4 / tcp syn", "no-route", NULL);
	world(VIPS "backends:\n" BACKEND("b", VIPS4) "    address: 10.1.0.99\n");
	expect_question("eth / ip4 / tcp syn", QUESTION4("10.1.0.99"));
	/* One a second. */
	expect("eth / ip4 / tcp syn", "no-neighbour", NULL);
	world_set_tick(world_tick() + 1);
	expect_question("eth / ip4 / tcp syn", QUESTION4("10.1.0.99"));
	expect("eth / ip4 / tcp syn", "no-neighbour", NULL);

	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS) "    address: \"fd01::99\"\n");
	expect_question("eth / ip6 / tcp syn", QUESTION6("fd01::99"));
	expect("eth / ip6 / tcp syn", "no-neighbour", NULL);
}

/* Whatever the packet: tags, jumbo frames, the other family, any method. */
static void questions(void **state)
{
	static const char *const methods[] = { "ipip", "gue", "l2" };

	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		world(VIPS "backends:\n" BACKEND("b", "%s")
		      "    address: 10.1.0.99\n    forward: %s\n",
		      i ? ALL_VIPS : VIPS4, methods[i]);
		expect_question("eth / vlan 5 / vlan 6 / ip4 / tcp syn / fill 1000",
				QUESTION4("10.1.0.99"));
		if (strcmp(methods[i], "gue"))
			continue;
		world_set_tick(world_tick() + 1);
		expect_question("eth / ip6 / tcp syn", QUESTION4("10.1.0.99"));
	}
	/* It may be shorter than the question. */
	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS) "    address: \"fd01::99\"\n");
	expect_question("eth / ip4 / udp dport=80", QUESTION6("fd01::99"));

	/* By another device: the client's address is what is expected here. */
	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS) "    address: 10.2.0.99\n"
	      "    forward: gue\n");
	expect_question("eth / ip4 / tcp syn",
			"eth / ip4 src=10.0.0.1 dst=10.2.0.99 / icmp4 type=3 code=1");
	world_set_tick(world_tick() + 1);
	expect_question("eth / ip6 / tcp syn", QUESTION4("10.2.0.99"));
}

#define OUT1 "ip4 src=10.1.0.254 dst=10.1.0.1 df / ip4 ttl=63 / tcp syn"

/* What changes in the kernel's tables is followed, within a second or two. */
static void next_hop_changes(void **state)
{
	world(VIPS "backends:\n" BACKEND("b", VIPS4) "    address: 10.1.0.1\n");
	expect("eth / ip4 / tcp syn", "hash", ETH_IN("1") " / " OUT1);

	/* The kernel may doubt it: it is to make sure. */
	shell("ip neigh replace 10.1.0.1 lladdr 02:00:00:00:01:77 dev in "
	      "nud permanent");
	world_set_tick(world_tick() + 100);
	expect_question("eth / ip4 / tcp syn",
			"eth / ip4 src=10.1.0.1 dst=10.1.0.1 / icmp4 type=3 code=1");
	expect("eth / ip4 / tcp syn", "hash", "eth src=" MAC_IN " dst=02:00:00:00:01:77 / " OUT1);
	world_set_tick(world_tick() + 100);
	expect("eth / ip4 / tcp syn", "hash fib",
	       "eth src=" MAC_IN " dst=02:00:00:00:01:77 / " OUT1);
	expect("eth / ip4 / tcp syn", "hash", "eth src=" MAC_IN " dst=02:00:00:00:01:77 / " OUT1);

	/* The neighbour is forgotten: the last known address still serves. */
	shell("ip neigh del 10.1.0.1 dev in");
	for (int i = 0; i < 3; i++) {
		world_set_tick(world_tick() + 100);
		expect_question("eth / ip4 / tcp syn", QUESTION4("10.1.0.1"));
		expect("eth / ip4 / tcp syn", "hash",
		       "eth src=" MAC_IN " dst=02:00:00:00:01:77 / " OUT1);
	}

	shell("ip neigh replace 10.1.0.1 lladdr 02:00:00:00:01:77 dev in "
	      "nud permanent");
	world_set_tick(world_tick() + 1);
	expect("eth / ip4 / tcp syn", "hash fib",
	       "eth src=" MAC_IN " dst=02:00:00:00:01:77 / " OUT1);
	shell("ip neigh replace 10.1.0.1 lladdr 02:00:00:00:01:01 dev in "
	      "nud permanent");
	world_set_tick(world_tick() + 100);
	run_text("eth / ip4 / tcp syn");
	expect("eth / ip4 / tcp syn", "hash", ETH_IN("1") " / " OUT1);

	/* Another device, by a route. */
	shell("ip route add 10.1.0.1/32 via 10.2.0.7");
	world_set_tick(world_tick() + 100);
	expect("eth / ip4 / tcp syn", "hash fib", ETH_OUT("7") " / " OUT1);
	shell("ip route del 10.1.0.1/32");

	shell("ip route add unreachable 10.1.0.1/32");
	world_set_tick(world_tick() + 100);
	expect("eth / ip4 / tcp syn", "no-route", NULL);
	shell("ip route del unreachable 10.1.0.1/32");
	world_set_tick(world_tick() + 100);
	expect("eth / ip4 / tcp syn", "hash fib", ETH_IN("1") " / " OUT1);
}

/*
 * While a device is down another route may lead somewhere. When it is back, the
 * neighbour that has to be asked for is another: what was learned meanwhile is
 * not for it. By gateway and on the link, of either family.
 */
static void no_hop_of_another_route(void **state)
{
	static const struct {
		const char *backend, *detour, *dev, *gateway;
	} ways[] = {
		{ "10.1.0.1", "10.1.0.1/32 via 10.2.0.7", "in", "10.1.0.1" },
		{ "10.1.0.1", "10.1.0.1/32 via 10.1.0.7", "in", "10.1.0.1" },
		{ "10.3.0.1", "10.3.0.1/32 via 10.1.0.7", "in", "10.1.0.9" },
		{ "\"fd01::1\"", "fd01::1/128 via fd02::7", "in", "fd01::1" },
		{ "\"fd03::1\"", "fd03::1/128 via fd01::7", "in", "fd01::9" },
	};

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct result r;

		world(VIPS "backends:\n" BACKEND("b", VIPS4) "    address: %s\n",
		      ways[i].backend);
		shell("ip route add %s", ways[i].detour);
		world_set_tick(world_tick() + 100);
		r = run_text("eth / ip4 / tcp syn");
		assert_int_equal(r.verdict, XR_R_HASH);
		assert_int_equal(eth_of(&r.out)->dst[5], 7);
		shell("ip route del %s", ways[i].detour);
		shell("ip neigh del %s dev %s", ways[i].gateway, ways[i].dev);
		world_set_tick(world_tick() + 100);
		assert_int_equal(run_text("eth / ip4 / tcp syn").verdict, XR_R_ASKED);
		expect("eth / ip4 / tcp syn", "no-neighbour", NULL);
		world_set_tick(world_tick() + 100);
		assert_int_equal(run_text("eth / ip4 / tcp syn").verdict, XR_R_ASKED);
		expect("eth / ip4 / tcp syn", "no-neighbour", NULL);
		shell("ip neigh add %s lladdr 02:00:00:00:01:0%c dev %s nud permanent",
		      ways[i].gateway, ways[i].gateway[strlen(ways[i].gateway) - 1], ways[i].dev);
		expect("eth / ip4 / tcp syn", "hash fib", NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_method),
		TEST(flooded),
		TEST(padding),
		TEST(vlan_tags),
		TEST(inner_headers),
		TEST(options),
		TEST(jumbo_frames),
		TEST(ttl_and_checksum),
		TEST(ecmp_spread),
		TEST(unreachable),
		TEST(questions),
		TEST(next_hop_changes),
		TEST(no_hop_of_another_route),
	};

	return harness_main("forward", tests, ARRAY_LEN(tests));
}
