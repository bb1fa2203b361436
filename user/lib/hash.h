/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hash of names. What the data plane computes too is in
 * include/xroam/hash.h.
 */
#ifndef XR_LIB_HASH_H
#define XR_LIB_HASH_H

#include <endian.h>
#include <stddef.h>
#include <string.h>
#include <xroam/hash.h>

static inline __u64 hash_rotl(__u64 x, int by)
{
	return x << by | x >> (64 - by);
}

static inline void hash_sip_round(__u64 v[4])
{
	v[0] += v[1];
	v[1] = hash_rotl(v[1], 13) ^ v[0];
	v[0] = hash_rotl(v[0], 32);
	v[2] += v[3];
	v[3] = hash_rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = hash_rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = hash_rotl(v[1], 17) ^ v[2];
	v[2] = hash_rotl(v[2], 32);
}

/*
 * SipHash-2-4. A name is the operator's, not an attacker's, but where its
 * slots lie must stay secret: an attacker who knows the Maglev table can aim
 * all his 4-tuples at one backend.
 */
static inline __u64 hash_sip(__u64 k0, __u64 k1, const void *data, size_t len)
{
	const __u8 *d = data;
	__u64 v[4] = {
		k0 ^ 0x736f6d6570736575ULL,
		k1 ^ 0x646f72616e646f6dULL,
		k0 ^ 0x6c7967656e657261ULL,
		k1 ^ 0x7465646279746573ULL,
	};
	__u64 word;
	size_t left = len;
	int i;

	for (; left >= 8; d += 8, left -= 8) {
		memcpy(&word, d, 8);
		word = le64toh(word);
		v[3] ^= word;
		hash_sip_round(v);
		hash_sip_round(v);
		v[0] ^= word;
	}
	word = (__u64)len << 56;
	for (i = 0; i < (int)left; i++)
		word |= (__u64)d[i] << (8 * i);
	v[3] ^= word;
	hash_sip_round(v);
	hash_sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		hash_sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* which: another hash of the same name for each number. */
static inline __u64 hash_name(const struct xr_hash_keys *k, const char *name, __u64 which)
{
	return hash_sip(k->key[0] ^ hash_rotl(k->key[7], 17),
			k->key[1] ^ hash_rotl(k->key[15], 31) ^ which, name, strlen(name));
}

#endif
