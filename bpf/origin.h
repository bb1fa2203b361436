/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a frame came from: only that tells what a VM sent from what was forged. The
 * port, or the tunnel, of the host where it is or is expected.
 */
#ifndef XROAM_BPF_ORIGIN_H
#define XROAM_BPF_ORIGIN_H

#include "claim.h"
#include "locked.h"
#include "nexthop.h"

/* Whether what goes to the host leaves by the device this came in by. */
static __always_inline int comes_back_from(struct xdp_md *ctx, __u32 index)
{
	struct xr_nexthop *nh = bpf_map_lookup_elem(&nexthops, &index);

	if (!nh)
		return 0;
	if (!is_fresh(nh, now_tick()))
		refresh_nexthop(ctx, index);
	return nh->ifindex && egress_of(ctx, nh->ifindex) == ingress_of(ctx);
}

/* Whether the claim at hand came from where the host is, another machine. */
__noinline int is_at(struct xdp_md *ctx, __u32 index)
{
	const struct xr_port *port = this_port();
	struct xr_host host = host_get(index);
	struct claim *c = the_claim();
	struct xr_path *path;
	__u32 key = host.path;

	if (!c || !port || host.flags != XR_HOST_USED)
		return 0;
	path = bpf_map_lookup_elem(&paths, &key);
	if (!path)
		return 0;
	if (!c->far && port->host == index)
		return 1;
	if (host.method == XR_FORWARD_PORT || host.method == XR_FORWARD_L2)
		return !c->far && path->ifindex == ingress_of(ctx);
	/* Out of its tunnel, by the way the tunnel takes; or plainly that way. */
	if (c->far && c->far != index)
		return 0;
	return (c->far && port->trusted) || comes_back_from(ctx, key);
}

/*
 * A tunnel's outer source is easily written by others. Where the host is a
 * neighbour, its frames come from its MAC address, which on a network that watches
 * its ports nobody else has; behind a router the network has to see to it.
 */
__noinline int is_forged(struct xdp_md *ctx, __u32 index)
{
	const struct xr_port *port = this_port();
	struct claim *c = the_claim();
	const __u16 *eth = ethernet_at(ctx, 0);
	__u32 key = host_get(index).path;
	struct xr_nexthop *nh = bpf_map_lookup_elem(&nexthops, &key);
	struct xr_path *path = bpf_map_lookup_elem(&paths, &key);

	if (!c || !port || !nh || !path || !c->far || port->trusted ||
	    nh->gateway != xr_address_print(path->daddr))
		return 0;
	return !eth || mac_of(eth + ETH_SOURCE) != mac_of((const __u16 *)nh->dmac);
}

/*
 * In another namespace another device has the same number: but no VM is behind it,
 * as far as user space knows, which goes by both.
 */
static __always_inline int is_port_of(struct xdp_md *ctx, const struct xr_vm *vm)
{
	const struct xr_port *port = this_port();

	return vm->tap && vm->tap == ingress_of(ctx) && port && port->own;
}

/* By its own port on this machine, should that be a guarded one. */
static __always_inline int is_by_own_port(struct xdp_md *ctx, __u32 vm_index)
{
	struct xr_vm *vm = vm_at(vm_index);

	return vm && is_port_of(ctx, vm);
}

/* It is on its way to here: whether it runs yet, tc sees behind its port. */
__noinline int is_arriving(struct xdp_md *ctx, __u32 vm_index)
{
	struct xr_vm *vm = vm_at(vm_index);
	union vm_state_word w;

	if (!vm)
		return 0;
	w = vm_now(vm);
	return vm_under_way(w) && host_get(w.now.next).flags & XR_HOST_LOCAL &&
		is_by_own_port(ctx, vm_index);
}

/* And from where the VM is, or is about to be. */
static __always_inline int is_in_place(struct xdp_md *ctx, __u32 vm_index, __u32 index)
{
	if (host_get(index).flags & XR_HOST_LOCAL)
		return is_by_own_port(ctx, vm_index);
	return is_at(ctx, index) || is_arriving(ctx, vm_index);
}

#endif
