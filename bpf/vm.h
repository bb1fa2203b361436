/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stage for VMs: where a frame's sender is, then whether the frame is
 * for a VM that has moved; and backends that are VMs.
 */
#ifndef XROAM_BPF_VM_H
#define XROAM_BPF_VM_H

#include "vm_tunnel.h"

/*
 * While VMs are expected or locked. Of an IPv4 packet only the source MAC counts, and
 * at a VM's own port the source address.
 */
static __always_inline int is_worth_hearing(struct xdp_md *ctx, const struct frame *f)
{
	const struct xr_port *port = this_port();
	const __u16 *eth = ethernet_at(ctx, 0);
	__u64 mac;

	if (!eth || f->proto != bpf_htons(ETH_P_IP))
		return 1;
	mac = mac_of(eth + ETH_SOURCE);
	if (vms_locked() &&
	    (f->tag > 2 * sizeof(struct vlan_tag) || (port && port->own) ||
	     bpf_map_lookup_elem(&locked_macs, &mac)))
		return 1;
	/* While a VM is expected, its frames show where it is. */
	return *(const volatile __u32 *)&vm_control.watching &&
		vm_no_of_key(mac | (f->key & ~MAC_MASK));
}

/* For explain: what is in the frame, whatever becomes of it. p: room for it. */
__noinline int trace_frame(struct xdp_md *ctx, struct packet *p)
{
	if (!p)
		return 0;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = ctx->data_end - ctx->data;
	parse_any_ip(ctx, p);
	reload_memory();
	trace_packet(p);
	return 0;
}

/* What the stage gives where it has no verdict; those have a reason above 0. */
enum go_on {
	NO_VM = 0,        /* the frame is for none */
	NO_VM_PLAIN = -1, /* the same of IPv4 without a tag */
	/* QUICK is not enough: once more, at another pace */
	READ_AS_ANY = -2,
	READ_AS_HEARD = -3,
};

static __always_inline int is_verdict(int reason)
{
	return reason > NO_VM;
}

enum pace { QUICK, ANY, HEARD };

/* Makes the verdict the packet's own; its reason. */
static __always_inline int take_verdict(struct packet *p, __u64 verdict)
{
	p->vm = vm_no_of(verdict);
	p->sent = action_of(verdict);
	return reason_of(verdict);
}

/* By address: the verdict's reason, or NO_VM. */
static __always_inline int serve_by_ip(struct xdp_md *ctx, struct packet *p, const struct frame *f)
{
	p->bytes = frame_octets(ctx, octet_at(ctx, f->l3), f->l3, f->proto, p->bytes);
	return take_verdict(p, redirect_by_ip(ctx, scratch_at(IN_FRAME), p->bytes, f->key >> 48));
}

/*
 * The verdict's reason, or one of the above. The way is written once and compiled
 * twice: QUICK for IPv4 without a tag, where most of it is constant, as long as
 * it neither speaks for a VM nor comes out of a tunnel; then for the rest.
 */
static __always_inline int serve_frame(struct xdp_md *ctx, struct packet *p,
				       const struct xr_hash_keys *keys, const struct frame *f,
				       enum pace pace)
{
	__u64 attention;
	struct xr_vm *vm;
	__u64 verdict;
	__u32 vm_index;

	if (TRACES)
		trace_frame(ctx, scratch_at(IN_FRAME));
	attention = vm_attention();
	if (rarely(pace == HEARD || (attention && is_worth_hearing(ctx, f)) ||
		   is_heard(ctx, f->l3, f->proto))) {
		if (pace == QUICK)
			return READ_AS_HEARD;
		verdict = hear(ctx, 0, 0, 0);
		if (reason_of(verdict))
			return take_verdict(p, verdict);
	}
	vm = find_vm_by(keys, f->key, &vm_index);
	if (rarely(vm))
		return redirect_frame(ctx, p, keys, f, vm, vm_index);

	/*
	 * What is addressed to many has no VM's address. But a tunnel may lead to a
	 * group, and the kernel takes a packet of its own out of any frame.
	 */
	if ((knobs.local || knobs.by_ip) && rarely(f->key & 1) && !vms_locked())
		return pace == QUICK ? NO_VM_PLAIN : NO_VM;
	if ((knobs.local || knobs.moves != XR_MOVES_EXPECTED || attention) &&
	    rarely(may_be_tunnel(ctx, f))) {
		if (pace == QUICK)
			return READ_AS_ANY;
		verdict = serve_tunnel(ctx, p->bytes);
		if (reason_of(verdict))
			return take_verdict(p, verdict);
	}
	if (knobs.by_ip && !(f->key & 1) && rarely(may_be_by_ip(ctx, f, keys)))
		return serve_by_ip(ctx, p, f);
	if (!knobs.vips)
		p->bytes = frame_octets(ctx, octet_at(ctx, f->l3), f->l3, f->proto, p->bytes);
	return pace == QUICK ? NO_VM_PLAIN : NO_VM;
}

