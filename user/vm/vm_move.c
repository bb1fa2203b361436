// SPDX-License-Identifier: GPL-2.0-only
/*
 * The steps of a move. Each changes the VM's state first (one 64-bit word, by compare
 * and exchange, for the data plane changes it, too), then what else on this machine
 * depends on it: vm_local_*(), which can be repeated where a kill came in between.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "attach/tc.h"
#include "host/host.h"
#include "local/local.h"
#include "vm_priv.h"

/*
 * How many VMs are on the move: the data plane looks at source addresses while this is
 * not 0. Raised before and lowered after the state changes, so that a kill in between
 * leaves it too high, never too low.
 */
static void count_watched(struct plane *p, int more)
{
	__atomic_fetch_add(&p->vm_control->watching, more, __ATOMIC_RELEASE);
}

/* The tick by which they are over: one more, for the present one may end at once. Never 0. */
static __u32 deadline(struct plane *p, __u32 seconds)
{
	__u32 tick = plane_tick(p) + seconds + 1;

	return tick ? tick : 1;
}

static void take_warning(struct xr_answer *a, const struct xr_err *warn)
{
	size_t used = strlen(a->warning);

	if (warn->text[0])
		snprintf(a->warning + used, sizeof(a->warning) - used, "%s%.*s", used ? "; " : "",
			 (int)sizeof(a->warning) - 1, warn->text);
}

/* ---- sequence numbers ---- */

void vm_note_number(struct plane *p, __u32 vm_index, const struct xr_notice *n)
{
	struct xr_vm_info *info = &p->vm_info[vm_index];

	if (n->seq) {
		info->seq = n->seq;
		info->step = n->kind + 1;
	}
}

static void note_step(struct plane *p, __u32 vm_index, const struct xr_notice *n)
{
	vm_note_assent(p, vm_index, n->source);
	vm_note_number(p, vm_index, n);
}

/* Somebody has taken it before. */
static void note_same_step(struct plane *p, __u32 vm_index, const struct xr_notice *n)
{
	vm_note_part(p, vm_index, n->source);
	vm_note_number(p, vm_index, n);
}

/*
 * seq 0: the number that prepare or pause gave this move, or else the next one. expected:
 * it is what a move that was prepared was to come to.
 */
static void note_moved(struct plane *p, __u32 vm_index, __u64 seq, __u8 source, bool expected)
{
	struct xr_vm_info *info = &p->vm_info[vm_index];
	bool numbered = info->step == XR_NOTICE_PREPARE + 1 || info->step == XR_NOTICE_PAUSE + 1;

	info->seq = seq ? seq : numbered ? info->seq : vm_next_seq(info->seq);
	info->step = XR_NOTICE_MOVED + 1;
	if (expected)
		vm_note_assent(p, vm_index, source);
	else
		vm_note_source(p, vm_index, source);
	info->moves++;
}

/* ---- flapping: RFC 7432, section 15.1 ---- */

static bool count_move(struct xr_vm *v, const struct xr_policy *policy, __u32 tick)
{
	if (!v->flap_moves || tick - v->flap_since >= policy->flap_seconds) {
		v->flap_since = tick;
		v->flap_moves = 0;
	}
	if (v->flap_moves < 0xffff)
		v->flap_moves++;
	return v->flap_moves > policy->flap_moves;
}

/* A notice ends FROZEN, and moves are counted anew. */
static void restart_flap_window(struct xr_vm *v, struct xr_vm_now now)
{
	if (now.flags & XR_VM_FROZEN)
		v->flap_moves = 0;
}

/* ---- the state ---- */

static __u8 resting_state(const struct xr_vm *v)
{
	return v->ttl ? XR_VM_MOVED : XR_VM_STABLE;
}

bool vm_set_back(struct plane *p, __u32 vm_index)
{
	struct xr_vm *v = &p->vms[vm_index];
	struct xr_vm_now was = vm_now(p, vm_index), to;

	do {
		if (!vm_under_way(was))
			return false;
		to = was;
		to.next = 0;
		to.state = resting_state(v);
	} while (!vm_change(p, vm_index, &was, to));
	count_watched(p, -1);
	v->deadline = 0;
	return true;
}

