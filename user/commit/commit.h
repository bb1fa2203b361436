/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes an instance equal to a model, all or nothing. Others do so by apply.h; this
 * is for those that have loaded the instance's model themselves.
 */
#ifndef XR_COMMIT_COMMIT_H
#define XR_COMMIT_COMMIT_H

#include "model/model.h"
#include "plane/plane.h"

enum commit_how {
	COMMIT_DIFFERENCE, /* what differs is changed */
	COMMIT_ALL,        /* all is written: the maps may be half changed */
	COMMIT_PREVIEW,    /* nothing is changed */
};

/*
 * have: what the instance has (model_load()); want: what it shall have. Both stay
 * the caller's, to be freed; they are changed on the way: sorted, and want gets slots,
 * limits and hidden keys from have, so that neither is of use for a second commit.
 *
 * changed() (may be NULL) gets a line of each change, when all are made
 * ("+ vip 192.0.2.1:443/udp", "~ backend a: weight 1 -> 2"); those that begin with
 * "! " are warnings. 0, or -errno and a line in err: then nothing has changed, or
 * the journal (journal.h) is there and the next command makes the change.
 */
int commit_models(struct plane *p, struct model *have, struct model *want, enum commit_how how,
		  void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err);

/*
 * Whether the change needs other programs on the devices, and without the lock: loads them,
 * so that commit_models() need not under it. want stays as it is.
 */
bool commit_needs_programs(const struct plane *p, const struct model *want);
void commit_ready_programs(struct plane *p, const struct model *want);

#endif
