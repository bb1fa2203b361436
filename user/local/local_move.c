// SPDX-License-Identifier: GPL-2.0-only
/*
 * A move, as seen by a machine that the VM leaves or comes to. Every function
 * can be called again, and after a kill at any point.
 */
#include <errno.h>
#include <bpf/bpf.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "attach/tc.h"
#include "host/host.h"
#include "lib/netns.h"
#include "lib/text.h"
#include "local_priv.h"
#include "plane/vm_state.h"
#include "host/ports.h"

#define QUEUE_WANTED 4000 /* frames; a blackout's worth */
#define RING_AWAITS  2    /* ticks until QEMU's word comes no more */

void local_warn(struct local *l, const char *fmt, ...)
{
	char *text;
	size_t used;
	va_list ap;

	if (!l->warn)
		return;
	text = l->warn->text;
	used = strlen(text);
	if (used && used + 2 < sizeof(l->warn->text))
		used += sprintf(text + used, "; ");
	va_start(ap, fmt);
	xr_vline(text + used, sizeof(l->warn->text) - used, fmt, ap);
	va_end(ap);
}

bool local_is_leaving(const struct local *l)
{
	return vm_under_way(l->now) && host_is_local(l->p, l->now.host) &&
		!host_is_local(l->p, l->now.next);
}

bool local_is_coming(const struct local *l)
{
	return vm_under_way(l->now) && !host_is_local(l->p, l->now.host) &&
		host_is_local(l->p, l->now.next);
}

/* ---- looking ---- */

static bool has_traces(const struct plane *p, __u32 place)
{
	const struct xr_vm_info *info = &p->vm_info[place];

	return info->kernel || info->tap_queue || p->vms[place].tap || p->vms[place].ring;
}

/* What it did in a namespace that is gone went with it. */
static void forget_traces(struct plane *p, __u32 place)
{
	struct xr_vm_info *info = &p->vm_info[place];

	ring_end(p, place);
	p->vms[place].tap = 0;
	info->kernel = 0;
	info->kernel_dev = 0;
	info->tap_queue = 0;
	info->netns = 0;
}

int local_read(struct local *l)
{
	int ret = 0;

	if (!l->has_links)
		ret = links_read(&l->nl, &l->links);
	if (ret)
		local_warn(l, "cannot ask the kernel for its devices: %s", strerror(-ret));
	l->has_links = !ret;
	return ret;
}

/* In the namespace where the VM's traces are, or in this one. */
static int local_begin(struct local *l, struct plane *p, __u32 place, struct xr_err *warn)
{
	int ret;

	memset(l, 0, sizeof(*l));
	l->p = p;
	l->place = place;
	l->vm = &p->vms[place];
	l->info = &p->vm_info[place];
	l->now = vm_now(p, place);
	l->vlan = vm_vlan_of(l->vm->key);
	vm_mac_of(l->vm->key, l->mac);
	l->warn = warn;
	l->back = -1;
	ret = has_traces(p, place) ? netns_enter(l->info->netns, &l->back) : 0;
	if (ret == -ENOENT)
		forget_traces(p, place);
	else if (ret)
		local_warn(l, "cannot look into its network namespace: %s", strerror(-ret));
	if (ret && ret != -ENOENT)
		return ret;
	if (!has_traces(p, place))
		l->info->netns = netns_id();
	ret = netlink_open(&l->nl);
	if (ret)
		local_warn(l, "cannot ask the kernel: %s", strerror(-ret));
	return ret;
}

static int local_open(struct local *l, struct plane *p, __u32 place, struct xr_err *warn)
{
	int ret = local_begin(l, p, place, warn);

	return ret ? ret : local_read(l);
}

static void local_close(struct local *l)
{
	links_free(&l->links);
	netlink_close(&l->nl);
	netns_leave(l->back);
}

/* ---- the tap ---- */

