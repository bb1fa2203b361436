/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which addresses are announced: those with VIPs that ask for it ("announce: true"), while all
 * of these serve. The map vip_announced has it; the kernel's routes are made to fit that
 * (vip_routes.h), and a routing daemon takes it from there.
 */
#ifndef XR_UNDERLAY_VIP_ANNOUNCED_H
#define XR_UNDERLAY_VIP_ANNOUNCED_H

#include "net/netlink.h"
#include "plane/plane.h"

/*
 * Decides anew for this network namespace, whose socket nl is, and records what changed, with
 * an event for each; under the lock. withdraw(), called when the map has it, for each address
 * that is no longer announced. true: something changed.
 */
bool vip_announced_update(struct plane *p, struct netlink *nl,
			  void (*withdraw)(void *ctx, const __be32 *addr), void *ctx);

/* Calls each() for every address that is to have a route in the namespace. */
void vip_announced_each(const struct plane *p, __u64 netns,
			void (*each)(void *ctx, const __be32 *addr), void *ctx);

/* Records that the kernel has refused the route, or that it no longer does (error 0). */
void vip_announced_refused(struct plane *p, const __be32 *addr, int error);

/* Whether a VIP of that address is to be announced. */
bool vip_announced_asked(const struct plane *p, const __be32 *addr);

/*
 * What was last decided of the VIP's address; of several namespaces that of one where it is
 * not announced, if there is such a one. false: the VIP is not to be announced.
 */
bool vip_announced_get(struct plane *p, __u32 vip, struct xr_announced *a);

/* Why it is not, in words: "1 of 3 backends are up, min_up is 2"; "" where it is. */
#define VIP_ANNOUNCED_WHY 192
const char *vip_announced_why(struct plane *p, const struct xr_announced *a,
			      char text[VIP_ANNOUNCED_WHY]);

/*
 * Milliseconds of CLOCK_MONOTONIC when an address that serves again is to be announced, the
 * first of them; 0: none waits.
 */
__u64 vip_announced_next(const struct plane *p);

#endif
