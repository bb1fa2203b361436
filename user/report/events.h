/* SPDX-License-Identifier: GPL-2.0-only */
/* Events as they happen: the reading end of the instance's ring. */
#ifndef XR_REPORT_EVENTS_H
#define XR_REPORT_EVENTS_H

#include "plane/plane.h"

struct events;

/*
 * -EBUSY: another process reads them already; a ring has one reader. What was
 * in the ring before is left out.
 */
int events_open(struct plane *p, void (*each)(void *ctx, const struct xr_event *e), void *ctx,
		struct events **out, struct xr_err *err);
/* Waits up to timeout ms (-1: for ever); the number of events, or -errno. */
int events_wait(struct events *ev, int timeout);
void events_close(struct events *ev);

#endif
