/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An index into an array, and its number: index + 1, where 0 means none. What holds a
 * number is named x_no, what holds an index x_index.
 */
#ifndef XR_LIB_INDEX_H
#define XR_LIB_INDEX_H

#include <linux/types.h>

static inline __u32 no_of_index(__u32 index)
{
	return index + 1;
}

/* no must not be 0. */
static inline __u32 index_of_no(__u32 no)
{
	return no - 1;
}

#endif
