/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Role backend: the outer header goes, the client's packet comes to the kernel
 * as it was put in. A tunnel with no sound packet inside is dropped; all else,
 * and every tunnel that is not for this machine, is left alone. The VIPs are on
 * its loopback device.
 */
#include <arpa/inet.h>
#include "lib/harness.h"
#include "lib/worlds.h"

/* What the client sent. */
#define IN4(tos) "ip4 ttl=9 tos=" tos " / udp / quic short dcid=0102 / fill 30"
#define IN6(tc)  "ip6 hlim=9 tc=" tc " / tcp ack / fill 30"

#define O4       "ip4 src=10.9.0.1 dst=10.1.0.254 df"
#define O6       "ip6 src=fd09::1 dst=fd01::fe flow=7"
#define GUE_ONLY " / udp sport=50000 dport=6080 csum=0"
#define GUE      GUE_ONLY " / "
/* As a node sends it, to the MAC that the backend's configuration says. */
#define VXLAN_ONLY                                          \
	" / udp sport=50000 dport=4789 csum=0 / vxlan 7 / " \
	"eth src=02:78:72:00:00:01 dst=02:aa:00:00:00:01"
#define VXLAN VXLAN_ONLY " / "
/* Of another overlay, or of a balancer that sends to the server's own MAC. */
#define OVERLAY                                 \
	" / udp dport=4789 csum=0 / vxlan 7 / " \
	"eth src=02:bb:00:00:00:02 dst=02:aa:00:00:00:01 / "
#define FOREIGN " / udp dport=4789 csum=0 / vxlan 7 / eth / "

static void backend_role(void)
{
	static int done;

	if (!done++) {
		shell("ip addr add 192.0.2.1/32 dev lo");
		own_address6("2001:db8::1");
	}
	world(WORLD_TWO);
	world_use_decap();
}

static void every_tunnel(void **state)
{
	static const struct {
		const char *outer, *reason;
	} tunnels[] = {
		{ O4 " / ", "decap-ipip" },
		{ O6 " / ", "decap-ipip" },
		{ O6 " / dstopts / ", "decap-ipip" }, /* RFC 2473, 4.1.1 */
		{ "ip4 opts=01010101 src=10.9.0.1 dst=10.1.0.254 / ", "decap-ipip" },
		{ O4 GUE, "decap-gue" },
		{ O6 GUE, "decap-gue" },
		{ O4 " / udp dport=6080 / ", "decap-gue" }, /* with checksum */
		{ O4 GUE "gue / ", "decap-gue" },
		{ O6 GUE "gue / ", "decap-gue" },
		{ O6 " / udp dport=6080 / gue / ", "decap-gue" },
		{ O4 " / udp dport=4789 / vxlan 7 / eth src=02:78:72:00:00:01 / ", "decap-vxlan" },
		{ O4 VXLAN, "decap-vxlan" },
		{ O6 VXLAN, "decap-vxlan" },
	};
	static const char *const inner[] = {
		IN4("0"),
		IN6("0"),
		IN4("0xb8"),
		IN6("0x2e"),
		"ip4 opts=01010101 mf off=800 / fill 40",
		"ip6 / hopopts / udp / fill 3",
		"ip4 / icmp4 type=8 / zero 8",
		"ip4 / tcp ack / fill 3900", /* several buffers */
	};
	char in[1024], out[1024];

	backend_role();
	for (size_t t = 0; t < ARRAY_LEN(tunnels); t++)
		for (size_t i = 0; i < ARRAY_LEN(inner); i++) {
			snprintf(in, sizeof(in), "eth / %s%s", tunnels[t].outer, inner[i]);
			snprintf(out, sizeof(out), "eth / %s", inner[i]);
			expect(in, tunnels[t].reason, out);
		}
}

/* The segment that a packet came in stays the one it is in. */
static void vlan_tags(void **state)
{
	static const char *const tags[] = {
		"vlan 5",
		"vlan 0",
		"vlan 4095 pcp=7",
		"vlan 5 tpid=0x88a8",
		"vlan 5 tpid=0x88a8 / vlan 6 pcp=3",
		"vlan 0 / vlan 0",
	};
	char in[512], out[512];

	backend_role();
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		snprintf(in, sizeof(in), "eth / %s / " O4 " / " IN4("0"), tags[i]);
		snprintf(out, sizeof(out), "eth / %s / " IN4("0"), tags[i]);
		expect(in, "decap-ipip", out);
		snprintf(in, sizeof(in), "eth / %s / " O6 GUE IN6("0"), tags[i]);
		snprintf(out, sizeof(out), "eth / %s / " IN6("0"), tags[i]);
		expect(in, "decap-gue", out);
		snprintf(in, sizeof(in), "eth / %s / " O4 VXLAN IN6("0"), tags[i]);
		expect(in, "decap-vxlan", out);
	}
}

