/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The order of steering, backends' states and what is to be done where a CID's
 * server is down.
 */
#include "lib/harness.h"
#include "lib/worlds.h"

#define BY_CID "quic short dcid=07020202aabbccdd" /* 10.2.0.2 */
#define LONG   "quic long type=handshake dcid=67" /* no such config */
#define SHORT  "quic short dcid=67"

static struct result udp(int sport, const char *what)
{
	return run_text("eth / ip4 / udp sport=%d / %s", sport, what);
}

static void goes(int sport, const char *what, const char *reasons, const char *where)
{
	struct result r = udp(sport, what);

	check_reasons(&r, reasons);
	if (where && strcmp(outer_dst(&r), where)) {
		fprintf(stderr, "# %s went to %s, not %s\n", what, outer_dst(&r), where);
		fail();
	}
}

/* A CID is obeyed where a flow says otherwise, and changes no flow. */
static void cid_beats_flow(void **state)
{
	char flow[64];
	struct result r;

	world(WORLD_SPREAD);
	for (int sport = 1000; sport < 1032; sport++) {
		goes(sport, BY_CID, "cid", "10.2.0.2");
		r = udp(sport, LONG);
		check_reasons(&r, "hash flow-new cid-no-config");
		snprintf(flow, sizeof(flow), "%s", outer_dst(&r));
		goes(sport, SHORT, "flow cid-no-config", flow);
		goes(sport, BY_CID, "cid", "10.2.0.2");
		goes(sport, SHORT, "flow cid-no-config", flow);
	}
}

static void short_headers_open_no_flow(void **state)
{
	world(WORLD_SPREAD);
	for (int i = 0; i < 4; i++)
		goes(1000, SHORT, "hash cid-no-config", NULL);
	goes(1000, LONG, "hash flow-new cid-no-config", NULL);
	goes(1000, SHORT, "flow cid-no-config", NULL);
	/* Without any CID to look at, too. */
	goes(1001, "quic short", "hash", NULL);
	goes(1001, "quic short", "hash", NULL);
}

/* UDP that is no QUIC, on a VIP without CIDs: every datagram may open one. */
static void what_opens_flows(void **state)
{
	struct result r;

	world(WORLD_SPREAD);
	r = run_text("eth / ip4 / udp dport=80 / fill 20");
	check_reasons(&r, "hash flow-new");
	r = run_text("eth / ip4 / udp dport=80 / fill 20");
	check_reasons(&r, "flow");
	r = run_text("eth / ip4 / tcp syn");
	check_reasons(&r, "hash flow-new");
	r = run_text("eth / ip4 / tcp ack");
	check_reasons(&r, "flow");
	/* A TCP flow that this node has not seen begin (ECMP moved it). */
	r = run_text("eth / ip4 / tcp sport=7 ack");
	check_reasons(&r, "hash flow-new");
	/* A reset opens nothing. */
	r = run_text("eth / ip4 / tcp sport=8 rst");
	check_reasons(&r, "hash");
	r = run_text("eth / ip4 / tcp sport=8 rst");
	check_reasons(&r, "hash");
	/* The same ports over TCP and UDP, IPv4 and IPv6, are four flows. */
	r = run_text("eth / ip6 / tcp syn");
	check_reasons(&r, "hash flow-new");
	r = run_text("eth / ip6 / udp / " LONG);
	check_reasons(&r, "hash flow-new cid-no-config");
	r = run_text("eth / ip4 / udp / " LONG);
	check_reasons(&r, "hash flow-new cid-no-config");
}

static void no_flow_table_where_off(void **state)
{
	world(WORLD_TWO);
	for (int i = 0; i < 3; i++) {
		struct result r = run_text("eth / ip4 / tcp syn");

		check_reasons(&r, "hash");
	}
}

/* The same key on every node and for every packet: the hash does not wander. */
static void hash_is_steady_and_spreads(void **state)
{
	int count[10] = { 0 };

	world(WORLD_EVEN);
	for (int sport = 1; sport <= 600; sport++) {
		struct result a = run_text("eth / ip4 / tcp sport=%d syn", sport);
		struct result b = run_text("eth / ip4 / tcp sport=%d ack "
					   "seq=99 / fill 9",
					   sport);

		check_reasons(&a, "hash");
		assert_memory_equal(ip4_of(&a.out)->dst, ip4_of(&b.out)->dst, 4);
		count[ip4_of(&a.out)->dst[3]]++;
	}
	/* Three backends, weights 1 1 2: 150 150 300. */
	assert_in_range(count[1], 100, 200);
	assert_in_range(count[2], 100, 200);
	assert_in_range(count[3], 240, 360);
}