/* The state alone. Returns the host where it was. */
static __u16 set_moved(struct plane *p, __u32 vm_index, __u16 host, __u32 ttl, __u32 tick)
{
	struct xr_vm *v = &p->vms[vm_index];
	struct xr_vm_now was = vm_now(p, vm_index), to;
	bool frozen;

	host_set_vlan(p, host, vm_vlan_of(v->key));
	restart_flap_window(v, was);
	frozen = count_move(v, &p->meta->policy, tick);
	/* Before the state: without them a MOVED VM is not redirected. */
	__atomic_store_n(&v->last, tick, __ATOMIC_RELAXED);
	__atomic_store_n(&v->ttl, ttl ? ttl : p->meta->policy.vm_ttl, __ATOMIC_RELEASE);
	do {
		to = (struct xr_vm_now){
			.host = host,
			.home = host,
			.state = XR_VM_MOVED,
			.flags = (was.flags & XR_VM_KEPT) | (frozen ? XR_VM_FROZEN : 0),
		};
	} while (!vm_change(p, vm_index, &was, to));
	if (vm_under_way(was))
		count_watched(p, -1);
	v->deadline = 0;
	v->echoes = 0;
	return was.host;
}

__u16 vm_set_moved(struct plane *p, __u32 vm_index, __u16 host, __u32 ttl, __u32 tick, __u8 source,
		   struct xr_err *warn)
{
	/* Before the state: its bridge would send its frames back, see vm_local_arrive(). */
	bool arrived = host_is_local(p, host) && !host_is_local(p, vm_now(p, vm_index).host) &&
		!vm_local_arrive(p, vm_index, host, source, warn);
	__u16 from = set_moved(p, vm_index, host, ttl, tick);

	/* Its own frame came first, just now: vm_follow_up() has not run. */
	if (from == host)
		from = p->vm_info[vm_index].host;
	if (host_any_local(p) && from != host)
		vm_local_moved(p, vm_index, from, arrived, source, warn);
	return from;
}

/* This machine is the new host, and not the old one. */
static bool is_new_host(const struct plane *p, struct xr_vm_now now)
{
	return !host_is_local(p, now.host) && host_is_local(p, now.next);
}

/* ---- prepare ---- */

static int check_prepare(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
			 struct xr_err *err)
{
	struct xr_vm_now now = vm_now(p, vm_index);
	char name[VM_NAME];

	if (now.state == XR_VM_BLACKOUT && now.next != host)
		return xr_fail(
			err, -EINVAL,
			"VM %s stands still on its way to %s; \"vm move\" or \"vm cancel\" ends that first",
			vm_name_at(p, name, vm_index), host_name(p, now.next));
	return host_reachable(p, host, err);
}

static void set_prepared(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host)
{
	const struct xr_policy *policy = &p->meta->policy;
	struct xr_vm *v = &p->vms[vm_index];
	struct xr_vm_now was = vm_now(p, vm_index), to;
	__u32 until = deadline(p, n->timeout ? n->timeout : policy->prepare_timeout);

	restart_flap_window(v, was);
	host_set_vlan(p, host, vm_vlan_of(v->key));
	v->next_ttl = n->ttl ? n->ttl : policy->vm_ttl;
	count_watched(p, 1);
	__atomic_store_n(&v->deadline, until, __ATOMIC_RELEASE);
	do {
		to = was;
		to.next = host;
		to.state = XR_VM_PREPARED;
		to.flags &= ~(XR_VM_FROZEN | XR_VM_LOOP);
	} while (!vm_change(p, vm_index, &was, to));
	if (vm_under_way(was))
		count_watched(p, -1); /* was counted already */
}

/* What this machine has to do for the move. */
static void prepare_here(struct plane *p, const struct xr_notice *n, __u32 vm_index, bool again,
			 struct xr_answer *a)
{
	struct vm_prepare_hints hints = {
		.tap = n->tap, .reader = n->reader, .soon = n->soon, .again = again
	};
	struct xr_err warn = { "" };

	if (host_any_local(p))
		vm_local_prepare(p, vm_index, &hints, &warn);
	p->vm_info[vm_index].under_way = XR_MOVE_READY;
	take_warning(a, &warn);
}

