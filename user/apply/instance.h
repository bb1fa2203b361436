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

/* As plane_relock(), and what a killed command left is finished. */
int instance_relock(struct plane *p, struct xr_err *err);

/* Removes every pin of the instance, detaching everywhere first. */
int instance_destroy(struct plane *p, struct xr_err *err);

/* The same by name, also where plane_open() refuses the pins (-EPROTO). */
int instance_remove(const char *name, struct xr_err *err);

#endif
