/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XR_LIB_DEFAULTS_H
#define XR_LIB_DEFAULTS_H

#include <xroam/abi.h>

/* The values of what a file leaves out. */
extern const struct xr_limits xr_default_limits;
extern const struct xr_policy xr_default_policy;

/* limits.server_id_pages where only server_ids is said. */
__u32 xr_default_sid_pages(__u32 server_ids);

#endif
