/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths: how packets leave for a host or a backend, in the maps paths and nexthops.
 * The entry of a host or backend names one by its index, 0: none. A path that packets may
 * be using is never filled anew: where something changes, a free path is filled, and named
 * from then on.
 */
#ifndef XR_UNDERLAY_PATHS_H
#define XR_UNDERLAY_PATHS_H

#include "net/path.h"
#include "plane/plane.h"

/*
 * By path: whether it is taken, because the entry of a host or backend names it. 0 is
 * never to be used, and counts as taken. paths_max of them, to be freed; NULL: no memory.
 */
bool *paths_taken(const struct plane *p);

/* A path that is not taken; 0: there is none. */
__u32 paths_find_free(const struct plane *p);

/*
 * What the programs have ready for the path is made anew from what they find. 0, or
 * -errno. For whoever has changed the next hop or the MTU of a path in use.
 */
int paths_unready(struct plane *p, __u32 path);

/* Fills the path, and its next hop on every CPU. 0, or -errno. */
int paths_store(struct plane *p, __u32 path, const struct path_job *j);

/*
 * The device (ifindex) that packets by the path leave by: its own, or that of the next hop as some
 * CPU knows it. 0: no such path, or not known yet.
 */
__u32 paths_device(const struct plane *p, __u32 path);

/*
 * Whether the device that a host or backend names (dev; empty: none) is the one its path sends
 * out of: it may be gone, or made anew with another number since.
 */
enum paths_dev { PATHS_DEV_FINE, PATHS_DEV_GONE, PATHS_DEV_ANEW };
enum paths_dev paths_check_device(const struct plane *p, __u32 path, const char *dev);

#endif
