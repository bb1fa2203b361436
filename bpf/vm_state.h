/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM's state, one word with where it is and where it goes: read whole, exchanged
 * whole, by the programs and by user space. And the events about its changes.
 */
#ifndef XROAM_BPF_VM_STATE_H
#define XROAM_BPF_VM_STATE_H

#include "vm_table.h"

/* struct xr_vm_now as the word that both sides exchange whole. */
union vm_state_word {
	struct xr_vm_now now;
	__u64 word;
};

union host_word {
	struct xr_host host;
	__u64 word;
};

/* One load, so never half a change. */
static __always_inline union vm_state_word vm_now(const struct xr_vm *vm)
{
	return (union vm_state_word){ .word = *(const volatile __u64 *)&vm->now };
}

static __always_inline struct xr_host host_get(__u32 index)
{
	union host_word *h = bpf_map_lookup_elem(&hosts, &index);
	union host_word copy = { .word = h ? *(volatile __u64 *)h : 0 };

	return copy.host;
}

/* 1: it was `was` and is `to` now. */
static __always_inline int vm_exchange(struct xr_vm *vm, union vm_state_word was,
				       union vm_state_word to)
{
	return __sync_val_compare_and_swap((__u64 *)&vm->now, was.word, to.word) == was.word;
}

static __always_inline int vm_under_way(union vm_state_word w)
{
	return w.now.state == XR_VM_PREPARED || w.now.state == XR_VM_BLACKOUT;
}

/* Called after the state left PREPARED or BLACKOUT, by whoever changed it. */
static __always_inline void watch_one_less(void)
{
	__sync_fetch_and_sub(&vm_control.watching, 1);
}

/*
 * A redirect lives ttl ticks after its last hit, also while the next move is
 * under way.
 */
static __always_inline int vm_is_redirected(const struct xr_vm *vm, union vm_state_word w,
					    __u32 tick)
{
	__u32 ttl = vm->ttl;

	return ttl && w.now.state >= XR_VM_PREPARED && !(w.now.flags & XR_VM_LOOP) &&
		!is_past(vm->last + ttl, tick);
}

/*
 * vm_redirect_to() writes `last` and `ttl`, which make a redirect live, before the
 * state: others read the state first, and would take the redirect for an old one that
 * is over. Where the state became another one meanwhile, this takes both back; not
 * where somebody else made the same change, nor where he set a ttl of his own.
 */
static __always_inline void vm_undo_redirect(struct xr_vm *vm, union vm_state_word was, __u32 last,
					     __u32 tick, __u32 old, __u32 ttl)
{
	union vm_state_word w = vm_now(vm), to;

	if (w.now.state == XR_VM_MOVED && w.now.host != was.now.host)
		return;
	/* Set back by somebody who saw our ttl, and took the VM for redirected. */
	if (w.now.state == XR_VM_MOVED && !old) {
		to = w;
		to.now.state = XR_VM_STABLE;
		vm_exchange(vm, w, to);
	}
	__sync_val_compare_and_swap(&vm->last, tick, last);
	__sync_val_compare_and_swap(&vm->ttl, ttl, old);
}

/* 1: it was `was`, and is `to` from now on, redirected for ttl ticks. */
static __always_inline int vm_redirect_to(struct xr_vm *vm, union vm_state_word was,
					  union vm_state_word to, __u32 ttl)
{
	__u32 last = vm->last, old = vm->ttl, tick = now_tick();

	vm->last = tick;
	__sync_val_compare_and_swap(&vm->ttl, old, ttl);
	if (vm_exchange(vm, was, to))
		return 1;
	vm_undo_redirect(vm, was, last, tick, old, ttl);
	return 0;
}

static __always_inline void count_move(__u32 vm_index)
{
	struct xr_vm_info *info = bpf_map_lookup_elem(&vm_info, &vm_index);

	/* Of all that is written here explain has a copy, but not of this. */
	if (info && !TRACES)
		__sync_fetch_and_add(&info->moves, 1);
}

/* ---- what happened ---- */

struct vm_news {
	__u64 key;
	__be32 ip[XR_ADDR_WORDS]; /* what it claimed, if anything */
	__u16 from;               /* host before */
	__u8 announcement;
	__u8 most;   /* nothing changed: so many a second; 0: it did */
	__u8 follow; /* the daemon shall hear of it all the same */
};

XR_PERCPU(vm_news, struct vm_news, 1);

/* Blank, to be filled in and handed to post_vm_event(). */
static __always_inline struct vm_news *no_news(void)
{
	__u32 zero = 0;
	struct vm_news *n = bpf_map_lookup_elem(&vm_news, &zero);

	if (n)
		__builtin_memset(n, 0, sizeof(*n));
	return n;
}

static __always_inline void fill_event(struct xr_event *e, const struct vm_news *n, __u32 reason,
				       __u32 vm_index, union vm_state_word w)
{
	__builtin_memset(e, 0, sizeof(*e));
	e->when_ns = bpf_ktime_get_ns();
	e->kind = XR_EVENT_VM;
	e->reason = reason;
	__builtin_memcpy(e->saddr, n->ip, sizeof(e->saddr));
	e->vm = vm_index;
	e->dev_slot = knobs.dev_slot;
	event_of_key(e, n->key);
	e->host = w.now.host;
	e->from = n->from;
	e->state = w.now.state;
	e->announcement = n->announcement;
}

