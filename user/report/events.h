/* SPDX-License-Identifier: GPL-2.0-only */
/* Events as they happen: the reading end of the instance's ring. */
#ifndef XR_REPORT_EVENTS_H
#define XR_REPORT_EVENTS_H

#include "plane/plane.h"

struct events;

/*
 * Opens the ring; each() gets the events from now on, not those that are in it already.
 * -EBUSY: another process reads it; a ring has one reader.
 */
int events_open(struct plane *p, void (*each)(void *ctx, const struct xr_event *e), void *ctx,
		struct events **out, struct xr_err *err);
/* Waits up to timeout ms (-1: for ever); the number of events, or -errno. */
int events_wait(struct events *ev, int timeout);
void events_close(struct events *ev);

#endif
