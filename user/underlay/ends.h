/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ends of tunnels: the addresses and VNIs of this machine whose tunnels devices with role backend
 * open. The map tunnel_ends.
 */
#ifndef XR_UNDERLAY_ENDS_H
#define XR_UNDERLAY_ENDS_H

#include "plane/plane.h"

/*
 * Fills the map. For each device with role backend: the addresses of its network namespace,
 * but for those of tunnel devices, which the kernel opens; what was listed for the device; and
 * the VNIs that the kernel opens itself. Called when devices or the lists change, and by the
 * daemon when addresses do. 0, or -errno and the line.
 */
int ends_refresh(struct plane *p, struct xr_err *err);

/*
 * How many addresses of the loopback device and of those with role backend are not in the map
 * yet, and the first of them.
 */
__u32 ends_missing(struct plane *p, __be32 *first);

#endif
