/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XDP's part of bounds.h: what it takes away from tc at a VM's own port. The frame is
 * read as it comes in by such a port, before it gets other headers, and judged when it is
 * to leave; what is passed on is left to tc.
 */
#ifndef XROAM_BPF_VM_BOUNDS_H
#define XROAM_BPF_VM_BOUNDS_H

#include "bounds.h"
#include "parse.h"
#include "nexthop.h"

__noinline int view_xdp(struct xdp_md *ctx, __u32 which)
{
	struct bounds_view *v = view_at(which);
	__u64 tags;

	if (!v)
		return 0;
	tags = read_tags(ctx, 0);
	view_frame(ctx, 0, v, sizeof(struct ethhdr) + TAGS_OCTETS(tags), TAGS_PROTO(tags));
	v->octets = bpf_xdp_get_buff_len(ctx);
	v->packets = 1;
	return 0;
}

__noinline int begin_bounds(struct xdp_md *ctx)
{
	struct bounds_view *v = view_at(VIEW_SENT);

	if (!v)
		return 0;
	v->egress = ingress_of(ctx); /* unless note_egress() knows another one */
	v->vm_no = bounded_vm_no(v->egress);
	return v->vm_no ? view_xdp(ctx, VIEW_SENT) : 0;
}

/* The frame is to be sent. The verdict, or 0. */
__noinline __u64 end_bounds(struct xdp_md *ctx)
{
	struct bounds_view *v = view_at(VIEW_SENT);
	__u32 vm_no;
	int reason;

	if (!v)
		return 0;
	vm_no = v->vm_no;
	reason = vm_no ? judge(index_of_no(vm_no), VIEW_SENT, XR_WAY_OUT) : 0;
	if (reason)
		return pack_verdict(reason, 0, vm_no);
	vm_no = bounded_vm_no(v->egress);
	if (!vm_no)
		return 0;
	view_xdp(ctx, VIEW_GIVEN);
	reason = judge(index_of_no(vm_no), VIEW_GIVEN, XR_WAY_IN);
	return reason ? pack_verdict(reason, 0, vm_no) : 0;
}

/* Before the verdict of what may be sent: its reason. */
static __always_inline int keep_bounds(struct xdp_md *ctx, struct packet *p, __u32 reason)
{
	__u64 refused;

	if (!are_bounds_kept() || !is_sent(reason))
		return reason;
	refused = end_bounds(ctx);
	if (!reason_of(refused))
		return reason;
	p->vm = vm_no_of(refused);
	return reason_of(refused);
}

#endif
