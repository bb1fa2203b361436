// SPDX-License-Identifier: GPL-2.0-only
/*
 * The steps of a move, on a machine that the VM leaves or comes to. Every function
 * can be called again, and after a kill at any point.
 */
#include <bpf/bpf.h>
#include <net/if.h>
#include <string.h>

#include "attach/tc.h"
#include "host/host.h"
#include "host/ports.h"
#include "lib/netns.h"
#include "local_priv.h"

#define RING_AWAITS 2 /* ticks until QEMU's word comes no more */

/* Untagged frames out of this VNI are of the VLAN whose VMs use it. */
static void name_vlan(struct local *l)
{
	const struct xr_host_info *h = &l->p->host_info[l->now.next];
	const struct link *dev;

	if (h->method != XR_FORWARD_VXLAN)
		return;
	if (local_read(l))
		return;
	dev = links_by_vni(&l->links, h->vni, h->addr);
	if (!dev || !tc_recorded(l->p, dev->ifindex, XR_TC_TUNNEL_IN))
		vm_local_hooks(l->p, l->warn);
	if (dev)
		tap_set_kind(l->p, dev->ifindex, XR_TAP_TUNNEL | l->vlan);
}

int vm_local_added(struct plane *p, __u32 place, struct xr_err *warn)
{
	struct local l;
	int ret;

	/* Its port may be a guarded one: then it must be known as the VM's. */
	if (!host_is_local(p, vm_now(p, place).host) || p->vms[place].tap ||
	    !(tc_stops_devices() || p->vm_info[place].tap[0] ||
	      vm_now(p, place).flags & XR_VM_LOCK))
		return 0;
	/* Not known yet: then at the first move, and at its price. */
	ret = local_open(&l, p, place, NULL);
	if (!ret)
		port_take(&l, XR_TC_TAP_OUT);
	local_close(&l);
	return ret;
}

/* ---- it prepares to move ---- */

/* What the operator said of its port counts more. */
static void hear_tap(struct local *l, const char *tap)
{
	struct xr_vm_info *info = l->info;

	if (!tap || (info->tap[0] && !(info->learned & XR_LEARNED_TAP)))
		return;
	memset(info->tap, 0, sizeof(info->tap));
	strncpy(info->tap, tap, sizeof(info->tap) - 1);
	info->learned |= XR_LEARNED_TAP;
}

/*
 * The ring before its program: what goes in between them is uncounted, as is what
 * was in the queue.
 */
static void prepare_to_leave(struct local *l, const struct vm_told *told)
{
	const struct link *tap = NULL;

	if (told->again)
		tap = port_taken(l, XR_TC_TAP_OUT);
	if (tap) {
		ring_begin(l, tap, told->reader);
		return;
	}
	tap = port_claim(l);
	if (!tap)
		return;
	if (l->info->learned & XR_PORT_NO_TAP)
		local_warn(l,
			   "%s is no tap: what it holds unread when the VM "
			   "stops is not known, and not replayed",
			   tap->name);
	ring_begin(l, tap, told->reader);
	port_hook(l, tap, XR_TC_TAP_OUT, ring_ask, told->soon);
}

static void prepare_to_come(struct local *l, const struct vm_told *told)
{
	const struct link *tap = NULL;

	if (told->again)
		tap = port_taken(l, XR_TC_TAP_IN);
	if (!tap) {
		name_vlan(l);
		tap = port_claim(l);
		if (tap && !port_hook(l, tap, XR_TC_TAP_IN, NULL, told->soon))
			tap = NULL;
	}
	if (!tap)
		return;
	port_raise_queue(l, tap);
	tap_probe(l); /* another QEMU may wait there than before */
}

int vm_local_prepare(struct plane *p, __u32 place, const struct vm_told *told, struct xr_err *warn)
{
	struct local l;
	int ret = local_begin(&l, p, place, warn);

	hear_tap(&l, told->tap);
	if (!ret && local_is_leaving(&l))
		prepare_to_leave(&l, told);
	else if (!ret && local_is_coming(&l))
		prepare_to_come(&l, told);
	local_close(&l);
	return ret;
}

