/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal of a change under way: the model that the instance shall have, in a
 * file under XR_RUN_ROOT from before the first store until after the last one. Whoever
 * finds one makes that change again (model_recover()). The lock is held throughout,
 * but for journal_exists().
 */
#ifndef XR_JOURNAL_JOURNAL_H
#define XR_JOURNAL_JOURNAL_H

#include "model/model.h"
#include "plane/plane.h"

#define JOURNAL_PATH 176 /* room for its path, or that of an unreadable one */

void journal_path(const char *instance, char path[JOURNAL_PATH]);

/* A change is being made, or was interrupted: readers see half of it. */
bool journal_exists(const char *instance);

/* Whole on disk when this returns 0, or not there at all. */
int journal_write(struct plane *p, const struct model *want, struct xr_err *err);

/*
 * 1: one was read, and want is to be freed. 0: there is none; that of an earlier
 * instance of the same name is removed. < 0: there is one that cannot be read.
 * *netns: the network namespace that devices are named from; 0: it does not say.
 */
int journal_read(struct plane *p, struct model *want, __u64 *netns, struct xr_err *err);

void journal_remove(struct plane *p);

/* Renames one that cannot be read, to aside; -errno. */
int journal_set_aside(struct plane *p, char aside[JOURNAL_PATH]);

#endif
