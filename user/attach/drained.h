/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A node that is drained: its devices' programs are taken off, and their records kept (map
 * drained), so that "undrain" attaches them as they were. All of it under the lock.
 */
#ifndef XR_ATTACH_DRAINED_H
#define XR_ATTACH_DRAINED_H

#include "plane/plane.h"

/* Devices with role node are (being) detached: what would be attached now is kept instead. */
bool drained_keeps(const struct plane *p);

/* The next record that is kept, after d (NULL: the first), or NULL. */
struct xr_device *drained_next(const struct plane *p, const struct xr_device *d);
/* The one of that device; NULL: there is none. */
struct xr_device *drained_find(const struct plane *p, __u64 netns, const char *name);
/* The place for that one, or a free one; NULL: all are taken. */
struct xr_device *drained_place(const struct plane *p, __u64 netns, const char *name);

#endif
