// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking a VM's port and giving it back. The maps know a taken port as the VM's, it has
 * tc programs, and its queue is long enough for a blackout.
 */
#include <bpf/bpf.h>
#include <string.h>

#include "attach/tc.h"
#include "host/ports.h"
#include "lib/index.h"
#include "lib/text.h"
#include "local_priv.h"

#define QUEUE_WANTED 4000 /* frames: as many as may come in a blackout */

/* Another VM may have got the port meanwhile, and keeps it. */
void port_unhook(struct plane *p, __u32 vm_index, __u32 ifindex)
{
	if (!ifindex || tap_kind(p, ifindex) != no_of_index(vm_index))
		return;
	tc_detach(p, ifindex, XR_TC_TAP_OUT);
	tc_detach(p, ifindex, XR_TC_TAP_IN);
	bpf_map_delete_elem(p->fd[PLANE_TAPS], &ifindex);
}

void port_leave(struct local *l)
{
	port_unhook(l->p, l->vm_index, l->vm->tap);
	__atomic_store_n(&l->vm->tap, 0, __ATOMIC_RELEASE);
	ports_find_others(l->p, l->vm_index);
}

/*
 * Detaching a program stops the port on some kernels: not under a running VM. Nor where
 * its bounds need the programs.
 */
void port_ease(struct local *l)
{
	if (!tc_stops_devices() && !vm_is_bounded(l->p, l->vm_index))
		port_leave(l);
}

/* ---- its queue, which holds what comes in the blackout ---- */

void port_raise_queue(struct local *l, const struct link *tap)
{
	int ret;

	/* No queue at all: not a tap. */
	if (tap->queue >= QUEUE_WANTED || !tap->queue)
		return;
	if (!l->info->tap_queue)
		l->info->tap_queue = tap->queue;
	ret = link_set_queue(&l->nl, tap->ifindex, QUEUE_WANTED);
	if (!ret)
		return;
	l->info->tap_queue = 0;
	local_warn(l, "%s: txqueuelen stays at %u: %s", tap->name, tap->queue, strerror(-ret));
}

/*
 * The kernel stops a device while it changes the queue, and what is sent to it meanwhile
 * is lost. So this is done under a running VM only where an operator takes everything of
 * ours away.
 */
void port_restore_queue(struct local *l)
{
	struct link tap;

	if (l->info->tap_queue && link_indexed(l->vm->tap, &tap) && tap.queue == QUEUE_WANTED)
		link_set_queue(&l->nl, tap.ifindex, l->info->tap_queue);
	l->info->tap_queue = 0;
}

/* ---- taking the port ---- */

/*
 * Attached before anybody knew whose port it is, a device passes for an uplink. At each
 * point is one program of ours: with an uplink's there the port's is not attached.
 */
static void end_uplink(struct plane *p, __u32 ifindex)
{
	tc_detach(p, ifindex, XR_TC_UPLINK_IN);
	tc_detach(p, ifindex, XR_TC_UPLINK_OUT);
}

/* The VM has another port now: what was begun at the old one is undone. */
static void change_tap(struct local *l)
{
	if (tap_kind(l->p, l->vm->tap) == no_of_index(l->vm_index))
		port_restore_queue(l);
	l->info->tap_queue = 0;
	ring_end(l->p, l->vm_index);
	port_leave(l);
}

const struct link *port_claim(struct local *l)
{
	const struct link *tap = port_find(l);
	__u32 ifindex = tap ? tap->ifindex : 0;
	char mac[TEXT_MAC];

	if (l->vm->tap && ifindex != l->vm->tap)
		change_tap(l);
	if (!tap && l->doubt)
		return NULL;
	if (!tap) {
		local_warn(l,
			   "no port of VM %s was found here: \"xroam vm add ... dev DEV\" names it",
			   text_mac(mac, l->mac));
		return NULL;
	}
	if (tap->kind == LINK_TUN)
		l->info->learned &= ~XR_PORT_NO_TAP;
	else
		l->info->learned |= XR_PORT_NO_TAP;
	end_uplink(l->p, tap->ifindex);
	tap_set_kind(l->p, tap->ifindex, no_of_index(l->vm_index));
	ports_set_own(l->p, l->vm_index, tap->ifindex);
	__atomic_store_n(&l->vm->tap, tap->ifindex, __ATOMIC_RELEASE);
	return tap;
}

bool port_hook(struct local *l, const struct link *tap, enum xr_tc_kind kind,
	       tc_before_attach *first, bool soon)
{
	struct xr_err err = { "" };
	int ret;

	if (soon) {
		ret = tc_attach_soon(l->p, tap->ifindex, tap->name, kind, first, l->vm_index, &err);
	} else {
		if (first)
			first(l->p, l->vm_index, tap->name);
		ret = tc_attach(l->p, tap->ifindex, tap->name, kind, &err);
	}
	if (!ret)
		return true;
	local_warn(l, "%s", err.text);
	ring_end(l->p, l->vm_index);
	if (!tc_with_same_number(l->p, tap->ifindex))
		bpf_map_delete_elem(l->p->fd[PLANE_TAPS], &tap->ifindex);
	__atomic_store_n(&l->vm->tap, 0, __ATOMIC_RELEASE);
	return false;
}

void port_take(struct local *l, enum xr_tc_kind kind)
{
	const struct link *tap = port_claim(l);

	if (tap)
		port_hook(l, tap, kind, NULL, false);
}

bool vm_is_bounded(const struct plane *p, __u32 vm_index)
{
	return vm_now(p, vm_index).flags & XR_VM_BOUNDS;
}

bool port_bound(struct local *l, bool soon)
{
	const struct link *tap;

	if (!vm_is_bounded(l->p, l->vm_index))
		return true;
	tap = port_claim(l);
	return tap && port_hook(l, tap, XR_TC_TAP_OUT, NULL, soon) &&
		port_hook(l, tap, XR_TC_TAP_IN, NULL, soon);
}

const struct link *port_taken(struct local *l, enum xr_tc_kind kind)
{
	const struct link *tap = port_known(l);

	return tap && tap->ifindex == l->vm->tap &&
			tap_kind(l->p, tap->ifindex) == no_of_index(l->vm_index) &&
			tc_recorded(l->p, tap->ifindex, kind)
		? tap
		: NULL;
}
