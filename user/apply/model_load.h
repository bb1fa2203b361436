/* SPDX-License-Identifier: GPL-2.0-only */
/* The model of what runs, from the pinned maps; the lock is held. */
#ifndef XR_APPLY_MODEL_LOAD_H
#define XR_APPLY_MODEL_LOAD_H

#include "model/model.h"
#include "plane/plane.h"

/* All but the VMs. On success m is to be freed. */
int model_load(struct plane *p, struct model *m, struct xr_err *err);

/* The same, and no server IDs (model.sids_stay). */
int model_load_without_sids(struct plane *p, struct model *m, struct xr_err *err);

/* Which backends have server IDs: has[limits.backends + 1], by index. */
void model_who_has_sids(struct plane *p, bool *has);

/* The VMs of a loaded model, in the order of model_compare_vms(): by VLAN and MAC. */
int model_load_vms(struct plane *p, struct model *m, struct xr_err *err);

/*
 * For a file: devices that were loaded are named by what apply finds them by. Those
 * that it could not find, since they are gone, are left out, with a line each.
 */
void model_name_devices(struct plane *p, struct model *m,
			void (*left_out)(void *ctx, const char *line), void *ctx);

#endif
