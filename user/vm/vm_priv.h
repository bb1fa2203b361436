/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of vm.h tell each other, and nobody else. */
#ifndef XR_VM_VM_PRIV_H
#define XR_VM_VM_PRIV_H

#include "plane/vm_event.h"
#include "vm.h"
#include "vm_bind.h"

/* ---- vm_lock.c ---- */

/* The lock alone; addresses are bound before. -ENOMEM: not locked. */
int vm_set_lock(struct plane *p, __u32 vm_index, bool lock);

/* ---- vm_check.c: what can be wrong with a notice ---- */

/* A gateway's, or listed: no VM's. */
bool vm_protected_ip(struct plane *p, const __be32 *addr);
int vm_check_binding(struct plane *p, const struct xr_notice *n, __u32 vm_index,
		     struct xr_err *err);
/* Its own frame completed its last move, and nobody has said anything since. */
bool vm_moved_by_frame(struct plane *p, __u32 vm_index);
/* -ESTALE, or XR_IGNORED in *outcome, for what is not newer; else XR_DONE. */
int vm_check_order(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
		   enum xr_outcome *outcome, struct xr_err *err);

/* ---- vm_move.c ---- */

int vm_prepare(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
	       struct xr_answer *a, struct xr_err *err);
int vm_pause(struct plane *p, const struct xr_notice *n, __u32 vm_index, struct xr_answer *a,
	     struct xr_err *err);
int vm_moved(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
	     struct xr_answer *a, struct xr_err *err);
int vm_cancel(struct plane *p, const struct xr_notice *n, __u32 vm_index, struct xr_answer *a,
	      struct xr_err *err);

#endif
