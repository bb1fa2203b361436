/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An instance whose pins have an older layout is converted in a directory beside its
 * own, NAME~next: maps that are the same are pinned there, too, others made and filled;
 * then programs that use those are put in the old ones' places, and the two directories
 * exchanged, at once. Until then the old instance is as it was; a kill leaves one or the
 * other, and the next conversion goes on where the killed one ended.
 */
#ifndef XR_PLANE_CONVERT_H
#define XR_PLANE_CONVERT_H

#include "plane.h"

/*
 * *next: the instance as it will be, locked, for the programs to be loaded from; or NULL
 * where there is none of that name, or it has this layout. *from: the layout that it has.
 * Errors: -EPROTO where it cannot be converted (err says why), and those of plane_open().
 */
struct conversion;
int plane_convert(struct conversion **c, struct plane **next, const char *name, struct xr_err *err);

/* The layout that is converted. */
__u32 conversion_from(const struct conversion *c);

/* From now on a process of the older xroam that has the instance open opens it anew. */
int conversion_claim(struct conversion *c, struct xr_err *err);

/*
 * When the programs were replaced: what came since is brought, and next has the
 * instance's place. It is a plane as any other from then on.
 */
int conversion_finish(struct conversion *c, struct xr_err *err);

/* Instead: nothing was replaced yet, and the old instance stays. Ends next. */
void conversion_undo(struct conversion *c);

void conversion_free(struct conversion *c); /* NULL is fine; next stays */

/* Removes what a kill after the exchange left. The lock is held. */
void conversion_sweep(const struct plane *p);

#endif
