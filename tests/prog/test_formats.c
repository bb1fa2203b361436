/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every CID format and mode: a CID goes to the server it names, one octet less
 * is too short, one server ID away is nobody's. The QUIC-LB rows are the
 * vectors of draft-ietf-quic-load-balancers-21.
 */
#include "lib/harness.h"
#include "lib/worlds.h"

#define KEY ", key: 8f95f09245765f80256934e50c66207f"

static const struct row {
	const char *name;
	const char *config;
	const char *sid;
	const char *cid; /* just as long as it has to be */
	int hit;         /* an octet that the server ID depends on */
} rows[] = {
	{ "clear, 3 + 4", "id: 0, format: quic-lb, server_id_length: 3, nonce_length: 4", "c4605e",
	  "07c4605e4504cc4f", 2 },
	{ "clear, 5 + 5", "id: 1, format: quic-lb, server_id_length: 5, nonce_length: 5",
	  "350d28b420", "2a350d28b4203487d9700b", 5 },
	{ "clear, 15 + 4", "id: 6, format: quic-lb, server_id_length: 15, nonce_length: 4",
	  "0102030405060708090a0b0c0d0e0f", "c70102030405060708090a0b0c0d0e0f5a5a5a5a", 15 },
	{ "clear, 1 + 4", "id: 2, format: quic-lb, server_id_length: 1, nonce_length: 4", "00",
	  "5f00aabbccdd", 1 },
	{ "clear, 8 + 8: no key, however long",
	  "id: 2, format: quic-lb, server_id_length: 8, nonce_length: 8", "ed793a51d49b8f5f",
	  "50ed793a51d49b8f5fee080dbf48c0d1e5", 8 },
	{ "four pass, 3 + 4", "id: 0, format: quic-lb, server_id_length: 3, nonce_length: 4" KEY,
	  "ed793a", "0720b1d07b359d3c", 7 },
	{ "four pass, 10 + 5", "id: 1, format: quic-lb, server_id_length: 10, nonce_length: 5" KEY,
	  "ed793a51d49b8f5fab65", "2fcc381bc74cb4fbad2823a3d1f8fed2", 1 },
	{ "single pass, 8 + 8", "id: 2, format: quic-lb, server_id_length: 8, nonce_length: 8" KEY,
	  "ed793a51d49b8f5f", "504dd2d05a7b0de9b2b9907afb5ecf8cc3", 16 },
	{ "four pass, 9 + 9", "id: 3, format: quic-lb, server_id_length: 9, nonce_length: 9" KEY,
	  "ed793a51d49b8f5fab", "725779c9cc86beb3a3a4a3ca96fce4bfe0cdbc", 18 },
	{ "four pass, the draft's worked example",
	  "id: 0, format: quic-lb, server_id_length: 3, nonce_length: 4, "
	  "key: fdf726a9893ec05c0632d3956680baf0",
	  "31441a", "0767947d29be054a", 3 },
	{ "two bits, clear", "id: 1, format: quic-lb-2bit, server_id_length: 4, nonce_length: 6",
	  "01020304", "6701020304a1a2a3a4a5a6", 3 },
	{ "two bits, single pass",
	  "id: 2, format: quic-lb-2bit, server_id_length: 8, nonce_length: 8" KEY,
	  "ed793a51d49b8f5f", "904dd2d05a7b0de9b2b9907afb5ecf8cc3", 9 },
	{ "plain", "id: 0, format: plain", "deadbeef", "deadbeef0102030405060708", 0 },
	{ "plain, offset 2",
	  "id: 0, format: plain, offset: 2, server_id_length: 3, "
	  "nonce_length: 5",
	  "c0ffee", "a5a5c0ffee0102030405", 3 },
	{ "AWS NLB", "id: 0, format: aws-nlb", "0102030405060708",
	  "0f0102030405060708a1a2a3a4a5a6a7", 8 },
	{ "nghttpx", "id: 5, format: nghttpx" KEY, "ed793a51", "b04dd2d05a7b0de9b2b9907afb5ecf8cc3",
	  16 },
	{ "MsQuic", "id: 0, format: msquic", "0a000001", "ff0a000001a1a2a3a4a5a6a7a8a9", 4 },
	/* Server 0x1234: 01 000100 | 10001101 | 00...... */
	{ "mvfst v1", "id: 1, format: mvfst-v1", "1234", "448d0001", 1 },
	{ "mvfst v2", "id: 2, format: mvfst-v2", "123456", "801234565a5a", 3 },
	{ "mvfst v3", "id: 3, format: mvfst-v3", "12345678", "c0123456785a5a", 4 },
};