/* A smaller table is used to its last slot, and not behind it. */
static void smaller_tables_spread(void **state)
{
	static const char *const limits[] = { "limits: {maglev: 251}\n",
					      "limits: {maglev: 4099}\n" };
	char text[2048];

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		int count[10] = { 0 };

		snprintf(text, sizeof(text), "%s%s", limits[i], WORLD_EVEN);
		world(text);
		for (int sport = 1; sport <= 2000; sport++) {
			struct result r = run_text("eth / ip4 / tcp sport=%d syn", sport);

			check_reasons(&r, "hash");
			count[ip4_of(&r.out)->dst[3]]++;
		}
		assert_in_range(count[1], 400, 600);
		assert_in_range(count[2], 400, 600);
		assert_in_range(count[3], 850, 1150);
	}
}

/* A configured secret makes two instances agree. */
static void nodes_agree(void **state)
{
	char first[200][16];

	for (int node = 0; node < 2; node++) {
		world(SECRET WORLD_EVEN);
		for (int i = 0; i < 200; i++) {
			struct result r = run_text("eth / ip4 / tcp sport=%d "
						   "syn",
						   i + 1);

			if (!node)
				snprintf(first[i], 16, "%s", outer_dst(&r));
			else
				assert_string_equal(first[i], outer_dst(&r));
		}
	}
}

/* clang-format off */
#define STATES(hash, cid, policy)                                              \
	VIPS CIDS policy "backends:\n"                                         \
	BACKEND("hash", ALL_VIPS) "    address: 10.1.0.9\n    forward: gue\n"  \
	"    state: " hash "\n"                                                \
	BACKEND("two", ALL_VIPS) "    address: 10.2.0.2\n    forward: gue\n"   \
	"    server_ids: [\"020202\"]\n    state: " cid "\n"
/* clang-format on */

static void states(void **state)
{
	world(STATES("up", "draining", ""));
	goes(1000, BY_CID, "cid", "10.2.0.2");
	for (int i = 0; i < 40; i++)
		goes(1000 + i, SHORT, "hash cid-no-config", "10.1.0.9");

	world(STATES("up", "down", ""));
	goes(1000, BY_CID, "backend-down", NULL);
	for (int i = 0; i < 40; i++)
		goes(1000 + i, SHORT, "hash cid-no-config", "10.1.0.9");

	world(STATES("up", "down", POLICY("down: fallback")));
	goes(1000, BY_CID, "hash", "10.1.0.9");
	goes(1000, SHORT, "hash cid-no-config", "10.1.0.9");

	/* None is up: draining servers get no new connections. */
	world(STATES("down", "draining", ""));
	goes(1000, BY_CID, "cid", "10.2.0.2");
	goes(1000, SHORT, "no-backend cid-no-config", NULL);
	world(STATES("down", "down", ""));
	goes(1000, BY_CID, "backend-down", NULL);
	goes(1000, SHORT, "no-backend cid-no-config", NULL);
	world(STATES("draining", "draining", ""));
	goes(1000, SHORT, "no-backend cid-no-config", NULL);
}

/* Changes under traffic, by the same program. */
static void states_change(void **state)
{
	world(STATES("up", "up", ""));
	goes(1000, BY_CID, "cid", "10.2.0.2");
	world_apply(STATES("up", "draining", ""));
	goes(1000, BY_CID, "cid", "10.2.0.2");
	goes(1000, SHORT, "hash cid-no-config", "10.1.0.9");
	world_apply(STATES("up", "down", ""));
	goes(1000, BY_CID, "backend-down", NULL);
	world_apply(STATES("up", "up", ""));
	goes(1000, BY_CID, "cid", "10.2.0.2");

	/* The backend goes, and its server ID with it. */
	world_apply(VIPS CIDS "backends:\n" BACKEND("hash", ALL_VIPS)
		    "    address: 10.1.0.9\n    forward: gue\n");
	goes(1000, BY_CID, "hash cid-no-server", "10.1.0.9");
	/* The server ID is another's now. */
	world_apply(VIPS CIDS "backends:\n" BACKEND("hash", ALL_VIPS)
		    "    address: 10.1.0.9\n    forward: gue\n"
		    BACKEND("new", ALL_VIPS)
		    "    address: 10.2.0.3\n    forward: gue\n"
		    "    state: draining\n    server_ids: [\"020202\"]\n");
	goes(1000, BY_CID, "cid", "10.2.0.3");
	/* And the configuration goes. */
	world_apply(VIPS "backends:\n" BACKEND("hash", ALL_VIPS)
		    "    address: 10.1.0.9\n    forward: gue\n");
	goes(1000, BY_CID, "hash cid-no-config", "10.1.0.9");
	world_apply("vips: []\nbackends: []\n");
	goes(1000, BY_CID, "not-vip", NULL);
}