/* Another VM that has moved into the port keeps it. */
static void unhook_tap(struct plane *p, __u32 place, __u32 ifindex)
{
	if (!ifindex || tap_kind(p, ifindex) != place + 1)
		return;
	tc_detach(p, ifindex, XR_TC_TAP_OUT);
	tc_detach(p, ifindex, XR_TC_TAP_IN);
	bpf_map_delete_elem(p->fd[PLANE_TAPS], &ifindex);
}

static void leave_tap(struct local *l)
{
	unhook_tap(l->p, l->place, l->vm->tap);
	__atomic_store_n(&l->vm->tap, 0, __ATOMIC_RELEASE);
	ports_find_others(l->p, l->place);
}

/* Under a running VM its port keeps programs that would stop it by going. */
static void ease_tap(struct local *l)
{
	if (!tc_stops_devices())
		leave_tap(l);
}

/* ---- its queue, which is the buffer of the blackout ---- */

static void raise_queue(struct local *l, const struct link *tap)
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
 * The kernel stops a device to change its queue, and what is sent to it meanwhile
 * is lost: under a running VM only where an operator wants nothing of us to stay.
 */
static void restore_queue(struct local *l)
{
	struct link tap;

	if (l->info->tap_queue && link_indexed(l->vm->tap, &tap) && tap.queue == QUEUE_WANTED)
		link_set_queue(&l->nl, tap.ifindex, l->info->tap_queue);
	l->info->tap_queue = 0;
}

/* What was begun at its port until now is of no use at another one. */
static void change_tap(struct local *l)
{
	if (tap_kind(l->p, l->vm->tap) == l->place + 1)
		restore_queue(l);
	l->info->tap_queue = 0;
	ring_end(l->p, l->place);
	leave_tap(l);
}

/* The tap is known from here on, and so is the VM that it is of. */
static const struct link *claim_tap(struct local *l)
{
	const struct link *tap = tap_find(l);
	__u32 ifindex = tap ? tap->ifindex : 0;
	char mac[TEXT_MAC];

	if (l->vm->tap && ifindex != l->vm->tap)
		change_tap(l);
	if (!tap && l->doubt)
		return NULL;
	if (!tap) {
		local_warn(l,
			   "no port of VM %s was found here: \"xroam vm add "
			   "... dev DEV\" names it",
			   text_mac(mac, l->mac));
		return NULL;
	}
	if (tap->kind == LINK_TUN)
		l->info->learned &= ~XR_PORT_NO_TAP;
	else
		l->info->learned |= XR_PORT_NO_TAP;
	tap_set_kind(l->p, tap->ifindex, l->place + 1);
	ports_own(l->p, l->place, tap->ifindex);
	__atomic_store_n(&l->vm->tap, tap->ifindex, __ATOMIC_RELEASE);
	return tap;
}

/* Without its program it is none that we know. */
static bool hook_tap(struct local *l, const struct link *tap, enum xr_tc_kind kind, tc_first *first,
		     bool soon)
{
	struct xr_err err = { "" };
	int ret;

	if (soon) {
		ret = tc_attach_soon(l->p, tap->ifindex, tap->name, kind, first, l->place, &err);
	} else {
		if (first)
			first(l->p, l->place, tap->name);
		ret = tc_attach(l->p, tap->ifindex, tap->name, kind, &err);
	}
	if (!ret)
		return true;
	local_warn(l, "%s", err.text);
	ring_end(l->p, l->place);
	if (!tc_elsewhere(l->p, tap->ifindex))
		bpf_map_delete_elem(l->p->fd[PLANE_TAPS], &tap->ifindex);
	__atomic_store_n(&l->vm->tap, 0, __ATOMIC_RELEASE);
	return false;
}

static void take_tap(struct local *l, enum xr_tc_kind kind)
{
	const struct link *tap = claim_tap(l);

	if (tap)
		hook_tap(l, tap, kind, NULL, false);
}

/* It stands there as an earlier prepare left it. */
static const struct link *taken_tap(struct local *l, enum xr_tc_kind kind)
{
	const struct link *tap = tap_known(l);

	return tap && tap->ifindex == l->vm->tap && tap_kind(l->p, tap->ifindex) == l->place + 1 &&
			tc_recorded(l->p, tap->ifindex, kind)
		? tap
		: NULL;
}

