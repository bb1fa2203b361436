/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's blackhole routes to VIPs' addresses, in this network namespace: one in the
 * main table to each (policy.vip_route), and one in policy.vip_table to each that is announced.
 * A route has no owner but its protocol number, so those of all instances are handled together.
 */
#ifndef XR_UNDERLAY_VIP_ROUTES_H
#define XR_UNDERLAY_VIP_ROUTES_H

#include "net/netlink.h"
#include "plane/plane.h"

/*
 * Decides anew what is announced (vip_announced.h), and removes the routes of what is not any
 * more. true: something changed, and vip_routes_fit() has to follow.
 */
bool vip_routes_follow(struct netlink *nl, struct plane *p);

/* Adds and removes routes. p NULL: no instance of the caller's. */
void vip_routes_fit(struct netlink *nl, struct plane *p);

/* Whether there is one that announces the address. */
bool vip_routes_announce(struct netlink *nl, const struct plane *p, const __be32 *addr);

/* Removes those that announce, and records nothing: this needs no lock. */
void vip_routes_withdraw(struct netlink *nl, struct plane *p);

#endif