/*
 * RFC 6040, figure 4, for each pair of families and each tunnel. DSCP is the inner
 * packet's, whatever the outer one says.
 */
static void congestion(void **state)
{
	enum { NOT, ECT1, ECT0, CE, DROP };
	static const int figure[4][4] = {
		/* [inner][outer] */
		[NOT] = { NOT, NOT, NOT, DROP },
		[ECT1] = { ECT1, ECT1, ECT1, CE },
		[ECT0] = { ECT0, ECT1, ECT0, CE },
		[CE] = { CE, CE, CE, CE },
	};
	static const struct {
		const char *outer, *after, *reason;
	} outers[] = {
		{ "ip4 src=10.9.0.1 tos=", "", "decap-ipip" },
		{ "ip6 tc=", "", "decap-ipip" },
		{ "ip4 tos=", GUE_ONLY, "decap-gue" },
		{ "ip6 tc=", VXLAN_ONLY, "decap-vxlan" },
	};
	static const char *const inner[] = {
		"ip4 ttl=9 tos=%d / udp / fill 3",
		"ip6 hlim=9 tc=%d / tcp / fill 3",
	};
	char in[512], out[256], text[128];

	backend_role();
	for (size_t k = 0; k < 4 * 4 * 2 * ARRAY_LEN(outers); k++) {
		int i = k & 3, o = k >> 2 & 3, want = figure[i][o];
		const char *packet = inner[k >> 4 & 1];
		size_t t = k >> 5;

		snprintf(text, sizeof(text), packet, 0xb8 | i);
		snprintf(in, sizeof(in), "eth / %s%d%s / %s", outers[t].outer, 0x28 | o,
			 outers[t].after, text);
		if (want == DROP) {
			expect(in, "bad-ecn", NULL);
			continue;
		}
		snprintf(text, sizeof(text), packet, 0xb8 | want);
		snprintf(out, sizeof(out), "eth / %s", text);
		expect(in, outers[t].reason, out);
	}
	/* Not sound: not marked, either. */
	expect("eth / ip4 tos=3 / ip4 len=+1 tos=2 / udp", "bad-tunnel", NULL);
}

/* Every carry that the checksum can take when the mark is set. */
static void congestion_checksums(void **state)
{
	char in[256], out[256];

	backend_role();
	for (int id = 0; id < 65536; id += 29)
		for (int ecn = 1; ecn < 4; ecn++) {
			snprintf(in, sizeof(in),
				 "eth / ip4 tos=%d / ip4 id=%d "
				 "tos=%d / udp",
				 ecn == 3 ? 1 : 3, id, ecn == 3 ? 2 : ecn);
			snprintf(out, sizeof(out),
				 "eth / ip4 id=%d tos=%d / "
				 "udp",
				 id, ecn == 3 ? 1 : 3);
			expect(in, "decap-ipip", out);
		}
}

static void not_tunnels(void **state)
{
	static const struct {
		const char *packet, *reason;
	} each[] = {
		{ "eth / ip4 / udp / "
		  "fill 30",
		  "not-tunnel" },
		{ "eth / ip4 / tcp syn", "not-tunnel" },
		{ "eth / ip6 / tcp syn", "not-tunnel" },
		{ "eth / ip6 / icmp6 type=135 / zero 24", "not-tunnel" },
		{ "eth / ip4 / icmp4 type=8 / zero 8", "not-tunnel" },
		{ "eth / ip4 proto=47 / zero 40", "not-tunnel" },
		{ "eth / ip4 / udp sport=6080 dport=53 / " IN4("0"), "not-tunnel" },
		{ "eth type=0x0806 / zero 28", "not-ip" },
		{ "eth / ip4 mf / " IN4("0"), "fragment" },
		{ "eth / ip6 / frag mf / " IN4("0"), "fragment" },
		{ "eth / ip4 len=+1 / " IN4("0"), "malformed-ip" },
	};

	backend_role();
	for (size_t i = 0; i < ARRAY_LEN(each); i++)
		expect(each[i].packet, each[i].reason, NULL);
}

