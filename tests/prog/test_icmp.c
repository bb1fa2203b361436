/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP and ICMPv6 errors quote what a server sent; they go to that server: by
 * the flow of the quoted packet, by its SCID, by hash.
 */
#include "lib/harness.h"
#include "lib/worlds.h"

#define CID "07020202aabbccdd"

/* From a router on the way back, about a packet of the VIP's to the client. */
#define ROUTER4  "eth / ip4 src=10.0.0.77 / "
#define QUOTE4   "ip4 src=192.0.2.1 dst=10.0.0.1 / "
#define ROUTER6  "eth / ip6 src=fd00::77 / "
#define QUOTE6   "ip6 src=2001:db8::1 dst=fd00::1 / "
#define BACK     "udp sport=443 dport=1000 / "
#define BACK_TCP "tcp sport=443 dport=1000 ack"

#define SCID4 \
	ROUTER4 "icmp4 ( " QUOTE4 BACK "quic long type=handshake dcid=0102 scid=" CID " / fill 9 )"
#define SCID6 \
	ROUTER6 "icmp6 ( " QUOTE6 BACK "quic long type=handshake dcid=0102 scid=" CID " / fill 9 )"
#define SHORT4 ROUTER4 "icmp4 ( " QUOTE4 BACK "quic short dcid=" CID " )"
#define SHORT6 ROUTER6 "icmp6 ( " QUOTE6 BACK "quic short dcid=" CID " )"
#define TCP4   ROUTER4 "icmp4 ( " QUOTE4 BACK_TCP " / fill 20 )"
#define TCP6   ROUTER6 "icmp6 ( " QUOTE6 BACK_TCP " / fill 20 )"

static void goes(const char *text, const char *reasons, const char *where)
{
	struct result r = run_text("%s", text);

	check_reasons(&r, reasons);
	if (strcmp(outer_dst(&r), where)) {
		fprintf(stderr, "# %s went to %s, not %s\n", text, outer_dst(&r), where);
		fail();
	}
}

static void by_scid(void **state)
{
	world(WORLD_TWO);
	goes(SCID4, "icmp-cid", "10.2.0.2");
	goes(SCID6, "icmp-cid", "10.2.0.2");
	/* A client's own DCID in a quoted short header says nothing. */
	goes(SHORT4, "icmp-hash", "10.1.0.9");
	goes(SHORT6, "icmp-hash", "10.1.0.9");
	goes(TCP4, "icmp-hash", "10.1.0.9");
	goes(TCP6, "icmp-hash", "10.1.0.9");
	goes(ROUTER4 "icmp4 ( " QUOTE4 BACK
		     "quic long type=handshake dcid=0102 scid=67010203040506 )",
	     "icmp-hash cid-no-config", "10.1.0.9");
	goes(ROUTER4 "icmp4 ( " QUOTE4 BACK
		     "quic long type=handshake dcid=0102 scid=07020202aabbcc )",
	     "icmp-hash cid-short", "10.1.0.9");
	goes(ROUTER4 "icmp4 ( " QUOTE4 BACK
		     "quic long type=handshake dcid=0102 scid=07030303aabbccdd )",
	     "icmp-hash cid-no-server", "10.1.0.9");
	goes(ROUTER4 "icmp4 ( " QUOTE4 BACK "quic long type=handshake dcid=0102 )", "icmp-hash",
	     "10.1.0.9");
}

/* Every type that is an error, and some that are not. */
static void types(void **state)
{
	char text[512];

	world(WORLD_TWO);
	for (int type = 0; type < 256; type++) {
		bool error = type == 3 || type == 11 || type == 12;

		snprintf(text, sizeof(text),
			 ROUTER4 "icmp4 type=%d ( " QUOTE4 BACK "quic long dcid=01 scid=" CID
				 " / fill 9 )",
			 type);
		expect(text, error ? "icmp-cid" : "not-l4", NULL);

		error = type >= 1 && type <= 4;
		snprintf(text, sizeof(text),
			 ROUTER6 "icmp6 type=%d ( " QUOTE6 BACK "quic long dcid=01 scid=" CID
				 " / fill 9 )",
			 type);
		expect(text, error ? "icmp-cid" : "not-l4", NULL);
	}
}

/* The error finds the flow's server, and leaves the flow table alone. */
static void by_flow(void **state)
{
	static const struct {
		const char *opens, *error, *reasons;
	} each[] = {
		{ "eth / ip4 / udp / quic short dcid=67 / fill 9", SHORT4, "icmp-hash" },
		{ "eth / ip4 / udp / quic long dcid=67", SHORT4, "icmp-flow" },
		{ "eth / ip4 / tcp syn", TCP4, "icmp-flow" },
		{ "eth / ip6 / udp / quic long dcid=67", SHORT6, "icmp-flow" },
		{ "eth / ip6 / tcp syn", TCP6, "icmp-flow" },
	};

	for (size_t i = 0; i < ARRAY_LEN(each); i++) {
		struct result opened, r;
		char where[64];

		world(WORLD_SPREAD);
		opened = run_text("%s", each[i].opens);
		assert_int_equal(opened.verdict, XR_R_HASH);
		snprintf(where, sizeof(where), "%s", outer_dst(&opened));
		goes(each[i].error, each[i].reasons, where);
		/* And it goes on doing so when the hash would say otherwise. */
		if (!strcmp(each[i].reasons, "icmp-flow")) {
			r = run_text("%s", each[i].error);
			check_reasons(&r, "icmp-flow");
		}
	}
}

static void makes_no_state(void **state)
{
	world(WORLD_SPREAD);
	for (int i = 0; i < 3; i++) {
		expect(TCP4, "icmp-hash", NULL);
		expect(TCP6, "icmp-hash", NULL);
		expect(SHORT4, "icmp-hash", NULL);
	}
	expect("eth / ip4 / tcp syn", "hash flow-new", NULL);
}

