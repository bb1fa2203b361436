// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to a VM without a notice: its own frame completes a move, a deadline
 * passes, a redirect ends.
 */
#include <errno.h>
#include <string.h>
#include "host/host.h"
#include "local/local.h"
#include "vm_priv.h"

#define SETTLED 10 /* ticks without a hit */

static bool is_past(__u32 tick, __u32 deadline)
{
	return deadline && (__s32)(tick - deadline) >= 0;
}

/* Signed: a frame may have hit it after tick was read. */
static bool is_alive(const struct xr_vm *v, __u32 tick)
{
	__u32 last = __atomic_load_n(&v->last, __ATOMIC_RELAXED);

	return v->ttl && (__s32)(tick - last - v->ttl) <= 0;
}

/* Its own frame has set the state to MOVED: does what "vm move" does beside that. */
static int follow_move(struct plane *p, __u32 vm_index, struct xr_vm_now now, struct xr_err *err)
{
	struct xr_vm_info *info = &p->vm_info[vm_index];
	bool numbered = info->step == XR_NOTICE_PREPARE + 1 || info->step == XR_NOTICE_PAUSE + 1;
	int ret = 0;

	if (host_any_local(p))
		ret = vm_local_moved(p, vm_index, info->host, false, XR_SOURCE_ANNOUNCEMENT, err);
	if (!numbered)
		info->seq = vm_next_seq(info->seq);
	info->step = XR_NOTICE_MOVED + 1;
	/* A move that was prepared: it is where whoever prepared it said. */
	if (info->under_way)
		vm_note_assent(p, vm_index, XR_SOURCE_ANNOUNCEMENT);
	else
		vm_note_source(p, vm_index, XR_SOURCE_ANNOUNCEMENT);
	info->under_way = 0;
	/* Last: whoever is killed before this, the next one does all of it again. */
	__atomic_store_n(&info->host, now.host, __ATOMIC_RELEASE);
	p->vms[vm_index].deadline = 0;
	return ret;
}

static void expire_move(struct plane *p, __u32 vm_index)
{
	struct xr_vm_now now = vm_now(p, vm_index);

	if (!vm_set_back(p, vm_index))
		return; /* its own frame has ended the move just now */
	vm_count_reason(p, XR_R_MOVE_EXPIRED, 1);
	vm_post_event(p, vm_index, XR_R_MOVE_EXPIRED, now.host,
		      "nobody ended its move to %s in time: it stays at %s", host_name(p, now.next),
		      host_name(p, now.host));
}

int vm_follow_up(struct plane *p, __u32 vm_index, struct xr_err *err)
{
	struct xr_vm_info *info = &p->vm_info[vm_index];
	struct xr_vm_now now = vm_now(p, vm_index);
	int ret = 0;

	if (now.state == XR_VM_NONE || !info->used)
		return 0;
	if (now.host != info->host)
		return follow_move(p, vm_index, now, err);
	if (vm_under_way(now)) {
		if (!is_past(plane_tick(p), p->vms[vm_index].deadline))
			return 0;
		expire_move(p, vm_index);
	}
	/* A loop was found: the kernel's entries would keep it going. */
	if (now.flags & XR_VM_LOOP && info->kernel)
		vm_local_forget(p, vm_index, err);
	if (!info->under_way)
		return 0;
	/* Its deadline is over, and the data plane has ended the move already. */
	if (host_any_local(p))
		ret = vm_local_cancel(p, vm_index, err);
	p->vms[vm_index].deadline = 0;
	info->under_way = 0;
	return ret;
}

/* ---- ageing ---- */

#define AT_ONCE 32768 /* buckets looked at in one go, or an eighth of them */

/* One round over all VMs, which may take several calls of vm_age(). */
struct age {
	struct plane *p;
	__u32 tick;
	__u32 next; /* bucket */
	__u32 watching, locked;
};

