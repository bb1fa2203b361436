/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether a VIP serves here, so that its packets may be sent to this node. The one place that
 * decides; nothing is remembered, and nothing changed.
 */
#ifndef XR_SERVE_SERVE_H
#define XR_SERVE_SERVE_H

#include "net/netlink.h"
#include "plane/plane.h"

/* What that depends on, as it is now, in this network namespace. */
struct serve {
	enum xr_serve node; /* what stands against all VIPs; or XR_SERVES */
	__u32 *up;          /* by VIP index: its backends that are up and have a weight */
};

/* Whether any VIP is to be announced: else there is no need to look. */
bool serve_is_asked(const struct plane *p);

/*
 * serve_free() it. nl: of this namespace. -ENOMEM, or what the kernel answers: then nothing
 * is known.
 */
int serve_read(struct plane *p, struct netlink *nl, struct serve *s);
void serve_free(struct serve *s);

/* Of what serve_read() reads, only what needs no memory: what stands against all VIPs. */
enum xr_serve serve_node(struct plane *p, struct netlink *nl);

/* XR_SERVES, or why not. */
enum xr_serve serve_vip(const struct plane *p, const struct serve *s, __u32 vip);

/* How many backends of it must be up, from 1. */
__u32 serve_min_up(const struct plane *p, __u32 vip);

/* In words: "no program runs on a device with role node". */
const char *serve_text(enum xr_serve why);

#endif
