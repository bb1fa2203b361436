// SPDX-License-Identifier: GPL-2.0-only
/*
 * The steps of a move, on a machine that the VM leaves or comes to. Every function
 * can be called again, also after an earlier call was killed at any point.
 */
#include <bpf/bpf.h>
#include <net/if.h>
#include <string.h>

#include "attach/tc.h"
#include "host/host.h"
#include "host/ports.h"
#include "lib/netns.h"
#include "local_priv.h"

#define BOUNDS_AGAIN 4 /* ticks, between searches for the port of a VM with bounds */
#define RING_AWAITS  2 /* ticks after the move in which QEMU's last count may come */

/* Frames out of a VXLAN tunnel bear no tag: the VLAN is that of the VMs of its VNI. */
static void set_tunnel_vlan(struct local *l)
{
	const struct xr_host_info *h = &l->p->host_info[l->now.next];
	const struct link *dev;

	if (h->method != XR_FORWARD_VXLAN)
		return;
	if (local_read(l))
		return;
	dev = links_by_vni(&l->links, h->vni, h->addr);
	if (!dev || !tc_recorded(l->p, dev->ifindex, XR_TC_TUNNEL_IN))
		vm_local_refresh_hooks(l->p, l->warn);
	if (dev)
		tap_set_kind(l->p, dev->ifindex, XR_TAP_TUNNEL | l->vlan);
}

int vm_local_added(struct plane *p, __u32 vm_index)
{
	struct local l;
	int ret;

	/* A port that is named or locked may be guarded: it must be known as the VM's. */
	if (!host_is_local(p, vm_now(p, vm_index).host) ||
	    (p->vms[vm_index].tap && !vm_is_bounded(p, vm_index)) ||
	    !(tc_stops_devices() || p->vm_info[vm_index].tap[0] ||
	      vm_now(p, vm_index).flags & XR_VM_KEPT))
		return 0;
	ret = local_open(&l, p, vm_index, NULL);
	if (!ret && vm_is_bounded(p, vm_index))
		port_bound(&l, false);
	else if (!ret)
		port_take(&l, XR_TC_TAP_OUT);
	local_close(&l);
	return ret;
}

/* ---- the VM prepares to move ---- */

/* Keeps the port's name, unless an operator has named it. */
static void note_tap(struct local *l, const char *tap)
{
	struct xr_vm_info *info = l->info;

	if (!tap || (info->tap[0] && !(info->learned & XR_LEARNED_TAP)))
		return;
	memset(info->tap, 0, sizeof(info->tap));
	strncpy(info->tap, tap, sizeof(info->tap) - 1);
	info->learned |= XR_LEARNED_TAP;
}

/*
 * The ring begins before the program that counts into it. A frame that comes between
 * the two is not counted, like one that was in the queue before: ring_sample() makes up
 * for both.
 */
static void prepare_to_leave(struct local *l, const struct vm_prepare_hints *hints)
{
	const struct link *tap = NULL;

	if (hints->again)
		tap = port_taken(l, XR_TC_TAP_OUT);
	if (tap) {
		ring_begin(l, tap, hints->reader);
		return;
	}
	tap = port_claim(l);
	if (!tap)
		return;
	if (l->info->learned & XR_PORT_NO_TAP)
		local_warn(
			l,
			"%s is no tap: what it holds unread when the VM stops is not known, and not replayed",
			tap->name);
	ring_begin(l, tap, hints->reader);
	port_hook(l, tap, XR_TC_TAP_OUT, ring_ask, hints->soon);
}

static void prepare_to_come(struct local *l, const struct vm_prepare_hints *hints)
{
	const struct link *tap = NULL;

	if (hints->again)
		tap = port_taken(l, XR_TC_TAP_IN);
	if (!tap) {
		set_tunnel_vlan(l);
		tap = port_claim(l);
		/* First what its bounds need: it may speak as soon as it is believed. */
		if (tap && vm_is_bounded(l->p, l->vm_index) &&
		    !port_hook(l, tap, XR_TC_TAP_OUT, NULL, hints->soon))
			tap = NULL;
		if (tap && !port_hook(l, tap, XR_TC_TAP_IN, NULL, hints->soon))
			tap = NULL;
	}
	if (!tap)
		return;
	port_raise_queue(l, tap);
	tap_probe(l); /* the first frame that a waiting QEMU gets is lost: see tap_probe() */
}

int vm_local_prepare(struct plane *p, __u32 vm_index, const struct vm_prepare_hints *hints,
		     struct xr_err *warn)
{
	struct local l;
	int ret = local_begin(&l, p, vm_index, warn);

