/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM's state, the word that says where it is: read whole, exchanged whole, by
 * the programs and user space alike; and what becomes of it told.
 */
#ifndef XROAM_BPF_VM_STATE_H
#define XROAM_BPF_VM_STATE_H

#include "vm_table.h"

/* The word both sides exchange whole. */
union vm_word {
	struct xr_vm_now now;
	__u64 word;
};

union host_word {
	struct xr_host host;
	__u64 word;
};

/* One load, so never half a change. */
static __always_inline union vm_word vm_now(const struct xr_vm *vm)
{
	return (union vm_word){ .word = *(const volatile __u64 *)&vm->now };
}

static __always_inline struct xr_host host_get(__u32 index)
{
	union host_word *h = bpf_map_lookup_elem(&hosts, &index);
	union host_word copy = { .word = h ? *(volatile __u64 *)h : 0 };

	return copy.host;
}

/* 1: it was `was` and is `to` now. */
static __always_inline int vm_exchange(struct xr_vm *vm, union vm_word was, union vm_word to)
{
	return __sync_val_compare_and_swap((__u64 *)&vm->now, was.word, to.word) == was.word;
}

static __always_inline int vm_under_way(union vm_word w)
{
	return w.now.state == XR_VM_PREPARED || w.now.state == XR_VM_BLACKOUT;
}

/* Called after the word left PREPARED or BLACKOUT, by whoever changed it. */
static __always_inline void watch_one_less(void)
{
	__sync_fetch_and_sub(&vm_control.watching, 1);
}

/*
 * A redirect lives ttl ticks after its last hit, also while the next move is
 * under way.
 */
static __always_inline int vm_is_redirected(const struct xr_vm *vm, union vm_word w, __u32 tick)
{
	__u32 ttl = vm->ttl;

	return ttl && w.now.state >= XR_VM_PREPARED && !(w.now.flags & XR_VM_LOOP) &&
		!is_past(vm->last + ttl, tick);
}

/*
 * Others read the word first: what makes a redirect live is there before it, or
 * another CPU would take it for an old one that is over. It is taken back where
 * the word came to be something else: not where somebody else said the same, nor
 * where he gave the redirect a life of his own.
 */
static __always_inline void vm_take_back(struct xr_vm *vm, union vm_word was, __u32 last,
					 __u32 tick, __u32 old, __u32 ttl)
{
	union vm_word w = vm_now(vm), to;

	if (w.now.state == XR_VM_MOVED && w.now.host != was.now.host)
		return;
	/* Set back to what it had been, by somebody who saw our ttl. */
	if (w.now.state == XR_VM_MOVED && !old) {
		to = w;
		to.now.state = XR_VM_STABLE;
		vm_exchange(vm, w, to);
	}
	__sync_val_compare_and_swap(&vm->last, tick, last);
	__sync_val_compare_and_swap(&vm->ttl, ttl, old);
}

/* 1: it was `was`, and is `to` from now on, redirected for ttl ticks. */
static __always_inline int vm_take(struct xr_vm *vm, union vm_word was, union vm_word to, __u32 ttl)
{
	__u32 last = vm->last, old = vm->ttl, tick = now_tick();

	vm->last = tick;
	__sync_val_compare_and_swap(&vm->ttl, old, ttl);
	if (vm_exchange(vm, was, to))
		return 1;
	vm_take_back(vm, was, last, tick, old, ttl);
	return 0;
}

