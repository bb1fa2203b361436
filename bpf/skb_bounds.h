/* SPDX-License-Identifier: GPL-2.0-only */
/* tc's part of bounds.h: what goes through a VM's own port. */
#ifndef XROAM_BPF_SKB_BOUNDS_H
#define XROAM_BPF_SKB_BOUNDS_H

#include "bounds.h"
#include "skb_claim.h"

/* is_clone: of a frame whose copy is on its way to the new host. The program's answer. */
__noinline int judge_skb(struct __sk_buff *skb, __u32 vm_index, __u32 way, int is_clone)
{
	struct bounds_view *v = view_at(VIEW_GIVEN);
	int reason;
	__be16 proto;
	__u32 l3;

	if (!v)
		return TC_ACT_UNSPEC;
	proto = proto_of(skb, &l3);
	view_frame(skb, 1, v, l3, proto);
	v->octets = skb->len;
	v->packets = skb->gso_segs ?: 1;
	v->is_clone = is_clone;
	reason = judge(vm_index, VIEW_GIVEN, way);
	if (!reason)
		return TC_ACT_UNSPEC;
	return is_clone ? TC_ACT_SHOT : refuse(skb, vm_index, reason);
}

static __always_inline int pass_bounds(struct __sk_buff *skb, const struct xr_vm *vm,
				       __u32 vm_index, __u32 way, int is_clone)
{
	if (likely(!(vm_now(vm).now.flags & XR_VM_BOUNDS)))
		return TC_ACT_UNSPEC;
	return judge_skb(skb, vm_index, way, is_clone);
}

#endif
