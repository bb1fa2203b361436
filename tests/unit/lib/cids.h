/* SPDX-License-Identifier: GPL-2.0-only */
/* Octets and CID configs for the tests of the library. */
#ifndef XR_TEST_CIDS_H
#define XR_TEST_CIDS_H

#include "unit.h"
#include <xroam/cid.h>

/* Pairs of hex digits as octets, at most room; returns how many. */
size_t unhex(const char *hex, uint8_t *out, size_t room);
/* The same; octets written as ".." are any. */
size_t unhex_or(const char *hex, uint8_t *out, size_t room, uint8_t any);
/* Repeatable pseudo-random octets. */
void scramble(void *out, size_t len);
/* xr_cid_new(), which must succeed. */
struct xr_cid *make_cid(const struct xr_cid_params *p);

/* The key of the draft's test vectors. */
extern const uint8_t test_key[16];

#endif
