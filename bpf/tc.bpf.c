// SPDX-License-Identifier: GPL-2.0-only
/*
 * Beside XDP, on a host that VMs live on: what XDP cannot do, as it cannot clone
 * and does not see what other VMs of the host send.
 *
 *	tap_out		what goes into a VM's port: remembered while its move is
 *			prepared; of what neither an uplink nor a tunnel brought,
 *			copied to the new host in the blackout; sent there alone
 *			once it has moved. What stays is held to the VM's bounds
 *	tap_in		what comes out of it: on the new host the VM speaks, so
 *			it runs. Held to its bounds, too
 *	uplink_in	what the fabric brings for a VM that stands still: copied
 *	uplink_out	what the new host says in the VM's name too early, and the
 *			old one too late; frames for a VM of this host that go back
 *			to where they came from; those that its port, being gone,
 *			did not get
 *	tunnel_in	frames out of a redirect's tunnel, straight into the
 *			port; and copied, as by uplink_in
 *	tunnel_out	the same words as uplink_out, on the VXLAN device
 *	replay		run by user space: one remembered frame to the new host
 */
#include "ring.h"
#include "skb_bounds.h"
#include "skb_claim.h"
#include "skb_copy.h"
#include "skb_way.h"

#define JUST_NOW 2 /* ticks */
#define ENODEV   19

/* ---- a VM's port ---- */

/* The VM is here, and may be about to leave: TC_ACT_UNSPEC where the port gets the frame. */
static __always_inline int serve_here(struct __sk_buff *skb, struct xr_vm *vm, __u32 vm_index,
				      union vm_state_word w)
{
	int action;

	if (!vm_under_way(w) || is_local(w.now.next))
		return pass_bounds(skb, vm, vm_index, XR_WAY_IN, 0);
	/* Copied first: the copy is judged where it goes into a port, and the clone here. */
	if (w.now.state == XR_VM_BLACKOUT) {
		action = is_of(key_at(skb, DESTINATION), vm) && !was_sent_just_now(skb)
			? copy(skb, vm_index, w.now.next, CLONE_OUT)
			: TC_ACT_UNSPEC;
		return action == TC_ACT_UNSPEC ? pass_bounds(skb, vm, vm_index, XR_WAY_IN, 0)
					       : action;
	}
	action = pass_bounds(skb, vm, vm_index, XR_WAY_IN, 0);
	if (action == TC_ACT_UNSPEC && vm->ring)
		remember(skb, vm->ring - 1);
	return action;
}

SEC("tc")
int xroam_tap_out(struct __sk_buff *skb)
{
	__u32 kind = port_kind(skb->ifindex), vm_index = kind - 1, tick;
	union vm_state_word w;
	struct xr_vm *vm;
	int is_clone;

	/* Behind the port the mark means nothing. */
	is_clone = is_copied(skb);
	if (is_clone)
		skb->tc_index = 0;
	if (!kind || is_fabric(kind))
		return TC_ACT_UNSPEC;
	vm = vm_at(vm_index);
	if (!vm)
		return TC_ACT_UNSPEC;
	if (is_clone)
		return pass_bounds(skb, vm, vm_index, XR_WAY_IN, 1);
	tick = now_tick();
	w = vm_settle(vm, vm_index, tick, skb->len);
	if (is_probe(skb))
		return TC_ACT_UNSPEC;
	if (is_local(w.now.host))
		return serve_here(skb, vm, vm_index, w);
	if (vm_is_redirected(vm, w, tick) && is_of(key_at(skb, DESTINATION), vm) &&
	    !(vm_under_way(w) && is_local(w.now.next)) && !was_sent_just_now(skb))
		return take_away(skb, vm_index, w.now.host, TC_ACT_SHOT);
	return pass_bounds(skb, vm, vm_index, XR_WAY_IN, 0);
}

SEC("tc")
int xroam_tap_in(struct __sk_buff *skb)
{
	__u32 kind = port_kind(skb->ifindex), vm_index = kind - 1;
	union vm_state_word w;
	struct xr_vm *vm;

	if (!(watching() | any_bounded()) || !kind || is_fabric(kind))
		return TC_ACT_UNSPEC;
	vm = vm_at(vm_index);
	if (!vm)
		return TC_ACT_UNSPEC;
	if (watching() && vm->tap == skb->ifindex) {
		w = vm_settle(vm, vm_index, now_tick(), skb->len);
		/* What its rules refuse shows as well as anything else that it runs. */
		if (is_coming(w) && is_of(key_at(skb, SOURCE), vm) && !is_claim(skb))
			vm_activate(vm_index, skb->len, no_news());
	}
	return pass_bounds(skb, vm, vm_index, XR_WAY_OUT, 0);
}

/*
 * The VM's port is there. One that went and came anew (a QEMU that crashed) is another
 * device, which user space has yet to find: till then the bridge knows it.
 */
