/* SPDX-License-Identifier: GPL-2.0-only */
/* libxroam-cid: layouts, minting, parsing, and what it refuses. */
#include <jansson.h>
#include <xroam/cid_config.h>
#include "lib/cids.h"
#include "user/cid/aes.h"

#define VECTORS "tests/unit/vectors/quic-lb-draft-21.json"

/* ---- the draft's vectors ---- */

static const char *text(json_t *row, const char *name)
{
	return json_string_value(json_object_get(row, name));
}

static void test_draft_vectors(void **state)
{
	json_error_t error;
	json_t *rows = json_load_file(VECTORS, 0, &error), *row;
	size_t i;

	if (!rows)
		fail_msg("%s: %s (run me at the top of the tree)", VECTORS, error.text);
	assert_true(json_array_size(rows) >= 6);
	json_array_foreach(rows, i, row) {
		uint8_t sid[20], nonce[20], key[16], want[20], got[20];
		struct xr_cid_parsed parsed;
		struct xr_cid_params p = {
			.config_id = json_integer_value(json_object_get(row, "config_id")),
			.flags = XR_CID_F_LENGTH,
		};
		size_t len = unhex(text(row, "cid"), want, sizeof(want));
		struct xr_cid *c;

		p.sid_len = unhex(text(row, "server_id"), sid, sizeof(sid));
		p.nonce_len = unhex(text(row, "nonce"), nonce, sizeof(nonce));
		if (text(row, "key")) {
			unhex(text(row, "key"), key, sizeof(key));
			p.key = key;
		}
		print_message("# %s\n", text(row, "id"));
		c = make_cid(&p);
		assert_int_equal(xr_cid_min_len(c), len);
		assert_int_equal(xr_cid_encode(c, sid, nonce, got, len), 0);
		assert_memory_equal(got, want, len);
		assert_int_equal(xr_cid_parse(c, want, len, &parsed), 0);
		assert_int_equal(parsed.sid_len, p.sid_len);
		assert_int_equal(parsed.nonce_len, p.nonce_len);
		assert_memory_equal(parsed.sid, sid, p.sid_len);
		assert_memory_equal(parsed.nonce, nonce, p.nonce_len);
		xr_cid_free(c);
	}
	json_decref(rows);
}

/* QUIC-LB.md's worked example; the low bits of octet 0 are the length. */
static void test_worked_example(void **state)
{
	static const uint8_t sid[] = { 0x31, 0x44, 0x1a };
	static const uint8_t nonce[] = { 0x9c, 0x69, 0xc2, 0x75 };
	static const uint8_t want[] = { 0x07, 0x67, 0x94, 0x7d, 0x29, 0xbe, 0x05, 0x4a };
	struct xr_cid *c = make_cid(&(struct xr_cid_params){
		.sid_len = 3, .nonce_len = 4, .key = test_key, .flags = XR_CID_F_LENGTH });
	uint8_t cid[8];

	assert_int_equal(xr_cid_encode(c, sid, nonce, cid, 8), 0);
	assert_memory_equal(cid, want, 8);
	xr_cid_free(c);
}

/* ---- round trips ---- */

static __u64 load(const uint8_t *p)
{
	__u64 w = 0;
	int i;

	for (i = 0; i < 8; i++)
		w |= (__u64)p[i] << 8 * i;
	return w;
}

static inline void block_by_library(const void *key, const __u64 x[2], __u32 n, __u32 pass,
				    __u64 m[2])
{
	uint8_t b[16];
	int i;

	for (i = 0; i < 16; i++)
		b[i] = x[i / 8] >> 8 * (i % 8);
	b[14] = n;
	b[15] = pass;
	xr_aes_encrypt(key, b, b, 1);
	m[0] = load(b);
	m[1] = load(b + 8);
}

