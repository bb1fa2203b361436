// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>
#include "aes.h"

#define ROW0	0x1111111111111111ULL	/* bit of row 0 in each column */

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

/* Takes c[0..14], a polynomial, modulo x^8 + x^4 + x^3 + x + 1. */
static void gf_reduce(uint64_t r[8], uint64_t c[15])
{
	int k;

	for (k = 14; k >= 8; k--) {
		c[k - 4] ^= c[k];
		c[k - 5] ^= c[k];
		c[k - 7] ^= c[k];
		c[k - 8] ^= c[k];
	}
	memcpy(r, c, 8 * sizeof(*r));
}

static void gf_mul(uint64_t r[8], const uint64_t a[8], const uint64_t b[8])
{
	uint64_t c[15] = { 0 };
	int i, j;

	for (i = 0; i < 8; i++)
		for (j = 0; j < 8; j++)
			c[i + j] ^= a[i] & b[j];
	gf_reduce(r, c);
}

static void gf_square(uint64_t r[8], const uint64_t a[8])
{
	uint64_t c[15] = { 0 };
	int i;

	for (i = 0; i < 8; i++)
		c[2 * i] = a[i];
	gf_reduce(r, c);
}

/* a^254, which is 1/a, and 0 for 0. */
static void gf_invert(uint64_t a[8])
{
	uint64_t a2[8], a12[8], t[8];
	int i;

	gf_square(a2, a);
	gf_mul(t, a2, a);		/* 3 */
	gf_square(a12, t);
	gf_square(a12, a12);		/* 12 */
	gf_mul(t, t, a12);		/* 15 */
	for (i = 0; i < 4; i++)
		gf_square(t, t);	/* 240 */
	gf_mul(t, t, a12);		/* 252 */
	gf_mul(a, t, a2);		/* 254 */
}

void xr_aes_sub(struct xr_aes_state *s)
{
	uint64_t b[8];
	int i;

	memcpy(b, s->plane, sizeof(b));
	gf_invert(b);
	for (i = 0; i < 8; i++)
		s->plane[i] = b[i] ^ b[(i + 4) % 8] ^ b[(i + 5) % 8] ^
			      b[(i + 6) % 8] ^ b[(i + 7) % 8] ^
			      -(uint64_t)(0x63 >> i & 1);
}

static void sub_inverse(struct xr_aes_state *s)
{
	uint64_t b[8];
	int i;

	for (i = 0; i < 8; i++)
		b[i] = s->plane[(i + 2) % 8] ^ s->plane[(i + 5) % 8] ^
		       s->plane[(i + 7) % 8] ^ -(uint64_t)(0x05 >> i & 1);
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

void xr_aes_encrypt(const struct xr_aes *a, const uint8_t *in, uint8_t *out,
		    size_t n)
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

void xr_aes_decrypt(const struct xr_aes *a, const uint8_t *in, uint8_t *out,
		    size_t n)
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
