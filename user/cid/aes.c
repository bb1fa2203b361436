// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>
#include "aes.h"

#define ROW0 0x1111111111111111ULL /* bit of row 0 in each column */

void xr_wipe(void *p, size_t len)
{
	memset(p, 0, len);
	__asm__ volatile("" : : "r"(p) : "memory");
}

/* Transposes an 8 x 8 matrix of bits: bit 8 i + j goes to 8 j + i. */
static uint64_t transpose(uint64_t x)
{
	uint64_t y;

	y = (x ^ x >> 7) & 0x00aa00aa00aa00aaULL;
	x ^= y ^ y << 7;
	y = (x ^ x >> 14) & 0x0000cccc0000ccccULL;
	x ^= y ^ y << 14;
	y = (x ^ x >> 28) & 0x00000000f0f0f0f0ULL;
	return x ^ y ^ y << 28;
}

void xr_aes_pack(struct xr_aes_state *s, const uint8_t *octets, size_t len)
{
	size_t group, i;

	memset(s, 0, sizeof(*s));
	for (group = 0; 8 * group < len; group++) {
		uint64_t x = 0;

		for (i = 0; i < 8 && 8 * group + i < len; i++)
			x |= (uint64_t)octets[8 * group + i] << 8 * i;
		x = transpose(x);
		for (i = 0; i < 8; i++)
			s->plane[i] |= (x >> 8 * i & 0xff) << 8 * group;
	}
}

void xr_aes_unpack(const struct xr_aes_state *s, uint8_t *octets, size_t len)
{
	size_t group, i;

	for (group = 0; 8 * group < len; group++) {
		uint64_t x = 0;

		for (i = 0; i < 8; i++)
			x |= (s->plane[i] >> 8 * group & 0xff) << 8 * i;
		x = transpose(x);
		for (i = 0; i < 8 && 8 * group + i < len; i++)
			octets[8 * group + i] = x >> 8 * i;
	}
}

/*
 * Inversion is done in GF(16)[x] / (x^2 + x + NU) with GF(16) = GF(2)[y] /
 * (y^4 + y + 1) and NU = y^3 + y^2: five multiplications of four bits, where
 * GF(256) itself takes four of eight bits. Each bit is a plane.
 */
struct gf16 {
	uint64_t b[4];
};

static inline struct gf16 add16(struct gf16 a, struct gf16 b)
{
	return (struct gf16){ { a.b[0] ^ b.b[0], a.b[1] ^ b.b[1], a.b[2] ^ b.b[2],
				a.b[3] ^ b.b[3] } };
}

static inline struct gf16 mul16(struct gf16 x, struct gf16 y)
{
	const uint64_t *a = x.b, *b = y.b;
	uint64_t c0, c1, c2, c3, c4, c5, c6;

	c0 = a[0] & b[0];
	c1 = (a[0] & b[1]) ^ (a[1] & b[0]);
	c2 = (a[0] & b[2]) ^ (a[1] & b[1]) ^ (a[2] & b[0]);
	c3 = (a[0] & b[3]) ^ (a[1] & b[2]) ^ (a[2] & b[1]) ^ (a[3] & b[0]);
	c4 = (a[1] & b[3]) ^ (a[2] & b[2]) ^ (a[3] & b[1]);
	c5 = (a[2] & b[3]) ^ (a[3] & b[2]);
	c6 = a[3] & b[3];
	return (struct gf16){ { c0 ^ c4, c1 ^ c4 ^ c5, c2 ^ c5 ^ c6, c3 ^ c6 } };
}

static inline struct gf16 square16(struct gf16 x)
{
	const uint64_t *a = x.b;

	return (struct gf16){ { a[0] ^ a[2], a[2], a[1] ^ a[3], a[3] } };
}

/* NU x^2 */
static inline struct gf16 square16_nu(struct gf16 x)
{
	const uint64_t *a = x.b;

	return (struct gf16){ { a[1] ^ a[2] ^ a[3], a[2] ^ a[3], a[0] ^ a[1] ^ a[2] ^ a[3],
				a[0] ^ a[3] } };
}

