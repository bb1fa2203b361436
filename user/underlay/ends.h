/* SPDX-License-Identifier: GPL-2.0-only */
/* Where role backend opens tunnels: the map tunnel_ends. */
#ifndef XR_UNDERLAY_ENDS_H
#define XR_UNDERLAY_ENDS_H

#include "plane/plane.h"

/*
 * For each device with role backend: the addresses of its network namespace, but
 * for those of tunnel devices, which are ends of their own; what was listed for
 * the device; and the VNIs that the kernel ends itself. Called when devices or
 * the lists change, and by the daemon when addresses do.
 */
int ends_refresh(struct plane *p, struct xr_err *err);

/*
 * How many addresses, of the loopback device and those with role backend, came
 * after that, and the first of them.
 */
__u32 ends_missing(struct plane *p, __be32 *first);

#endif
