/* SPDX-License-Identifier: GPL-2.0-only */
/* How a host is reached, as text. */
#ifndef XR_LIB_HOST_WORDS_H
#define XR_LIB_HOST_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <xroam/abi.h>

/* "vxlan 10.0.0.2 vni 100": as the command takes it. */
const char *host_words(char *buf, size_t size, const struct xr_host_info *h);

/* By VXLAN, IPIP or GUE. */
bool host_has_tunnel(const struct xr_host_info *h);

#endif