/* The data plane's way from CID to server ID: words, shifts and masks. */
static void decode_by_layout(const struct xr_cid_layout *l, const uint8_t *key, const uint8_t *cid,
			     size_t len, uint8_t *sid)
{
	uint8_t room[XR_CID_PAD], b[16];
	struct xr_cid_words w;
	struct xr_aes aes;
	__u64 words[2];
	int i;

	/* What is behind the CID must not matter. */
	scramble(room, sizeof(room));
	memcpy(room, cid, len);
	for (i = 0; i < 4; i++) {
		assert_true(l->at[i] <= 12);
		assert_true(l->shift[i] < 64);
	}
	for (i = 0; i < 2; i++) {
		w.left[i] = load(room + l->at[i]) >> l->shift[i];
		w.right[i] = load(room + l->at[2 + i]) >> l->shift[2 + i];
	}
	if (key)
		xr_aes_init(&aes, key);
	if (l->mode == XR_CID_CLEAR) {
		xr_cid_clear(l, &w, words);
	} else if (l->mode == XR_CID_SINGLE) {
		for (i = 0; i < 16; i++)
			b[i] = w.left[i / 8] >> 8 * (i % 8);
		xr_aes_decrypt(&aes, b, b, 1);
		words[0] = load(b) & l->sid[0];
		words[1] = load(b + 8) & l->sid[1];
	} else {
		for (i = 0; i < 2; i++) {
			w.left[i] &= l->left[i];
			w.right[i] &= l->right[i];
		}
		xr_cid_passes(l, &w, 4, l->last_pass, -1, block_by_library, &aes);
		xr_cid_join(l, &w, words);
	}
	for (i = 0; i < 16; i++)
		sid[i] = words[i / 8] >> 8 * (i % 8);
}

static void round_trip(struct xr_cid_params *p, unsigned int nonce_len)
{
	uint8_t sid[16], nonce[20], cid[20], again[20], by_layout[16];
	uint8_t s = p->sid_len, n = p->nonce_len, offset = p->offset;
	struct xr_cid_layout l;
	struct xr_cid_parsed parsed;
	struct xr_cid *c;
	size_t len;

	scramble(sid, sizeof(sid));
	scramble(nonce, sizeof(nonce));
	if (p->format == XR_CID_MVFST1)
		nonce[0] &= 0x3f;
	p->sid = sid;
	c = make_cid(p);
	xr_cid_defaults(p->format, &s, &n, &offset);
	assert_int_equal(xr_cid_layout_init(&l, p->format, s, n, offset, !!p->key), 0);
	assert_int_equal(l.min_len, xr_cid_min_len(c));
	for (len = xr_cid_min_len(c); len <= XR_CID_MAX; len++) {
		assert_int_equal(xr_cid_encode(c, sid, nonce, cid, len), 0);
		assert_int_equal(xr_cid_parse(c, cid, len, &parsed), 0);
		assert_int_equal(parsed.sid_len, s);
		assert_int_equal(parsed.nonce_len, nonce_len);
		assert_memory_equal(parsed.sid, sid, s);
		assert_memory_equal(parsed.nonce, nonce, nonce_len);

		assert_int_equal(xr_cid_mint(c, cid, len), 0);
		assert_true(xr_cid_codepoints(p->format, p->config_id) >> (cid[0] >> 5) & 1);
		assert_int_equal(xr_cid_parse(c, cid, len, &parsed), 0);
		assert_memory_equal(parsed.sid, sid, s);
		decode_by_layout(&l, p->key, cid, len, by_layout);
		assert_memory_equal(by_layout, sid, s);
		for (; s < 16 && by_layout[s] == 0; s++)
			;
		assert_int_equal(s, 16);
		s = l.sid_len;

		assert_int_equal(xr_cid_mint(c, again, len), 0);
		assert_memory_not_equal(cid, again, len);
	}
	len = xr_cid_min_len(c);
	assert_int_equal(xr_cid_parse(c, cid, len - 1, &parsed), XR_CID_E_SHORT);
	assert_int_equal(xr_cid_parse(c, cid, 0, &parsed), XR_CID_E_SHORT);
	assert_int_equal(xr_cid_mint(c, cid, len - 1), XR_CID_E_SHORT);
	assert_int_equal(xr_cid_mint(c, cid, 21), XR_CID_E_LONG);
	xr_cid_free(c);
}

