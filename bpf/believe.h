/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VM's frame means for where it is.
 *
 * - A move that was prepared is completed by the VM's first frame from there, at
 *   that very frame.
 * - Without one, `policy moves` says whose announcements move a VM.
 */
#ifndef XROAM_BPF_BELIEVE_H
#define XROAM_BPF_BELIEVE_H

#include "origin.h"

/* ---- addresses ---- */

/*
 * Whether the VM's binding has the address: the operator's, if he gave any; what
 * was learned binds nobody, and nobody lists link-local ones.
 */
static __always_inline int is_bound(__u32 vm_index, const __be32 *ip)
{
	const struct xr_vm_info *info = bpf_map_lookup_elem(&vm_info, &vm_index);
	int given = 0;

	if (!info || is_link_local(ip))
		return 1;
	for (int i = 0; i < XR_VM_ADDRS; i++) {
		const __be32 *a = info->addr[i];

		if (!(a[0] | a[1] | a[2] | a[3]) || info->learned & (1U << i))
			continue;
		if (same_addr(a, ip))
			return 1;
		given = 1;
	}
	return !given;
}

/* Loopback, and what is reserved: nobody learns it (vm_addr_fault() in user space). */
static __always_inline int is_nobodys(const __be32 *ip)
{
	__u32 first = bpf_ntohl(ip[3]) >> 24;

	if (ip[0] | ip[1])
		return 0;
	if (ip[2] == bpf_htonl(0xffff))
		return first == 127 || !first;
	return !ip[2] && ip[3] == bpf_htonl(1);
}

/* An address that the VM claims is new, and there is room to learn it. */
static __always_inline int is_news(__u32 vm_index, const __be32 *ip)
{
	const struct xr_vm_info *info = bpf_map_lookup_elem(&vm_info, &vm_index);
	int room = 0;

	if (!info || is_link_local(ip) || is_nobodys(ip))
		return 0;
	for (int i = 0; i < XR_VM_ADDRS; i++) {
		const __be32 *a = info->addr[i];

		if (same_addr(a, ip))
			return 0;
		room |= !(a[0] | a[1] | a[2] | a[3]);
	}
	return room;
}

/* ---- what became of it ---- */

#define NOTHING_CHANGED 0x10000

/* The claim, for its event. */
static __always_inline struct vm_news *news_of_claim(const struct claim *c)
{
	struct vm_news *n = no_news();

	if (!n)
		return NULL;
	n->key = c->key;
	__builtin_memcpy(n->ip, c->ip, sizeof(n->ip));
	n->announcement = c->kind;
	return n;
}

/*
 * Counts what became of the claim at hand, and posts it. vm_no: index plus one, or
 * 0; from: where the VM was, or that nothing changed. A new address of a VM is
 * for the daemon, too, which learns it.
 */
__noinline int report_claim(__u32 reason, __u32 vm_no, __u32 from)
{
	struct claim *c = the_claim();
	struct vm_news *n = c ? news_of_claim(c) : NULL;

	if (!c || !n)
		return 0;
	note_bytes(c->bytes, reason);
	n->follow = reason == XR_R_ANNOUNCEMENT;
	n->most = from != NOTHING_CHANGED ? 0 : n->follow ? XR_VM_ADDRS : 1;
	n->from = n->most ? 0 : from;
	return post_vm_event(n, reason, vm_no);
}

static __always_inline void count_spoofed(__u32 vm_index)
{
	struct xr_vm_info *info = bpf_map_lookup_elem(&vm_info, &vm_index);

	if (info && !TRACES)
		__sync_fetch_and_add(&info->spoofed, 1);
}

/* ---- moves ---- */

/* RFC 7432 §15.1: who moves too often goes back to where the operator put it. */
__noinline int move_by_announcement(__u32 vm_index, __u32 host)
{
	struct claim *c = the_claim();
	struct xr_vm *vm = vm_at(vm_index);
	__u32 tick = now_tick(), moves, frozen;
	union vm_state_word w, to;

	if (!c || !vm)
		return 0;
	to = w = vm_now(vm);
	moves = vm->flap_moves + 1;
	if (tick - vm->flap_since >= knobs.flap_seconds)
		moves = 1;
	frozen = moves > knobs.flap_moves;
	to.now.host = frozen ? w.now.home : host;
	to.now.state = XR_VM_MOVED;
	to.now.flags &= ~XR_VM_LOOP;
	if (frozen)
		to.now.flags |= XR_VM_FROZEN;
	if (vm_under_way(w) || !vm_redirect_to(vm, w, to, vm->ttl ?: knobs.vm_ttl))
		return 0;
	count_move(vm_index);
	vm->flap_moves = moves;
	if (moves == 1)
		vm->flap_since = tick;
	if (frozen)
		note_bytes(c->bytes, XR_R_ANNOUNCEMENT);
	return report_claim(frozen ? XR_R_FROZEN : XR_R_ANNOUNCEMENT, no_of_index(vm_index),
			    w.now.host);
}

/* Whose port, or tunnel, this is, if the policy lets it move VMs; or 0. */
static __always_inline __u32 believed_host(struct xdp_md *ctx, const struct claim *c)
{
	const struct xr_port *port = this_port();
	__u32 index;

	if (knobs.moves == XR_MOVES_EXPECTED || !port ||
	    (knobs.moves == XR_MOVES_PORTS && !port->trusted))
		return 0;
	index = c->far ?: port->host;
	return index && host_get(index).flags == XR_HOST_USED ? index : 0;
}

/* An announcement from where the VM is; maybe of an address that is new. */
static __always_inline int confirm(const struct claim *c, __u32 vm_index, union vm_state_word w)
{
	if (c->sort != CLAIM_ANNOUNCES)
		return 0;
	if (c->has_ip && w.now.state == XR_VM_MOVED && !(w.now.flags & XR_VM_LOCK) &&
	    is_news(vm_index, c->ip))
		return report_claim(XR_R_ANNOUNCEMENT, no_of_index(vm_index), NOTHING_CHANGED);
	note_bytes(c->bytes, XR_R_ANNOUNCEMENT);
	return 0;
}

/* What a VM's frame means for where it is. */
__noinline int believe(struct xdp_md *ctx, __u32 vm_index)
{
	struct claim *c = the_claim();
	struct xr_vm *vm = vm_at(vm_index);
	union vm_state_word w;
	__u32 host;

	if (!c || !vm)
		return 0;
	vm_age(vm_index, c->bytes);
	w = vm_now(vm);
	if (is_arriving(ctx, vm_index))
		return 0;
	if (is_in_place(ctx, vm_index, w.now.host))
		return confirm(c, vm_index, w);
	if (vm_under_way(w) && c->sort != CLAIM_PROBE && is_at(ctx, w.now.next) &&
	    !is_forged(ctx, w.now.next)) {
		if (vm_activate(vm_index, c->bytes, news_of_claim(c)) && c->sort == CLAIM_ANNOUNCES)
			note_bytes(c->bytes, XR_R_ANNOUNCEMENT);
		return 0;
	}
	if (c->sort != CLAIM_ANNOUNCES)
		return 0;
	host = believed_host(ctx, c);
	if (host && !vm_under_way(w) && !(w.now.flags & XR_VM_FROZEN))
		return move_by_announcement(vm_index, host);
	count_spoofed(vm_index);
	return report_claim(XR_R_SPOOFED, no_of_index(vm_index), NOTHING_CHANGED);
}

#endif