/* The flow wins over the SCID: an attacker can choose the latter. */
static void flow_before_scid(void **state)
{
	world(WORLD_SPREAD);
	goes(SCID4, "icmp-cid", "10.2.0.2");
	expect("eth / ip4 / udp / quic long dcid=67",
	       "hash flow-new initial "
	       "cid-no-config",
	       NULL);
	expect(SCID4, "icmp-flow", NULL);
}

static void not_about_a_vip(void **state)
{
	world(WORLD_TWO);
	expect(ROUTER4 "icmp4 ( ip4 src=192.0.2.9 dst=10.0.0.1 / " BACK "fill 9 )", "icmp-other",
	       NULL);
	expect(ROUTER4 "icmp4 ( " QUOTE4 "udp sport=444 dport=1000 / fill 9 )", "icmp-other", NULL);
	/* Not reversed: a packet that went to the VIP. */
	expect(ROUTER4 "icmp4 ( ip4 / udp / fill 9 )", "icmp-other", NULL);
	expect(ROUTER4 "icmp4 ( " QUOTE4 "icmp4 type=8 / zero 8 )", "icmp-other", NULL);
	expect(ROUTER4 "icmp4 ( ip4 src=192.0.2.1 dst=10.0.0.1 off=8 / fill 30"
		       " )",
	       "icmp-other", NULL);
	expect(ROUTER6 "icmp6 ( ip6 src=2001:db8::9 dst=fd00::1 / " BACK "fill 9 )", "icmp-other",
	       NULL);
	expect(ROUTER6 "icmp6 ( ip6 src=2001:db8::1 dst=fd00::1 next=59 /"
		       " zero 20 )",
	       "icmp-other", NULL);
	expect(ROUTER4 "icmp4 / zero 20", "malformed-l4", NULL);
}

/*
 * Quotes end early, at every octet. RFC 792 promises eight octets behind the IP
 * header: enough for the ports, which are all that is needed for the flow.
 */
static void quotes_cut(void **state)
{
	static const struct {
		const char *ip, *error, *quote;
		size_t ports; /* quoted octets up to UDP's end */
		size_t whole; /* up to the SCID's end */
	} each[] = {
		{ "ip4 src=10.0.0.77", "icmp4",
		  QUOTE4 BACK "quic long dcid=01 scid=" CID " / fill 9", 28, 28 + 7 + 9 },
		{ "ip4 src=10.0.0.77", "icmp4",
		  "ip4 src=192.0.2.1 dst=10.0.0.1 opts=01010101 / " BACK
		  "quic long dcid=01 scid=" CID " / fill 9",
		  32, 32 + 7 + 9 },
		{ "ip6 src=fd00::77", "icmp6",
		  QUOTE6 BACK "quic long dcid=01 scid=" CID " / fill 9", 48, 48 + 7 + 9 },
	};
	char text[1024];

	world(WORLD_TWO);
	for (size_t i = 0; i < ARRAY_LEN(each); i++)
		for (size_t n = 0; n <= each[i].whole; n++) {
			snprintf(text, sizeof(text), "eth / %s / %s ( %s / cut %zu )", each[i].ip,
				 each[i].error, each[i].quote, n);
			expect(text,
			       n < each[i].ports           ? "malformed-l4"
				       : n < each[i].whole ? "icmp-hash"
							   : "icmp-cid",
			       NULL);
		}
}

/* The error itself cut, at every octet. */
static void errors_cut(void **state)
{
	const int ip_end = sizeof(struct wire_eth) + sizeof(struct wire_ip4);
	struct packet p = packet(SCID4), s = packet(SCID6);

	world(WORLD_TWO);
	for (size_t n = sizeof(struct wire_eth); n < packet(SCID4).len; n++) {
		p.len = n;
		expect_verdict(&p, "malformed-ip");
	}
	for (size_t n = sizeof(struct wire_eth); n < packet(SCID6).len; n++) {
		s.len = n;
		expect_verdict(&s, "malformed-ip");
	}
	for (int n = 0; n < 8; n++) {
		struct result r = run_text("eth / ip4 proto=1 / hex "
					   "0300000000000000 / cut %d",
					   ip_end + n);

		assert_int_equal(r.verdict, XR_R_MALFORMED_IP);
	}
	for (int n = 0; n < 8; n++) {
		struct result r = run_text("eth / ip4 proto=1 / zero %d", n);

		assert_int_equal(r.verdict, XR_R_MALFORMED_L4);
	}
}

/* The whole packet that leaves, TTL and all; the error inside is untouched. */
static void whole_packet(void **state)
{
	world(WORLD_TWO);
	expect("eth / ip4 src=10.0.0.77 ttl=7 tos=4 / icmp4 code=4 mtu=1280 ( " QUOTE4 BACK
	       "quic long type=handshake scid=" CID " )",
	       "icmp-cid",
	       "eth src=" MAC_OUT " dst=02:00:00:00:02:02 / "
	       "ip4 src=10.2.0.254 dst=10.2.0.2 ttl=64 df tos=4 / "
	       "udp sport=@ dport=6080 csum=0 / "
	       "ip4 src=10.0.0.77 ttl=6 tos=4 / icmp4 code=4 mtu=1280 ( " QUOTE4 BACK
	       "quic long type=handshake scid=" CID " )");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_scid),          TEST(types),
		TEST(by_flow),          TEST(makes_no_state),
		TEST(flow_before_scid), TEST(not_about_a_vip),
		TEST(quotes_cut),       TEST(errors_cut),
		TEST(whole_packet),
	};

	return harness_main("icmp", tests, ARRAY_LEN(tests));
}
