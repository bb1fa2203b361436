/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs: found by (VLAN, MAC) and by address; their word read and exchanged; what
 * happens to them told.
 *
 * A miss reads 16 octets of mac_index and no more, so that it costs the same
 * with a million VMs as with ten: eight tags are compared at once, each in its
 * lane of two words. (include/xroam/abi.h: struct xr_tag_bucket)
 */
#ifndef XROAM_BPF_VM_TABLE_H
#define XROAM_BPF_VM_TABLE_H

#include <xroam/hash.h>
#include "report.h"

#define EVERY_LANE 0x0001000100010001ULL
#define LANE_TAGS  (EVERY_LANE * (XR_TAG_SPILL - 1))
#define LANE_TOPS  (EVERY_LANE * XR_TAG_SPILL)

/* The word both sides exchange whole. */
union vm_word {
	struct xr_vm_now now;
	__u64 word;
};

union host_word {
	struct xr_host host;
	__u64 word;
};

/*
 * Bit 16 * k + 8 * j for lane k of word j where it holds the tag. A tag has 15
 * bits: subtracted from the lane's top bit, only zero leaves that bit set.
 */
static __always_inline __u64 tags_like(const struct xr_tag_bucket *b, __u32 tag, __u64 *spill)
{
	const volatile __u64 *w = (const void *)b->tag;
	__u64 low = w[0], high = w[1], want = tag * EVERY_LANE;

	*spill = low & XR_TAG_SPILL;
	low = (LANE_TOPS - ((low & LANE_TAGS) ^ want)) & LANE_TOPS;
	high = (LANE_TOPS - ((high & LANE_TAGS) ^ want)) & LANE_TOPS;
	return low >> 15 | high >> 7;
}

/*
 * The lane of the lowest bit: a multiplication by a lone bit is a shift, and
 * brings this bit's lane, k + 4 * j, to the top.
 */
#define LANE_AT(k, j) ((__u64)((k) + 4 * (j)) << (61 - 16 * (k) - 8 * (j)))
#define LANES                                                                            \
	(LANE_AT(1, 0) | LANE_AT(2, 0) | LANE_AT(3, 0) | LANE_AT(0, 1) | LANE_AT(1, 1) | \
	 LANE_AT(2, 1) | LANE_AT(3, 1))

static __always_inline __u32 first_lane(__u64 lanes)
{
	return (lanes & -lanes) * LANES >> 61;
}

/* ---- by MAC ---- */

static __always_inline struct xr_vm *vm_at(__u32 place)
{
	return bpf_map_lookup_elem(&vms, &place);
}

static __always_inline const struct xr_hash_keys *vm_keys(void)
{
	return &hash_keys;
}

/* The place, plus one, among a bucket's lanes that look like it. */
static __always_inline __u32 vm_among(__u32 bucket, __u64 lanes, __u64 key)
{
	for (int i = 0; i < XR_TAG_LANES && lanes; i++) {
		__u32 place = bucket * XR_TAG_LANES + first_lane(lanes);
		struct xr_vm *vm = vm_at(place);

		if (vm && vm->key == key)
			return place + 1;
		lanes &= lanes - 1;
	}
	return 0;
}

/* The place, plus one, of any VM, or 0. Global: verified once. */
__noinline __u32 vm_place(__u64 key)
{
	const struct xr_hash_keys *keys = vm_keys();
	struct xr_tag_bucket *b;
	__u64 h, lanes, spill;
	__u32 bucket, place;

	if (!keys)
		return 0;
	h = xr_vm_hash(keys, key);
	bucket = xr_tag_bucket1(h, knobs.mac_buckets);
	b = bpf_map_lookup_elem(&mac_index, &bucket);
	if (!b)
		return 0;
	lanes = tags_like(b, xr_tag(h), &spill);
	place = vm_among(bucket, lanes, key);
	if (place || !spill)
		return place;
	bucket = xr_tag_bucket2(h, knobs.mac_buckets);
	b = bpf_map_lookup_elem(&mac_index, &bucket);
	if (!b)
		return 0;
	lanes = tags_like(b, xr_tag(h), &spill);
	return vm_among(bucket, lanes, key);
}

/*
 * The same for the hot path: nearly always there is no such tag, or the first
 * that looks like it is it. At a table's limit one bucket in fifty has spilled.
 */
