/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is sent here in the name of a VM that is somewhere else: too early, on its
 * new host, or too late, on the old one.
 */
#ifndef XROAM_BPF_SKB_CLAIM_H
#define XROAM_BPF_SKB_CLAIM_H

#include "skb_copy.h"

/* ---- where a VM is ---- */

static __always_inline int is_local(__u32 host)
{
	return host_get(host).flags & XR_HOST_LOCAL;
}

/* It stands still here, on its way to another machine. */
static __always_inline int is_leaving(union vm_state_word w)
{
	return w.now.state == XR_VM_BLACKOUT && is_local(w.now.host) && !is_local(w.now.next);
}

/* It is on its way to this machine. */
static __always_inline int is_coming(union vm_state_word w)
{
	return vm_under_way(w) && !is_local(w.now.host) && is_local(w.now.next);
}

/* ---- what proves that it runs ---- */

/* ip: where the packet begins. */
static __always_inline int is_icmp6_claim(struct __sk_buff *skb, __u32 ip)
{
	__be32 from[XR_ADDR_WORDS];
	__u8 type;

	if (bpf_skb_load_bytes(skb, ip + sizeof(struct ipv6hdr), &type, sizeof(type)) ||
	    bpf_skb_load_bytes(skb, ip + 8, from, sizeof(from)))
		return 1;
	switch (type) {
	case 131: /* MLD report, done */
	case 132:
	case 133: /* router solicitation */
	case 136: /* neighbour advertisement */
	case 143: /* MLDv2 report */
		return 1;
	case 135: /* duplicate address detection */
		return !(from[0] | from[1] | from[2] | from[3]);
	}
	return 0;
}

/*
 * What a host sends by itself when it gets a port with the VM's MAC, or QEMU before
 * the guest runs: no proof that the VM does.
 */
static __always_inline int is_claim(struct __sk_buff *skb)
{
	struct {
		__u8 proto, next;
	} h = {};
	__u32 ip;

	switch (proto_of(skb, &ip)) {
	case bpf_htons(ETH_P_ARP):
	case bpf_htons(ETH_P_RARP):
	case bpf_htons(ETH_P_802_2):
		return 1;
	case bpf_htons(ETH_P_IP):
		bpf_skb_load_bytes(skb, ip + 9, &h.proto, 1);
		return h.proto == IPPROTO_IGMP;
	case bpf_htons(ETH_P_IPV6):
		bpf_skb_load_bytes(skb, ip + 6, &h.proto, 1);
		if (h.proto == IPPROTO_ICMPV6)
			return is_icmp6_claim(skb, ip);
		if (h.proto != IPPROTO_HOPOPTS)
			return 0;
		bpf_skb_load_bytes(skb, ip + sizeof(struct ipv6hdr), &h.next, 1);
		return h.next == IPPROTO_ICMPV6; /* MLD, with its router alert */
	}
	return 0;
}

/* At a glance: all that is_claim() looks for, and little else. */
static __always_inline int may_be_claim(const struct __sk_buff *skb)
{
	const __u8 *ip = (const __u8 *)(long)skb->data + sizeof(struct ethhdr);
	const __u8 *end = (const __u8 *)(long)skb->data_end;

	if (ip + 10 > end)
		return 1;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return ip[9] == IPPROTO_IGMP;
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return ip[6] == IPPROTO_ICMPV6 || ip[6] == IPPROTO_HOPOPTS;
	return 1;
}

/* ---- what is refused ---- */

static __always_inline int refuse(struct __sk_buff *skb, __u32 vm_index, __u32 reason)
{
	struct vm_news *n = no_news();

	count_reason(skb->len, reason);
	if (n) {
		n->most = 1;
		post_vm_event(n, reason, no_of_index(vm_index));
	}
	return TC_ACT_SHOT;
}

/*
 * A VXLAN device's VNI is the segment: its frames have no tag, but its VMs may
 * have a VLAN.
 */
static __always_inline struct xr_vm *find_inner(struct __sk_buff *skb, __u32 off, __u32 *vm_index)
{
	__u64 key = key_at(skb, off), inner;
	struct xr_vm *vm = NULL;

	if (!key || IS_GROUP(key))
		return NULL;
	inner = frame_key(key & MAC_MASK, vlan_of_key(key), port_kind(skb->ifindex) & 0xfff);
	if (inner != key)
		vm = find_vm(inner, vm_index);
	return vm ?: find_vm(key, vm_index);
}

/*
 * The VM is on its way here: does it send this itself, or is it sent in its name?
 * What comes through its own port has passed tap_in as a rule, and the VM is here;
 * through another one it is somebody else's. Where its port is not known nothing is
 * proved, but frames that are no claim go their way.
 */
static __always_inline int is_too_early(struct __sk_buff *skb, const struct xr_vm *vm,
					__u32 vm_index)
{
	__u32 from = skb->ingress_ifindex;

	if (!from || is_claim(skb) || (vm->tap && vm->tap != from))
		return 1;
	if (vm->tap)
		vm_activate(vm_index, skb->len, no_news());
	return 0;
}

/*
 * The VM has left, and something here still announces it: a QEMU that ends, a stack
 * at its port. That is dropped, for nobody shall believe it. Data goes its way: a VM
 * that runs here against all notices is not cut off. So do the daemon's own
 * announcements.
 */
static __always_inline int is_too_late(struct __sk_buff *skb, const struct xr_vm *vm,
				       union vm_state_word w)
{
	__u32 from = skb->ingress_ifindex, index;
	const struct xr_path *path;

	if (is_local(w.now.host) || !vm_is_redirected(vm, w, now_tick()) || !is_claim(skb) ||
	    (!from && skb->mark == XR_MARK_ANNOUNCED))
		return 0;
	/* Its new host is behind that port. */
	index = host_get(w.now.host).path;
	path = bpf_map_lookup_elem(&paths, &index);
	return !from || !path || path->ifindex != from;
}

/* 1: not to be sent. */
__noinline int is_misplaced(struct __sk_buff *skb)
{
	__u32 from = skb->ingress_ifindex, vm_index, reason;
	union vm_state_word w;
	struct xr_vm *vm = find_inner(skb, SOURCE, &vm_index);

	if (!vm)
		return 0;
	w = vm_settle(vm, vm_index, now_tick(), skb->len);
	/* What comes from the fabric is the VM itself, where it is. */
	if (from && is_fabric(port_kind(from)))
		return 0;
	if (is_coming(w))
		reason = is_too_early(skb, vm, vm_index) ? XR_R_PREMATURE : 0;
	else
		reason = is_too_late(skb, vm, w) ? XR_R_OUTDATED : 0;
	if (reason)
		refuse(skb, vm_index, reason);
	return reason != 0;
}

static __always_inline int is_out_of_turn(struct __sk_buff *skb)
{
	return (watching() || may_be_claim(skb)) && is_misplaced(skb);
}

#endif
