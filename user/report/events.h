/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events as they happen: what is written into the instance's ring. Any number of
 * processes may read it at a time, and each gets all events: none takes one away from
 * another, and none that stands still, or is killed, keeps others waiting.
 */
#ifndef XR_REPORT_EVENTS_H
#define XR_REPORT_EVENTS_H

#include "plane/plane.h"

struct events;

/*
 * Opens the ring; each() gets the events from now on, not those that are in it already.
 * p stays open as long. -EPERM: the ring may not be written to.
 */
int events_open(struct plane *p, void (*each)(void *ctx, const struct xr_event *e), void *ctx,
		struct events **out, struct xr_err *err);
/* Waits up to timeout ms, of which there are 0 at least; the number of events, or -errno. */
int events_wait(struct events *ev, int timeout);
/*
 * How many events each() did not get since the last call: they were overwritten before this
 * process read them, or there was no room for them.
 */
__u64 events_missed(struct events *ev);
void events_close(struct events *ev);

#endif
