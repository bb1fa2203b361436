/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A daemon's file may have a million VMs, nearly all of which are as they shall be. They are
 * compared before the lock is taken, for meanwhile every notice would have to wait.
 */
#ifndef XR_APPLY_NARROW_H
#define XR_APPLY_NARROW_H

#include "model/model.h"
#include "plane/plane.h"

struct narrow {
	__u64 id; /* of the instance that was looked at; 0: all of the file is compared */
	__u32 changes;
	struct model_vm *vms; /* of want, that are not known or not bound so */
	size_t n_vms;
};

/* Looks at the running instance, without its lock. */
void narrow_begin(struct narrow *n, const char *instance, const struct model *want);

/*
 * Under the lock. true: want's VMs are now those few; the others stay, and so do these where
 * they are. What it had goes with narrow_end(), after the lock.
 */
bool narrow_use(struct narrow *n, struct plane *p, struct model *want);
void narrow_end(struct narrow *n);

/* VMs that run already stay where they are: m gets their hosts, and those that it lacks. */
int narrow_keep_hosts(const struct model *now, struct model *m);

#endif