/*
 * To `xroam monitor`, and what changed a VM's state to the daemon, too. vm_no: its
 * index plus one; 0: none that is known, only n->key.
 */
__noinline int post_vm_event(struct vm_news *n, __u32 reason, __u32 vm_no)
{
	union vm_state_word w = {};
	struct xr_event *e;
	struct xr_vm *vm;

	if (!n)
		return 0;
	if (n->most && !may_post_event(reason, vm_no, n->most))
		return 0;
	vm = vm_of_no(vm_no);
	if (vm) {
		w = vm_now(vm);
		n->key = vm->key;
	}
	e = NULL;
	if (!n->most || HAS_ROOM_FOR_STRANGERS(events))
		e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (e) {
		fill_event(e, n, reason, vm_no, w);
		bpf_ringbuf_submit(e, 0);
	} else {
		count_lost_event();
	}
	if (n->most && (!n->follow || !HAS_ROOM_FOR_STRANGERS(vm_events)))
		return 0;
	e = bpf_ringbuf_reserve(&vm_events, sizeof(*e), 0);
	if (e) {
		fill_event(e, n, reason, vm_no, w);
		bpf_ringbuf_submit(e, 0);
	}
	return 0;
}

static __always_inline void post_expired(__u32 vm_index, __u32 from, __u32 bytes)
{
	struct vm_news *n = no_news();

	note_bytes(bytes, XR_R_MOVE_EXPIRED);
	if (!n)
		return;
	n->from = from;
	post_vm_event(n, XR_R_MOVE_EXPIRED, no_of_index(vm_index));
}

/* ---- what ends or begins by itself ---- */

/*
 * Prepared, and the VM speaks where it is expected: it is there. The host where it
 * was, plus one; 0: nothing was under way, or somebody else was faster.
 */
static __always_inline __u32 vm_complete(__u32 vm_index)
{
	struct xr_vm *vm = vm_at(vm_index);
	union vm_state_word w, to;

	if (!vm)
		return 0;
	/* Twice: it may come to stand still this very moment. */
	for (int i = 0; i < 2; i++) {
		to = w = vm_now(vm);
		if (!vm_under_way(w))
			return 0;
		to.now.host = to.now.home = w.now.next;
		to.now.next = 0;
		to.now.state = XR_VM_MOVED;
		to.now.flags &= ~(XR_VM_FROZEN | XR_VM_LOOP);
		if (!vm_redirect_to(vm, w, to, vm->next_ttl ?: knobs.vm_ttl))
			continue;
		watch_one_less();
		count_move(vm_index);
		return w.now.host + 1;
	}
	return 0;
}

/*
 * The activation, whichever program sees the frame by which the VM speaks: its state,
 * counters and events. n: what the frame says, for the event. 1: it is there now.
 */
__noinline int vm_activate(__u32 vm_index, __u32 bytes, struct vm_news *n)
{
	__u32 from = vm_complete(vm_index);

	if (!from)
		return 0;
	note_bytes(bytes, XR_R_ACTIVATED);
	if (!n)
		return 1;
	n->from = from - 1;
	post_vm_event(n, XR_R_ACTIVATED, no_of_index(vm_index));
	return 1;
}

/*
 * After the deadline the state goes back to what it was before the move was
 * prepared. Whoever exchanges it posts the event. Returns the state now.
 */
static __always_inline union vm_state_word vm_settle(struct xr_vm *vm, __u32 vm_index, __u32 tick,
						     __u32 bytes)
{
	union vm_state_word w = vm_now(vm), to = w;
	__u32 deadline = vm->deadline;

	if (!vm_under_way(w) || !deadline || (__s32)(tick - deadline) < 0)
		return w;
	to.now.next = 0;
	to.now.state = vm->ttl ? XR_VM_MOVED : XR_VM_STABLE;
	if (!vm_exchange(vm, w, to))
		return vm_now(vm);
	watch_one_less();
	post_expired(vm_index, w.now.host, bytes);
	return to;
}

/* After the deadline, or the ttl, the state is changed accordingly. Global: rare. */
__noinline int vm_age(__u32 vm_index, __u32 bytes)
{
	struct xr_vm *vm = vm_at(vm_index);
	__u32 tick = now_tick();
	union vm_state_word w, to;

	if (!vm)
		return 0;
	w = vm_settle(vm, vm_index, tick, bytes);
	if (w.now.state != XR_VM_MOVED || vm_is_redirected(vm, w, tick) ||
	    w.now.flags & XR_VM_LOOP || !vm->ttl)
		return 0;
	to = w;
	to.now.state = XR_VM_STABLE;
	if (!vm_exchange(vm, w, to))
		return 0;
	post_expired(vm_index, w.now.host, bytes);
	return 0;
}

#endif
