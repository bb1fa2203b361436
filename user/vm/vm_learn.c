// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include "lib/text.h"
#include "vm_priv.h"

/*
 * A learned address is only used in announcements to others: it binds nothing and
 * redirects nothing, so that whoever can send from a VM's MAC cannot take an address
 * by that. What no announcement may claim is refused here as well: the frame that
 * completed a move (a solicitation, say) was not checked as an announcement.
 */
bool vm_learn(struct plane *p, __u32 vm_index, const __be32 *addr)
{
	struct xr_vm_info *info = &p->vm_info[vm_index];
	int i, unused = -1;

	if (!info->used || addr_is_zero(addr) || vm_addr_fault(addr) || vm_protected_ip(p, addr) ||
	    vm_by_ip_in(p, addr, vm_vlan_of(p->vms[vm_index].key)) != VM_NOWHERE)
		return false;
	for (i = XR_VM_ADDRS - 1; i >= 0; i--) {
		if (!memcmp(info->addr[i], addr, sizeof(info->addr[i])))
			return false;
		if (addr_is_zero(info->addr[i]))
			unused = i;
		else if (!(info->learned >> i & 1))
			return false; /* the operator's: it has no other */
	}
	if (unused < 0)
		return false;
	info->learned |= 1U << unused;
	memcpy(info->addr[unused], addr, sizeof(info->addr[unused]));
	return true;
}