static __always_inline int has_port(struct __sk_buff *skb, const struct xr_vm *vm)
{
	__u32 mtu = 0;

	return vm->tap && bpf_check_mtu(skb, vm->tap, &mtu, 0, 0) != -ENODEV;
}

/* ---- an uplink ---- */

/*
 * A VM that came just now: neither the bridge nor the kernel's routes need know
 * yet that it is behind its port. One that is only coming gets what XDP took out
 * of a tunnel and addressed to its own MAC.
 */
static __always_inline int to_port(struct __sk_buff *skb, const struct xr_vm *vm,
				   union vm_state_word w)
{
	__u32 host = vm_under_way(w) ? w.now.next : w.now.host;
	__u32 method = host_get(host).method;
	int by_ip = method == XR_FORWARD_IPIP || method == XR_FORWARD_GUE;
	__u32 tick = now_tick();

	if (!is_local(host) || vlan_of(skb) || was_put(skb))
		return TC_ACT_UNSPEC;
	if ((vm_under_way(w)
		     ? by_ip
		     : vm_is_redirected(vm, w, tick) && (by_ip || tick - vm->last <= JUST_NOW)) &&
	    has_port(skb, vm))
		return put_into(skb, vm->tap);
	return TC_ACT_UNSPEC;
}

/*
 * What XDP let pass just before the VM's state became MOVED: the port that
 * would have sent it on may be gone.
 */
static __always_inline int has_left(const struct xr_vm *vm, union vm_state_word w)
{
	return w.now.state == XR_VM_MOVED && !is_local(w.now.host) &&
		vm_is_redirected(vm, w, now_tick());
}

static __always_inline __u32 place_by_ip(struct __sk_buff *skb)
{
	__be32 addr[XR_ADDR_WORDS] = { 0, 0, bpf_htonl(0xffff), 0 };
	__u32 at = sizeof(struct ethhdr);

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, at + 16, &addr[3], 4))
			return 0;
	} else if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
		   bpf_skb_load_bytes(skb, at + 24, addr, sizeof(addr))) {
		return 0;
	}
	return is_link_local(addr) ? 0 : vm_no_of_addr(addr);
}

/*
 * Routed to this host, for a VM that is routed to its new one. With its port goes
 * the route: what the kernel would find instead leads back.
 */
