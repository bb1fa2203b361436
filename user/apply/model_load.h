/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XR_APPLY_MODEL_LOAD_H
#define XR_APPLY_MODEL_LOAD_H

#include "model/model.h"
#include "plane/plane.h"

/* The running state, from the pinned maps; the VMs only with model_load_vms(). */
int model_load_vms(struct plane *p, struct model *m, struct xr_err *err);
int model_load(struct plane *p, struct model *m, struct xr_err *err);

/* Every pair in the members map; stops at the first each() that is not 0. */
int members_each(struct plane *p, int (*each)(void *ctx, const struct xr_member *k), void *ctx);

#endif
