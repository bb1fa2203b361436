/* SPDX-License-Identifier: GPL-2.0-only */
/* Beside vm.h, for the commit of a file: VMs, their bindings and state, one by one. */
#ifndef XR_VM_VM_BIND_H
#define XR_VM_VM_BIND_H

#include "host/vm_ip.h"
#include "vm.h"

/*
 * Waits until no program can read what has left the indexes (vm_ip.h), then clears it:
 * once for all that a change removes.
 */
void vm_loose_end(struct plane *p, struct vm_loose *loose);

/* The index of a new VM, STABLE at host; VM_NOWHERE: no room. */
__u32 vm_new(struct plane *p, __u64 key, __u16 host, __u8 source);
/* The VM is where it is by this source's word (vm_trust.c). */
void vm_note_source(struct plane *p, __u32 vm_index, __u8 source);
/* Forgets it: counters, kernel tables, both indexes. */
void vm_drop(struct plane *p, __u32 vm_index, struct vm_loose *loose);

/* Takes away those of its addresses that are not in addr[]. */
void vm_unbind(struct plane *p, __u32 vm_index, const __be32 (*addr)[XR_ADDR_WORDS], int n,
	       struct vm_loose *loose);
/*
 * Gives it these bounds (NULL: none), before the rest of its binding: nothing of the VM shall
 * pass that they refuse.
 */
int vm_set_bounds(struct plane *p, __u32 vm_index, const struct xr_vm_bounds *b);
bool vm_has_bounds(const struct plane *p, __u32 vm_index, const struct xr_vm_bounds *b);

/* Gives it these addresses, lock and tap; -ENOSPC: no room for an address. */
int vm_bind(struct plane *p, __u32 vm_index, const __be32 (*addr)[XR_ADDR_WORDS], int n, bool lock,
	    const char *tap);
/* Whether its binding is so already. */
bool vm_bound(struct plane *p, __u32 vm_index, const __be32 (*addr)[XR_ADDR_WORDS], int n,
	      bool lock, const char *tap);

static inline __u64 vm_next_seq(__u64 seq)
{
	return seq < XR_SEQ_MAX ? seq + 1 : seq;
}

/*
 * The VM's state becomes MOVED, at host: with the flap window, the redirect, and this
 * machine's kernel tables (before the state, where it arrives here). Routes are not
 * looked at, no event is posted. ttl 0: the policy's. source: enum xr_source. Returns the
 * host it was at. warn may be NULL.
 */
__u16 vm_set_moved(struct plane *p, __u32 vm_index, __u16 host, __u32 ttl, __u32 tick, __u8 source,
		   struct xr_err *warn);
/* Ends PREPARED or BLACKOUT: it stays at its host. false: it was in neither. */
bool vm_set_back(struct plane *p, __u32 vm_index);

#endif
