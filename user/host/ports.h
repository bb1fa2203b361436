/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose own port a device is; see struct xr_port, and host_refresh_ports(). */
#ifndef XR_HOST_PORTS_H
#define XR_HOST_PORTS_H

#include "plane/plane.h"

/* The VM's port is, or is about to be, the device tap of its vm_info.netns. */
void ports_own(struct plane *p, __u32 place, __u32 tap);

/* It has lost its lock, its port, or its place: whose is the port, if it was its? */
void ports_find_others(struct plane *p, __u32 place);

/* The device is attached just now: is some VM behind it? */
void ports_find_own(struct plane *p, const struct xr_device *d);

#endif
