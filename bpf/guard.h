/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may claim which MAC and IP address: a locked VM's count only from where
 * it is. And which frames are heard at all.
 */
#ifndef XROAM_BPF_GUARD_H
#define XROAM_BPF_GUARD_H

#include "announce.h"
#include "believe.h"

/* ---- what is refused ---- */

/*
 * For MACs that are no VM's: forms that serve no other purpose than to announce. A
 * gateway and this machine send them as they like, nobody else in their name.
 */
static __always_inline int is_gratuitous(const struct claim *c)
{
	return c->kind <= XR_RARP || c->kind == XR_UNSOLICITED_NA;
}

/* What routers share, by prefix: VRRP (RFC 9568 §7.3), HSRP of all versions. */
static __always_inline int is_virtual_router(__u64 mac)
{
	__u32 three = mac & 0xffffff, four = mac, last = mac >> 24;

	return (three == 0x5e0000 && ((last & 0xffff) == 0x0100 || (last & 0xffff) == 0x0200)) ||
		(four == 0x070c0000 && (mac >> 32 & 0xff) == 0xac) ||
		(four == 0x9f0c0000 && (mac >> 36 & 0xf) == 0xf) ||
		(four == 0xa0730500 && (mac >> 36 & 0xf) == 0);
}

static __always_inline int is_protected_mac(__u64 mac)
{
	return is_virtual_router(mac) || is_protected(XR_PROTECTED_MAC, &mac, ETH_ALEN);
}

__noinline int claims_protected(__u32 vm_no)
{
	struct claim *c = the_claim();
	int mac_is, ip_is;
	__u64 mac;

	if (!c)
		return 0;
	mac = c->key & MAC_MASK;
	mac_is = is_protected_mac(mac);
	ip_is = c->has_ip && is_protected(XR_PROTECTED_IP, c->ip, sizeof(c->ip));
	return vm_no ? mac_is || ip_is : !mac_is && ip_is;
}

/* The claim contradicts itself, or what is known. */
static __always_inline int is_refused(const struct claim *c, __u32 vm_no, __u32 owner)
{
	if (c->sort != CLAIM_ANNOUNCES)
		return c->sort == CLAIM_BAD;
	if (vm_no && c->has_ip &&
	    ((owner && owner != vm_no) || !is_bound(index_of_no(vm_no), c->ip)))
		return 1;
	return (vm_no || is_gratuitous(c)) && claims_protected(vm_no);
}

/* ---- the guard ---- */

/* The machine is where it is, or where it goes: the port is its own. */
static __always_inline int is_own_port(struct xdp_md *ctx, const struct xr_vm *vm)
{
	union vm_state_word w = vm_now(vm);

	return is_port_of(ctx, vm) &&
		(host_get(w.now.host).flags | host_get(w.now.next).flags) & XR_HOST_LOCAL;
}

/* The port of a locked VM is for it alone, or for those that share it. */
__noinline int guard_port(struct xdp_md *ctx)
{
	const struct xr_port *port = this_port();
	struct claim *c = the_claim();
	struct xr_vm *vm;
	__u32 speaker;

	if (!c || !port || !port->own || c->off || !is_locked(port->own))
		return 0;
	vm = vm_at(index_of_no(port->own));
	if (!vm || !is_own_port(ctx, vm))
		return 0;
	speaker = c->who ?: c->exact;
	vm = vm_of_no(speaker);
	if (vm && vm->tap == ingress_of(ctx))
		return 0;
	c->vm_no = port->own;
	return XR_R_GUARD_MAC;
}