int vm_local_reload(struct plane *p, struct xr_err *err)
{
	return tc_reload(p, err);
}

/* ---- a move ---- */

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
		take_tap(&l, XR_TC_TAP_OUT);
	local_close(&l);
	return ret;
}

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
		tap = taken_tap(l, XR_TC_TAP_OUT);
	if (tap) {
		ring_begin(l, tap, told->reader);
		return;
	}
	tap = claim_tap(l);
	if (!tap)
		return;
	if (l->info->learned & XR_PORT_NO_TAP)
		local_warn(l,
			   "%s is no tap: what it holds unread when the VM "
			   "stops is not known, and not replayed",
			   tap->name);
	ring_begin(l, tap, told->reader);
	hook_tap(l, tap, XR_TC_TAP_OUT, ring_ask, told->soon);
}

static void prepare_to_come(struct local *l, const struct vm_told *told)
{
	const struct link *tap = NULL;

	if (told->again)
		tap = taken_tap(l, XR_TC_TAP_IN);
	if (!tap) {
		name_vlan(l);
		tap = claim_tap(l);
		if (tap && !hook_tap(l, tap, XR_TC_TAP_IN, NULL, told->soon))
			tap = NULL;
	}
	if (!tap)
		return;
	raise_queue(l, tap);
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
	restore_queue(l);
	/* Its own frame was faster than whoever should have said pause. */
	ring_replay(l, l->now.host, &r);
	if (!ring_awaits(l))
		ring_end(l->p, l->place);
	if (!host_is_local(l->p, from) && !has_departed(l)) {
		leave_tap(l); /* it never was here */
		kernel_clear(l);
		return;
	}
	l->warn = NULL; /* the port may be gone already */
	take_tap(l, XR_TC_TAP_OUT);
	l->warn = warn;
	if (l->vm->tap)
		tc_detach(l->p, l->vm->tap, XR_TC_TAP_IN);
	kernel_depart(l);
}

/* From here on frames find its port, whichever way they come. */
static void find_its_port(struct local *l, __u16 host)
{
	const struct link *tap = tap_find(l);
	__u32 was = l->vm->tap;

	if (was && (!tap || tap->ifindex != was))
		unhook_tap(l->p, l->place, was);
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
		unhook_tap(l->p, l->place, l->vm->tap);
}

int vm_local_moved(struct plane *p, __u32 place, __u16 from, bool arrived, struct xr_err *warn)
{
	struct local l;
	int ret;

	if (!has_traces(p, place) && !host_is_local(p, from) &&
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

static bool is_redirected(const struct local *l)
{
	return l->now.state == XR_VM_MOVED && l->vm->ttl;
}

int vm_local_cancel(struct plane *p, __u32 place, struct xr_err *warn)
{
	struct local l;
	int ret;

	if (!has_traces(p, place))
		return 0;
	ret = local_open(&l, p, place, warn);
	if (host_is_local(p, l.now.host)) {
		ring_give_back(&l);
		ring_end(p, place);
		ease_tap(&l);
	} else {
		restore_queue(&l);
		ring_end(p, place);
		leave_tap(&l);
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

	if (!has_traces(p, place))
		return 0;
	ret = local_open(&l, p, place, warn);
	ring_end(p, place);
	if (forget || !host_is_local(p, l.now.host)) {
		restore_queue(&l);
		leave_tap(&l);
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
		leave_tap(&l);
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

void vm_local_destroy(struct plane *p)
{
	__u32 place, n = p->mac_buckets * XR_TAG_LANES, key;
	int at = 0;

	/* Nothing was ever local: nothing to look for among a million VMs. */
	if (host_any_local(p) || tc_next(p, &at))
		for (place = 0; place < n; place++)
			if (has_traces(p, place))
				vm_local_forget(p, place, NULL);
	tc_detach_all(p);
	while (!bpf_map_get_next_key(p->fd[PLANE_TAPS], NULL, &key))
		bpf_map_delete_elem(p->fd[PLANE_TAPS], &key);
}
