/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model and the instance: what apply does, the daemon with -c, and whoever has
 * been killed in the middle of it.
 */
#ifndef XR_APPLY_APPLY_H
#define XR_APPLY_APPLY_H

#include "model/model.h"
#include "plane/plane.h"

/* Limits that are left out (0) become the defaults. */
void model_default_limits(struct xr_limits *l);

/* What the model says of VMs that the instance knows already. */
enum apply_vms {
	APPLY_VMS,     /* holds: they move, and those it lacks are forgotten */
	APPLY_NEW_VMS, /* holds of their bindings; they stay where they are */
};

/*
 * Makes the instance of that name, if there is none, and makes it equal to want: all
 * or nothing. want is changed on the way, and stays the caller's to be freed.
 * changed(), may be NULL: see commit_models().
 */
int model_apply(const char *instance, struct model *want, enum apply_vms vms,
		void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err);

/* Says the same of the instance of that name, or of one to be made, and changes nothing. */
int model_preview(const char *instance, struct model *want,
		  void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err);

/* The same of an open instance, whose lock is held; want stays as it is. */
int model_commit(struct plane *p, const struct model *want,
		 void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err);

/*
 * The same, where edit() turns a copy of the running model into what is wanted. What is not
 * in it stays as it is. Without server IDs edit() takes no backend away.
 */
enum edit_what {
	EDIT_LITTLE,   /* neither server IDs nor VMs, of which there may be a million */
	EDIT_PROGRAMS, /* the same, where other programs may be needed, and edit() called twice */
	EDIT_SIDS,     /* no VMs */
	EDIT_ALL,
};
int model_edit(struct plane *p, enum edit_what what,
	       int (*edit)(struct model *m, void *ctx, struct xr_err *err), void *ctx,
	       void (*changed)(void *changed_ctx, const char *line), void *changed_ctx,
	       struct xr_err *err);

/*
 * Finishes the change that a killed command left in the journal, under the lock. 0
 * with a line in err: a warning. < 0: it cannot be finished as things are (the line
 * says what to mend), and the journal stays.
 */
int model_recover(struct plane *p, struct xr_err *err);

#endif
