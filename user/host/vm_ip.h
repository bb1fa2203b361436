/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose an address is: in a segment, for two tenants may have the same. */
#ifndef XR_HOST_VM_IP_H
#define XR_HOST_VM_IP_H

#include "plane/vm_state.h"

/* What left an index; its place is used again after vm_loose_end(). */
struct vm_loose {
	__u32 *vm, *ip;
	size_t n_vm, n_ip;
};

void vm_loosen(__u32 **list, size_t *n, __u32 place);

/*
 * Whose address it is in that VLAN: place in vms, or VM_NOWHERE. vm_by_ip(): of who
 * has it alone, or has no VLAN.
 */
__u32 vm_by_ip_in(struct plane *p, const __be32 *addr, __u16 vlan);
__u32 vm_by_ip(struct plane *p, const __be32 *addr);
/* Whether VMs in several VLANs have it. */
bool vm_ip_shared(struct plane *p, const __be32 *addr);
int vm_add_ip(struct plane *p, __u32 vm, const __be32 *addr);
void vm_drop_ip(struct plane *p, __u32 vm, const __be32 *addr, struct vm_loose *loose);

#endif