static void test_every_length(void **state)
{
	unsigned int s, n, keyed, done = 0;

	for (keyed = 0; keyed < 2; keyed++)
		for (s = 1; s <= 15; s++)
			for (n = 4; s + n <= 19; n++, done++)
				round_trip(
					&(struct xr_cid_params){ .format = XR_CID_QUIC_LB,
								 .config_id = (s + n) % 7,
								 .sid_len = s,
								 .nonce_len = n,
								 .key = keyed ? test_key : NULL },
					n);
	assert_int_equal(done, 2 * 120);

	for (s = 1; s <= 12; s++) {
		round_trip(&(struct xr_cid_params){ .format = XR_CID_QUIC_LB2,
						    .config_id = s % 3,
						    .sid_len = s,
						    .nonce_len = 16 - s,
						    .key = test_key },
			   16 - s);
		round_trip(&(struct xr_cid_params){ .format = XR_CID_QUIC_LB2,
						    .config_id = s % 3,
						    .sid_len = s,
						    .nonce_len = 4 + s % 3 },
			   4 + s % 3);
	}
}

static void test_plain(void **state)
{
	unsigned int offset, s, n;

	round_trip(&(struct xr_cid_params){ .format = XR_CID_PLAIN }, 8);
	for (offset = 0; offset < 16; offset++)
		for (s = 1; s <= 15 && offset + s < 16; s++)
			for (n = 4; offset + s + n <= 20; n += 3)
				round_trip(&(struct xr_cid_params){ .format = XR_CID_PLAIN,
								    .offset = offset,
								    .sid_len = s,
								    .nonce_len = n },
					   n);
}

static void test_named_formats(void **state)
{
	static const struct {
		enum xr_cid_format format;
		unsigned int config_id, codepoints, min_len, sid_len, nonce_len;
		int keyed;
	} known[] = {
		{ XR_CID_PLAIN, 0, 0xff, 12, 4, 8, 0 },    { XR_CID_AWS_NLB, 0, 0x01, 16, 8, 7, 0 },
		{ XR_CID_NGHTTPX, 5, 0x20, 17, 4, 12, 1 }, { XR_CID_MSQUIC, 0, 0xff, 14, 4, 9, 0 },
		{ XR_CID_MVFST1, 1, 0x0c, 4, 2, 2, 0 },    { XR_CID_MVFST2, 2, 0x30, 6, 3, 2, 0 },
		{ XR_CID_MVFST3, 3, 0xc0, 7, 4, 2, 0 },
	};
	struct xr_cid_params p;
	struct xr_cid *c;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		p = (struct xr_cid_params){
			.format = known[i].format,
			.config_id = known[i].config_id,
			.key = known[i].keyed ? test_key : NULL,
		};
		print_message("# %s\n", xr_cid_format_word(p.format));
		assert_int_equal(xr_cid_codepoints(p.format, p.config_id), known[i].codepoints);
		c = make_cid(&p);
		assert_int_equal(xr_cid_min_len(c), known[i].min_len);
		xr_cid_free(c);
		round_trip(&p, known[i].nonce_len);

		/* The format's own lengths may be said, others not. */
		p.sid_len = known[i].sid_len;
		p.nonce_len = known[i].nonce_len;
		round_trip(&p, known[i].nonce_len);
		if (p.format == XR_CID_PLAIN)
			continue;
		p.sid_len++;
		assert_int_equal(xr_cid_new(&c, &p), XR_CID_E_SID_LEN);
		p.sid_len--;
		p.nonce_len++;
		assert_int_equal(xr_cid_new(&c, &p), XR_CID_E_NONCE_LEN);
	}
}