__noinline int serve_routed(struct __sk_buff *skb)
{
	__u32 vm_index = place_by_ip(skb) - 1, method, vlan;
	struct xr_vm *vm = vm_at(vm_index);
	union vm_state_word w;

	if (!vm)
		return TC_ACT_UNSPEC;
	/* In another VLAN it is another tenant's. */
	vlan = vlan_of(skb);
	if (vlan && vm->key >> 48 && vm->key >> 48 != vlan)
		return TC_ACT_UNSPEC;
	w = vm_settle(vm, vm_index, now_tick(), skb->len);
	method = host_get(is_leaving(w) ? w.now.next : w.now.host).method;
	if (method == XR_FORWARD_VXLAN || method == XR_FORWARD_PORT)
		return TC_ACT_UNSPEC;
	if (is_leaving(w))
		return copy(skb, vm_index, w.now.next, has_port(skb, vm) ? CLONE_IN : NO_CLONE);
	if (has_left(vm, w))
		return take_away(skb, vm_index, w.now.host, TC_ACT_UNSPEC);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int xroam_uplink_in(struct __sk_buff *skb)
{
	union vm_state_word w;
	struct xr_vm *vm;
	__u32 vm_index;
	__u64 key;

	if (is_copied(skb))
		return TC_ACT_UNSPEC;
	if (skb->pkt_type != PACKET_OTHERHOST && !watching())
		return TC_ACT_UNSPEC;
	key = key_at(skb, DESTINATION);
	if (IS_GROUP(key))
		return TC_ACT_UNSPEC;
	vm = find_vm(key, &vm_index);
	if (!vm)
		return watching() ? serve_routed(skb) : TC_ACT_UNSPEC;
	w = vm_settle(vm, vm_index, now_tick(), skb->len);
	if (is_leaving(w))
		return copy(skb, vm_index, w.now.next, CLONE_IN);
	if (has_left(vm, w))
		return take_away(skb, vm_index, w.now.host, TC_ACT_UNSPEC);
	return to_port(skb, vm, w);
}

/*
 * What the port of a VM that stands still here, or has just left, should have got
 * from this host's own VMs: it is gone, or the bridge does not know it. Where the
 * fabric believes the VM to be, nobody would take it. Once user space has told
 * the kernel's own tables, they know better.
 */
static __always_inline int is_astray(__u32 vm_index, union vm_state_word w)
{
	const struct xr_vm_info *info = info_of(vm_index);

	if (is_leaving(w)) /* a copy by a port may be leaving just now */
		return host_get(w.now.next).method != XR_FORWARD_PORT;
	return info && w.now.state == XR_VM_MOVED && !is_local(w.now.host) &&
		w.now.host != info->host && is_local(info->host) &&
		host_get(w.now.host).method != XR_FORWARD_PORT;
}

static __always_inline int send_astray(struct __sk_buff *skb, const struct xr_vm *vm,
				       __u32 vm_index, union vm_state_word w)
{
	if (!is_leaving(w) && !vm_is_redirected(vm, w, now_tick()))
		return TC_ACT_UNSPEC;
	if (was_sent_just_now(skb))
		return TC_ACT_SHOT;
	return is_leaving(w) ? copy(skb, vm_index, w.now.next, NO_CLONE)
			     : take_away(skb, vm_index, w.now.host, TC_ACT_UNSPEC);
}

/*
 * Split horizon. A bridge that still has the VM's MAC on its uplink would send
 * what came for it straight back. What this host's own VMs send may leave: they,
 * not xroam, may be right about where it is.
 */
static __always_inline int goes_back(struct __sk_buff *skb, union vm_state_word w)
{
	__u32 kind = port_kind(skb->ingress_ifindex);

	if (!skb->ingress_ifindex || !is_fabric(kind))
		return 0;
	if (is_coming(w) ? kind == XR_TAP_UPLINK : !is_local(w.now.host) || vm_under_way(w))
		return 0;
	/* A VM's own port may be a guarded one; it leads to no fabric. */
	return is_fabric(port_kind(skb->ifindex));
}

/* For a VM that is known, and leaves by the uplink. */
__noinline int leaves_for_vm(struct __sk_buff *skb)
{
	__u64 key = key_at(skb, DESTINATION);
	union vm_state_word w;
	struct xr_vm *vm;
	__u32 vm_index;

	if (IS_GROUP(key))
		return TC_ACT_UNSPEC;
	vm = find_vm(key, &vm_index);
	if (!vm)
		return TC_ACT_UNSPEC;
	w = vm_settle(vm, vm_index, now_tick(), skb->len);
	if (is_astray(vm_index, w))
		return send_astray(skb, vm, vm_index, w);
	return goes_back(skb, w) ? refuse(skb, vm_index, XR_R_VM_LOOP) : TC_ACT_UNSPEC;
}

SEC("tc")
int xroam_uplink_out(struct __sk_buff *skb)
{
	/* A clone that found no port. */
	if (is_copied(skb) || is_out_of_turn(skb))
		return TC_ACT_SHOT;
	if (watching() || skb->ingress_ifindex)
		return leaves_for_vm(skb);
	return TC_ACT_UNSPEC;
}

/* ---- a VXLAN device ---- */

SEC("tc")
int xroam_tunnel_out(struct __sk_buff *skb)
{
	return is_out_of_turn(skb) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("tc")
int xroam_tunnel_in(struct __sk_buff *skb)
{
	__u32 vm_index, tick = now_tick();
	struct xr_vm *vm = find_inner(skb, DESTINATION, &vm_index);
	union vm_state_word w;
	int local;

	if (!vm)
		return TC_ACT_UNSPEC;
	w = vm_settle(vm, vm_index, tick, skb->len);
	if (is_leaving(w) && !is_copied(skb))
		return copy(skb, vm_index, w.now.next, CLONE_IN);
	local = is_coming(w) || is_local(w.now.host);
	if (!local)
		return vm_is_redirected(vm, w, tick) ? refuse(skb, vm_index, XR_R_VM_CHAIN)
						     : TC_ACT_UNSPEC;
	/*
	 * The bridge may not have learned yet that it is here. Later it knows
	 * better than a port written down long ago.
	 */
	if ((vm_under_way(w) || vm_is_redirected(vm, w, tick)) && !was_put(skb) &&
	    has_port(skb, vm))
		return put_into(skb, vm->tap);
	return TC_ACT_UNSPEC;
}

/* ---- user space ---- */

/* cb[0]: the host the frame goes to. 0: sent. */
SEC("tc")
int xroam_replay(struct __sk_buff *skb)
{
	struct xr_host host = host_get(skb->cb[0]);
	__u32 bytes = skb->len;
	struct way w = {};
	int reason;

	skb->cb[0] = 0;
	reason = find_way(skb, &host, &w);
	if (!reason)
		reason = put_on(skb, &w);
	if (reason)
		return reason;
	if (!w.ifindex)
		return XR_R_NO_NEIGHBOUR;
	if (bpf_clone_redirect(skb, w.ifindex, 0))
		return XR_R_NO_ROUTE;
	count_reason(bytes, XR_R_REPLAYED);
	return 0;
}

char _license[] SEC("license") = "GPL";