/* Each locked VM whose MAC this is, must be where it came from. */
__noinline int guard_source(struct xdp_md *ctx)
{
	const struct xr_port *port = this_port();
	struct claim *c = the_claim();
	const struct xr_locked *l;
	__u64 mac;

	if (!c || !port)
		return 0;
	mac = c->key & MAC_MASK;
	l = bpf_map_lookup_elem(&locked_macs, &mac);
	if (!l)
		return guard_port(ctx);
	for (int i = 0; i < XR_LOCKED_SAME; i++) {
		__u32 vm_no = nth_locked(ctx, l, i, mac);
		struct xr_vm *vm = vm_of_no(vm_no);

		if (!vm)
			continue;
		c->vm_no = vm_no;
		if (!is_in_place(ctx, index_of_no(vm_no), vm_now(vm).now.host))
			return XR_R_GUARD_MAC;
		c->who = c->who ?: vm_no;
	}
	/* The one whose MAC and VLAN these are is not among them, it may be. */
	if (l->more && c->exact && is_locked(c->exact)) {
		struct xr_vm *vm = vm_at(index_of_no(c->exact));

		if (vm && !is_in_place(ctx, index_of_no(c->exact), vm_now(vm).now.host))
			return XR_R_GUARD_MAC;
		c->who = c->who ?: c->exact;
	}
	if (l->more && port->sw == XR_SWITCH_MACS && !c->off)
		return XR_R_GUARD_MAC;
	return guard_port(ctx);
}

/* RFC 4291 appendix A: the MAC address that a link-local address was made of. */
static __always_inline __u64 eui64_mac(const __be32 *ip)
{
	const __u8 *o = (const __u8 *)ip;

	if (o[11] != 0xff || o[12] != 0xfe)
		return 0;
	return (__u64)(o[8] ^ 2) | (__u64)o[9] << 8 | (__u64)o[10] << 16 | (__u64)o[13] << 24 |
		(__u64)o[14] << 32 | (__u64)o[15] << 40;
}

/* Nobody lists link-local addresses; by their making some are somebody's. */
static __always_inline int is_anothers_link_local(struct xdp_md *ctx, const struct claim *c,
						  const __be32 *ip)
{
	__u64 mac;

	if (!is_link_local(ip))
		return 0;
	mac = eui64_mac(ip);
	if (!mac || mac == (c->key & MAC_MASK))
		return 0;
	return locked_vm(ctx, mac) || (c->who && is_protected_mac(mac));
}

enum { CLAIMED_IP, CLAIMED_TOO, USED_IP }; /* c->ip, c->too, c->from */

/*
 * The segments that the frame at hand may be in: its own, the port's, that of the
 * VM whose port it is; and none, by which is found who has an address alone.
 */
#define SEGMENTS 4

static __always_inline __u32 nth_segment(const struct claim *c, int i)
{
	const struct xr_port *port = this_port();
	struct xr_vm *vm;

	if (!i)
		return c->key >> 48;
	if (c->off || !port)
		return 0;
	if (i == 1)
		return port->pvid;
	vm = i == 2 && port->own ? vm_at(index_of_no(port->own)) : NULL;
	return vm ? vm->key >> 48 : 0;
}

/* An address that the frame claims, or uses as its source. */
__noinline int guard_address(struct xdp_md *ctx, int which)
{
	struct claim *c = the_claim();
	const __be32 *ip;
	__u32 owner;

	if (!c)
		return 0;
	ip = which == CLAIMED_IP ? c->ip : which == CLAIMED_TOO ? c->too : c->from;
	for (int i = 0; i < SEGMENTS; i++) {
		__u32 vlan = nth_segment(c, i);

		if (!vlan && i != SEGMENTS - 1)
			continue;
		owner = vm_no_of_addr_in(ip, vlan);
		if (owner && owner != c->who && is_locked(owner) &&
		    may_be_in_segment(ctx, index_of_no(owner))) {
			c->vm_no = c->vm_no ?: owner;
			return XR_R_GUARD_IP;
		}
	}
	if (is_anothers_link_local(ctx, c, ip))
		return XR_R_GUARD_IP;
	if (!c->who)
		return 0;
	if (is_protected(XR_PROTECTED_IP, ip, sizeof(c->ip)))
		return XR_R_GUARD_IP;
	if (!(which == CLAIMED_IP && c->tentative) && !is_bound(index_of_no(c->who), ip))
		return XR_R_GUARD_IP;
	return 0;
}