/* Octets written out by hand, from the layouts' own descriptions. */
static void test_positions(void **state)
{
	static const struct {
		enum xr_cid_format format;
		unsigned int config_id;
		const char *cid, *sid;
	} known[] = {
		{ XR_CID_PLAIN, 0, "c0000201aabbccddeeff0011", "c0000201" },
		{ XR_CID_AWS_NLB, 0, "1f0102030405060708aabbccddeeff00", "0102030405060708" },
		{ XR_CID_MSQUIC, 0, "a5c0000201aabbccddeeff001122", "c0000201" },
		/* 01 and then 0x1234 = 0001001000110100: 0x44 0x8d 0x00. */
		{ XR_CID_MVFST1, 1, "448d3f00", "1234" },
		{ XR_CID_MVFST1, 1, "7fffc000", "ffff" },
		{ XR_CID_MVFST2, 2, "bf123456aabb", "123456" },
		{ XR_CID_MVFST3, 3, "c012345678aabb", "12345678" },
	};
	struct xr_cid_parsed parsed;
	uint8_t cid[20], sid[16], by_layout[16];
	struct xr_cid_layout l;
	struct xr_cid *c;
	size_t i, len, n;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		c = make_cid(&(struct xr_cid_params){ .format = known[i].format,
						      .config_id = known[i].config_id });
		len = unhex(known[i].cid, cid, sizeof(cid));
		n = unhex(known[i].sid, sid, sizeof(sid));
		assert_int_equal(xr_cid_parse(c, cid, len, &parsed), 0);
		assert_int_equal(parsed.sid_len, n);
		assert_memory_equal(parsed.sid, sid, n);
		xr_cid_layout_init(&l, known[i].format, 0, 0, 0, 0);
		decode_by_layout(&l, NULL, cid, len, by_layout);
		assert_memory_equal(by_layout, sid, n);
		xr_cid_free(c);
	}
}

static void test_first_octet(void **state)
{
	static const uint8_t sid[8] = { 1 };
	uint8_t cid[20], seen = 0, always = 0xff;
	struct xr_cid_parsed parsed;
	struct xr_cid *c;
	int i;

	c = make_cid(&(struct xr_cid_params){ .config_id = 5,
					      .sid_len = 8,
					      .nonce_len = 8,
					      .sid = sid,
					      .flags = XR_CID_F_LENGTH });
	assert_int_equal(xr_cid_mint(c, cid, 20), 0);
	assert_int_equal(cid[0], 5 << 5 | 19);
	cid[0] ^= 0x20;
	assert_int_equal(xr_cid_parse(c, cid, 20, &parsed), XR_CID_E_NO_CONFIG);
	/* The length is never checked: some append octets they do not count. */
	cid[0] = 5 << 5;
	assert_int_equal(xr_cid_parse(c, cid, 20, &parsed), 0);
	assert_int_equal(xr_cid_parse(c, cid, 200, &parsed), 0);
	xr_cid_free(c);

	c = make_cid(&(struct xr_cid_params){
		.config_id = 5, .sid_len = 8, .nonce_len = 8, .sid = sid });
	for (i = 0; i < 1000; i++) {
		assert_int_equal(xr_cid_mint(c, cid, 17), 0);
		assert_int_equal(cid[0] >> 5, 5);
		seen |= cid[0];
		always &= cid[0];
	}
	assert_int_equal(seen & 0x1f, 0x1f);
	assert_int_equal(always & 0x1f, 0);
	xr_cid_free(c);
}

/* ---- refusals ---- */

