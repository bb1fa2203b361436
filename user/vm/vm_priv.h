/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this room have of each other, and nobody else. */
#ifndef XR_VM_VM_PRIV_H
#define XR_VM_VM_PRIV_H

#include "plane/vm_event.h"
#include "vm.h"
#include "vm_bind.h"

/* ---- vm_lock.c ---- */

/* Sets or clears the lock alone; addresses are bound before. -ENOMEM: not locked. */
int vm_set_lock(struct plane *p, __u32 vm_index, bool lock);

/* ---- vm_check.c: what can be wrong with a notice ---- */

/* Whether the address is a gateway's or listed as protected: it can be no VM's. */
bool vm_protected_ip(struct plane *p, const __be32 *addr);
int vm_check_binding(struct plane *p, const struct xr_notice *n, __u32 vm_index,
		     struct xr_err *err);
/* Its own frame has completed its last move, and no notice has come since. */
bool vm_moved_by_frame(struct plane *p, __u32 vm_index);
/* Not newer than what is known: -ESTALE, or *outcome is XR_IGNORED. Else XR_DONE. */
int vm_check_order(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
		   enum xr_outcome *outcome, struct xr_err *err);

/* ---- vm_move.c: what each notice does; errors as vm_notice() ---- */

int vm_prepare(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
	       struct xr_answer *a, struct xr_err *err);
int vm_pause(struct plane *p, const struct xr_notice *n, __u32 vm_index, struct xr_answer *a,
	     struct xr_err *err);
int vm_moved(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
	     struct xr_answer *a, struct xr_err *err);
int vm_cancel(struct plane *p, const struct xr_notice *n, __u32 vm_index, struct xr_answer *a,
	      struct xr_err *err);

/* It changes nothing, but its number counts from now. */
void vm_note_number(struct plane *p, __u32 vm_index, const struct xr_notice *n);

/* ---- vm_trust.c: contradictions ---- */

/* The source agrees with what is known: a higher rank than the one that stands counts from now. */
void vm_note_assent(struct plane *p, __u32 vm_index, __u8 source);
/* Only with where the VM is, and not with a move that is under way. */
void vm_note_place(struct plane *p, __u32 vm_index, __u8 source);
/* As assent, where others may have a part in it: whoever ranks highest stands for it. */
void vm_note_part(struct plane *p, __u32 vm_index, __u8 source);
/*
 * -EPERM: the notice contradicts a word of higher rank; counted, with an event. *outcome
 * XR_ALREADY: it says what is known, and has no right to more.
 */
int vm_check_trust(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
		   enum xr_outcome *outcome, struct xr_err *err);

#endif