bool vm_is_ready(struct plane *p, __u32 vm_index)
{
	return vm_under_way(vm_now(p, vm_index)) &&
		p->vm_info[vm_index].under_way == XR_MOVE_READY &&
		!tc_is_pending(p, p->vms[vm_index].tap);
}

int vm_prepare(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
	       struct xr_answer *a, struct xr_err *err)
{
	struct xr_vm_now now = vm_now(p, vm_index);
	int ret = check_prepare(p, n, vm_index, host, err);
	bool same = now.state == XR_VM_PREPARED && now.next == host;

	if (ret)
		return ret;
	/*
	 * At the new host a blackout that came to nothing is left until its deadline (see
	 * guest/): the next move must not end with it. Frames fare the same in both states.
	 */
	if (now.state == XR_VM_BLACKOUT && is_new_host(p, now)) {
		set_prepared(p, n, vm_index, host);
		same = true;
	}
	if (now.host == host || (vm_under_way(now) && now.next == host)) {
		/* Prepared again: the timeout begins anew. */
		if (same)
			p->vms[vm_index].deadline = deadline(
				p, n->timeout ? n->timeout : p->meta->policy.prepare_timeout);
		/*
		 * Another QEMU may have its port open now than at the first prepare;
		 * or a command was killed before all was done.
		 */
		if (n->tap || (same && !vm_is_ready(p, vm_index)))
			prepare_here(p, n, vm_index, true, a);
		note_same_step(p, vm_index, n);
		a->outcome = XR_ALREADY;
		return 0;
	}
	if (now.state == XR_VM_PREPARED && host_any_local(p))
		vm_local_cancel(p, vm_index, NULL); /* to somewhere else */
	p->vm_info[vm_index].under_way = XR_MOVE_BEGUN;
	set_prepared(p, n, vm_index, host);
	note_step(p, vm_index, n);
	prepare_here(p, n, vm_index, false, a);
	vm_post_event(p, vm_index, 0, now.host, "prepared to go from %s to %s (%s)",
		      host_name(p, now.host), host_name(p, host), vm_source_name(n->source));
	return 0;
}

/* ---- pause ---- */

#define NEW_HOST_LATER 5 /* seconds */

/*
 * The new host's blackout begins first, and must not end first: a copied frame that
 * still comes would belong to no VM there, its bridge would send it back to the old
 * host, and that would copy it again.
 */
static __u32 blackout_seconds(struct plane *p, struct xr_vm_now now)
{
	__u32 seconds = p->meta->policy.blackout_timeout;

	return is_new_host(p, now) ? seconds + NEW_HOST_LATER : seconds;
}

static bool set_blackout(struct plane *p, __u32 vm_index)
{
	struct xr_vm *v = &p->vms[vm_index];
	struct xr_vm_now was = vm_now(p, vm_index), to;

	__atomic_store_n(&v->deadline, deadline(p, blackout_seconds(p, was)), __ATOMIC_RELEASE);
	do {
		if (was.state != XR_VM_PREPARED)
			return false; /* just now: its own frame came, or it was ended */
		to = was;
		to.state = XR_VM_BLACKOUT;
	} while (!vm_change(p, vm_index, &was, to));
	return true;
}

static void replay(struct plane *p, __u32 vm_index, struct xr_answer *a)
{
	struct vm_residual r = { 0 };
	struct xr_err warn = { "" };

	if (!host_any_local(p))
		return;
	vm_local_pause(p, vm_index, &r, &warn);
	take_warning(a, &warn);
	if (r.lost && !a->warning[0])
		snprintf(a->warning, sizeof(a->warning),
			 "residual: %llu frames were unread, %llu replayed, %llu lost",
			 (unsigned long long)r.unread, (unsigned long long)r.replayed,
			 (unsigned long long)r.lost);
}

int vm_pause(struct plane *p, const struct xr_notice *n, __u32 vm_index, struct xr_answer *a,
	     struct xr_err *err)
{
	struct xr_vm_now now = vm_now(p, vm_index);
	char name[VM_NAME];
	bool begun;

