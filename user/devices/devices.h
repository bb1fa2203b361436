/* SPDX-License-Identifier: GPL-2.0-only */
/* Attaching, detaching and reloading, with all that depends on which devices there are. */
#ifndef XR_DEVICES_DEVICES_H
#define XR_DEVICES_DEVICES_H

#include "attach/attach.h"

/*
 * Makes what depends on the machine's devices so: ports, protected MACs, tunnel ends,
 * tc programs. All are tried; fail (NULL: nobody) gets a line for each that fails.
 */
typedef void devices_fail(void *ctx, const char *line);
void devices_refresh(struct plane *p, devices_fail *fail, void *ctx);

/*
 * The same, and VIPs' routes: to be called when devices came, went or moved. left: a
 * network namespace that a device has left, or 0 (attach.h).
 */
void devices_changed(struct plane *p, __u64 left);

/* As plane_attach() and its like in attach.h. */
int devices_attach(struct plane *p, const char *dev, enum attach_want want, enum xr_role role,
		   struct xr_err *err);
int devices_detach(struct plane *p, const char *dev, struct xr_err *err);
int devices_detach_one(struct plane *p, const struct xr_device *d, struct xr_err *err);
int devices_detach_all(struct plane *p, struct xr_err *err);
void devices_trust(struct plane *p, const char *dev, bool trusted);
void devices_list_ends(struct plane *p, const char *dev, const struct xr_listed *listed);

/*
 * Freshly loaded programs in the places of those that run, with no gap: XDP, tunnel
 * ends' and tc. -ENOENT: some program was lost, the others are new; or another error
 * of the first that failed.
 */
int devices_reload(struct plane *p, struct xr_err *err);

#endif