static __always_inline struct xr_vm *find_vm_by(const struct xr_hash_keys *keys, __u64 key,
						__u32 *place)
{
	struct xr_tag_bucket *b;
	__u64 h, lanes, spill;
	struct xr_vm *vm;
	__u32 bucket;

	h = xr_vm_hash(keys, key);
	bucket = xr_tag_bucket1(h, knobs.mac_buckets);
	b = bpf_map_lookup_elem(&mac_index, &bucket);
	if (!b)
		return NULL;
	lanes = tags_like(b, xr_tag(h), &spill);
	if (likely(!(lanes | spill)))
		return NULL;
	*place = bucket * XR_TAG_LANES + first_lane(lanes);
	vm = vm_at(*place);
	if (likely(vm && lanes && vm->key == key))
		return vm;
	*place = vm_place(key) - 1;
	return vm_at(*place); /* none: past the end of the table */
}

/* The VM, if it is known, that a backend is tied to. */
static __always_inline __u32 backend_vm_place(__u32 backend)
{
	const struct xr_backend_info *b = bpf_map_lookup_elem(&backend_info, &backend);
	const __u16 *mac;

	if (!b)
		return 0;
	mac = (const __u16 *)b->vm_mac;
	return vm_place(mac[0] | (__u64)mac[1] << 16 | (__u64)mac[2] << 32 |
			(__u64)b->vm_vlan << 48);
}

static __always_inline struct xr_vm *backend_vm(__u32 backend)
{
	__u32 place = backend_vm_place(backend);

	return place ? vm_at(place - 1) : NULL;
}

static __always_inline struct xr_vm *find_vm(__u64 key, __u32 *place)
{
	const struct xr_hash_keys *keys = vm_keys();

	return keys ? find_vm_by(keys, key, place) : NULL;
}

/* ---- by address ---- */

static __always_inline int same_addr(const __be32 *a, const __be32 *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]));
}

/* Who has an address: in the VLAN asked for; else; whether several do. */
struct ip_owner {
	__u32 in, else_;
	__u32 shared;
};

static __always_inline void ip_among(__u32 bucket, __u64 lanes, const __be32 *addr, __u32 vlan,
				     struct ip_owner *o)
{
	for (int i = 0; i < XR_TAG_LANES && lanes; i++) {
		__u32 place = bucket * XR_TAG_LANES + first_lane(lanes);
		struct xr_vm_ip *ip = bpf_map_lookup_elem(&vm_ips, &place);

		lanes &= lanes - 1;
		if (!ip || !same_addr(ip->addr, addr))
			continue;
		if (ip->vlan == vlan) {
			o->in = ip->vm + 1;
			return;
		}
		if (!ip->vlan || !(vlan | ip->shared))
			o->else_ = ip->vm + 1;
		o->shared |= ip->shared;
	}
}

static __always_inline void ip_look(__u64 h, const __be32 *addr, __u32 vlan, struct ip_owner *o)
{
	__u32 bucket = xr_tag_bucket1(h, knobs.ip_buckets);
	struct xr_tag_bucket *b = bpf_map_lookup_elem(&ip_index, &bucket);
	__u64 lanes, spill;

	if (!b)
		return;
	lanes = tags_like(b, xr_tag(h), &spill);
	ip_among(bucket, lanes, addr, vlan, o);
	if (o->in || !spill)
		return;
	bucket = xr_tag_bucket2(h, knobs.ip_buckets);
	b = bpf_map_lookup_elem(&ip_index, &bucket);
	if (!b)
		return;
	lanes = tags_like(b, xr_tag(h), &spill);
	ip_among(bucket, lanes, addr, vlan, o);
}

static __always_inline __u64 ip_hash(const struct xr_hash_keys *keys, const __be32 *addr,
				     __u32 vlan)
{
	int ipv6 = addr[0] | addr[1] | (addr[2] ^ bpf_htonl(0xffff));

	return xr_vm_ip_hash(keys, addr, ipv6, vlan);
}

/*
 * The place, plus one, of the VM that has the address, or 0. In its segment, or
 * without a VLAN: where there are none, or packets come routed. Without a tag (vlan
 * 0) the segment is not known, and it is whoever has it alone. Of those that several
 * have, one may be found only by the VLAN, too. a, b: the address, in words. Global:
 * verified once.
 */
