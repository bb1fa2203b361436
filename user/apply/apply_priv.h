/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XR_APPLY_APPLY_PRIV_H
#define XR_APPLY_APPLY_PRIV_H

#include "apply.h"

/*
 * An instance with nothing in it whose limits or secret are not the model's: an
 * apply was killed as soon as it had made it. Another can take its place.
 */
bool apply_is_stillborn(struct plane *p, const struct model *want);

/*
 * A file that names an etcd has the lists that it leaves out from there: they stay as they
 * run. Of another file, nothing.
 */
int apply_keep_sections(const struct model *have, struct model *want, struct xr_err *err);

/*
 * ready.c: loads the programs that a change needs while others may have the lock, as the
 * kernel takes long to verify them. plane_drop_ready() in the end.
 */
void apply_ready_programs(const char *instance, const struct model *want);
/* Under the lock, which others may have had in between: the instance is to be read anew. */
int edit_ready_programs(struct plane *p, const struct model *want, struct xr_err *err);

#endif