static __always_inline void count_move(__u32 place)
{
	struct xr_vm_info *info = bpf_map_lookup_elem(&vm_info, &place);

	/* Of all that is written here explain has a copy, but not of this. */
	if (info && !knobs.trace)
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
				       __u32 place, union vm_word w)
{
	__builtin_memset(e, 0, sizeof(*e));
	e->when_ns = bpf_ktime_get_ns();
	e->kind = XR_EVENT_VM;
	e->reason = reason;
	__builtin_memcpy(e->saddr, n->ip, sizeof(e->saddr));
	e->vm = place;
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
	union vm_word w = {};
	struct xr_event *e;
	struct xr_vm *vm;

	if (!n)
		return 0;
	if (n->most && !may_tell(reason, vm_no, n->most))
		return 0;
	vm = vm_no ? vm_at(vm_no - 1) : NULL;
	if (vm) {
		w = vm_now(vm);
		n->key = vm->key;
	}
	e = NULL;
	if (!n->most || STRANGERS_HAVE_ROOM(events))
		e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (e) {
		fill_event(e, n, reason, vm_no, w);
		bpf_ringbuf_submit(e, 0);
	}
	if (n->most && (!n->follow || !STRANGERS_HAVE_ROOM(vm_events)))
		return 0;
	e = bpf_ringbuf_reserve(&vm_events, sizeof(*e), 0);
	if (e) {
		fill_event(e, n, reason, vm_no, w);
		bpf_ringbuf_submit(e, 0);
	}
	return 0;
}

static __always_inline void post_expired(__u32 place, __u32 from, __u32 bytes)
{
	struct vm_news *n = no_news();

	note_bytes(bytes, XR_R_MOVE_EXPIRED);
	if (!n)
		return;
	n->from = from;
	post_vm_event(n, XR_R_MOVE_EXPIRED, place + 1);
}

/* ---- what ends or begins by itself ---- */

/*
 * Prepared, and the VM speaks where it is expected: it is there. The host where it
 * was, plus one; 0: nothing was under way, or somebody else was faster.
 */
static __always_inline __u32 vm_complete(__u32 place)
{
	struct xr_vm *vm = vm_at(place);
	union vm_word w, to;

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
		if (!vm_take(vm, w, to, vm->next_ttl ?: knobs.vm_ttl))
			continue;
		watch_one_less();
		count_move(place);
		return w.now.host + 1;
	}
	return 0;
}

/*
 * The activation, whichever program sees the frame by which the VM speaks: its state,
 * counters and events. n: what the frame says, for the event. 1: it is there now.
 */
__noinline int vm_activate(__u32 place, __u32 bytes, struct vm_news *n)
{
	__u32 from = vm_complete(place);

	if (!from)
		return 0;
	note_bytes(bytes, XR_R_ACTIVATED);
	if (!n)
		return 1;
	n->from = from - 1;
	post_vm_event(n, XR_R_ACTIVATED, place + 1);
	return 1;
}

/*
 * A deadline that has passed: the word goes back to what it was before the move
 * was prepared. Whoever exchanges it tells. Returns what holds now.
 */
static __always_inline union vm_word vm_settle(struct xr_vm *vm, __u32 place, __u32 tick,
					       __u32 bytes)
{
	union vm_word w = vm_now(vm), to = w;
	__u32 deadline = vm->deadline;

	if (!vm_under_way(w) || !deadline || (__s32)(tick - deadline) < 0)
		return w;
	to.now.next = 0;
	to.now.state = vm->ttl ? XR_VM_MOVED : XR_VM_STABLE;
	if (!vm_exchange(vm, w, to))
		return vm_now(vm);
	watch_one_less();
	post_expired(place, w.now.host, bytes);
	return to;
}

/* Deadline or ttl are over: the word says so from now on. Global: rare. */
__noinline int vm_age(__u32 place, __u32 bytes)
{
	struct xr_vm *vm = vm_at(place);
	__u32 tick = now_tick();
	union vm_word w, to;

	if (!vm)
		return 0;
	w = vm_settle(vm, place, tick, bytes);
	if (w.now.state != XR_VM_MOVED || vm_is_redirected(vm, w, tick) ||
	    w.now.flags & XR_VM_LOOP || !vm->ttl)
		return 0;
	to = w;
	to.now.state = XR_VM_STABLE;
	if (!vm_exchange(vm, w, to))
		return 0;
	post_expired(place, w.now.host, bytes);
	return 0;
}

#endif