static void unsound(void **state)
{
	static const char *const each[] = {
		"eth / " O4 " / ip4 len=+1 / udp",
		"eth / " O4 " / ip4 len=19 / udp",
		"eth / " O4 " / ip4 ihl=4 / udp",
		"eth / " O4 " / ip4 ihl=15 / udp",
		"eth / " O4 " / ip4 version=6 / udp",
		"eth / " O4 " / ip6 version=4 / udp",
		"eth / " O4 " / ip6 len=+1 / udp",
		"eth / ip4 proto=4 / zero 40",
		"eth / ip4 proto=4 / zero 0",
		"eth / ip4 proto=41 / zero 60",
		"eth / ip4 proto=4 / ip6 / udp",
		"eth / " O4 GUE "ip4 version=5 / udp",
		"eth / " O4 GUE "gue ctrl / ip4 / udp",
		"eth / " O4 GUE "gue proto=6 / tcp syn",
		"eth / " O4 GUE "gue hlen=31 / ip4 / udp",
		"eth / " O4 GUE "gue version=2 / ip4 / udp",
		"eth / " O4 GUE "gue version=3 / ip4 / udp",
		"eth / " O4 GUE "gue proto=41 / ip4 / udp",
		/* Flags and private data that nobody here knows. */
		"eth / " O4 GUE "gue flags=0x8000 data=0102030405060708 / "
		"ip4 / udp",
		"eth / " O4 GUE "gue flags=0xffff / ip4 / udp",
		"eth / " O4 GUE "gue flags=1 / ip4 / udp",
		"eth / " O6 GUE "gue data=01020304 / ip6 / udp",
		/* The tunnel ends where UDP says, and it does say so. */
		"eth / " O4 " / udp dport=6080 len=-1 csum=0 / ip4 / udp",
		"eth / " O6 " / udp dport=6080 len=12 csum=0 / ip6 / udp",
		"eth / " O4 " / udp dport=6080 len=7 csum=0 / ip4 / udp",
		"eth / " O4 " / udp dport=6080 len=0 csum=0 / ip4 / udp",
		"eth / " O4 " / udp dport=6080 len=+1 csum=0 / ip4 / udp",
		/* A checksum that is there must be right. */
		"eth / " O4 " / udp dport=6080 csum=0x1234 / ip4 / udp",
		"eth / " O6 " / udp dport=6080 csum=0x1234 / ip6 / udp",
		"eth / " O4 " / udp dport=6080 csum=1 / ip4 / udp / fill 1400",
		"eth / " O4 " / udp dport=6080 csum=1 / ip4 / udp / fill 3900",
		"eth / " O4 GUE "zero 0",
		"eth / " O4 GUE "zero 3",
		"eth / " O4 GUE "gue / zero 19",
	};

	backend_role();
	for (size_t i = 0; i < ARRAY_LEN(each); i++)
		expect(each[i], "bad-tunnel", NULL);
}

static const struct xr_listed vni7 = { .vnis = 2, .vni = { 5, 7 } };

/* Of a VNI that is listed, whatever is inside is ours to judge. */
static void unsound_vxlan(void **state)
{
	static const char *const each[] = {
		"eth / " O4 OVERLAY "ip4 version=5 / udp",
		"eth / " O4 OVERLAY "ip4 len=+1 / udp",
		"eth / " O4 " / udp dport=4789 / vxlan 7 / eth type=0x0806 / "
		"zero 28",
		"eth / " O4 " / udp dport=4789 / vxlan 7 / eth / vlan 5 / ip4 "
		"/ udp",
		"eth / " O4 " / udp dport=4789 len=-1 csum=0 / vxlan 7 / eth / "
		"ip4 / udp",
		"eth / " O4 " / udp dport=4789 csum=1 / vxlan 7 / eth / ip4 / "
		"udp",
	};

	backend_role();
	world_list_ends(&vni7);
	for (size_t i = 0; i < ARRAY_LEN(each); i++)
		expect(each[i], "bad-tunnel", NULL);
}

