/* SPDX-License-Identifier: GPL-2.0-only */
/* What becomes of each map of an instance that an older xroam made. */
#ifndef XR_PLANE_LAYOUT_H
#define XR_PLANE_LAYOUT_H

#include "plane.h"

/* The oldest layout that is converted: a row of layout.c may begin from it. */
#define LAYOUT_OLDEST 3

/* The layout that the pins in dir have. -ENOENT, without an error: there are none. */
int plane_pinned_abi(const char *dir, __u32 *abi, struct xr_err *err);

/* A map as it is in one of the two layouts. */
struct layout_map {
	int fd;
	__u32 id, type, key, value, entries; /* as of bpf_map_info */
};

/*
 * A map that is not carried over as it is.
 *
 * copy: fills the new one, which is zero, from the old one while programs still write to
 * that; it may run again. NULL: the new one begins empty.
 * finish: when no program writes to the old one any more, the new ones already to the new
 * one: brings what came since. NULL: nothing does.
 *
 * Each returns 0 or -errno.
 */
struct layout_change {
	enum plane_map map;
	int (*copy)(const struct layout_map *from, const struct layout_map *to);
	int (*finish)(const struct layout_map *from, const struct layout_map *to);
};

/*
 * For copy: each element as it was, and zeros behind it; of arrays, and of hashes whose
 * key is the same. Not for counters per CPU, which the program writes meanwhile.
 */
int layout_copy_grown(const struct layout_map *from, const struct layout_map *to);

/* For copy of maglev, from layout 3: the same tables, each in one piece. */
int layout_copy_maglev(const struct layout_map *from, const struct layout_map *to);

/* How the map changed since layout abi, or NULL: it is the same map. */
const struct layout_change *layout_change(enum plane_map map, __u32 abi);

/*
 * meta of layout abi, in size octets, as this xroam has it: abi is XR_ABI_VERSION, and
 * what the older one did not know has its default. 0 or -EPROTO.
 */
int layout_meta(__u32 abi, const void *old, size_t size, struct xr_meta *meta);

#endif