/* The first makes the world, the others change it, which is much quicker. */
static void world_of(const struct row *w)
{
	/* clang-format off */
	(world_plane() ? world_apply : world)(
		VIPS "cid:\n  - {%s}\nbackends:\n"
		BACKEND("rest", ALL_VIPS)
		"    address: 10.1.0.9\n    forward: gue\n"
		BACKEND("server", ALL_VIPS)
		"    address: 10.2.0.2\n    forward: gue\n    state: draining\n"
		"    server_ids: [\"%s\"]\n", w->config, w->sid);
	/* clang-format on */
}

static void goes(const struct row *w, const char *header, const char *dcid, const char *reasons,
		 const char *where)
{
	struct result r = run_text("eth / ip4 / udp / quic %s dcid=%s", header, dcid);

	if (strcmp(outer_dst(&r), where))
		fprintf(stderr, "# %s: %s went to %s\n", w->name, dcid, outer_dst(&r));
	check_reasons(&r, reasons);
	assert_string_equal(outer_dst(&r), where);
}

static void each_format(void **state)
{
	char cid[64];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *w = &rows[i];
		size_t n = strlen(w->cid);
		unsigned int octet;

		world_of(w);
		goes(w, "short", w->cid, "cid", "10.2.0.2");
		goes(w, "long type=handshake", w->cid, "cid", "10.2.0.2");

		/* More octets than it needs are somebody else's. */
		snprintf(cid, sizeof(cid), "%sffeedd", w->cid);
		goes(w, "short", cid, "cid", "10.2.0.2");
		goes(w, "long type=handshake", cid, "cid", "10.2.0.2");

		snprintf(cid, sizeof(cid), "%.*s", (int)n - 2, w->cid);
		goes(w, "short", cid, "hash cid-short", "10.1.0.9");
		goes(w, "long type=handshake", cid, "hash cid-short", "10.1.0.9");

		snprintf(cid, sizeof(cid), "%s", w->cid);
		sscanf(cid + 2 * w->hit, "%2x", &octet);
		sprintf(cid + 2 * w->hit, "%02x", octet ^ 0x10);
		strcat(cid, w->cid + 2 * w->hit + 2);
		goes(w, "short", cid, "hash cid-no-server", "10.1.0.9");
	}
}

/* Where a format has a config ID, any other one is not its own. */
static void other_config_ids(void **state)
{
	static const struct {
		const char *config;
		__u8 mine; /* bit i: top three bits of octet 0 are i */
	} each[] = {
		{ "id: 3, format: quic-lb, server_id_length: 3, "
		  "nonce_length: 4",
		  1 << 3 },
		{ "id: 1, format: quic-lb-2bit, server_id_length: 3, "
		  "nonce_length: 4",
		  3 << 2 },
		{ "id: 0, format: plain", 0xff },
		{ "id: 0, format: msquic", 0xff },
		{ "id: 1, format: mvfst-v1", 3 << 2 },
		{ "id: 2, format: mvfst-v2", 3 << 4 },
		{ "id: 3, format: mvfst-v3", 3 << 6 },
	};

	for (size_t i = 0; i < ARRAY_LEN(each); i++) {
		struct row w = { .config = each[i].config, .sid = "000000" };

		world_of(&w);
		for (int top = 0; top < 8; top++) {
			struct result r = run_text("eth / ip4 / udp / quic short "
						   "dcid=%02x111111111111111111111111111111",
						   top << 5);

			assert_int_equal(r.verdict, XR_R_HASH);
			assert_int_equal(r.count[XR_R_CID_NO_CONFIG], !(each[i].mine >> top & 1));
			assert_int_equal(r.count[XR_R_CID_NO_SERVER], each[i].mine >> top & 1);
		}
	}
}

