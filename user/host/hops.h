/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Next hops of hosts and backends that follow the kernel's routes and
 * neighbours at once. Without this the data plane asks the FIB by itself, two
 * seconds later, and gets no answer where forwarding is off.
 */
#ifndef XR_HOST_HOPS_H
#define XR_HOST_HOPS_H

#include "plane/plane.h"

struct hops;

struct hops *hops_new(struct plane *p); /* NULL: no memory */
void hops_free(struct hops *h);

/* Something changed that may concern any of them. */
void hops_touch_all(struct hops *h);
/* A neighbour changed: those that go by it. */
void hops_touch(struct hops *h, __u32 ifindex, const __be32 *addr);
/* Those of devices that are named: one may have been made anew. */
void hops_touch_named(struct hops *h);
bool hops_touched(const struct hops *h);

/* Looks at so many of those touched; true: more are left. Under the lock. */
bool hops_refresh(struct hops *h, unsigned int n);

/*
 * All of them at once, where no daemon watches: in the network namespace that
 * devices are attached in; from another one nothing is asked.
 */
void hops_follow(struct plane *p);

#endif