static __always_inline int serve_plain_frame(struct xdp_md *ctx, struct packet *p,
					     const struct xr_hash_keys *keys)
{
	const void *frame = data_of(ctx);
	struct frame f = { .l3 = sizeof(struct ethhdr), .proto = bpf_htons(ETH_P_IP) };

	if (rarely(frame + sizeof(struct ethhdr) + WORD4 > end_of(ctx)) ||
	    rarely(*(const __be16 *)(frame + 2 * ETH_ALEN) != f.proto))
		return READ_AS_ANY;
	f.key = *(const __u64 *)frame & MAC_MASK;
	return serve_frame(ctx, p, keys, &f, QUICK);
}

static __always_inline int serve_vms(struct xdp_md *ctx, struct packet *p,
				     const struct xr_hash_keys *keys)
{
	int reason = serve_plain_frame(ctx, p, keys), why;
	struct frame f = {};
	__u64 verdict;

	if (likely(reason > READ_AS_ANY))
		return reason;
	why = parse_frame(ctx, p, &f);
	/* A switch may look at the MAC alone, the kernel into the inner VLAN. */
	if (why && vms_locked()) {
		verdict = hear(ctx, 0, 0, 0);
		if (!reason_of(verdict))
			verdict = serve_tunnel(ctx, p->bytes);
		if (reason_of(verdict))
			return take_verdict(p, verdict);
	}
	if (why)
		return why == XR_R_NOT_MOVED ? NO_VM : why;
	return serve_frame(ctx, p, keys, &f, reason == READ_AS_HEARD ? HEARD : ANY);
}

/* ---- backends that are VMs ---- */

/* As send_packet(), of a whole frame that was built here, for the VM. */
__noinline __u64 send_frame(struct xdp_md *ctx, struct packet *p, __u32 vm_index)
{
	struct xr_vm *vm = vm_at(vm_index);
	struct frame f = {};
	struct xr_host host;
	__u16 *eth;
	int reason;

	if (!vm || !p)
		return 0;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = bpf_xdp_get_buff_len(ctx);
	host = host_get(vm_now(vm).now.host);
	eth = ethernet_at(ctx, 0);
	if (parse_frame(ctx, p, &f) || !eth)
		return 0;
	/* The first hop may have been a router: in its segment the VM is not. */
	write_mac(eth, vm->key);
	if (host.method == XR_FORWARD_VXLAN)
		reason = send_by_vxlan(ctx, p, host.path, &f, now_tick(), 0);
	else
		reason = send_by_port(ctx, p, host.path, f.tag, 0);
	if (reason == XR_R_VM_LOOP)
		return pack_verdict(0, XDP_TX, 0); /* client and VM behind one port */
	return pack_verdict(reason, reason ? 0 : p->sent, 0);
}

/*
 * The packet built for a backend, on to where its VM is now. The verdict, without a
 * VM; 0: it goes as it was built. Reason 0 with an action: it goes there instead.
 */
__noinline __u64 follow(struct xdp_md *ctx, __u32 backend)
{
	__u32 vm_no = backend_vm_no(backend), index = 0, bytes;
	struct xr_vm *vm = vm_of_no(vm_no);
	struct xr_host host;
	__u64 sent;

	if (!vm)
		return 0;
	host = way_of(vm, index_of_no(vm_no), now_tick(), ctx->data_end - ctx->data, &index);
	if (!host.flags)
		return 0;
	/*
	 * Read again rather than kept, for the stack is short; and here, not
	 * after: the kernel (6.1) lets no half of a pointer be put aside.
	 */
	reload_memory();
	bytes = ctx->data_end - ctx->data;
	hide_from_compiler(bytes);
	sent = is_by_ip(host) ? send_packet(ctx, host.path, 0)
			      : send_frame(ctx, scratch_at(IN_FRAME), index_of_no(vm_no));
	vm = vm_at(index_of_no(vm_no));
	if (vm && !reason_of(sent))
		count_hit(vm, now_tick(), index, bytes);
	return sent;
}

static __always_inline int follow_vm(struct xdp_md *ctx, struct packet *p)
{
	__u64 verdict = follow(ctx, p->backend);

	if (action_of(verdict))
		p->sent = action_of(verdict);
	return reason_of(verdict);
}

#endif