static void test_bad_params(void **state)
{
	static const struct {
		struct xr_cid_params p;
		int err;
	} bad[] = {
		{ { .format = XR_CID_FORMAT_MAX }, XR_CID_E_FORMAT },
		{ { .format = -1U }, XR_CID_E_FORMAT },
		{ { .config_id = 7, .sid_len = 4, .nonce_len = 4 }, XR_CID_E_CONFIG_ID },
		{ { .config_id = 256, .sid_len = 4, .nonce_len = 4 }, XR_CID_E_CONFIG_ID },
		{ { .nonce_len = 4 }, XR_CID_E_SID_LEN },
		{ { .sid_len = 16, .nonce_len = 4 }, XR_CID_E_SID_LEN },
		{ { .sid_len = 257, .nonce_len = 4 }, XR_CID_E_SID_LEN },
		{ { .sid_len = 4 }, XR_CID_E_NONCE_LEN },
		{ { .sid_len = 4, .nonce_len = 3 }, XR_CID_E_NONCE_LEN },
		{ { .sid_len = 4, .nonce_len = 260 }, XR_CID_E_NONCE_LEN },
		{ { .sid_len = 15, .nonce_len = 5 }, XR_CID_E_BLOCK_LEN },
		{ { .sid_len = 1, .nonce_len = 19 }, XR_CID_E_BLOCK_LEN },
		{ { .sid_len = 4, .nonce_len = 4, .offset = 2 }, XR_CID_E_OFFSET },
		{ { .sid_len = 4, .nonce_len = 4, .flags = 0x80 }, XR_CID_E_BAD_ARG },
		{ { .format = XR_CID_PLAIN, .offset = 20 }, XR_CID_E_OFFSET },
		{ { .format = XR_CID_PLAIN, .offset = 18, .sid_len = 3 }, XR_CID_E_OFFSET },
		{ { .format = XR_CID_PLAIN, .offset = 8, .sid_len = 4, .nonce_len = 9 },
		  XR_CID_E_BLOCK_LEN },
		{ { .format = XR_CID_PLAIN, .key = test_key }, XR_CID_E_KEY_REFUSED },
		{ { .format = XR_CID_MSQUIC, .key = test_key }, XR_CID_E_KEY_REFUSED },
		{ { .format = XR_CID_NGHTTPX }, XR_CID_E_KEY_NEEDED },
		{ { .format = XR_CID_AWS_NLB, .config_id = 1 }, XR_CID_E_CONFIG_ID },
		{ { .format = XR_CID_MVFST2, .config_id = 1 }, XR_CID_E_CONFIG_ID },
		{ { .format = XR_CID_QUIC_LB2, .config_id = 3, .sid_len = 4, .nonce_len = 4 },
		  XR_CID_E_CONFIG_ID },
		{ { .format = XR_CID_QUIC_LB2, .sid_len = 4, .nonce_len = 8, .key = test_key },
		  XR_CID_E_TWO_BIT_KEY },
	};
	struct xr_cid *c;
	size_t i;
	int err;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		c = (void *)-1;
		err = xr_cid_new(&c, &bad[i].p);
		if (err != bad[i].err)
			fail_msg("case %zu: %s", i, xr_cid_strerror(err));
		assert_null(c);
	}
	assert_int_equal(xr_cid_new(NULL, &bad[0].p), XR_CID_E_BAD_ARG);
	assert_int_equal(xr_cid_new(&c, NULL), XR_CID_E_BAD_ARG);
	xr_cid_free(NULL);
}

static void test_bad_arguments(void **state)
{
	struct xr_cid *c = make_cid(&(struct xr_cid_params){ .sid_len = 4, .nonce_len = 4 });
	struct xr_cid_parsed parsed;
	uint8_t cid[20] = { 0 };

	/* It has no server ID of its own. */
	assert_int_equal(xr_cid_mint(c, cid, 9), XR_CID_E_BAD_ARG);
	assert_int_equal(xr_cid_mint(NULL, cid, 9), XR_CID_E_BAD_ARG);
	assert_int_equal(xr_cid_encode(c, NULL, NULL, cid, 9), XR_CID_E_BAD_ARG);
	assert_int_equal(xr_cid_encode(c, cid, NULL, NULL, 9), XR_CID_E_BAD_ARG);
	assert_int_equal(xr_cid_parse(NULL, cid, 9, &parsed), XR_CID_E_BAD_ARG);
	assert_int_equal(xr_cid_parse(c, NULL, 9, &parsed), XR_CID_E_BAD_ARG);
	assert_int_equal(xr_cid_parse(c, cid, 9, NULL), XR_CID_E_BAD_ARG);
	assert_int_equal(xr_cid_min_len(NULL), 0);
	xr_cid_free(c);
}

