/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VIPs' addresses, apart from their ports: the router sends all of them here, so
 * they are ours as a whole. The programs know them (vip_addresses, vip_filter),
 * and the kernel has a blackhole route for each, so that what the programs leave
 * to it does not go back to the router.
 */
#ifndef XR_UNDERLAY_VIP_OWN_H
#define XR_UNDERLAY_VIP_OWN_H

#include "plane/plane.h"

/*
 * Makes maps and routes fit the VIPs, the policy, the devices and the machine's
 * addresses, in each network namespace that node devices are in, and in this one.
 * left: another one, that the last device may have gone from; 0: none. It may be
 * called at any time, and finishes what a kill interrupted. What the kernel
 * refuses is no error: vip_own_check() tells.
 */
void vip_own_refresh(struct plane *p, __u64 left);

/* The same where the instance is gone: routes of no other's in this namespace. */
void vip_own_sweep(void);

/*
 * A line for each address whose packets the kernel would send back where they
 * came from.
 */
void vip_own_check(struct plane *p, void (*each)(void *ctx, const char *line), void *ctx);

#endif