/* 1/a in GF(256), and 0 for 0. */
static void gf_invert(uint64_t a[8])
{
	/* From AES's basis to the tower's: its generator becomes 0x5a. */
	const struct gf16 low = { { a[0] ^ a[2], a[1] ^ a[2] ^ a[5] ^ a[6] ^ a[7], a[3],
				    a[1] ^ a[3] ^ a[6] ^ a[7] } };
	const struct gf16 high = { { a[1] ^ a[5] ^ a[7], a[2] ^ a[3], a[1] ^ a[4] ^ a[6] ^ a[7],
				     a[5] ^ a[7] } };
	struct gf16 d, d2, d4, l, h;

	/* The norm, and its inverse d^14 = d^2 d^4 d^8. */
	d = add16(add16(square16_nu(high), mul16(high, low)), square16(low));
	d2 = square16(d);
	d4 = square16(d2);
	d = mul16(mul16(d2, d4), square16(d4));
	h = mul16(high, d);
	l = mul16(add16(high, low), d);

	a[0] = l.b[0] ^ l.b[2] ^ h.b[1];
	a[1] = h.b[0] ^ h.b[3];
	a[2] = l.b[2] ^ h.b[1];
	a[3] = l.b[2];
	a[4] = l.b[2] ^ l.b[3] ^ h.b[2];
	a[5] = l.b[1] ^ l.b[3] ^ h.b[1];
	a[6] = l.b[1] ^ l.b[2] ^ h.b[0] ^ h.b[1];
	a[7] = l.b[1] ^ l.b[3] ^ h.b[1] ^ h.b[3];
}

void xr_aes_sub(struct xr_aes_state *s)
{
	uint64_t b[8];
	int i;

	memcpy(b, s->plane, sizeof(b));
	gf_invert(b);
	for (i = 0; i < 8; i++)
		s->plane[i] = b[i] ^ b[(i + 4) % 8] ^ b[(i + 5) % 8] ^ b[(i + 6) % 8] ^
			b[(i + 7) % 8] ^ -(uint64_t)(0x63 >> i & 1);
}

static void sub_inverse(struct xr_aes_state *s)
{
	uint64_t b[8];
	int i;

	for (i = 0; i < 8; i++)
		b[i] = s->plane[(i + 2) % 8] ^ s->plane[(i + 5) % 8] ^ s->plane[(i + 7) % 8] ^
			-(uint64_t)(0x05 >> i & 1);
	gf_invert(b);
	memcpy(s->plane, b, sizeof(b));
}

/* Rotates the columns of each block: column c becomes what c + by was. */
static uint64_t columns(uint64_t x, int by)
{
	const uint64_t low = (0xffffULL >> 4 * by) * 0x0001000100010001ULL;

	return (x >> 4 * by & low) | (x << (16 - 4 * by) & ~low);
}

void xr_aes_shift_rows(struct xr_aes_state *s)
{
	int i, row;

	for (i = 0; i < 8; i++) {
		uint64_t x = s->plane[i], y = x & ROW0;

		for (row = 1; row < 4; row++)
			y |= columns(x, row) & ROW0 << row;
		s->plane[i] = y;
	}
}

static void shift_rows_inverse(struct xr_aes_state *s)
{
	int i, row;

	for (i = 0; i < 8; i++) {
		uint64_t x = s->plane[i], y = x & ROW0;

		for (row = 1; row < 4; row++)
			y |= columns(x, 4 - row) & ROW0 << row;
		s->plane[i] = y;
	}
}

/* Row r becomes what r + by was, by 1 or 2. */
static uint64_t rows(uint64_t x, int by)
{
	const uint64_t low = (0xfULL >> by) * ROW0;

	return (x >> by & low) | (x << (4 - by) & ~low);
}

/* Multiplication by x. */
static void gf_double(uint64_t r[8], const uint64_t a[8])
{
	uint64_t top = a[7];
	int i;

	for (i = 7; i > 0; i--)
		r[i] = a[i - 1];
	r[0] = top;
	r[1] ^= top;
	r[3] ^= top;
	r[4] ^= top;
}

