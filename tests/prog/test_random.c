/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program reads the same server ID as the library for servers: 100,000
 * random CIDs per mode, over every legal pair of lengths. Every fourth CID is
 * one that the library made; the others are random octets, as a client's are.
 *
 * XROAM_TEST_CIDS=N draws fewer of them, for slow machines.
 */
#include <stdio.h>
#include <xroam/cid.h>
#include "lib/harness.h"
#include "lib/worlds.h"

#define PER_MODE 100000
#define AT_ONCE  7 /* config IDs 0..6 */

struct pair {
	int sid_len, nonce_len;
};

static __u64 seed = 0x9e3779b97f4a7c15ULL;

/* xorshift64*: the same CIDs in every run. */
static __u32 draw(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL >> 32;
}

static void draw_octets(__u8 *to, size_t n)
{
	while (n--)
		*to++ = draw() >> 24;
}

static long per_mode(void)
{
	const char *s = getenv("XROAM_TEST_CIDS");

	return s && atol(s) > 0 ? atol(s) : PER_MODE;
}

static size_t pairs_of(enum xr_cid_mode mode, struct pair *pair)
{
	size_t n = 0;

	for (int s = 1; s <= XR_SID_MAX; s++)
		for (int k = XR_NONCE_MIN; s + k <= XR_CID_BLOCK_MAX; k++) {
			if (s + k < XR_CID_BLOCK_MIN)
				continue;
			if (mode == XR_CID_SINGLE && s + k != 16)
				continue;
			if (mode == XR_CID_FOUR && s + k == 16)
				continue;
			pair[n++] = (struct pair){ s, k };
		}
	return n;
}

/* Configures up to seven pairs and opens the library's side of them. */
static size_t configure(const struct pair *pair, size_t n, bool keyed, struct xr_cid **lib)
{
	char text[4096] = VIPS "cid:\n";
	__u8 key[16];

	for (size_t i = 0; i < n && i < AT_ONCE; i++) {
		struct xr_cid_params p = {
			.format = XR_CID_QUIC_LB,
			.config_id = i,
			.sid_len = pair[i].sid_len,
			.nonce_len = pair[i].nonce_len,
			.key = keyed ? key : NULL,
		};
		char *end = text + strlen(text);

		draw_octets(key, sizeof(key));
		assert_int_equal(xr_cid_new(&lib[i], &p), 0);
		end += sprintf(end,
			       "  - {id: %zu, format: quic-lb, "
			       "server_id_length: %d, nonce_length: %d",
			       i, pair[i].sid_len, pair[i].nonce_len);
		for (int k = 0; keyed && k < 16; k++)
			end += sprintf(end, "%s%02x", k ? "" : ", key: ", key[k]);
		strcpy(end, "}\n");
	}
	strcat(text, "backends: []\n");
	if (world_plane())
		world_apply("%s", text);
	else
		world_traced("%s", text);
	return n < AT_ONCE ? n : AT_ONCE;
}

/* One CID: the trace says what the program read. */
static void compare(struct packet *p, size_t at, int id, const struct pair *pair,
		    struct xr_cid *lib)
{
	int min = 1 + pair->sid_len + pair->nonce_len;
	int len = min + draw() % (XR_CID_MAX + 1 - min);
	struct xr_cid_parsed want;
	struct xr_trace t;
	__u8 *cid = p->data + at;

	draw_octets(cid, XR_CID_MAX);
	if (draw() % 4 == 0) {
		__u8 sid[XR_CID_MAX], nonce[XR_CID_MAX];

		draw_octets(sid, sizeof(sid));
		draw_octets(nonce, sizeof(nonce));
		assert_int_equal(xr_cid_encode(lib, sid, nonce, cid, len), 0);
		assert_int_equal(xr_cid_parse(lib, cid, len, &want), 0);
		assert_memory_equal(want.sid, sid, pair->sid_len);
	} else {
		cid[0] = (cid[0] & 0x1f) | id << 5;
		assert_int_equal(xr_cid_parse(lib, cid, len, &want), 0);
	}

	/* The long header tells the length; in front of the CID. */
	cid[-1] = len;
	run_prog(world_prog(), p);
	t = world_trace();
	assert_memory_equal(t.cid, cid, len); /* this packet's trace */
	if (!(t.flags & XR_TRACE_SID) || t.sid_len != pair->sid_len ||
	    memcmp(t.sid, want.sid, pair->sid_len)) {
		fprintf(stderr, "# S %d, N %d, CID", pair->sid_len, pair->nonce_len);
		for (int i = 0; i < len; i++)
			fprintf(stderr, " %02x", cid[i]);
		fprintf(stderr, "\n# server ID wanted, got:");
		for (int i = 0; i < pair->sid_len; i++)
			fprintf(stderr, " %02x/%02x", want.sid[i], t.sid[i]);
		fprintf(stderr, "\n");
		fail();
	}
	/* What lies behind the server ID in its two words is zero. */
	for (int i = pair->sid_len; i < 16; i++)
		assert_int_equal(t.sid[i], 0);
}

static void one_mode(enum xr_cid_mode mode)
{
	struct packet p = packet("eth / ip4 / udp / quic long type=handshake "
				 "dcid=0000000000000000000000000000000000000000"
				 " / fill 30");
	size_t at = packet_find(&p, "quic", 0) + 6;
	struct pair pair[128];
	size_t n = pairs_of(mode, pair);
	long each = (per_mode() + n - 1) / n, drawn = 0;
	struct xr_cid *lib[AT_ONCE];

	for (size_t from = 0, batch; from < n; from += batch) {
		batch = configure(pair + from, n - from, mode != XR_CID_CLEAR, lib);
		for (long k = 0; k < each; k++)
			for (size_t i = 0; i < batch; i++, drawn++)
				compare(&p, at, i, &pair[from + i], lib[i]);
		for (size_t i = 0; i < batch; i++)
			xr_cid_free(lib[i]);
	}
	printf("# %ld CIDs, %zu pairs of lengths\n", drawn, n);
}

static void clear(void **state)
{
	one_mode(XR_CID_CLEAR);
}

static void single_pass(void **state)
{
	one_mode(XR_CID_SINGLE);
}

static void four_pass(void **state)
{
	one_mode(XR_CID_FOUR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(clear),
		TEST(single_pass),
		TEST(four_pass),
	};

	return harness_main("random CIDs", tests, ARRAY_LEN(tests));
}
