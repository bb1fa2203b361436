/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From what an operator said of a CID configuration to what the data plane
 * reads. Part of libxroam-cid, but tied to one ABI version of the maps; servers
 * want xroam/cid.h instead.
 */
#ifndef XROAM_CID_CONFIG_H
#define XROAM_CID_CONFIG_H

#include <xroam/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Fills *out: the layout, and where there is a key its schedule. Lengths that
 * are 0 are the format's own. Gives 0 or enum xr_cid_error, and then leaves
 * *out alone.
 */
int xr_cid_config_fill(struct xr_cid_config *out, const struct xr_cid_info *info);

#ifdef __cplusplus
}
#endif
#endif
