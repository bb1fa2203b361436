/* SPDX-License-Identifier: GPL-2.0-only */
/* Hosts: places where VMs live, and how each is reached. */
#ifndef XR_CORE_HOST_H
#define XR_CORE_HOST_H

#include <stdbool.h>
#include "plane.h"

/* Index in hosts, 0: none of that name. */
__u16 host_find(struct plane *p, const char *name);
const char *host_name(struct plane *p, __u16 host);	/* "?" for none */
/* "vxlan 10.0.0.2 vni 100": as the command takes it. */
const char *host_words(char *buf, size_t size, const struct xr_host_info *h);
/* Whether this machine is one of the hosts. */
bool host_any_local(const struct plane *p);

#endif
