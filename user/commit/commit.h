/* SPDX-License-Identifier: GPL-2.0-only */
/* Making an instance equal to a model, all or nothing. */
#ifndef XR_APPLY_COMMIT_H
#define XR_APPLY_COMMIT_H

#include "model/model.h"

struct plane;

/*
 * Makes the instance equal to want: all or nothing. Calls changed() with one
 * line per change made ("+ vip 192.0.2.1:443/udp", "~ backend a weight 1 -> 2").
 * A journal under XR_RUN_ROOT lets the next command finish what a kill
 * interrupted (model_recover, called by plane users under the lock).
 */
int model_commit(struct plane *p, const struct model *want,
		 void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err);
/*
 * Says the same and changes nothing; p NULL: as of an instance that is still to be
 * made. *n: how many changes there would be.
 */
int model_preview(struct plane *p, const struct model *want,
		  void (*changed)(void *ctx, const char *line), void *ctx, size_t *n,
		  struct xr_err *err);
/* 0 with a line in err: a warning. */
int model_recover(struct plane *p, struct xr_err *err);
/* A change is being made, or was interrupted: readers see half of it. */
bool model_unfinished(const char *instance);

/*
 * For a file: devices that were loaded are named by what apply finds them by. Those
 * that it could not find, since they are gone, are left out, with a line each.
 */
void model_name_devices(struct plane *p, struct model *m,
			void (*left_out)(void *ctx, const char *line), void *ctx);

#endif
