/* SPDX-License-Identifier: GPL-2.0-only */
/* Locked VMs, by MAC: which of them the frame at hand may claim to be. */
#ifndef XROAM_BPF_LOCKED_H
#define XROAM_BPF_LOCKED_H

#include "claim.h"

static __always_inline __u32 vms_locked(void)
{
	return *(const volatile __u32 *)&vm_control.locked;
}

static __always_inline const struct xr_port *this_port(void)
{
	__u32 slot = knobs.dev_slot;

	return bpf_map_lookup_elem(&ports, &slot);
}

/* Whether the frame at hand may be in the VM's segment: by the switch's key. */
__noinline int may_be_in_segment(struct xdp_md *ctx, __u32 vm_index)
{
	const struct xr_port *port = this_port();
	struct claim *c = the_claim();
	struct xr_vm *vm = vm_at(vm_index);
	struct frame_vlan f = {};
	__u32 vlan;

	if (!c || !vm || !port)
		return 1;
	f.tag = c->tag;
	f.segment = c->segment;
	f.in_tunnel = !!c->off;
	f.own_port = vm->tap && vm->tap == ingress_of(ctx);
	vlan = vlan_of_key(vm->key);
	if (may_be_in_vlan(f, vlan))
		return 1;
	if (c->off)
		return 0;
	switch (port->sw) {
	case XR_SWITCH_MACS:
		return !vlan || !port->pvid || vlan == port->pvid;
	case XR_SWITCH_VLANS:
		/* Tags that it does not know are none. */
		if (c->untagged || c->tpid != port->tpid)
			return !vlan || vlan == port->pvid;
		return !vlan && !c->exact;
	case XR_SWITCH_NONE:
		/* Where VMs of a VLAN have ports, this may be another one. */
		return !c->tag && !c->exact && vm->tap;
	default:
		return !c->tag && !c->exact;
	}
}

static __always_inline int is_locked(__u32 vm_no)
{
	struct xr_vm *vm = vm_of_no(vm_no);

	return vm && vm_now(vm).now.flags & XR_VM_LOCK;
}

/* The element's ith VM, if it is locked, and the frame may be in its segment; or 0. */
static __always_inline __u32 nth_locked(struct xdp_md *ctx, const struct xr_locked *l, __u32 i,
					__u64 mac)
{
	__u32 vm_no = l->place[i];
	struct xr_vm *vm = vm_of_no(vm_no);

	if (!vm || (vm->key & MAC_MASK) != mac || !is_locked(vm_no) ||
	    !may_be_in_segment(ctx, index_of_no(vm_no)))
		return 0;
	return vm_no;
}

/* The number of the first; XR_MAX_VMS + 1: there are more than the element has. */
__noinline __u32 locked_vm(struct xdp_md *ctx, __u64 mac)
{
	const struct xr_locked *l;

	mac &= MAC_MASK;
	l = bpf_map_lookup_elem(&locked_macs, &mac);
	if (!l)
		return 0;
	for (int i = 0; i < XR_LOCKED_SAME; i++) {
		__u32 vm_no = nth_locked(ctx, l, i, mac);

		if (vm_no)
			return vm_no;
	}
	return l->more ? XR_MAX_VMS + 1 : 0;
}

#endif
