/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Routes to the VMs that are here, which a daemon writes for others to announce. Which table
 * and metric they have is noted in the instance's directory in /run: so whoever comes later
 * removes them all, also where no VM is left that tells of them.
 */
#ifndef XR_UNDERLAY_HOST_ROUTES_H
#define XR_UNDERLAY_HOST_ROUTES_H

#include "lib/error.h"
#include "net/links.h"

/* To be called before the first of them is written. 0, or -errno and the line. */
int host_routes_note(const char *instance, const struct host_routes *in, struct xr_err *err);

/* false: nothing is noted. */
bool host_routes_noted(const char *instance, struct host_routes *in);

/* Removes those of this network namespace, and the note. */
void host_routes_sweep(const char *instance);

#endif