__noinline __u32 vm_having(__u64 a, __u64 b, __u32 vlan)
{
	__be32 addr[XR_ADDR_WORDS] __attribute__((aligned(8))) = { a, a >> 32, b, b >> 32 };
	const struct xr_hash_keys *keys = vm_keys();
	struct ip_owner o = {};

	if (!keys)
		return 0;
	for (int i = 0; i < 2; i++) {
		ip_look(ip_hash(keys, addr, i ? vlan : 0), addr, vlan, &o);
		if (o.in || !vlan || likely(!o.shared))
			break;
	}
	return o.in ?: o.else_;
}

static __always_inline __u32 vm_of_addr_in(const __be32 *addr, __u32 vlan)
{
	const __u64 *w = (const void *)addr;

	return vm_having(w[0], w[1], vlan);
}

static __always_inline __u32 vm_of_addr(const __be32 *addr)
{
	return vm_of_addr_in(addr, 0);
}

/* Never routed (RFC 4291 §2.5.6): each link has its own, of the same name. */
static __always_inline int is_link_local(const __be32 *addr)
{
	return (addr[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

/* Whether the index may have it: what the hot path asks before it calls. */
static __always_inline int addr_may_be_vm(const struct xr_hash_keys *keys, const __be32 *addr,
					  int ipv6)
{
	__u64 h = xr_vm_ip_hash(keys, addr, ipv6, 0), spill;
	__u32 bucket = xr_tag_bucket1(h, knobs.ip_buckets);
	struct xr_tag_bucket *b = bpf_map_lookup_elem(&ip_index, &bucket);

	return b && (tags_like(b, xr_tag(h), &spill) | spill);
}

/* ---- the word ---- */

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
 * under way. Signed: another CPU may have seen the next tick already.
 */
static __always_inline int vm_is_redirected(const struct xr_vm *vm, union vm_word w, __u32 tick)
{
	__u32 ttl = vm->ttl;

	return ttl && w.now.state >= XR_VM_PREPARED && !(w.now.flags & XR_VM_LOOP) &&
		(__s32)(tick - vm->last - ttl) <= 0;
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

/*
 * Prepared, and the VM speaks where it is expected: it is there. The host where it
 * was, plus one; 0: nothing was under way, or somebody else was faster.
 */
__noinline __u32 vm_complete(__u32 place)
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

static __always_inline struct vm_news *news(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&vm_news, &zero);
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
	*(__u32 *)e->mac = n->key;
	*(__u16 *)(e->mac + 4) = n->key >> 32;
	e->vlan = n->key >> 48;
	e->host = w.now.host;
	e->from = n->from;
	e->state = w.now.state;
	e->announcement = n->announcement;
}

/* place: of the VM, plus one; 0: none that is known, only a key. */
__noinline int tell(__u32 reason, __u32 place)
{
	union vm_word w = {};
	struct vm_news *n = news();
	struct xr_event *e;
	struct xr_vm *vm;

	if (!n)
		return 0;
	if (n->most && !may_tell(reason, place, n->most))
		return 0;
	vm = place ? vm_at(place - 1) : NULL;
	if (vm) {
		w = vm_now(vm);
		n->key = vm->key;
	}
	e = NULL;
	if (!n->most || STRANGERS_HAVE_ROOM(events))
		e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (e) {
		fill_event(e, n, reason, place, w);
		bpf_ringbuf_submit(e, 0);
	}
	if (n->most && (!n->follow || !STRANGERS_HAVE_ROOM(vm_events)))
		return 0;
	e = bpf_ringbuf_reserve(&vm_events, sizeof(*e), 0);
	if (e) {
		fill_event(e, n, reason, place, w);
		bpf_ringbuf_submit(e, 0);
	}
	return 0;
}

static __always_inline void tell_expired(__u32 place, __u32 from, __u32 bytes)
{
	struct packet p = { .bytes = bytes };
	struct vm_news *n = news();

	note(&p, XR_R_MOVE_EXPIRED);
	if (!n)
		return;
	__builtin_memset(n, 0, sizeof(*n));
	n->from = from;
	tell(XR_R_MOVE_EXPIRED, place + 1);
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
	tell_expired(place, w.now.host, bytes);
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
	tell_expired(place, w.now.host, bytes);
	return 0;
}

#endif
