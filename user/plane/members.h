/* SPDX-License-Identifier: GPL-2.0-only */
/* The members map: a pair of VIP and backend is in it where one serves the other. */
#ifndef XR_PLANE_MEMBERS_H
#define XR_PLANE_MEMBERS_H

#include "plane/plane.h"

/* Every pair in the map; stops at the first each() that is not 0, and returns that. */
int members_each(struct plane *p, int (*each)(void *ctx, const struct xr_member *pair), void *ctx);

/* Adds n pairs, or deletes them; *done: how many before an error. 0 or -errno. */
int members_change(struct plane *p, const struct xr_member *pair, size_t n, bool add, size_t *done);

#endif