/* A flow stays with a backend that drains, and leaves one that is down. */
static void flows_and_states(void **state)
{
	struct result r;
	char where[64];

	world(FLOW_VIPS "backends:\n" BACKEND("a", VIPS4)
	      "    address: 10.1.0.1\n");
	r = run_text("eth / ip4 / tcp syn");
	check_reasons(&r, "hash flow-new");
	assert_string_equal(outer_dst(&r), "10.1.0.1");
	world_apply(FLOW_VIPS "backends:\n" BACKEND("a", VIPS4)
		    "    address: 10.1.0.1\n    state: draining\n"
		    BACKEND("b", VIPS4) "    address: 10.1.0.2\n");
	r = run_text("eth / ip4 / tcp ack");
	check_reasons(&r, "flow");
	assert_string_equal(outer_dst(&r), "10.1.0.1");
	/* The client begins anew from the same port: not to a draining one. */
	expect("eth / ip4 / tcp fin ack", "flow", NULL);
	world_set_tick(world_tick() + 70);
	r = run_text("eth / ip4 / tcp syn");
	check_reasons(&r, "hash flow-moved flow-new");
	assert_string_equal(outer_dst(&r), "10.1.0.2");
	r = run_text("eth / ip4 / tcp ack");
	check_reasons(&r, "flow");
	snprintf(where, sizeof(where), "%s", outer_dst(&r));
	assert_string_equal(where, "10.1.0.2");

	world_apply(FLOW_VIPS "backends:\n" BACKEND("a", VIPS4)
		    "    address: 10.1.0.1\n"
		    BACKEND("b", VIPS4)
		    "    address: 10.1.0.2\n    state: down\n");
	r = run_text("eth / ip4 / tcp ack");
	check_reasons(&r, "hash flow-moved flow-new");
	assert_string_equal(outer_dst(&r), "10.1.0.1");
	r = run_text("eth / ip4 / tcp ack");
	check_reasons(&r, "flow");
}

/* ---- who stands behind what ---- */

#define ONE   "\"192.0.2.1:443/udp\", \"192.0.2.1:443/tcp\""
#define OTHER "\"192.0.2.2:443/udp\", \"192.0.2.2:443/tcp\""
#define SIX   "\"[2001:db8::1]:443/udp\""
#define TWO_SERVICES                                                                               \
	"vips:\n" VIP("192.0.2.1", "443", "udp", ", cid: true") VIP("192.0.2.1", "443", "tcp", "") \
		VIP("192.0.2.2", "443", "udp", ", cid: true") VIP("192.0.2.2", "443", "tcp", "")   \
			VIP("2001:db8::1", "443", "udp", ", cid: true") CIDS "backends:\n"
/* clang-format off */
#define SERVER(name, vips, addr, id, more)				\
	BACKEND(name, "[" vips "]") "    address: " addr "\n"		\
	"    server_ids: [\"" id "\"]\n" more
/* clang-format on */

/*
 * a is one's, b the other's; c is behind both, and so in no pool of theirs; d is
 * IPv6's alone.
 */
#define A_AND(more_b, c)                                                   \
	TWO_SERVICES SERVER("a", ONE, "10.1.0.1", "0a0a0a", "")            \
		SERVER("a2", ONE, "10.1.0.5", "0a0a0b", "    weight: 0\n") \
			SERVER("b", OTHER, "10.1.0.2", "0b0b0b", more_b)   \
				c SERVER("d", SIX, "fd01::4", "0d0d0d", "")
#define C(vips) SERVER("c", vips, "10.1.0.3", "0c0c0c", "    weight: 0\n")

