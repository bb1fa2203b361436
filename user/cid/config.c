// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>
#include <xroam/cid_config.h>
#include "aes.h"

/* Octets i..i+7 as the word a packet load would give. */
static __u64 word_of(const uint8_t *octets, int len)
{
	__u64 w = 0;
	int i;

	for (i = 0; i < len; i++)
		w |= (__u64)octets[i] << 8 * i;
	return w;
}

/* A column in lanes: each octet times eight, in 16 bits. */
static __u64 lanes_of(const uint8_t column[4])
{
	return (__u64)column[0] << 3 | (__u64)column[1] << 19 | (__u64)column[2] << 35 |
		(__u64)column[3] << 51;
}

/*
 * The first round's constants of a four-pass block: the round applied to all
 * that is not the half, with the half's octets left out after SubBytes.
 */
static void first_round(__u64 *out, const uint8_t key[2][XR_AES_BLOCK], int n)
{
	const int varying = 10; /* the longest half */
	uint8_t b[XR_AES_BLOCK];
	struct xr_aes_state s;
	int pass, i;

	for (pass = 1; pass <= 4; pass++) {
		memcpy(b, key[0], sizeof(b));
		b[14] ^= n;
		b[15] ^= pass;
		xr_aes_pack(&s, b, sizeof(b));
		xr_aes_sub(&s);
		xr_aes_unpack(&s, b, sizeof(b));
		memset(b, 0, varying);
		xr_aes_pack(&s, b, sizeof(b));
		xr_aes_shift_rows(&s);
		xr_aes_mix(&s);
		xr_aes_unpack(&s, b, sizeof(b));
		for (i = 0; i < XR_AES_BLOCK; i++)
			b[i] ^= key[1][i];
		out[XR_RK_PASS + pass] = lanes_of(b);
	}
	/* These are the same for each pass. */
	for (i = 1; i < 4; i++)
		out[XR_RK_COLUMN + i] = lanes_of(b + 4 * i);
	xr_wipe(b, sizeof(b));
	xr_wipe(&s, sizeof(s));
}

static void fill_encrypt(__u64 *out, const uint8_t key[][XR_AES_BLOCK], int n)
{
	int i;

	out[XR_RK_IN] = word_of(key[0], 8);
	out[XR_RK_IN + 1] = word_of(key[0] + 8, 2);
	first_round(out, key, n);
	for (i = 0; i < 32; i++)
		out[XR_RK_MIDDLE + i] = lanes_of(key[2 + i / 4] + i % 4 * 4);
	out[XR_RK_OUT] = word_of(key[10], 8);
	out[XR_RK_OUT + 1] = word_of(key[10] + 8, 2);
}

/* The equivalent inverse cipher (FIPS-197, 5.3.5): the inner keys mixed. */
static void fill_decrypt(__u64 *out, uint8_t key[][XR_AES_BLOCK])
{
	struct xr_aes_state s;
	int i;

	for (i = 1; i < XR_AES_ROUNDS; i++) {
		xr_aes_pack(&s, key[i], XR_AES_BLOCK);
		xr_aes_mix_inverse(&s);
		xr_aes_unpack(&s, key[i], XR_AES_BLOCK);
	}
	xr_wipe(&s, sizeof(s));

	out[XR_RK_IN] = word_of(key[10], 8);
	out[XR_RK_IN + 1] = word_of(key[10] + 8, 8);
	out[XR_RK_PASS + 1] = lanes_of(key[9]);
	for (i = 1; i < 4; i++)
		out[XR_RK_COLUMN + i] = lanes_of(key[9] + 4 * i);
	for (i = 0; i < 32; i++)
		out[XR_RK_MIDDLE + i] = lanes_of(key[8 - i / 4] + i % 4 * 4);
	out[XR_RK_OUT] = word_of(key[0], 8);
	out[XR_RK_OUT + 1] = word_of(key[0] + 8, 8);
}

int xr_cid_config_fill(struct xr_cid_config *out, const struct xr_cid_info *info)
{
	uint8_t key[XR_AES_ROUNDS + 1][XR_AES_BLOCK];
	struct xr_cid_config c;
	struct xr_aes aes;
	int err, i;

	_Static_assert(sizeof(c.round_key) == XR_RK_WORDS * 8, "schedule");

	if (!xr_cid_format_get(info->format))
		return XR_CID_E_FORMAT;
	if (!xr_cid_codepoints(info->format, info->config_id))
		return XR_CID_E_CONFIG_ID;
	memset(&c, 0, sizeof(c));
	err = xr_cid_layout_init(&c.layout, info->format, info->sid_len, info->nonce_len,
				 info->offset, info->has_key);
	if (err)
		return err;

	if (info->has_key) {
		xr_aes_init(&aes, info->key);
		for (i = 0; i <= XR_AES_ROUNDS; i++)
			xr_aes_unpack(&aes.key[i], key[i], XR_AES_BLOCK);
		if (c.layout.mode == XR_CID_SINGLE)
			fill_decrypt(c.round_key, key);
		else
			fill_encrypt(c.round_key, (const uint8_t(*)[XR_AES_BLOCK])key,
				     c.layout.block_len);
		xr_wipe(&aes, sizeof(aes));
		xr_wipe(key, sizeof(key));
	}
	*out = c;
	xr_wipe(&c, sizeof(c));
	return XR_CID_OK;
}
