/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include "cids.h"

const uint8_t test_key[16] = { 0xfd, 0xf7, 0x26, 0xa9, 0x89, 0x3e, 0xc0, 0x5c,
			       0x06, 0x32, 0xd3, 0x95, 0x66, 0x80, 0xba, 0xf0 };

size_t unhex_or(const char *hex, uint8_t *out, size_t room, uint8_t any)
{
	size_t n = strlen(hex) / 2, i;
	unsigned int octet;

	assert_true(n <= room && strlen(hex) % 2 == 0);
	for (i = 0; i < n; i++) {
		octet = any;
		if (hex[2 * i] != '.')
			assert_int_equal(sscanf(hex + 2 * i, "%2x", &octet), 1);
		out[i] = octet;
	}
	return n;
}

size_t unhex(const char *hex, uint8_t *out, size_t room)
{
	assert_null(strchr(hex, '.'));
	return unhex_or(hex, out, room, 0);
}

void scramble(void *out, size_t len)
{
	static uint64_t x = 88172645463325252ULL;
	uint8_t *p = out;

	while (len--) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		*p++ = x >> 32;
	}
}

struct xr_cid *make_cid(const struct xr_cid_params *p)
{
	struct xr_cid *c;
	int err = xr_cid_new(&c, p);

	if (err)
		fail_msg("xr_cid_new: %s", xr_cid_strerror(err));
	return c;
}
