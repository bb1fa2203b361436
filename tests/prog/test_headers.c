/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QUIC headers of every kind: where the DCID is found, and that nothing but
 * its octets decides. Server 020202 has 10.2.0.2; all else hashes to 10.1.0.9.
 */
#include "lib/harness.h"
#include "lib/worlds.h"

#define CID "07020202aabbccdd" /* config 0, server 020202 */

/* Runs eth / ip4 / udp / what, and says where it must have gone. */
static void goes(const char *what, const char *reasons, const char *where)
{
	struct result r = run_text("eth / ip4 / udp / %s", what);

	check_reasons(&r, reasons);
	if (strcmp(outer_dst(&r), where)) {
		fprintf(stderr, "# %s went to %s, not %s\n", what, outer_dst(&r), where);
		fail();
	}
}

static void long_headers(void **state)
{
	static const char *const headers[] = {
		"type=0rtt",
		"type=handshake",
		"type=retry",
		"type=0rtt version=2",
		"type=handshake version=2",
		"type=retry version=2",
		/* Unknown versions, version negotiation, drafts, grease. */
		"version=0",
		"version=0xff00001d",
		"version=0x1a2a3a4a",
		"version=0xffffffff type=handshake",
		"fixed=0 type=handshake",
		"low=15 type=handshake",
		"type=handshake scid=0102030405060708",
	};
	char text[256];

	world(WORLD_TWO);
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		snprintf(text, sizeof(text), "quic long %s dcid=" CID " / fill 30", headers[i]);
		goes(text, "cid", "10.2.0.2");
	}
	goes("quic long dcid=" CID " / fill 30", "cid initial", "10.2.0.2");
	goes("quic long version=2 dcid=" CID " / fill 30", "cid initial", "10.2.0.2");
	/* The drafts' number of v2, with v2's Initial: what 0-RTT is in v1. */
	goes("quic long version=0x709a50c4 type=0rtt dcid=" CID " / fill 30", "cid initial",
	     "10.2.0.2");
	goes("quic long fixed=0 dcid=" CID " / fill 30", "cid initial", "10.2.0.2");
}

static void short_headers(void **state)
{
	world(WORLD_TWO);
	for (int b0 = 0; b0 < 0x80; b0++) {
		char text[128];

		snprintf(text, sizeof(text), "quic short fixed=%d low=%d dcid=" CID " / fill 20",
			 b0 >> 6, b0 & 0x3f);
		goes(text, "cid", "10.2.0.2");
	}
	/* Just the CID, and nothing behind it. */
	goes("quic short dcid=" CID, "cid", "10.2.0.2");
	goes("quic short dcid=07020202aabbcc", "hash cid-short", "10.1.0.9");
	goes("quic short dcid=07", "hash cid-short", "10.1.0.9");
	goes("quic short", "hash", "10.1.0.9");
}

/* The low five bits of a CID's first octet say nothing a balancer needs. */
static void first_octet_of_the_cid(void **state)
{
	world(WORLD_TWO);
	for (int o = 0; o < 256; o++) {
		struct result r = run_text("eth / ip4 / udp / quic short "
					   "dcid=%02x020202aabbccdd / fill 9",
					   o);

		check_reasons(&r, o >> 5 ? "hash cid-no-config" : "cid");
	}
}

/* A DCID of any length, in versions that exist or do not. */
static void dcid_lengths(void **state)
{
	static const char *const versions[] = { "1", "2", "0xfaceb002" };
	char dcid[2 * 255 + 1] = CID, text[768];

	memset(dcid + 16, 'a', sizeof(dcid) - 17);
	world(WORLD_TWO);
	for (int n = 0; n < 256; n++)
		for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
			snprintf(text, sizeof(text),
				 "quic long type=handshake version=%s "
				 "dcid=%.*s / fill 3",
				 versions[v], 2 * n, dcid);
			if (n >= 8)
				goes(text, "cid", "10.2.0.2");
			else
				goes(text, n ? "hash cid-short" : "hash", "10.1.0.9");
		}
}

/* The header states a length that the datagram does not hold. */
static void dcid_longer_than_the_datagram(void **state)
{
	world(WORLD_TWO);
	goes("quic long type=handshake dcid=" CID " dlen=9", "cid",
	     "10.2.0.2"); /* the ninth is the SCID's length octet */
	goes("quic long type=handshake dcid=" CID " dlen=10", "hash", "10.1.0.9");
	goes("quic long type=handshake dcid=" CID " dlen=255 / fill 240", "hash", "10.1.0.9");
	goes("quic long type=handshake dcid=" CID " dlen=7 / fill 40", "hash cid-short",
	     "10.1.0.9");
	goes("quic long dcid=" CID " dlen=255", "hash initial", "10.1.0.9");
}

/* Only the first QUIC packet of a datagram counts (RFC 9000, 12.2). */
static void coalesced_packets(void **state)
{
	world(WORLD_TWO);
	goes("quic long dcid=" CID " / fill 40 / "
	     "quic short dcid=07090909aabbccdd / fill 9",
	     "cid initial", "10.2.0.2");
	goes("quic long type=handshake dcid=27 / fill 40 / quic short dcid=" CID,
	     "hash cid-no-config", "10.1.0.9");
}

static void not_quic(void **state)
{
	world(WORLD_TWO);
	/* DTLS 1.2 looks like a short header with the fixed bit set. */
	goes("hex 16fefd0000000000000000 / fill 20", "hash cid-no-config", "10.1.0.9");
	goes("zero 0", "hash", "10.1.0.9");
	goes("zero 1", "hash", "10.1.0.9");
	goes("zero 30", "hash cid-no-server", "10.1.0.9");
	/* STUN */
	goes("hex 000100002112a442 / fill 12", "hash cid-no-server", "10.1.0.9");
}

/* Without "cid" on the VIP, a CID is but payload. TCP never has one. */
static void not_looked_at(void **state)
{
	struct result r;

	world(WORLD_TWO);
	r = run_text("eth / ip4 / udp dport=80 / quic short dcid=" CID);
	check_reasons(&r, "hash");
	r = run_text("eth / ip4 / tcp ack / quic short dcid=" CID);
	check_reasons(&r, "hash");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(long_headers),
		TEST(short_headers),
		TEST(first_octet_of_the_cid),
		TEST(dcid_lengths),
		TEST(dcid_longer_than_the_datagram),
		TEST(coalesced_packets),
		TEST(not_quic),
		TEST(not_looked_at),
	};

	return harness_main("headers", tests, ARRAY_LEN(tests));
}