/* The state has become STABLE: removes what belonged to the redirect. */
static void end_redirect(struct plane *p, __u32 vm_index, struct xr_vm_now was)
{
	struct xr_vm *v = &p->vms[vm_index];
	__u32 ttl = __atomic_exchange_n(&v->ttl, 0, __ATOMIC_ACQ_REL), none = 0;

	/* That ttl was of a move that the data plane is making just now: put it back. */
	if (vm_now(p, vm_index).state != XR_VM_STABLE)
		__atomic_compare_exchange_n(&v->ttl, &none, ttl, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED);
	vm_local_expire(p, vm_index, NULL);
	vm_post_event(p, vm_index, XR_R_MOVE_EXPIRED, was.host,
		      "no frame for it in %u s: redirect to %s ended", ttl, host_name(p, was.host));
}

static void expire_redirect(struct plane *p, __u32 vm_index)
{
	struct xr_vm_now was = vm_now(p, vm_index), to = was;

	if (was.state != XR_VM_MOVED)
		return;
	to.state = XR_VM_STABLE;
	if (vm_change(p, vm_index, &was, to))
		end_redirect(p, vm_index, was);
}

static int age_one(void *ctx, __u32 vm_index)
{
	struct age *a = ctx;
	const struct xr_vm *v = &a->p->vms[vm_index];
	struct xr_vm_now now = vm_now(a->p, vm_index);

	if (host_any_local(a->p))
		vm_local_age(a->p, vm_index);
	a->locked += !!(now.flags & XR_VM_LOCK);
	if (vm_under_way(now)) {
		if (!is_past(a->tick, v->deadline)) {
			a->watching++;
			return 0;
		}
		vm_follow_up(a->p, vm_index, NULL);
	} else if (now.state == XR_VM_STABLE && v->ttl) {
		/* The data plane has ended the redirect: a frame came after its ttl. */
		vm_follow_up(a->p, vm_index, NULL);
		end_redirect(a->p, vm_index, now);
	} else if (now.state == XR_VM_MOVED || v->deadline) {
		/* A deadline is left over: the data plane has ended the move. */
		vm_follow_up(a->p, vm_index, NULL);
		if (now.state == XR_VM_MOVED && !is_alive(v, a->tick))
			expire_redirect(a->p, vm_index);
	}
	return 0;
}

/*
 * A command that was killed may have left the count too high, which costs the data
 * plane time. It is lowered when two rounds in a row found the same excess: the data
 * plane itself lowers it a moment after it has changed a state.
 */
static void correct_watching(struct plane *p, __u32 counted)
{
	static __u32 seen, excess;
	__u32 stored = p->vm_control->watching;

	if (stored > counted && stored == seen && stored - counted == excess)
		__atomic_compare_exchange_n(&p->vm_control->watching, &stored, counted, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	seen = stored;
	excess = stored - counted;
}

/*
 * A million VMs are 64 MB to read: in parts, so that a call stays short. The data plane
 * observes deadlines and ttls by itself; this only tidies up after it.
 */
void vm_age(struct plane *p)
{
	static struct age a;
	__u32 part = p->mac_buckets / 8, to;

	if (a.p != p)
		a = (struct age){ .p = p };
	a.tick = plane_tick(p);
	to = a.next + (part > AT_ONCE ? part : AT_ONCE);
	if (to > p->mac_buckets)
		to = p->mac_buckets;
	vm_each_in_buckets(p, a.next, to, age_one, &a);
	a.next = to;
	if (to < p->mac_buckets)
		return;
	correct_watching(p, a.watching);
	/* Only user space changes it, under the lock: one call that sees all VMs will do. */
	if (p->mac_buckets <= AT_ONCE)
		__atomic_store_n(&p->vm_control->locked, a.locked, __ATOMIC_RELEASE);
	a = (struct age){ .p = p };
}

/* ---- the state's name ---- */

const char *vm_state_name(struct plane *p, __u32 vm_index, __u32 tick)
{
	const struct xr_vm *v = &p->vms[vm_index];
	struct xr_vm_now now = vm_now(p, vm_index);

	if (now.flags & XR_VM_LOOP)
		return "disabled";
	if (now.flags & XR_VM_FROZEN)
		return "frozen";
	if (vm_under_way(now) && !is_past(tick, v->deadline))
		return now.state == XR_VM_PREPARED ? "prepared" : "blackout";
	if (now.state == XR_VM_STABLE || !is_alive(v, tick))
		return "stable";
	return (__s32)(tick - v->last) < SETTLED ? "moved" : "settled";
}