	note_tap(&l, hints->tap);
	if (!ret && local_is_leaving(&l))
		prepare_to_leave(&l, hints);
	else if (!ret && local_is_coming(&l))
		prepare_to_come(&l, hints);
	local_close(&l);
	return ret;
}

__u32 vm_local_sample_wait(int n)
{
	return 100 + n * 137 % 400;
}

bool vm_local_sample(struct plane *p, __u32 vm_index)
{
	bool empty = false;
	int back;

	if (!p->vms[vm_index].ring || vm_now(p, vm_index).state != XR_VM_PREPARED ||
	    netns_enter(p->vm_info[vm_index].netns, &back))
		return true; /* nothing to wait for */
	empty = ring_sample(p, vm_index);
	netns_leave(back);
	return empty;
}

/* ---- the VM stands still ---- */

int vm_local_pause(struct plane *p, __u32 vm_index, struct vm_residual *r, struct xr_err *warn)
{
	struct local l;
	int ret = local_begin(&l, p, vm_index, warn);

	memset(r, 0, sizeof(*r));
	if (!ret && local_is_leaving(&l)) {
		/* The caller may let the new host go on after this: copies must be made. */
		tc_worker_wait(p, l.vm->tap);
		ret = ring_replay(&l, l.now.next, r);
	} else if (!ret && local_is_coming(&l)) {
		kernel_arrive(&l, l.now.next, false);
		tap_probe(&l); /* its QEMU may not have been there when it was prepared */
	}
	local_close(&l);
	return ret;
}

int vm_local_delivered(struct plane *p, __u32 vm_index, __u16 used, struct vm_residual *r)
{
	struct local l;
	int ret;

	memset(r, 0, sizeof(*r));
	if (!p->vms[vm_index].ring)
		return 0;
	ret = local_begin(&l, p, vm_index, NULL);
	if (!ret && local_is_leaving(&l))
		ret = ring_delivered(&l, l.now.next, used, r);
	else if (!ret && l.now.state == XR_VM_MOVED && !host_is_local(p, l.now.host))
		ret = ring_delivered(&l, l.now.host, used, r);
	if (!vm_under_way(l.now))
		ring_end(p, vm_index);
	local_close(&l);
	return ret;
}

/* ---- the VM has moved ---- */

/* The kernel's entries lead to another host, not to the VM's port here. */
static bool has_departed(const struct local *l)
{
	const struct link *tap = links_by_index(&l->links, l->vm->tap);
	__u8 k = l->info->kernel;

	if (k & (XR_KERNEL_FDB | XR_KERNEL_BRIDGE))
		return true;
	return k & XR_KERNEL_ROUTE &&
		(!tap || l->info->kernel_dev != (tap->master ? tap->master : tap->ifindex));
}

/* The old port keeps its program, for late frames, as long as it exists. */
static void depart(struct local *l, __u16 from)
{
	struct xr_err *warn = l->warn;
	struct vm_residual r = { 0 };

	ports_find_others(l->p, l->vm_index);
	port_restore_queue(l);
	/* The VM's first frame may be faster than the notice that it stands still. */
	ring_replay(l, l->now.host, &r);
	if (!ring_awaits(l))
		ring_end(l->p, l->vm_index);
	if (!host_is_local(l->p, from) && !has_departed(l)) {
		port_leave(l); /* the VM never ran here */
		kernel_clear(l);
		return;
	}
	l->warn = NULL; /* no warning if the port is gone already */
	port_take(l, XR_TC_TAP_OUT);
	l->warn = warn;
	if (l->vm->tap)
		tc_detach(l->p, l->vm->tap, XR_TC_TAP_IN);
	kernel_depart(l);
}

/* From here on frames find the VM's port, whichever way they come. */
static void find_its_port(struct local *l, __u16 host)
{
	const struct link *tap = port_find(l);
	__u32 was = l->vm->tap;

	if (was && (!tap || tap->ifindex != was))
		port_unhook(l->p, l->vm_index, was);
	if (tap)
		ports_set_own(l->p, l->vm_index, tap->ifindex);
	/* The program at the tunnel's end uses this until the bridge has learned the MAC. */
	__atomic_store_n(&l->vm->tap, tap ? tap->ifindex : 0, __ATOMIC_RELEASE);
	if (was && was != l->vm->tap)
		ports_find_others(l->p, l->vm_index);
	kernel_arrive(l, host, true);
	/* Nobody has prepared it, it may be: before its frames are led here. */
	port_bound(l, false);
}

int vm_local_arrive(struct plane *p, __u32 vm_index, __u16 host, __u8 source, struct xr_err *warn)
{
	struct local l;
	int ret = local_open(&l, p, vm_index, warn);

	l.by_fdb = source == XR_SOURCE_FDB;
	if (!ret)
		find_its_port(&l, host);
	local_close(&l);
	return ret;
}