void xr_aes_mix(struct xr_aes_state *s)
{
	uint64_t pair[8], twice[8];
	int i;

	for (i = 0; i < 8; i++)
		pair[i] = s->plane[i] ^ rows(s->plane[i], 1);
	gf_double(twice, pair);
	for (i = 0; i < 8; i++)
		s->plane[i] = twice[i] ^ rows(s->plane[i], 1) ^ rows(pair[i], 2);
}

/* InvMixColumns is MixColumns after multiplication by 4 x^2 + 5. */
void xr_aes_mix_inverse(struct xr_aes_state *s)
{
	uint64_t t[8];
	int i;

	for (i = 0; i < 8; i++)
		t[i] = s->plane[i] ^ rows(s->plane[i], 2);
	gf_double(t, t);
	gf_double(t, t);
	for (i = 0; i < 8; i++)
		s->plane[i] ^= t[i];
	xr_aes_mix(s);
}

static void add_key(struct xr_aes_state *s, const struct xr_aes_state *key)
{
	int i;

	for (i = 0; i < 8; i++)
		s->plane[i] ^= key->plane[i];
}

void xr_aes_init(struct xr_aes *a, const uint8_t key[XR_AES_BLOCK])
{
	uint8_t batch[XR_AES_BATCH * XR_AES_BLOCK], k[XR_AES_BLOCK], sub[4];
	struct xr_aes_state s;
	uint8_t rcon = 1;
	int round, i;

	memcpy(k, key, sizeof(k));
	for (round = 0;; round++) {
		for (i = 0; i < XR_AES_BATCH; i++)
			memcpy(batch + i * XR_AES_BLOCK, k, sizeof(k));
		xr_aes_pack(&a->key[round], batch, sizeof(batch));
		if (round == XR_AES_ROUNDS)
			break;

		xr_aes_pack(&s, k + 12, 4);
		xr_aes_sub(&s);
		xr_aes_unpack(&s, sub, 4);
		for (i = 0; i < 4; i++)
			k[i] ^= sub[(i + 1) % 4];
		k[0] ^= rcon;
		for (i = 4; i < XR_AES_BLOCK; i++)
			k[i] ^= k[i - 4];
		rcon = rcon << 1 ^ (rcon >> 7) * 0x1b;
	}
	xr_wipe(batch, sizeof(batch));
	xr_wipe(k, sizeof(k));
	xr_wipe(sub, sizeof(sub));
	xr_wipe(&s, sizeof(s));
}

void xr_aes_encrypt(const struct xr_aes *a, const uint8_t *in, uint8_t *out, size_t n)
{
	struct xr_aes_state s;
	int round;

	xr_aes_pack(&s, in, n * XR_AES_BLOCK);
	add_key(&s, &a->key[0]);
	for (round = 1; round < XR_AES_ROUNDS; round++) {
		xr_aes_sub(&s);
		xr_aes_shift_rows(&s);
		xr_aes_mix(&s);
		add_key(&s, &a->key[round]);
	}
	xr_aes_sub(&s);
	xr_aes_shift_rows(&s);
	add_key(&s, &a->key[XR_AES_ROUNDS]);
	xr_aes_unpack(&s, out, n * XR_AES_BLOCK);
	xr_wipe(&s, sizeof(s));
}

void xr_aes_decrypt(const struct xr_aes *a, const uint8_t *in, uint8_t *out, size_t n)
{
	struct xr_aes_state s;
	int round;

	xr_aes_pack(&s, in, n * XR_AES_BLOCK);
	add_key(&s, &a->key[XR_AES_ROUNDS]);
	for (round = XR_AES_ROUNDS - 1; round >= 0; round--) {
		shift_rows_inverse(&s);
		sub_inverse(&s);
		add_key(&s, &a->key[round]);
		if (round)
			xr_aes_mix_inverse(&s);
	}
	xr_aes_unpack(&s, out, n * XR_AES_BLOCK);
	xr_wipe(&s, sizeof(s));
}