/* What it uses counts at its own port: elsewhere it may be a router's. */
static __always_inline int uses_address(struct xdp_md *ctx, const struct claim *c)
{
	struct xr_vm *vm = c->who && c->has_from && !c->off ? vm_at(index_of_no(c->who)) : NULL;

	return vm && is_own_port(ctx, vm);
}

/*
 * Whose may the frame at hand claim to be, by the key that the switch will use;
 * and whose its addresses? The reason to drop it, or 0.
 */
static __always_inline int guard(struct xdp_md *ctx)
{
	struct claim *c = the_claim();
	int reason = guard_source(ctx);

	if (!c || reason)
		return reason;
	if (c->has_ip && guard_address(ctx, CLAIMED_IP))
		return XR_R_GUARD_IP;
	if (c->has_too && guard_address(ctx, CLAIMED_TOO))
		return XR_R_GUARD_IP;
	if (uses_address(ctx, c) && guard_address(ctx, USED_IP))
		return XR_R_GUARD_IP;
	if ((c->given[0] && locked_vm(ctx, c->given[0])) ||
	    (c->given[1] && locked_vm(ctx, c->given[1])))
		return XR_R_GUARD_MAC;
	if (c->who && (c->foreign || c->sort == CLAIM_BAD))
		return XR_R_GUARD_IP;
	return c->unread ? XR_R_GUARD_UNREAD : 0;
}

/* ---- hearing ---- */

static __always_inline void trace_claim(const struct claim *c)
{
	struct xr_trace *t = trace_record();

	if (t)
		t->announcement = c->kind;
}

/*
 * Hears what the frame at off says (see read_claim()). The verdict, with the VM that
 * is at issue, whether the frame is dropped or goes its way (reason 0).
 */
__noinline __u64 hear(struct xdp_md *ctx, __u32 off, __u32 far, __u32 vlan)
{
	struct claim *c = the_claim();
	__u32 vm_no, owner = 0, reason = 0;

	if (read_claim(ctx, off, far, vlan) || !c)
		return off && vms_locked() ? XR_R_GUARD_UNREAD : 0;
	reload_memory();
	trace_claim(c);
	vm_no = c->vm_no = c->exact;
	if (c->has_ip)
		owner = vm_no_of_addr_in(c->ip, c->key >> 48);
	if (c->quiet)
		;
	else if (is_refused(c, vm_no, owner))
		report_claim(XR_R_ANNOUNCEMENT_BAD, vm_no, NOTHING_CHANGED);
	else if (vm_no)
		believe(ctx, index_of_no(vm_no));
	if (vms_locked())
		reason = guard(ctx);
	return pack_verdict(reason, 0, c->vm_no);
}

/* ---- which frames are heard ---- */

#define ND_TYPE_AT 40 /* of an ICMPv6 type, in the packet */

/* Not 0 while VMs are expected or locked: then any frame is. */
static __always_inline __u64 vm_attention(void)
{
	return *(const volatile __u64 *)&vm_control;
}

/* ARP, RARP and advertisements always. */
static __always_inline int is_heard(struct xdp_md *ctx, __u32 l3, __be16 proto)
{
	const __u8 *ip;

	if (likely(proto == bpf_htons(ETH_P_IP)))
		return 0;
	if (proto != bpf_htons(ETH_P_IPV6))
		return proto == bpf_htons(ETH_P_ARP) || proto == bpf_htons(ETH_P_RARP);
	ip = octet_at(ctx, l3);
	return ip + ND_TYPE_AT + 1 <= (const __u8 *)end_of(ctx) && ip[6] == IPPROTO_ICMPV6 &&
		ip[ND_TYPE_AT] == ND_ADVERTISE;
}

#endif
