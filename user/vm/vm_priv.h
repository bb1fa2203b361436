/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of vm.h, and the commit, tell each other, and nobody else. */
#ifndef XR_VM_VM_PRIV_H
#define XR_VM_VM_PRIV_H

#include "host/vm_ip.h"
#include "plane/vm_event.h"
#include "vm.h"

/* ---- vm_table.c: places, and addresses ---- */

void vm_loose_end(struct plane *p, struct vm_loose *loose);

/* A new VM, standing still at host. VM_NOWHERE: no room. */
__u32 vm_new(struct plane *p, __u64 key, __u16 host, __u8 source);
/* Forgets it: counters, kernel tables, both indexes. */
void vm_drop(struct plane *p, __u32 place, struct vm_loose *loose);

/* ---- vm_table.c ---- */

/* Takes away those of its addresses that are not in addr[]. */
void vm_unbind(struct plane *p, __u32 place,
	       const __be32 (*addr)[XR_ADDR_WORDS], int n,
	       struct vm_loose *loose);
/* Gives it these addresses, lock and tap; -ENOSPC: no room for an address. */
int vm_bind(struct plane *p, __u32 place, const __be32 (*addr)[XR_ADDR_WORDS],
	    int n, bool lock, const char *tap);
/* Whether its binding is so already. */
bool vm_bound(struct plane *p, __u32 place,
	      const __be32 (*addr)[XR_ADDR_WORDS], int n, bool lock,
	      const char *tap);

/* ---- vm_lock.c ---- */

/* The lock alone; addresses are bound before. -ENOMEM: not locked. */
int vm_set_lock(struct plane *p, __u32 place, bool lock);

/* ---- vm_check.c: what can be wrong with a notice ---- */

/* A gateway's, or listed: no VM's. */
bool vm_protected_ip(struct plane *p, const __be32 *addr);
int vm_check_binding(struct plane *p, const struct xr_notice *n, __u32 place,
		     struct xr_err *err);
/* Its own frame completed its last move, and nobody has said anything since. */
bool vm_spoke_first(struct plane *p, __u32 place);
/* -ESTALE, or XR_IGNORED in *outcome, for what is not newer; else XR_DONE. */
int vm_check_order(struct plane *p, const struct xr_notice *n, __u32 place,
		   __u16 host, enum xr_outcome *outcome, struct xr_err *err);

/* ---- vm_move.c ---- */

static inline __u64 vm_next_seq(__u64 seq)
{
	return seq < XR_SEQ_MAX ? seq + 1 : seq;
}

/*
 * The word changes hands: it is at host now. Counts, window and redirect, and this
 * machine's kernel, which a new host tells first; no look at routes, no event.
 * Returns where it was. warn may be NULL.
 */
__u16 vm_set_moved(struct plane *p, __u32 place, __u16 host, __u32 ttl,
		   __u32 tick, struct xr_err *warn);
/* Out of PREPARED or BLACKOUT, back to where it stands; false: it was in neither. */
bool vm_set_back(struct plane *p, __u32 place);

int vm_prepare(struct plane *p, const struct xr_notice *n, __u32 place,
	       __u16 host, struct xr_answer *a, struct xr_err *err);
int vm_pause(struct plane *p, const struct xr_notice *n, __u32 place,
	     struct xr_answer *a, struct xr_err *err);
int vm_moved(struct plane *p, const struct xr_notice *n, __u32 place,
	     __u16 host, struct xr_answer *a, struct xr_err *err);
int vm_cancel(struct plane *p, const struct xr_notice *n, __u32 place,
	      struct xr_answer *a, struct xr_err *err);

#endif