static void cid_goes(const char *ip, const char *id, const char *reasons, const char *where)
{
	struct result r = run_text("eth / %s / udp / quic short "
				   "dcid=07%saabbccdd",
				   ip, id);

	check_reasons(&r, reasons);
	assert_string_equal(outer_dst(&r), where);
}

#define TO_ONE   "ip4"
#define TO_OTHER "ip4 dst=192.0.2.2"
#define TO_SIX   "ip6"

/* A CID is good for the VIPs of its server, and says nothing at another. */
static void cid_of_another_service(void **state)
{
	world(A_AND("", C(ONE ", " OTHER)));
	cid_goes(TO_ONE, "0a0a0a", "cid", "10.1.0.1");
	cid_goes(TO_ONE, "0a0a0b", "cid", "10.1.0.5");
	cid_goes(TO_ONE, "0c0c0c", "cid", "10.1.0.3");
	cid_goes(TO_ONE, "0b0b0b", "hash cid-not-here", "10.1.0.1");
	cid_goes(TO_OTHER, "0b0b0b", "cid", "10.1.0.2");
	cid_goes(TO_OTHER, "0c0c0c", "cid", "10.1.0.3");
	cid_goes(TO_OTHER, "0a0a0a", "hash cid-not-here", "10.1.0.2");
	/* Nor is an IPv6 packet put into an IPv4 tunnel that cannot carry it. */
	cid_goes(TO_SIX, "0d0d0d", "cid", "fd01::4");
	cid_goes(TO_SIX, "0a0a0a", "hash cid-not-here", "fd01::4");
	cid_goes(TO_SIX, "0c0c0c", "hash cid-not-here", "fd01::4");
	cid_goes(TO_ONE, "0d0d0d", "hash cid-not-here", "10.1.0.1");
	/* A long header opens a flow there, as with any CID that leads nowhere. */
	expect("eth / ip4 / udp sport=5 / quic long type=handshake "
	       "dcid=070b0b0baabbccdd",
	       "hash cid-not-here flow-new", NULL);
	/* What its server's state is, is not this VIP's business. */
	world_apply(A_AND("    state: down\n", C(ONE ", " OTHER)));
	cid_goes(TO_ONE, "0b0b0b", "hash cid-not-here", "10.1.0.1");
	expect("eth / ip4 dst=192.0.2.2 / udp / quic short "
	       "dcid=070b0b0baabbccdd",
	       "backend-down", NULL);
}

/* An error that quotes what the VIP never sent. */
static void icmp_of_another_service(void **state)
{
	static const char error[] = "eth / ip4 src=10.0.0.77 / icmp4 ( ip4 src=192.0.2.1 "
				    "dst=10.0.0.1 / udp sport=443 dport=1000 / quic long "
				    "type=handshake dcid=0102 scid=07%saabbccdd / fill 9 )";
	char text[512];

	world(A_AND("", C(ONE ", " OTHER)));
	snprintf(text, sizeof(text), error, "0b0b0b");
	expect(text, "icmp-hash cid-not-here", NULL);
	snprintf(text, sizeof(text), error, "0c0c0c");
	expect(text, "icmp-cid", NULL);
}

/* Its entries are older than the change. */
static void flow_of_another_service(void **state)
{
	static const char error[] = "eth / ip4 src=10.0.0.77 / icmp4 ( ip4 src=192.0.2.1 "
				    "dst=10.0.0.1 / tcp sport=443 dport=1000 ack )";
	struct result r;

	/* c takes what is new, and then is the other's alone. */
	world(TWO_SERVICES C(ONE ", " OTHER) SERVER("d", SIX, "fd01::4",
						    "0d0d0d", ""));
	world_apply(TWO_SERVICES
		    SERVER("c", ONE ", " OTHER, "10.1.0.3", "0c0c0c", "")
		    SERVER("d", SIX, "fd01::4", "0d0d0d", ""));
	expect("eth / ip4 / tcp syn", "hash flow-new", NULL);
	expect("eth / ip4 / tcp ack", "flow", NULL);
	expect(error, "icmp-flow", NULL);
	world_apply(A_AND("", C(OTHER)));
	expect(error, "icmp-hash", NULL);
	r = run_text("eth / ip4 / tcp ack");
	check_reasons(&r, "hash flow-moved flow-new");
	assert_string_equal(outer_dst(&r), "10.1.0.1");
	cid_goes(TO_ONE, "0c0c0c", "hash cid-not-here", "10.1.0.1");
	cid_goes(TO_OTHER, "0c0c0c", "cid", "10.1.0.3");
}