/* Neither to this machine nor, inside, for it: they pass, sound or not. */
static void others_tunnels(void **state)
{
	static const char *const each[] = {
		/* To another machine, though for an address of this one. */
		"eth / ip4 dst=10.1.0.7 / ip4 / udp",
		"eth / ip6 dst=fd01::7 / ip6 / udp",
		"eth / ip4 dst=10.1.0.7 / udp dport=6080 / ip4 / udp",
		"eth / ip4 dst=10.1.0.7" VXLAN "ip4 / udp",
		"eth / ip4 dst=10.1.0.7 / ip4 len=+1 / udp",
		"eth / ip4 dst=10.1.255.255 / ip4 / udp",
		"eth / ip4 dst=224.0.0.1 / ip4 / udp",
		/* To this one, for another. */
		"eth / " O4 " / ip4 dst=10.1.0.7 / udp",
		"eth / " O4 " / ip6 dst=fd01::7 / udp",
		"eth / " O6 " / ip4 dst=203.0.113.5 / udp",
		"eth / " O6 " / ip6 dst=2001:db8::2 / udp",
		"eth / " O4 " / ip4 dst=255.255.255.255 / udp",
		"eth / " O4 " / ip6 dst=ff02::1 / udp",
		"eth / " O4 " / ip4 dst=10.1.0.7 len=+1 / udp",
		"eth / ip4 dst=10.1.0.254 tos=3 / ip4 dst=10.1.0.7 / udp",
		"eth / " O4 GUE "ip4 dst=10.1.0.7 / udp",
		"eth / " O6 GUE "gue / ip6 dst=fd01::7 / udp",
		"eth / " O4 GUE "gue flags=1 / ip4 dst=10.1.0.7 / udp",
		"eth / vlan 5 / " O4 " / ip4 dst=10.1.0.7 / udp",
		/* A VNI that nobody listed: an overlay's. */
		"eth / " O4 FOREIGN "ip4 dst=10.1.0.7 / udp",
		"eth / " O4 OVERLAY "ip4 / udp",
		"eth / " O6 OVERLAY "ip6 / udp",
		"eth / " O4 VXLAN "ip4 dst=10.1.0.7 / udp",
		"eth / " O4 " / udp dport=4789 / vxlan 7 / eth "
		"dst=ff:ff:ff:ff:ff:ff type=0x0806 / zero 28",
		"eth / " O4 " / udp dport=4789 / vxlan 7 / eth / vlan 5 / ip4 "
		"/ udp",
		"eth / " O4 " / udp dport=4789 / vxlan 7 flags=0 / eth / ip4 "
		"/ udp",
		"eth / " O4 " / udp dport=4789 / vxlan 7",
		"eth / " O4 " / udp dport=4789 / zero 5",
	};

	backend_role();
	for (size_t i = 0; i < ARRAY_LEN(each); i++)
		expect(each[i], "other-tunnel", NULL);
}

/* Listed: a VNI is ours, whoever is in it; an address is as one of our own. */
static void listed(void **state)
{
	struct xr_listed addr = { .addrs = 1 };

	addr.addr[0][2] = htonl(0xffff);
	addr.addr[0][3] = htonl(0x0a010007);
	backend_role();
	world_list_ends(&vni7);
	expect("eth / " O4 OVERLAY "ip4 / udp", "decap-vxlan", "eth / ip4 / udp");
	expect("eth / " O4 OVERLAY "ip6 dst=fd01::7 / udp", "decap-vxlan",
	       "eth / ip6 dst=fd01::7 / udp");
	expect("eth / ip4 dst=10.1.0.7" OVERLAY "ip4 / udp", "other-tunnel", NULL);
	expect("eth / " O4 " / udp dport=4789 csum=0 / vxlan 6 / eth dst="
	       "02:aa:00:00:00:01 / ip4 / udp",
	       "other-tunnel", NULL);

	world_list_ends(&addr);
	expect("eth / ip4 dst=10.1.0.7 / ip4 / udp", "decap-ipip", "eth / ip4 / udp");
	expect("eth / " O4 " / ip4 dst=10.1.0.7 / udp", "decap-ipip",
	       "eth / ip4 dst=10.1.0.7 / udp");
	expect("eth / " O4 OVERLAY "ip4 / udp", "other-tunnel", NULL);

	world_list_ends(NULL);
	expect("eth / " O4 " / ip4 dst=10.1.0.7 / udp", "other-tunnel", NULL);
}

/* Every bit but I is somebody's idea of tomorrow (RFC 7348, 5). */
static void vxlan_flags(void **state)
{
	char in[256];

	backend_role();
	for (int flags = 0; flags < 256; flags++) {
		snprintf(in, sizeof(in),
			 "eth / " O4 " / udp dport=4789 csum=0 "
			 "/ vxlan 7 flags=%d / eth / ip4 / udp",
			 flags);
		expect(in, flags & 8 ? "decap-vxlan" : "other-tunnel",
		       flags & 8 ? "eth / ip4 / udp" : NULL);
	}
	/* The octets round the VNI. */
	expect("eth / " O4 " / udp dport=4789 csum=0 / hex "
	       "08ffffff000007ff / eth / ip4 / udp",
	       "decap-vxlan", "eth / ip4 / udp");
}

