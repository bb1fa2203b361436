/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which VM's own port an attached device is (own in the map ports): what comes in by the port
 * of a locked VM can be nobody else's. host_refresh_ports() fills in the rest of the map.
 * vm_index is the VM's in vms.
 */
#ifndef XR_HOST_PORTS_H
#define XR_HOST_PORTS_H

#include "plane/plane.h"

/* The VM's port is, or is about to be, the device tap (ifindex) of its vm_info.netns. */
void ports_set_own(struct plane *p, __u32 vm_index, __u32 tap);

/*
 * The VM has lost its lock or its port, or is removed: a port that was its own may be
 * another VM's now.
 */
void ports_find_others(struct plane *p, __u32 vm_index);

/* The device has just been attached: finds the VM behind it, if there is one. */
void ports_find_own(struct plane *p, const struct xr_device *d);

#endif