/* Seven at once, of different formats, lengths and keys. */
static void side_by_side(void **state)
{
	static const struct {
		const char *cid, *where;
	} each[] = {
		{ "07c4605e4504cc4f", "10.1.0.1" },
		{ "2fcc381bc74cb4fbad2823a3d1f8fed2", "10.1.0.2" },
		{ "504dd2d05a7b0de9b2b9907afb5ecf8cc3", "10.1.0.3" },
		{ "725779c9cc86beb3a3a4a3ca96fce4bfe0cdbc", "10.1.0.4" },
		{ "8720b1d07b359d3c", "10.1.0.5" },
		{ "af01ffffffff", "10.1.0.6" },
		/* 128-bit and other server IDs of one server */
		{ "cf02030405060708090a0b0c0d0e0f1011000000", "10.1.0.6" },
	};

	world(VIPS "cid:\n"
	      "  - {id: 0, format: quic-lb, server_id_length: 3, "
	      "nonce_length: 4}\n"
	      "  - {id: 1, format: quic-lb, server_id_length: 10, "
	      "nonce_length: 5" KEY "}\n"
	      "  - {id: 2, format: quic-lb, server_id_length: 8, "
	      "nonce_length: 8" KEY "}\n"
	      "  - {id: 3, format: quic-lb, server_id_length: 9, "
	      "nonce_length: 9" KEY "}\n"
	      "  - {id: 4, format: quic-lb, server_id_length: 3, "
	      "nonce_length: 4" KEY "}\n"
	      "  - {id: 5, format: quic-lb, server_id_length: 1, "
	      "nonce_length: 4}\n"
	      "  - {id: 6, format: quic-lb, server_id_length: 15, "
	      "nonce_length: 4}\n"
	      "backends:\n"
	      BACKEND("a", VIPS4) "    address: 10.1.0.1\n"
	      "    server_ids: [\"c4605e\"]\n"
	      BACKEND("b", VIPS4) "    address: 10.1.0.2\n"
	      "    server_ids: [\"ed793a51d49b8f5fab65\"]\n"
	      BACKEND("c", VIPS4) "    address: 10.1.0.3\n"
	      "    server_ids: [\"ed793a51d49b8f5f\"]\n"
	      BACKEND("d", VIPS4) "    address: 10.1.0.4\n"
	      "    server_ids: [\"ed793a51d49b8f5fab\"]\n"
	      BACKEND("e", VIPS4) "    address: 10.1.0.5\n"
	      "    server_ids: [\"ed793a\"]\n"
	      BACKEND("f", VIPS4) "    address: 10.1.0.6\n"
	      "    server_ids: [\"01\", "
	      "\"02030405060708090a0b0c0d0e0f10\"]\n");
	for (size_t i = 0; i < ARRAY_LEN(each); i++) {
		struct result r = run_text("eth / ip4 / udp / quic short "
					   "dcid=%s",
					   each[i].cid);

		check_reasons(&r, "cid");
		assert_string_equal(outer_dst(&r), each[i].where);
	}
}

/* A configuration is added, rotated and deleted by the side of another. */
static void rotation(void **state)
{
#define ONE                                                  \
	"  - {id: 0, format: quic-lb, server_id_length: 3, " \
	"nonce_length: 4}\n"
#define TWO                                                  \
	"  - {id: 4, format: quic-lb, server_id_length: 3, " \
	"nonce_length: 4" KEY "}\n"
	/* clang-format off */
#define REST "backends:\n" BACKEND("a", VIPS4) "    address: 10.1.0.1\n"       \
	     "    server_ids: [\"c4605e\", \"ed793a\"]\n"
	/* clang-format on */
	const char *one = "eth / ip4 / udp / quic short dcid=07c4605e4504cc4f";
	const char *two = "eth / ip4 / udp / quic short dcid=8720b1d07b359d3c";

	world(VIPS "cid:\n" ONE REST);
	expect(one, "cid", NULL);
	expect(two, "hash cid-no-config", NULL);
	world_apply(VIPS "cid:\n" ONE TWO REST);
	expect(one, "cid", NULL);
	expect(two, "cid", NULL);
	world_apply(VIPS "cid:\n" TWO REST);
	expect(one, "hash cid-no-config", NULL);
	expect(two, "cid", NULL);
	/* The same ID with another key: the old CIDs mean nothing now. */
	world_apply(VIPS "cid:\n  - {id: 4, format: quic-lb, "
		    "server_id_length: 3, nonce_length: 4, "
		    "key: 000102030405060708090a0b0c0d0e0f}\n" REST);
	expect(two, "hash cid-no-server", NULL);
	/* And with another length. */
	world_apply(VIPS "cid:\n  - {id: 4, format: quic-lb, "
		    "server_id_length: 3, nonce_length: 5" KEY "}\n" REST);
	expect(two, "hash cid-short", NULL);
	world_apply(VIPS "cid:\n" TWO REST);
	expect(two, "cid", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_format),
		TEST(other_config_ids),
		TEST(side_by_side),
		TEST(rotation),
	};

	return harness_main("formats", tests, ARRAY_LEN(tests));
}