/* A VNI that a device of the kernel has is the kernel's, and so are its addresses. */
static void kernels_own(void **state)
{
	static const char ours[] = "eth / " O4 FOREIGN "ip4 / udp";
	static const char out[] = "eth / ip4 / udp";

	backend_role();
	expect(ours, "decap-vxlan", out);
	if (system("ip link add vx type vxlan id 7 dstport 4789 local "
		   "10.1.0.254 2>/dev/null")) {
		print_message("# no VXLAN devices on this kernel\n");
		skip();
	}
	world_list_ends(NULL);
	expect(ours, "other-tunnel", NULL);
	expect("eth / " O4 VXLAN "ip4 / udp", "other-tunnel", NULL);
	world_list_ends(&vni7);
	expect(ours, "decap-vxlan", out);
	/* Of another port: another overlay. */
	shell("ip link del vx; "
	      "ip link add vx type vxlan id 7 dstport 8472 local 10.1.0.254; "
	      "ip addr add 10.7.0.1/24 dev vx; ip link set vx up");
	world_list_ends(NULL);
	expect(ours, "decap-vxlan", out);
	expect("eth / " O4 " / ip4 dst=10.7.0.1 / udp", "other-tunnel", NULL);
	/* One for all VNIs. */
	shell("ip link del vx; ip link add vx type vxlan external dstport 4789");
	world_list_ends(NULL);
	expect(ours, "other-tunnel", NULL);
	shell("ip link del vx; ip addr add 10.7.0.1/24 dev out");
	world_list_ends(NULL);
	expect("eth / " O4 " / ip4 dst=10.7.0.1 / udp", "decap-ipip",
	       "eth / ip4 dst=10.7.0.1 / udp");
}

/* Checksums of every length, over several buffers, and each octet counts. */
static void checksums(void **state)
{
	static const int sizes[] = { 0,   1,   2,   3,   447, 448, 449,  475,  476, 477,
				     511, 512, 513, 987, 988, 989, 1400, 3000, 3900 };
	char in[256], out[128];

	backend_role();
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (int six = 0; six < 2; six++) {
			struct packet p;
			struct result r;

			snprintf(out, sizeof(out), "eth / ip4 / udp / fill %d", sizes[i]);
			snprintf(in, sizeof(in),
				 "eth / %s / udp dport=6080 / "
				 "%s",
				 six ? O6 : O4, out + 6);
			expect(in, "decap-gue", out);
			p = packet("%s", in);
			p.data[p.len - 1] ^= 1;
			r = run(&p);
			check_reasons(&r, "bad-tunnel");
		}
}

/* The outer lengths right, the inner packet ends early, at every octet. */
static void inner_cut(void **state)
{
	static const struct {
		const char *four, *six;
	} outer[] = {
		{ "ip4 proto=4", "ip4 proto=41" },
		{ "ip6 next=4", "ip6 next=41" },
		{ "ip4 / udp dport=6080", "ip6 / udp dport=6080" },
		{ "ip4 / udp dport=6080 / gue proto=4", "ip6 / udp dport=6080 / gue proto=41" },
		{ "ip6 / udp dport=4789 / vxlan 7 / eth type=0x0800",
		  "ip4 / udp dport=4789 / vxlan 7 / eth type=0x86dd" },
	};
	struct packet four = packet(IN4("0")), six = packet(IN6("0"));

	backend_role();
	world_list_ends(&vni7);
	for (size_t o = 0; o < 2 * ARRAY_LEN(outer); o++) {
		const struct packet *in = o & 1 ? &six : &four;
		char hex[512] = "";

		for (size_t n = 0; n <= in->len; n++) {
			struct result r = run_text("eth / %s / %s%s",
						   o & 1 ? outer[o / 2].six : outer[o / 2].four,
						   n ? "hex " : "zero 0", hex);

			if (n < in->len)
				check_reasons(&r, "bad-tunnel");
			else
				assert_memory_equal(eth_of(&r.out) + 1, in->data, in->len);
			sprintf(hex + 2 * n, "%02x", in->data[n]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_tunnel),  TEST(vlan_tags),
		TEST(congestion),    TEST(congestion_checksums),
		TEST(not_tunnels),   TEST(unsound),
		TEST(unsound_vxlan), TEST(others_tunnels),
		TEST(listed),        TEST(vxlan_flags),
		TEST(kernels_own),   TEST(checksums),
		TEST(inner_cut),
	};

	return harness_main("decap", tests, ARRAY_LEN(tests));
}
