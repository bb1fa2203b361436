/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Role backend: the outer header goes, the client's packet comes to the kernel
 * as it was put in. A tunnel with no sound packet inside is dropped; all else
 * is left alone.
 */
#include "lib/harness.h"
#include "lib/worlds.h"

/* What the client sent. */
#define IN4(tos) "ip4 ttl=9 tos=" tos " / udp / quic short dcid=0102 / fill 30"
#define IN6(tc)	"ip6 hlim=9 tc=" tc " / tcp ack / fill 30"

#define O4	"ip4 src=10.9.0.1 dst=10.1.0.254 df"
#define O6	"ip6 src=fd09::1 dst=fd01::fe flow=7"
#define GUE	" / udp sport=50000 dport=6080 csum=0 / "
#define VXLAN	" / udp sport=50000 dport=4789 csum=0 / vxlan 7 / "             \
		"eth src=02:78:72:00:00:01 dst=02:aa:00:00:00:01 / "

static void backend_role(void)
{
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
		{ O6 " / dstopts / ", "decap-ipip" },	/* RFC 2473, 4.1.1 */
		{ "ip4 opts=01010101 src=10.9.0.1 dst=10.1.0.254 / ",
		  "decap-ipip" },
		{ O4 GUE, "decap-gue" },
		{ O6 GUE, "decap-gue" },
		{ O4 " / udp dport=6080 / ", "decap-gue" }, /* with checksum */
		{ O4 GUE "gue / ", "decap-gue" },
		{ O6 GUE "gue / ", "decap-gue" },
		{ O4 GUE "gue flags=0x8000 data=0102030405060708 / ",
		  "decap-gue" },
		{ O4 VXLAN, "decap-vxlan" },
		{ O6 VXLAN, "decap-vxlan" },
	};
	static const char *const inner[] = {
		IN4("0"), IN6("0"), IN4("0xb8"), IN6("0x2e"),
		"ip4 opts=01010101 mf off=800 / fill 40",
		"ip6 / hopopts / udp / fill 3", "ip4 / icmp4 type=8 / zero 8",
		"ip4 / tcp ack / fill 3900",	/* several buffers */
	};
	char in[1024], out[1024];

	backend_role();
	for (size_t t = 0; t < ARRAY_LEN(tunnels); t++)
		for (size_t i = 0; i < ARRAY_LEN(inner); i++) {
			snprintf(in, sizeof(in), "eth / %s%s",
				 tunnels[t].outer, inner[i]);
			snprintf(out, sizeof(out), "eth / %s", inner[i]);
			expect(in, tunnels[t].reason, out);
		}
}

/* Tags are the fabric's; what is inside was never tagged. */
static void vlan_tags(void **state)
{
	backend_role();
	expect("eth / vlan 5 / " O4 " / " IN4("0"), "decap-ipip",
	       "eth / " IN4("0"));
	expect("eth / vlan 5 tpid=0x88a8 / vlan 6 / " O6 GUE IN6("0"),
	       "decap-gue", "eth / " IN6("0"));
}

/* RFC 6040, 4.2: congestion met on the way is told to the client's peer. */
static void congestion(void **state)
{
	backend_role();
	expect("eth / ip4 src=10.9.0.1 tos=3 / " IN4("2"), "decap-ipip",
	       "eth / " IN4("3"));
	expect("eth / ip4 src=10.9.0.1 tos=3 / " IN4("1"), "decap-ipip",
	       "eth / " IN4("3"));
	expect("eth / ip4 src=10.9.0.1 tos=0xbb / " IN4("0x2a"), "decap-ipip",
	       "eth / " IN4("0x2b"));
	expect("eth / ip4 src=10.9.0.1 tos=3 / " IN4("3"), "decap-ipip",
	       "eth / " IN4("3"));
	expect("eth / ip6 tc=3" GUE IN6("2"), "decap-gue", "eth / " IN6("3"));
	expect("eth / ip6 tc=3" GUE IN6("0xb9"), "decap-gue",
	       "eth / " IN6("0xbb"));
	/* What cannot bear the mark is lost to it. */
	expect("eth / ip4 src=10.9.0.1 tos=3 / " IN4("0"), "bad-tunnel", NULL);
	expect("eth / ip4 src=10.9.0.1 tos=3 / " IN4("0xb8"), "bad-tunnel",
	       NULL);
	expect("eth / ip6 tc=3" GUE IN6("0"), "bad-tunnel", NULL);
	/* Not sound: not marked, either. */
	expect("eth / ip4 tos=3 / ip4 len=+1 tos=2 / udp", "bad-tunnel", NULL);
	/* Nothing but CE is carried over. */
	expect("eth / ip4 src=10.9.0.1 tos=2 / " IN4("0"), "decap-ipip",
	       "eth / " IN4("0"));
	expect("eth / ip4 src=10.9.0.1 tos=1 / " IN4("2"), "decap-ipip",
	       "eth / " IN4("2"));
	expect("eth / ip4 src=10.9.0.1 tos=0xb8 / " IN4("2"), "decap-ipip",
	       "eth / " IN4("2"));
}

