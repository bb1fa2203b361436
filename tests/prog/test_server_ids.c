// SPDX-License-Identifier: GPL-2.0-only
/*
 * Server IDs in pages and in the table: a packet finds the backend of each, and of no other
 * one, wherever it is, of every length, and when it has changed sides.
 */
#include <stdio.h>
#include "lib/harness.h"
#include "lib/worlds.h"

/* How many there are: that differ in their last octet only, in their first one only. */
struct ids {
	int len, dense, apart;
};

#define ID_ROOM (2 * XR_SID_MAX + 1)

static const char *dense_id(char *id, int len, int i)
{
	int n = len > 1 ? snprintf(id, ID_ROOM, "%0*x", 2 * (len - 1), 7) : 0;

	snprintf(id + n, ID_ROOM - n, "%02x", i);
	return id;
}

static const char *apart_id(char *id, int len, int i)
{
	snprintf(id, ID_ROOM, "%02x%0*x", i, 2 * (len - 1), 9);
	return id;
}

/* Those with an even number are of one backend, those with an odd one of another. */
static void apply_ids(const struct ids *ids)
{
	static char text[65536];
	char id[ID_ROOM], *s = text;
	int b, i;

	s += sprintf(s,
		     VIPS "cid:\n  - {id: 0, format: quic-lb, server_id_length: %d, "
			  "nonce_length: 4}\nbackends:\n",
		     ids->len);
	s += sprintf(s, BACKEND("rest", ALL_VIPS) "    address: 10.1.0.9\n    forward: gue\n");
	for (b = 0; b < 2; b++) {
		s += sprintf(s,
			     BACKEND("b%d", VIPS4) "    address: 10.2.0.%d\n"
						  "    state: draining\n    server_ids: [",
				     b, b + 1);
		for (i = b; i < ids->dense; i += 2)
			s += sprintf(s, "\"%s\", ", dense_id(id, ids->len, i));
		for (i = b; i < ids->apart; i += 2)
			s += sprintf(s, "\"%s\", ", apart_id(id, ids->len, i));
		s += sprintf(s, "]\n");
	}
	world_apply("%s", text);
}

static void expect_id(const char *id, int i, bool is_there)
{
	struct result r = run_text("eth / ip4 / udp / quic short dcid=00%saabbccdd", id);

	check_reasons(&r, is_there ? "cid" : "cid-no-server hash");
	assert_string_equal(outer_dst(&r),
			    !is_there       ? "10.1.0.9"
				    : i & 1 ? "10.2.0.2"
					    : "10.2.0.1");
}

static void expect_ids(const struct ids *ids, __u32 features)
{
	char id[ID_ROOM];
	int i;

	apply_ids(ids);
	assert_int_equal(world_plane()->meta->features &
				 (XR_FEATURE_SID_PAGES | XR_FEATURE_SID_TABLE),
			 features);
	for (i = 0; i < XR_SID_PAGE; i++) {
		expect_id(dense_id(id, ids->len, i), i, i < ids->dense);
		if (ids->len > 1)
			expect_id(apart_id(id, ids->len, i), i, i < ids->apart);
	}
}

static void change_sides(int len)
{
	const __u32 table = XR_FEATURE_SID_TABLE,
		    pages = len <= XR_SID_PAGED ? XR_FEATURE_SID_PAGES : 0;

	world(VIPS);
	expect_ids(&(struct ids){ len, 31, 0 }, table);
	expect_ids(&(struct ids){ len, 32, 0 }, pages ?: table);
	expect_ids(&(struct ids){ len, 256, 0 }, pages ?: table);
	if (len > 1)
		expect_ids(&(struct ids){ len, 40, 9 }, pages | table);
	expect_ids(&(struct ids){ len, 16, 0 }, pages ?: table);
	expect_ids(&(struct ids){ len, 15, 0 }, table);
	expect_ids(&(struct ids){ len, 0, 0 }, table);
}

static void of_one_octet(void **state)
{
	change_sides(1);
}

static void of_four_octets(void **state)
{
	change_sides(4);
}

/* The longest that may have a page; longer ones. */
static void of_eight_octets(void **state)
{
	change_sides(8);
}

static void of_nine_octets(void **state)
{
	change_sides(9);
}

/* A page is one length's: the same octets, and one less of them. */
static void of_two_lengths(void **state)
{
	char text[8192], *s = text;
	struct result r;

	s += sprintf(
		s,
		VIPS
		"cid:\n  - {id: 0, format: quic-lb, server_id_length: 2, nonce_length: 4}\n"
		"  - {id: 1, format: quic-lb, server_id_length: 3, nonce_length: 4}\n"
		"backends:\n" BACKEND("rest", ALL_VIPS) "    address: 10.1.0.9\n"
					 "    forward: gue\n" BACKEND("two", VIPS4) "    address: 10.2.0.1\n"
							"    state: draining\n    server_ids: [");
	for (int i = 0; i < 64; i++)
		s += sprintf(s, "\"00%02x\", ", i);
	sprintf(s, "\"000080\"]\n");
	world("%s", text);
	expect_id("0007", 0, true);
	expect_id("0080", 0, false);
	r = run_text("eth / ip4 / udp / quic short dcid=20000080aabbccdd");
	check_reasons(&r, "cid");
	r = run_text("eth / ip4 / udp / quic short dcid=20000007aabbccdd");
	check_reasons(&r, "cid-no-server hash");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_one_octet),   TEST(of_four_octets), TEST(of_eight_octets),
		TEST(of_nine_octets), TEST(of_two_lengths),
	};

	return harness_main("server IDs", tests, ARRAY_LEN(tests));
}
