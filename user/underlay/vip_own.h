/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VIPs' addresses, whatever the port: the router sends all of their packets here. The
 * programs know these addresses (maps vip_addresses, vip_filter), and the kernel has a blackhole
 * route to each, so that a packet that the programs leave to it does not go back to the router;
 * or so that a routing daemon announces it (vip_announced.h).
 */
#ifndef XR_UNDERLAY_VIP_OWN_H
#define XR_UNDERLAY_VIP_OWN_H

#include "plane/plane.h"

/*
 * Makes maps and routes fit the VIPs, the policy, the devices and the machine's addresses, in
 * this network namespace, in each that has node devices, and in left: one that the last device
 * may have gone from; 0: none. It may be called at any time, and finishes what a kill
 * interrupted. What the kernel refuses is no error: vip_own_check() finds it.
 */
void vip_own_refresh(struct plane *p, __u64 left);

/*
 * Only what is announced: decides anew, and makes the routes fit; under the lock. Cheap, to be
 * called as often as something may have changed.
 */
void vip_own_follow(struct plane *p);

/*
 * Withdraws all in this namespace if no device takes packets. It needs no lock, and so records
 * nothing: vip_own_follow() does that later.
 */
void vip_own_withdraw(struct plane *p);

/* For an instance that is gone: removes routes of this namespace that no other instance wants. */
void vip_own_sweep(void);

/*
 * Calls each() with a line for each address whose packets the kernel would send back where they
 * came from.
 */
void vip_own_check(struct plane *p, void (*each)(void *ctx, const char *line), void *ctx);

/*
 * The same as facts: each() gets the address, the device that its packets come in by, and the
 * number of the one that they go back by; in the network namespace of both.
 */
typedef void vip_loop_fn(void *ctx, const struct xr_device *d, const __be32 *addr, __u32 dev);
void vip_own_each_loop(struct plane *p, vip_loop_fn *each, void *ctx);

#endif