/* Every carry that the checksum can take when the mark is set. */
static void congestion_checksums(void **state)
{
	char in[256], out[256];

	backend_role();
	for (int id = 0; id < 65536; id += 29)
		for (int ecn = 1; ecn < 3; ecn++) {
			snprintf(in, sizeof(in), "eth / ip4 tos=3 / ip4 id=%d "
				 "tos=%d / udp", id, ecn);
			snprintf(out, sizeof(out), "eth / ip4 id=%d tos=3 / "
				 "udp", id);
			expect(in, "decap-ipip", out);
		}
}

static void not_tunnels(void **state)
{
	static const struct {
		const char *packet, *reason;
	} each[] = {
		{ "eth / ip4 / udp / " "fill 30", "not-tunnel" },
		{ "eth / ip4 / tcp syn", "not-tunnel" },
		{ "eth / ip6 / tcp syn", "not-tunnel" },
		{ "eth / ip6 / icmp6 type=135 / zero 24", "not-tunnel" },
		{ "eth / ip4 / icmp4 type=8 / zero 8", "not-tunnel" },
		{ "eth / ip4 proto=47 / zero 40", "not-tunnel" },
		{ "eth / ip4 / udp sport=6080 dport=53 / " IN4("0"),
		  "not-tunnel" },
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
		"eth / ip4 proto=4 / zero 40", "eth / ip4 proto=4 / zero 0",
		"eth / ip4 proto=41 / zero 60", "eth / ip4 proto=4 / ip6 / udp",
		"eth / " O4 GUE "ip4 version=5 / udp",
		"eth / " O4 GUE "gue ctrl / ip4 / udp",
		"eth / " O4 GUE "gue proto=6 / tcp syn",
		"eth / " O4 GUE "gue hlen=31 / ip4 / udp",
		"eth / " O4 GUE "gue version=2 / ip4 / udp",
		"eth / " O4 GUE "gue version=3 / ip4 / udp",
		"eth / " O4 GUE "gue proto=41 / ip4 / udp",
		"eth / " O4 GUE "zero 0", "eth / " O4 GUE "zero 3",
		"eth / " O4 GUE "gue / zero 19",
		"eth / " O4 " / udp dport=4789 / vxlan 7 flags=0 / eth / ip4 "
		"/ udp",
		"eth / " O4 " / udp dport=4789 / vxlan 7 / eth type=0x0806 / "
		"zero 28",
		"eth / " O4 " / udp dport=4789 / vxlan 7 / eth / vlan 5 / ip4 "
		"/ udp",
		"eth / " O4 " / udp dport=4789 / vxlan 7",
		"eth / " O4 " / udp dport=4789 / zero 5",
	};

	backend_role();
	for (size_t i = 0; i < ARRAY_LEN(each); i++)
		expect(each[i], "bad-tunnel", NULL);
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
		{ "ip4 / udp dport=6080 / gue proto=4",
		  "ip6 / udp dport=6080 / gue proto=41" },
		{ "ip6 / udp dport=4789 / vxlan 7 / eth type=0x0800",
		  "ip4 / udp dport=4789 / vxlan 7 / eth type=0x86dd" },
	};
	struct packet four = packet(IN4("0")), six = packet(IN6("0"));

	backend_role();
	for (size_t o = 0; o < 2 * ARRAY_LEN(outer); o++) {
		const struct packet *in = o & 1 ? &six : &four;
		char hex[512] = "";

		for (size_t n = 0; n <= in->len; n++) {
			struct result r = run_text(
				"eth / %s / %s%s",
				o & 1 ? outer[o / 2].six : outer[o / 2].four,
				n ? "hex " : "zero 0", hex);

			if (n < in->len)
				check_reasons(&r, "bad-tunnel");
			else
				assert_memory_equal(r.out.data + 14, in->data,
						    in->len);
			sprintf(hex + 2 * n, "%02x", in->data[n]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_tunnel),
		TEST(vlan_tags),
		TEST(congestion),
		TEST(congestion_checksums),
		TEST(not_tunnels),
		TEST(unsound),
		TEST(inner_cut),
	};

	return harness_main("decap", tests, ARRAY_LEN(tests));
}