__u32 vm_local_sample_wait(int n)
{
	return 100 + n * 137 % 400;
}

bool vm_local_sample(struct plane *p, __u32 place)
{
	bool empty = false;
	int back;

	if (!p->vms[place].ring || vm_now(p, place).state != XR_VM_PREPARED ||
	    netns_enter(p->vm_info[place].netns, &back))
		return true; /* nothing to wait for */
	empty = ring_sample(p, place);
	netns_leave(back);
	return empty;
}

/* ---- it stands still ---- */

int vm_local_pause(struct plane *p, __u32 place, struct vm_residual *r, struct xr_err *warn)
{
	struct local l;
	int ret = local_begin(&l, p, place, warn);

	memset(r, 0, sizeof(*r));
	if (!ret && local_is_leaving(&l)) {
		/* Whoever lets it go on after this relies on the copies. */
		tc_worker_wait(p, l.vm->tap);
		ret = ring_replay(&l, l.now.next, r);
	} else if (!ret && local_is_coming(&l)) {
		kernel_arrive(&l, l.now.next, false);
		tap_probe(&l); /* if its QEMU was not there before */
	}
	local_close(&l);
	return ret;
}

int vm_local_delivered(struct plane *p, __u32 place, __u16 used, struct vm_residual *r)
{
	struct local l;
	int ret;

	memset(r, 0, sizeof(*r));
	if (!p->vms[place].ring)
		return 0;
	ret = local_begin(&l, p, place, NULL);
	if (!ret && local_is_leaving(&l))
		ret = ring_delivered(&l, l.now.next, used, r);
	else if (!ret && l.now.state == XR_VM_MOVED && !host_is_local(p, l.now.host))
		ret = ring_delivered(&l, l.now.host, used, r);
	if (!vm_under_way(l.now))
		ring_end(p, place);
	local_close(&l);
	return ret;
}

/* ---- it has moved ---- */

/* Entries that say where it is, not those that bring it here. */
static bool has_departed(const struct local *l)
{
	const struct link *tap = links_by_index(&l->links, l->vm->tap);
	__u8 k = l->info->kernel;

	if (k & (XR_KERNEL_FDB | XR_KERNEL_BRIDGE))
		return true;
	return k & XR_KERNEL_ROUTE &&
		(!tap || l->info->kernel_dev != (tap->master ? tap->master : tap->ifindex));
}

/* The hook stays on its old port, for late frames, as long as that exists. */
static void depart(struct local *l, __u16 from)
{
	struct xr_err *warn = l->warn;
	struct vm_residual r = { 0 };

	ports_find_others(l->p, l->place);
	port_restore_queue(l);
	/* Its own frame was faster than whoever should have said pause. */
	ring_replay(l, l->now.host, &r);
	if (!ring_awaits(l))
		ring_end(l->p, l->place);
	if (!host_is_local(l->p, from) && !has_departed(l)) {
		port_leave(l); /* it never was here */
		kernel_clear(l);
		return;
	}
	l->warn = NULL; /* the port may be gone already */
	port_take(l, XR_TC_TAP_OUT);
	l->warn = warn;
	if (l->vm->tap)
		tc_detach(l->p, l->vm->tap, XR_TC_TAP_IN);
	kernel_depart(l);
}

/* From here on frames find its port, whichever way they come. */
static void find_its_port(struct local *l, __u16 host)
{
	const struct link *tap = port_find(l);
	__u32 was = l->vm->tap;

	if (was && (!tap || tap->ifindex != was))
		port_unhook(l->p, l->place, was);
	if (tap)
		ports_own(l->p, l->place, tap->ifindex);
	/* tunnel_in goes by it until the bridge has learned. */
	__atomic_store_n(&l->vm->tap, tap ? tap->ifindex : 0, __ATOMIC_RELEASE);
	if (was && was != l->vm->tap)
		ports_find_others(l->p, l->place);
	kernel_arrive(l, host, true);
}

