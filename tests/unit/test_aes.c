/* SPDX-License-Identifier: GPL-2.0-only */
/* The library's AES against FIPS 197 and another implementation. */
#include <gnutls/crypto.h>
#include "lib/cids.h"
#include "user/cid/aes.h"

static void aes_known(const char *key, const char *plain, const char *cipher)
{
	uint8_t k[16], p[16], c[16], out[16];
	struct xr_aes aes;

	unhex(key, k, 16);
	unhex(plain, p, 16);
	unhex(cipher, c, 16);
	xr_aes_init(&aes, k);
	xr_aes_encrypt(&aes, p, out, 1);
	assert_memory_equal(out, c, 16);
	xr_aes_decrypt(&aes, out, out, 1);
	assert_memory_equal(out, p, 16);
}

static void test_aes_fips197(void **state)
{
	/* Appendices B and C.1. */
	aes_known("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734",
		  "3925841d02dc09fbdc118597196a0b32");
	aes_known("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
		  "69c4e0d86a7b0430d8cdb78070b4c55a");
}

/* Each result is fed back, and changes the next key: an error would spread. */
static void test_aes_monte_carlo(void **state)
{
	uint8_t key[16], blocks[XR_AES_BATCH * 16], theirs[sizeof(blocks)];
	uint8_t before[sizeof(blocks)], iv[16];
	gnutls_cipher_hd_t h;
	struct xr_aes aes;
	int round, inner, i;

	scramble(key, sizeof(key));
	scramble(blocks, sizeof(blocks));
	for (round = 0; round < 200; round++) {
		gnutls_datum_t k = { key, sizeof(key) }, v = { iv, sizeof(iv) };
		const size_t n = 1 + round % XR_AES_BATCH;

		xr_aes_init(&aes, key);
		for (inner = 0; inner < 20; inner++) {
			memcpy(before, blocks, sizeof(blocks));
			/* One block of CBC from a zero vector is ECB. */
			for (i = 0; i < (int)n; i++) {
				memset(iv, 0, sizeof(iv));
				assert_int_equal(
					gnutls_cipher_init(&h, GNUTLS_CIPHER_AES_128_CBC, &k, &v),
					0);
				memcpy(theirs + 16 * i, blocks + 16 * i, 16);
				assert_int_equal(gnutls_cipher_encrypt(h, theirs + 16 * i, 16), 0);
				gnutls_cipher_deinit(h);
			}
			xr_aes_encrypt(&aes, blocks, blocks, n);
			assert_memory_equal(blocks, theirs, 16 * n);
			assert_memory_equal(blocks + 16 * n, before + 16 * n,
					    sizeof(blocks) - 16 * n);
			xr_aes_decrypt(&aes, blocks, theirs, n);
			assert_memory_equal(theirs, before, 16 * n);
		}
		for (i = 0; i < 16; i++)
			key[i] ^= blocks[i];
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aes_fips197),
		cmocka_unit_test(test_aes_monte_carlo),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
