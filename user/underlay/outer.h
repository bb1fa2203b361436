/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The map outers: which path an ICMP error about a tunnel packet is for, and what
 * the program learned from such ones.
 */
#ifndef XR_UNDERLAY_OUTER_H
#define XR_UNDERLAY_OUTER_H

#include <stdbool.h>
#include "plane/plane.h"

/* Makes the map's entries those of the paths in use. What was learned stays. */
void outers_sync(struct plane *p);

struct outer_mtu {
	__u32 mtu;
	__u32 seconds;              /* that it is still believed */
	__be32 from[XR_ADDR_WORDS]; /* who said so */
};

/* false: nothing was learned of the way, or it is not believed any more. */
bool outer_learned(struct plane *p, __u32 path, struct outer_mtu *m);

/*
 * What the kernel's routes say now of a path in use: mtu, the route's own or the
 * device's, and route_mtu, 0 where it has none. Less, if less was learned.
 */
void outer_store_mtu(struct plane *p, __u32 path, __u16 mtu, __u16 route_mtu);

#endif
