/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * AES-128 (FIPS-197) in constant time: bit-sliced, up to four blocks at once.
 * No branch and no address depends on a key or on data.
 */
#ifndef XR_CID_AES_H
#define XR_CID_AES_H

#include <stddef.h>
#include <stdint.h>

#define XR_AES_BLOCK  16
#define XR_AES_ROUNDS 10
#define XR_AES_BATCH  4

/*
 * Bit i of octet j of block b is bit 16 * b + j of plane[i]. Octet 4 * c + r is
 * row r of column c.
 */
struct xr_aes_state {
	uint64_t plane[8];
};

struct xr_aes {
	struct xr_aes_state key[XR_AES_ROUNDS + 1]; /* the same for each block */
};

void xr_aes_init(struct xr_aes *a, const uint8_t key[XR_AES_BLOCK]);

/* n <= XR_AES_BATCH blocks; in and out may be the same. */
void xr_aes_encrypt(const struct xr_aes *a, const uint8_t *in, uint8_t *out, size_t n);
void xr_aes_decrypt(const struct xr_aes *a, const uint8_t *in, uint8_t *out, size_t n);

/* The steps, for who builds other schedules from them. */
void xr_aes_pack(struct xr_aes_state *s, const uint8_t *octets, size_t len);
void xr_aes_unpack(const struct xr_aes_state *s, uint8_t *octets, size_t len);
void xr_aes_sub(struct xr_aes_state *s);
void xr_aes_shift_rows(struct xr_aes_state *s);
void xr_aes_mix(struct xr_aes_state *s);
void xr_aes_mix_inverse(struct xr_aes_state *s);

/* The compiler must not drop it. */
void xr_wipe(void *p, size_t len);

#endif
