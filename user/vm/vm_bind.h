/* SPDX-License-Identifier: GPL-2.0-only */
/* Beside vm.h, for the commit of a file: places, bindings, and the word alone. */
#ifndef XR_VM_VM_BIND_H
#define XR_VM_VM_BIND_H

#include "host/vm_ip.h"
#include "vm.h"

void vm_loose_end(struct plane *p, struct vm_loose *loose);

/* A new VM, standing still at host. VM_NOWHERE: no room. */
__u32 vm_new(struct plane *p, __u64 key, __u16 host, __u8 source);
/* Forgets it: counters, kernel tables, both indexes. */
void vm_drop(struct plane *p, __u32 vm_index, struct vm_loose *loose);

/* Takes away those of its addresses that are not in addr[]. */
void vm_unbind(struct plane *p, __u32 vm_index, const __be32 (*addr)[XR_ADDR_WORDS], int n,
	       struct vm_loose *loose);
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
 * The word changes hands: it is at host now. Counts, window and redirect, and this
 * machine's kernel, which a new host tells first; no look at routes, no event.
 * Returns where it was. warn may be NULL.
 */
__u16 vm_set_moved(struct plane *p, __u32 vm_index, __u16 host, __u32 ttl, __u32 tick,
		   struct xr_err *warn);
/* Out of PREPARED or BLACKOUT, back to where it stands; false: it was in neither. */
bool vm_set_back(struct plane *p, __u32 vm_index);

#endif
