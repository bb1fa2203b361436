/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which VM has an address. VMs in different VLANs may have the same one, for two tenants may use
 * it.
 */
#ifndef XR_HOST_VM_IP_H
#define XR_HOST_VM_IP_H

#include "plane/vm_state.h"

/*
 * Entries of vms and vm_ips that were taken out of their index. They are filled anew only after
 * vm_loose_end(), when no program can be reading them any more.
 */
struct vm_loose {
	__u32 *vm, *ip;
	size_t n_vm, n_ip;
};

/* Adds an index to a list of struct vm_loose. */
void vm_note_loose(__u32 **list, size_t *n, __u32 index);

/*
 * The VM that has the address in that VLAN: its index in vms, or VM_NOWHERE. vm_by_ip(): the VM
 * that has no VLAN, or is the only one to have the address.
 */
__u32 vm_by_ip_in(struct plane *p, const __be32 *addr, __u16 vlan);
__u32 vm_by_ip(struct plane *p, const __be32 *addr);
/* Whether VMs in several VLANs have the address. */
bool vm_ip_shared(struct plane *p, const __be32 *addr);
/* The VM (index in vms) has the address from here on. 0, or -ENOSPC. */
int vm_add_ip(struct plane *p, __u32 vm_index, const __be32 *addr);
/* It has it no longer: what is taken out of the index is added to loose. */
void vm_drop_ip(struct plane *p, __u32 vm_index, const __be32 *addr, struct vm_loose *loose);

#endif
