/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A look-up table from a 64-bit hash to indices into an array of the
 * caller's, who compares the elements. Open addressing, at most half full.
 *
 *	for (at = lut_first(&l, h); (i = lut_get(&l, at)) != LUT_END; at++)
 *		if (same(&array[i], x)) ...
 */
#ifndef XR_LIB_LUT_H
#define XR_LIB_LUT_H

#include <errno.h>
#include <stdlib.h>
#include <xroam/hash.h>
#include "index.h"

#define LUT_END 0xffffffffU

struct lut {
	__u32 *index_no; /* 0: free */
	__u32 mask;
};

static inline int lut_init(struct lut *l, size_t n)
{
	size_t size = 8;

	while (size < 2 * n)
		size *= 2;
	l->index_no = calloc(size, sizeof(*l->index_no));
	l->mask = size - 1;
	return l->index_no ? 0 : -ENOMEM;
}

static inline void lut_free(struct lut *l)
{
	free(l->index_no);
	l->index_no = NULL;
}

static inline __u32 lut_first(const struct lut *l, __u64 hash)
{
	return hash & l->mask;
}

static inline __u32 lut_get(const struct lut *l, __u32 at)
{
	__u32 no = l->index_no[at & l->mask];

	return no ? index_of_no(no) : LUT_END;
}

static inline void lut_add(struct lut *l, __u64 hash, __u32 index)
{
	__u32 at = hash & l->mask;

	while (l->index_no[at])
		at = (at + 1) & l->mask;
	l->index_no[at] = no_of_index(index);
}

/* Fowler-Noll-Vo, mixed. Not for keys that an attacker may choose. */
static inline __u64 lut_hash(const void *data, size_t len)
{
	const __u8 *d = data;
	__u64 h = 0xcbf29ce484222325ULL;

	while (len--)
		h = (h ^ *d++) * 0x100000001b3ULL;
	return xr_mix64(h);
}

#endif
