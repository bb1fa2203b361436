/* SPDX-License-Identifier: GPL-2.0-only */
/* All that is wrong, for "xroam status", the metrics and the page alike. */
#ifndef XR_REPORT_FAULTS_H
#define XR_REPORT_FAULTS_H

#include "plane/plane.h"

/* The counters of a moment: drops, a clock that stands still show by what came since. */
struct faults_since;
struct faults_since *faults_since(struct plane *p); /* NULL: out of memory */
void faults_since_free(struct faults_since *s);

/*
 * Calls wrong() with a line for each thing that is wrong, and what to do; and refused() for
 * drops that strangers cause, and few of them. since: of a second ago, or longer; NULL:
 * what only shows by that is not looked at.
 */
void faults_check(struct plane *p, const struct faults_since *since,
		  void (*wrong)(void *ctx, const char *line),
		  void (*refused)(void *ctx, const char *line), void *wrong_ctx, void *refused_ctx);

#endif
