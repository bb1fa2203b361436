/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Next hops of hosts and backends, as the kernel's routes and neighbours change. Without
 * this the data plane asks the FIB itself, up to two seconds later, and gets no answer where
 * forwarding is off.
 */
#ifndef XR_HOST_HOPS_H
#define XR_HOST_HOPS_H

#include "plane/plane.h"

struct hops;

struct hops *hops_new(struct plane *p); /* NULL: no memory */
void hops_free(struct hops *h);

/* Something changed that may concern each of them. */
void hops_touch_all(struct hops *h);
/*
 * A neighbour changed, which concerns those that go by it. Not where mac is what they have:
 * the kernel tells of each look it takes whether a neighbour is still there. NULL: it has none.
 * Who came to the configuration since is looked at, too.
 */
void hops_touch(struct hops *h, __u32 ifindex, const __be32 *addr, const __u8 *mac);
/* Devices changed: one that a host or backend names may have been made anew. */
void hops_touch_named(struct hops *h);
bool hops_touched(const struct hops *h);

/* Refreshes at most n of those touched; true: more are left. Under the lock. */
bool hops_refresh(struct hops *h, unsigned int n);

/*
 * Refreshes all of them at once, for when no daemon does. From another network namespace than
 * the devices' nothing is asked and nothing changes.
 */
void hops_follow(struct plane *p);

#endif
