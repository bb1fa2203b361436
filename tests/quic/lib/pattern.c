// SPDX-License-Identifier: GPL-2.0-only
/*
 * One table of random octets, read from a place that depends on the seed: no
 * copy for what is sent, a memcmp() for what came. Its length is a prime, so
 * that no power of two lands on the same octets again.
 */
#include "quic.h"
#include <string.h>

#define PERIOD 1048573U
#define PIECE  16384U /* longest run handed out */

static uint8_t table[PERIOD + PIECE];

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static void fill_once(void)
{
	static bool filled;
	uint64_t state = 1, word;

	if (filled)
		return;
	for (size_t i = 0; i < PERIOD; i += sizeof(word)) {
		word = splitmix(&state);
		memcpy(table + i, &word, PERIOD - i < sizeof(word) ? PERIOD - i : sizeof(word));
	}
	memcpy(table + PERIOD, table, PIECE);
	filled = true;
}

const uint8_t *xq_pattern(uint64_t seed, uint64_t offset, size_t max, size_t *len)
{
	fill_once();
	*len = max < PIECE ? max : PIECE;
	return table + (seed % PERIOD + offset % PERIOD) % PERIOD;
}

bool xq_pattern_check(uint64_t seed, uint64_t offset, const uint8_t *data, size_t len)
{
	const uint8_t *want;
	size_t n;

	for (; len; data += n, offset += n, len -= n) {
		want = xq_pattern(seed, offset, len, &n);
		if (memcmp(want, data, n))
			return false;
	}
	return true;
}

/* FNV-1a over words: order matters, and both ends compare the result. */
uint64_t xq_hash(uint64_t hash, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ data[i]) * 0x100000001b3ULL;
	return hash;
}
