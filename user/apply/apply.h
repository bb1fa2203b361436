/* SPDX-License-Identifier: GPL-2.0-only */
/* A file's model and the instance: what apply does, and the daemon with -c. */
#ifndef XR_APPLY_APPLY_H
#define XR_APPLY_APPLY_H

#include "model/model.h"

/* Limits that are left out (0) become the defaults. */
void model_default_limits(struct xr_limits *l);

/* What the model says of VMs that the instance knows already. */
enum apply_vms {
	APPLY_VMS,     /* holds: they move, and those it lacks are forgotten */
	APPLY_NEW_VMS, /* holds of their bindings; they stay where they are */
};

/*
 * Makes the instance, if there is none, and makes it equal to m: all or
 * nothing. changed() as for model_commit().
 */
int model_apply(const char *instance, const struct model *m, enum apply_vms vms,
		void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err);

/* As model_preview(), of the instance of that name, or of one to be made. */
int model_would_apply(const char *instance, const struct model *m,
		      void (*changed)(void *ctx, const char *line), void *ctx, size_t *n,
		      struct xr_err *err);

#endif
