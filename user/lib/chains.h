/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Things of the caller's by a 64-bit hash of his, as many of one hash as he likes; they
 * come and go. What grows once and is only looked up: lut.h.
 *
 *	for (c = chains_first(&all, h); c; c = chains_next(c)) ...
 */
#ifndef XR_LIB_CHAINS_H
#define XR_LIB_CHAINS_H

#include <stddef.h>
#include <linux/types.h>

/* In each of them. */
struct chain {
	struct chain *next;
	__u64 hash;
};

/* All zero: there are none. */
struct chains {
	struct chain **head;
	size_t size, n;
};

/* 0 or -ENOMEM. */
int chains_add(struct chains *all, struct chain *c, __u64 hash);
/* Also one that was not added. */
void chains_remove(struct chains *all, struct chain *c);
/* NULL: there is none, or none more. */
struct chain *chains_first(const struct chains *all, __u64 hash);
struct chain *chains_next(const struct chain *c);
/* They themselves are the caller's. */
void chains_free(struct chains *all);

#endif
