/* SPDX-License-Identifier: GPL-2.0-only */
/* An instance as a whole: opened for a change, removed. */
#ifndef XR_APPLY_INSTANCE_H
#define XR_APPLY_INSTANCE_H

#include "plane/plane.h"

/*
 * As plane_open(); for a change, the devices' records are made true first: a kill may
 * have left them half written, and devices are renamed and moved.
 */
int instance_open(struct plane **p, const char *name, enum plane_access how,
		  const struct xr_limits *limits, const __u8 *secret, struct xr_err *err);

/*
 * Where the instance has an older map layout, converts it to this xroam's, under traffic,
 * and replaces its programs; *from: the layout that it had. 0, and *from 0: there is
 * nothing to convert. err has a line also where 0 is returned and a device had lost its
 * program before. Killed, or failed in the middle, the next call goes on.
 * Errors: -EPROTO a layout that this xroam does not convert; as plane_open().
 */
int instance_upgrade(const char *name, __u32 *from, struct xr_err *err);

/* As plane_relock(), and what a killed command left is finished. */
int instance_relock(struct plane *p, struct xr_err *err);

/* Removes every pin of the instance, detaching everywhere first. */
int instance_destroy(struct plane *p, struct xr_err *err);

/* The same by name, also where plane_open() refuses the pins (-EPROTO). */
int instance_remove(const char *name, struct xr_err *err);

#endif