	if (now.state == XR_VM_BLACKOUT) {
		replay(p, vm_index, a); /* a command may have been killed in it */
		note_same_step(p, vm_index, n);
		a->outcome = XR_ALREADY;
		return 0;
	}
	begun = now.state == XR_VM_PREPARED && set_blackout(p, vm_index);
	if (!begun &&
	    (vm_moved_by_frame(p, vm_index) ||
	     (now.next && vm_now(p, vm_index).host == now.next))) {
		a->outcome = XR_ALREADY; /* its frame was faster */
		return 0;
	}
	if (!begun)
		return xr_fail(
			err, -EINVAL,
			"VM %s: no move is prepared (it is at %s); \"xroam vm prepare\" first says where it goes",
			vm_name_at(p, name, vm_index), host_name(p, now.host));
	note_step(p, vm_index, n);
	/* Before the replay, which takes its time: the blackout has begun. */
	vm_post_event(p, vm_index, 0, now.host, "stands still on its way to %s (%s)",
		      host_name(p, now.next), vm_source_name(n->source));
	replay(p, vm_index, a);
	return 0;
}

/* ---- moved ---- */

/* It is there already. But the notice ends FROZEN and LOOP, and makes that host its home. */
static int confirm_host(struct plane *p, const struct xr_notice *n, __u32 vm_index,
			struct xr_answer *a)
{
	struct xr_vm *v = &p->vms[vm_index];
	struct xr_vm_now was = vm_now(p, vm_index), to;

	restart_flap_window(v, was);
	do {
		to = was;
		to.flags &= ~(XR_VM_FROZEN | XR_VM_LOOP);
		to.home = to.host;
	} while (!vm_change(p, vm_index, &was, to));
	if (n->ttl && v->ttl)
		v->ttl = n->ttl;
	if (vm_under_way(to)) {
		vm_note_place(p, vm_index, n->source);
		vm_note_number(p, vm_index, n);
	} else {
		note_step(p, vm_index, n);
	}
	a->outcome = to.flags == was.flags && to.home == was.home ? XR_ALREADY : XR_DONE;
	return 0;
}

int vm_moved(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
	     struct xr_answer *a, struct xr_err *err)
{
	struct xr_vm_now now = vm_now(p, vm_index);
	struct xr_err warn = { "" };
	__u32 ttl = n->ttl, tick;
	__u16 from;
	int ret;

	if (now.host == host)
		return confirm_host(p, n, vm_index, a);
	ret = host_reachable(p, host, err);
	if (ret)
		return ret;
	tick = plane_tick(p);
	if (!ttl && vm_under_way(now))
		ttl = p->vms[vm_index].next_ttl;
	from = vm_set_moved(p, vm_index, host, ttl, tick, n->source, &warn);
	/* Last: killed before, vm_follow_up() does what is missing. */
	note_moved(p, vm_index, n->seq, n->source, vm_under_way(now) && now.next == host);
	p->vm_info[vm_index].host = host;
	p->vm_info[vm_index].under_way = 0;
	take_warning(a, &warn);
	vm_post_event(p, vm_index, 0, from, "moved from %s to %s, seq %llu (%s)",
		      host_name(p, from), host_name(p, host),
		      (unsigned long long)p->vm_info[vm_index].seq, vm_source_name(n->source));
	if (vm_now(p, vm_index).flags & XR_VM_FROZEN) {
		vm_count_reason(p, XR_R_FROZEN, 1);
		vm_post_event(p, vm_index, XR_R_FROZEN, from,
			      "moved more than %u times in %u s: frozen at %s",
			      p->meta->policy.flap_moves, p->meta->policy.flap_seconds,
			      host_name(p, host));
	}
	return 0;
}

/* ---- cancel ---- */

int vm_cancel(struct plane *p, const struct xr_notice *n, __u32 vm_index, struct xr_answer *a,
	      struct xr_err *err)
{
	struct xr_vm_now now = vm_now(p, vm_index);
	struct xr_err warn = { "" };

	(void)err;
	if (!vm_set_back(p, vm_index)) {
		note_step(p, vm_index, n);
		a->outcome = XR_ALREADY;
		return 0;
	}
	note_step(p, vm_index, n);
	if (host_any_local(p))
		vm_local_cancel(p, vm_index, &warn);
	p->vm_info[vm_index].under_way = 0;
	take_warning(a, &warn);
	vm_post_event(p, vm_index, 0, now.host, "stays at %s (%s)", host_name(p, now.host),
		      vm_source_name(n->source));
	return 0;
}
