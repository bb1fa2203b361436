/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The map outers: by the outer header of tunnel packets, which path they went by. An ICMP error
 * quotes that header; what the program learned from such errors, the MTU, is kept there, too.
 */
#ifndef XR_UNDERLAY_OUTER_H
#define XR_UNDERLAY_OUTER_H

#include <stdbool.h>
#include "plane/plane.h"

/* Makes the map's entries those of the paths that are taken. What was learned stays. */
void outers_sync(struct plane *p);

struct outer_mtu {
	__u32 mtu;
	__u32 seconds;              /* for which it is still believed */
	__be32 from[XR_ADDR_WORDS]; /* the router that sent the error */
};

/* false: nothing was learned about the path, or it is not believed any more. */
bool outer_learned(struct plane *p, __u32 path, struct outer_mtu *m);

/*
 * Stores the MTU of a path that is taken, as the kernel's routes have it now: mtu is the route's
 * own or the device's, route_mtu the route's own, 0 where it has none. If a lesser one was
 * learned, that is stored.
 */
void outer_store_mtu(struct plane *p, __u32 path, __u16 mtu, __u16 route_mtu);

#endif