/* Pools are named after backends that go, and come back behind other VIPs. */
static void pools_change(void **state)
{
	world(A_AND("", C(ONE ", " OTHER)));
	for (int i = 0; i < 3; i++) {
		world_apply(TWO_SERVICES
			    SERVER("a2", ONE, "10.1.0.5", "0a0a0b", "")
			    SERVER("b", OTHER, "10.1.0.2", "0b0b0b", ""));
		cid_goes(TO_ONE, "0a0a0b", "cid", "10.1.0.5");
		cid_goes(TO_ONE, "0b0b0b", "hash cid-not-here", "10.1.0.5");
		/* a takes the number it left, and is the other's now. */
		world_apply(TWO_SERVICES
			    SERVER("a", OTHER, "10.1.0.1", "0a0a0a", "")
			    SERVER("a2", ONE, "10.1.0.5", "0a0a0b", "")
			    SERVER("b", OTHER, "10.1.0.2", "0b0b0b", ""));
		cid_goes(TO_ONE, "0a0a0b", "cid", "10.1.0.5");
		cid_goes(TO_ONE, "0a0a0a", "hash cid-not-here", "10.1.0.5");
		cid_goes(TO_ONE, "0b0b0b", "hash cid-not-here", "10.1.0.5");
		cid_goes(TO_OTHER, "0a0a0a", "cid", "10.1.0.1");
		cid_goes(TO_OTHER, "0b0b0b", "cid", "10.1.0.2");
		world_apply(A_AND("", C(ONE ", " OTHER)));
		cid_goes(TO_ONE, "0a0a0a", "cid", "10.1.0.1");
		cid_goes(TO_OTHER, "0a0a0a", "hash cid-not-here", "10.1.0.2");
	}
}

/* ---- Initials ---- */

#define INITIAL "quic long dcid=6701020304050607"

static void initials_are_counted(void **state)
{
	world(WORLD_TWO);
	goes(1, INITIAL, "hash cid-no-config initial", "10.1.0.9");
	goes(1, "quic long version=2 dcid=67", "hash cid-no-config initial", NULL);
	goes(1, "quic long type=0rtt dcid=67", "hash cid-no-config", NULL);
	goes(1, "quic long type=handshake dcid=67", "hash cid-no-config", NULL);
	goes(1, "quic long version=3 dcid=67", "hash cid-no-config", NULL);
	goes(1, "quic long version=0 dcid=67", "hash cid-no-config", NULL);
	goes(1, "quic long dcid=07020202aabbccdd", "cid initial", NULL);
}

/* Above the limit they are dropped; all else goes on. */
static void initials_are_limited(void **state)
{
	int sent, refused;
	__u32 tick;

	world(VIPS CIDS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.1.0.1\n    forward: gue\n"
	      "    initial_rate: 7\n    server_ids: [\"020202\"]\n");
	do {
		world_set_tick(world_tick() + 2);
		tick = world_tick();
		sent = refused = 0;
		for (int i = 0; i < 20; i++) {
			struct result r = udp(1000 + i,
					      i & 1 ? INITIAL : "quic long dcid=07020202aabbccdd");

			assert_int_equal(r.count[XR_R_INITIAL], 1);
			if (r.verdict == XR_R_INITIAL_RATE)
				refused++;
			else
				sent++;
		}
		goes(1, "quic short dcid=07020202aabbccdd", "cid", NULL);
		goes(1, "quic long type=0rtt dcid=67", "hash cid-no-config", NULL);
	} while (world_tick() != tick);
	assert_int_equal(sent, 7);
	assert_int_equal(refused, 13);
	world_set_tick(world_tick() + 2);
	goes(1, INITIAL, "hash cid-no-config initial", NULL);
}

/* In a datagram behind packets that a server throws away, or may not know. */
#define V1 "00000001"
#define V2 "6b3343cf"
#define IDS                  \
	"0807020202aabbccdd" \
	"00"                       /* DCID, no SCID */
#define BOGUS(len) "e0" V1 IDS len /* Handshake */
#define HIDDEN           \
	"c0" V1 IDS "00" \
	"03"             \
	"aabbcc"