static void arrive(struct local *l, bool found)
{
	ring_end(l->p, l->vm_index);
	if (!found)
		find_its_port(l, l->now.host);
	if (vm_is_bounded(l->p, l->vm_index))
		port_bound(l, false);
	else if (!tc_stops_devices())
		port_unhook(l->p, l->vm_index, l->vm->tap);
}

int vm_local_moved(struct plane *p, __u32 vm_index, __u16 from, bool arrived, __u8 source,
		   struct xr_err *warn)
{
	struct local l;
	int ret;

	if (!local_has_traces(p, vm_index) && !host_is_local(p, from) &&
	    !host_is_local(p, vm_now(p, vm_index).host))
		return 0;
	ret = local_open(&l, p, vm_index, warn);
	l.by_fdb = source == XR_SOURCE_FDB;
	if (!ret && host_is_local(p, l.now.host))
		arrive(&l, arrived);
	else if (!ret)
		depart(&l, from);
	local_close(&l);
	return ret;
}

/* ---- the move is over ---- */

static bool is_redirected(const struct local *l)
{
	return l->now.state == XR_VM_MOVED && l->vm->ttl;
}

int vm_local_cancel(struct plane *p, __u32 vm_index, struct xr_err *warn)
{
	struct local l;
	int ret;

	if (!local_has_traces(p, vm_index))
		return 0;
	ret = local_open(&l, p, vm_index, warn);
	if (host_is_local(p, l.now.host)) {
		ring_give_back(&l);
		ring_end(p, vm_index);
		port_ease(&l);
	} else {
		port_restore_queue(&l);
		ring_end(p, vm_index);
		port_leave(&l);
		/* An earlier move's redirect to where the VM is goes on. */
		if (!is_redirected(&l))
			kernel_clear(&l);
		else if (l.info->kernel)
			kernel_depart_again(&l);
	}
	local_close(&l);
	return ret;
}

static int end_here(struct plane *p, __u32 vm_index, bool forget, struct xr_err *warn)
{
	struct local l;
	int ret;

	if (!local_has_traces(p, vm_index))
		return 0;
	ret = local_open(&l, p, vm_index, warn);
	ring_end(p, vm_index);
	if (forget || !host_is_local(p, l.now.host)) {
		port_restore_queue(&l);
		port_leave(&l);
		kernel_clear(&l);
	}
	local_close(&l);
	return ret;
}

int vm_local_expire(struct plane *p, __u32 vm_index, struct xr_err *warn)
{
	return end_here(p, vm_index, false, warn);
}

int vm_local_forget(struct plane *p, __u32 vm_index, struct xr_err *warn)
{
	return end_here(p, vm_index, true, warn);
}

void vm_local_age(struct plane *p, __u32 vm_index)
{
	char name[IF_NAMESIZE];
	struct local l;

	/* Called for each VM once a second: reads only the cache line of its state. */
	if (!p->vms[vm_index].tap && !p->vms[vm_index].ring) {
		/* Its port may have come since. To look for it costs: every few seconds. */
		if (vm_is_bounded(p, vm_index) && !((plane_tick(p) + vm_index) % BOUNDS_AGAIN))
			vm_local_added(p, vm_index);
		return;
	}
	if (local_begin(&l, p, vm_index, NULL))
		goto out;
	if (l.vm->tap && !if_indextoname(l.vm->tap, name)) {
		l.info->tap_queue = 0;
		port_leave(&l);
	}
	if (!vm_under_way(l.now)) {
		if (!ring_awaits(&l) || plane_tick(p) - l.vm->last > RING_AWAITS)
			ring_end(p, vm_index);
	} else if (l.now.state == XR_VM_PREPARED) {
		ring_sample(p, vm_index);
	}
out:
	local_close(&l);
}

/* ---- the instance ---- */

int vm_local_reload(struct plane *p, struct xr_err *err)
{
	return tc_reload(p, err);
}

void vm_local_destroy(struct plane *p)
{
	__u32 vm_index, n = p->mac_buckets * XR_TAG_LANES, key;
	int at = 0;

	/* Where nothing was ever local there is nothing to find among a million VMs. */
	if (host_any_local(p) || tc_next(p, &at))
		for (vm_index = 0; vm_index < n; vm_index++)
			if (local_has_traces(p, vm_index))
				vm_local_forget(p, vm_index, NULL);
	tc_detach_all(p);
	while (!bpf_map_get_next_key(p->fd[PLANE_TAPS], NULL, &key))
		bpf_map_delete_elem(p->fd[PLANE_TAPS], &key);
}