static void test_words(void **state)
{
	int i;

	for (i = 0; i < XR_CID_FORMAT_MAX; i++)
		assert_int_equal(xr_cid_format_from_word(xr_cid_format_word(i)), i);
	assert_null(xr_cid_format_word(XR_CID_FORMAT_MAX));
	assert_int_equal(xr_cid_format_from_word("quic-l"), -1);
	assert_int_equal(xr_cid_format_from_word(NULL), -1);
	for (i = 0; i < XR_CID_E_MAX; i++)
		assert_true(strlen(xr_cid_strerror(i)) > 5);
	assert_string_equal(xr_cid_strerror(-1), xr_cid_strerror(1000));
	assert_true(xr_cid_chance(3, 1) > 0.0117 && xr_cid_chance(3, 1) < 0.0118);
	assert_true(xr_cid_chance(1000, 4) < 1e-6);
	assert_true(xr_cid_chance(1000, 1) == 1);
}

/* ---- what the data plane gets ---- */

static void test_config_fill(void **state)
{
	struct xr_cid_config c, other;
	struct xr_cid_info info = { .format = XR_CID_QUIC_LB, .sid_len = 4, .nonce_len = 8 };
	size_t i;

	/* FIPS-197 A.1: the last round key begins d014f9a8 c9ee2589. */
	static const uint8_t key[16] = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
					 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c };

	assert_int_equal(xr_cid_config_fill(&c, &info), 0);
	assert_int_equal(c.layout.mode, XR_CID_CLEAR);
	for (i = 0; i < XR_RK_WORDS; i++)
		assert_int_equal(c.round_key[i], 0);

	memcpy(info.key, key, 16);
	info.has_key = 1;
	assert_int_equal(xr_cid_config_fill(&c, &info), 0);
	assert_int_equal(c.layout.mode, XR_CID_FOUR);
	assert_true(c.round_key[XR_RK_IN] == load(key));
	assert_true(c.round_key[XR_RK_OUT] == 0x8925eec9a8f914d0ULL);
	for (i = XR_RK_PASS + 1; i < XR_RK_OUT; i++)
		assert_true((c.round_key[i] & ~0x07f807f807f807f8ULL) == 0);

	info.nonce_len = 12;
	assert_int_equal(xr_cid_config_fill(&c, &info), 0);
	assert_int_equal(c.layout.mode, XR_CID_SINGLE);
	assert_true(c.round_key[XR_RK_IN] == 0x8925eec9a8f914d0ULL);
	assert_true(c.round_key[XR_RK_OUT] == load(key));

	/* Nothing is written on failure. */
	memset(&other, 0x5a, sizeof(other));
	c = other;
	info.nonce_len = 3;
	assert_int_equal(xr_cid_config_fill(&c, &info), XR_CID_E_NONCE_LEN);
	info.config_id = 7;
	assert_int_equal(xr_cid_config_fill(&c, &info), XR_CID_E_CONFIG_ID);
	info.format = 200;
	assert_int_equal(xr_cid_config_fill(&c, &info), XR_CID_E_FORMAT);
	assert_memory_equal(&c, &other, sizeof(c));
}

static void test_sid_keys(void **state)
{
	unsigned int len, i;
	__u64 w0, w1;

	for (len = 1; len <= XR_SID_MAX; len++) {
		/* All zeros is a valid server ID, but never key 0. */
		assert_true(xr_sid_key(0, 0, len) != 0);
		for (i = 0; i < 8 * len; i++) {
			w0 = i < 64 ? 1ULL << i : 0;
			w1 = i < 64 ? 0 : 1ULL << (i - 64);
			assert_true(xr_sid_key(w0, w1, len) != xr_sid_key(0, 0, len));
			assert_int_equal(xr_sid_key(w0, w1, len) & 0xff, len);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_draft_vectors), cmocka_unit_test(test_worked_example),
		cmocka_unit_test(test_every_length),  cmocka_unit_test(test_plain),
		cmocka_unit_test(test_named_formats), cmocka_unit_test(test_positions),
		cmocka_unit_test(test_first_octet),   cmocka_unit_test(test_bad_params),
		cmocka_unit_test(test_bad_arguments), cmocka_unit_test(test_words),
		cmocka_unit_test(test_config_fill),   cmocka_unit_test(test_sid_keys),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