static const struct {
	const char *hex;
	int opens;
} datagrams[] = {
	{ BOGUS("02") "aabb" HIDDEN, 1 },
	{ "d0" V1 IDS "02"
	  "aabb" HIDDEN,
	  1 }, /* 0-RTT */
	{ "f0" V2 IDS "02"
	  "aabb"
	  "d0" V2 IDS "00"
	  "01"
	  "aa"
	  "bb",
	  1 },
	{ BOGUS("4002") "aabb" HIDDEN, 1 }, /* longer lengths */
	{ BOGUS("80000002") "aabb" HIDDEN, 1 },
	{ BOGUS("c000000000000002") "aabb" HIDDEN, 1 },
	{ BOGUS("4103") " / fill 259 / hex " HIDDEN, 1 },
	{ BOGUS("80000103") " / fill 259 / hex " HIDDEN, 1 },
	{ BOGUS("c000000000000103") " / fill 259 / hex " HIDDEN, 1 },
	{ "e0" V1 "0807020202aabbccdd"
	  "03000000"
	  "02"
	  "aabb" HIDDEN,
	  1 },
	{ BOGUS("00") HIDDEN, 1 },
	{ BOGUS("01") "aa" BOGUS("01") "aa" BOGUS("00") HIDDEN, 1 },
	/* More packets than are looked at. */
	{ BOGUS("00") BOGUS("00") BOGUS("00") BOGUS("00") BOGUS("00") BOGUS("00") BOGUS("00")
		  BOGUS("00") BOGUS("00") "40",
	  1 },
	{ "e0"
	  "0a0a0a0a" IDS "00",
	  1 }, /* another version */
	/* With nothing behind them that a server would open. */
	{ BOGUS("02") "aabb", 0 },
	{ BOGUS("02") "aabb"
		      "40"
		      "c0" V1 IDS "00",
	  0 },
	{ BOGUS("09") "aabb"
		      "c0" V1,
	  0 }, /* longer than there is */
	{ BOGUS("c000000100000002") "aabb" HIDDEN, 0 },
	{ BOGUS("bfffffff") "aabb" HIDDEN, 0 },
	{ BOGUS("4103") " / fill 258", 0 },
	{ BOGUS("02") "aabb"
		      "00000000",
	  0 }, /* padded */
	{ "e0"
	  "00000000" IDS "02"
	  "aabb" HIDDEN,
	  0 }, /* version negotiation */
	{ "f0" V1 IDS "02"
	  "aabb" HIDDEN,
	  0 }, /* Retry has no length */
	{ "c0" V2 IDS "02"
	  "aabb" HIDDEN,
	  0 },
	{ BOGUS(""), 0 },
};

static void hidden_initials_are_limited(void **state)
{
	world(VIPS CIDS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.1.0.1\n    forward: gue\n"
	      "    initial_rate: 1\n    server_ids: [\"020202\"]\n");
	for (size_t i = 0; i < ARRAY_LEN(datagrams); i++) {
		char text[512];
		__u32 tick;

		snprintf(text, sizeof(text), "hex %s", datagrams[i].hex);
		print_message("# %s\n", text);
		do {
			world_set_tick(world_tick() + 2);
			tick = world_tick();
			goes(1, INITIAL, "hash cid-no-config initial", NULL);
			goes(2, text, datagrams[i].opens ? "initial-rate initial" : "cid", NULL);
			goes(3, "quic short dcid=07020202aabbccdd", "cid", NULL);
		} while (world_tick() != tick);
	}
	/* Where nothing is limited, only what is one is counted. */
	world_apply(VIPS CIDS "backends:\n" BACKEND("b", ALL_VIPS)
		    "    address: 10.1.0.1\n    forward: gue\n"
		    "    server_ids: [\"020202\"]\n");
	goes(2, "hex " BOGUS("02") "aabb" HIDDEN, "cid", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cid_beats_flow),
		TEST(short_headers_open_no_flow),
		TEST(what_opens_flows),
		TEST(no_flow_table_where_off),
		TEST(hash_is_steady_and_spreads),
		TEST(smaller_tables_spread),
		TEST(nodes_agree),
		TEST(states),
		TEST(states_change),
		TEST(flows_and_states),
		TEST(cid_of_another_service),
		TEST(icmp_of_another_service),
		TEST(flow_of_another_service),
		TEST(pools_change),
		TEST(initials_are_counted),
		TEST(initials_are_limited),
		TEST(hidden_initials_are_limited),
	};

	return harness_main("steer", tests, ARRAY_LEN(tests));
}