int vm_local_arrive(struct plane *p, __u32 place, __u16 host, struct xr_err *warn)
{
	struct local l;
	int ret = local_open(&l, p, place, warn);

	if (!ret)
		find_its_port(&l, host);
	local_close(&l);
	return ret;
}

static void arrive(struct local *l, bool found)
{
	ring_end(l->p, l->place);
	if (!found)
		find_its_port(l, l->now.host);
	if (!tc_stops_devices())
		port_unhook(l->p, l->place, l->vm->tap);
}

int vm_local_moved(struct plane *p, __u32 place, __u16 from, bool arrived, struct xr_err *warn)
{
	struct local l;
	int ret;

	if (!local_has_traces(p, place) && !host_is_local(p, from) &&
	    !host_is_local(p, vm_now(p, place).host))
		return 0;
	ret = local_open(&l, p, place, warn);
	if (!ret && host_is_local(p, l.now.host))
		arrive(&l, arrived);
	else if (!ret)
		depart(&l, from);
	local_close(&l);
	return ret;
}

/* ---- its move is over ---- */

static bool is_redirected(const struct local *l)
{
	return l->now.state == XR_VM_MOVED && l->vm->ttl;
}

int vm_local_cancel(struct plane *p, __u32 place, struct xr_err *warn)
{
	struct local l;
	int ret;

	if (!local_has_traces(p, place))
		return 0;
	ret = local_open(&l, p, place, warn);
	if (host_is_local(p, l.now.host)) {
		ring_give_back(&l);
		ring_end(p, place);
		port_ease(&l);
	} else {
		port_restore_queue(&l);
		ring_end(p, place);
		port_leave(&l);
		/* It stays elsewhere; where it had been sent before, still is. */
		if (!is_redirected(&l))
			kernel_clear(&l);
		else if (l.info->kernel)
			kernel_depart(&l); /* pausing may have undone it */
	}
	local_close(&l);
	return ret;
}

static int end_here(struct plane *p, __u32 place, bool forget, struct xr_err *warn)
{
	struct local l;
	int ret;

	if (!local_has_traces(p, place))
		return 0;
	ret = local_open(&l, p, place, warn);
	ring_end(p, place);
	if (forget || !host_is_local(p, l.now.host)) {
		port_restore_queue(&l);
		port_leave(&l);
		kernel_clear(&l);
	}
	local_close(&l);
	return ret;
}

int vm_local_expire(struct plane *p, __u32 place, struct xr_err *warn)
{
	return end_here(p, place, false, warn);
}

int vm_local_forget(struct plane *p, __u32 place, struct xr_err *warn)
{
	return end_here(p, place, true, warn);
}

void vm_local_age(struct plane *p, __u32 place)
{
	char name[IF_NAMESIZE];
	struct local l;

	/* Of each VM, once a second: nothing colder than its word. */
	if (!p->vms[place].tap && !p->vms[place].ring)
		return;
	if (local_begin(&l, p, place, NULL))
		goto out;
	if (l.vm->tap && !if_indextoname(l.vm->tap, name)) {
		l.info->tap_queue = 0;
		port_leave(&l);
	}
	if (!vm_under_way(l.now)) {
		if (!ring_awaits(&l) || plane_tick(p) - l.vm->last > RING_AWAITS)
			ring_end(p, place);
	} else if (l.now.state == XR_VM_PREPARED) {
		ring_sample(p, place);
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
	__u32 place, n = p->mac_buckets * XR_TAG_LANES, key;
	int at = 0;

	/* Nothing was ever local: nothing to look for among a million VMs. */
	if (host_any_local(p) || tc_next(p, &at))
		for (place = 0; place < n; place++)
			if (local_has_traces(p, place))
				vm_local_forget(p, place, NULL);
	tc_detach_all(p);
	while (!bpf_map_get_next_key(p->fd[PLANE_TAPS], NULL, &key))
		bpf_map_delete_elem(p->fd[PLANE_TAPS], &key);
}
