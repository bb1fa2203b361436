/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters, events and the trace. verdict() is the one place where a reason
 * becomes an XDP action.
 */
#ifndef XROAM_BPF_REPORT_H
#define XROAM_BPF_REPORT_H

#include "packet.h"

#define REASONS XR_REASON_ROOM
_Static_assert(XR_REASON_MAX <= REASONS, "widen the table");

static const __u8 reason_kind[REASONS] = {
#define X(name, word, kind, text) [XR_R_##name] = XR_KIND_##kind,
	XR_REASONS(X)
#undef X
};

/* Hidden: the compiler, which knows the table, would drop a check of the kind. */
static __always_inline __u32 kind_of(__u64 reason)
{
	__u32 kind;

	bound_by(reason, 127);
	kind = reason_kind[reason];
	hide_from_compiler(kind);
	return kind;
}

/* The TX reasons are the first of the list: shorter than kind_of(). */
static __always_inline int is_sent(__u32 reason)
{
	return reason <= XR_R_MOVED_IP;
}

#define X(name, word, kind, text) +(XR_KIND_##kind == XR_KIND_TX)
_Static_assert(XR_REASONS(X) == XR_R_MOVED_IP, "is_sent()");
#undef X

/*
 * A verdict that another stage hands on: the reason, the XDP action where it is one
 * of several (TX, REDIRECT), and whom a drop's event names: a VM's index plus one.
 * The reason is 0 where the stage has none, and the packet goes on.
 */
#define ACTION_SHIFT 8
#define VM_NO_SHIFT  32

static __always_inline __u64 pack_verdict(__u32 reason, __u32 action, __u32 vm_no)
{
	return reason | action << ACTION_SHIFT | (__u64)vm_no << VM_NO_SHIFT;
}

static __always_inline __u32 reason_of(__u64 verdict)
{
	return verdict & (REASONS - 1);
}

static __always_inline __u32 action_of(__u64 verdict)
{
	return verdict >> ACTION_SHIFT & 0xff;
}

static __always_inline __u32 vm_no_of(__u64 verdict)
{
	return verdict >> VM_NO_SHIFT;
}

static __always_inline struct xr_trace *trace_record(void)
{
	__u32 zero = 0;

	if (!TRACES)
		return NULL;
	return bpf_map_lookup_elem(&trace, &zero);
}

static __always_inline void count(struct xr_counter *c, __u32 bytes)
{
	c->packets++;
	c->bytes += bytes;
}

/* For tc: no frame of its programs is ever traced. */
static __always_inline void count_reason(__u32 bytes, __u32 reason)
{
	struct xr_counter *c = bpf_map_lookup_elem(&reason_stats, &reason);

	if (c)
		count(c, bytes);
}

/* Counts something beside the verdict. */
static __always_inline void note(const struct packet *p, __u32 reason)
{
	struct xr_counter *c = bpf_map_lookup_elem(&reason_stats, &reason);
	struct xr_trace *t = trace_record();

	if (c)
		count(c, p->bytes);
	if (t)
		t->notes[((reason - 1) / 32) & 3] |= 1U << ((reason - 1) % 32);
}

static __always_inline void note_bytes(__u32 bytes, __u32 reason)
{
	struct packet p = { .bytes = bytes };

	note(&p, reason);
}

static __always_inline void count_vip(const struct packet *p)
{
	__u32 key = p->vip;
	struct xr_counter *c = bpf_map_lookup_elem(&vip_stats, &key);

	if (c)
		count(c, p->bytes);
}

/* Returns the reason, for the caller to return. */
static __always_inline int count_backend(const struct packet *p, __u32 reason)
{
	__u32 key = p->backend;
	struct xr_backend_counter *c = bpf_map_lookup_elem(&backend_stats, &key);

	if (!c)
		return reason;
	c->packets++;
	c->bytes += p->bytes;
	if (reason == XR_R_CID || reason == XR_R_ICMP_CID)
		c->by_cid[p->quic.top & (XR_CODEPOINTS - 1)]++;
	return reason;
}

/* key: as in struct xr_vm. */
static __always_inline void event_of_key(struct xr_event *e, __u64 key)
{
	*(__u32 *)e->mac = key;
	*(__u16 *)(e->mac + 4) = key >> 32;
	e->vlan = key >> 48;
}

static __always_inline void drop_of_vm(struct xr_event *e, __u32 vm)
{
	__u32 vm_no = vm - 1;
	struct xr_vm *v = vm ? bpf_map_lookup_elem(&vms, &vm_no) : NULL;

	if (!v)
		return;
	e->vm = vm;
	event_of_key(e, v->key);
	e->host = v->now.host;
	e->state = v->now.state;
}

/*
 * What strangers can cause is worth an event, but not each time: so many a second,
 * reason and CPU. Whose it is, a VM or a VIP, has a share of its own, so
 * that one's alarm hides no other's; and there are few shares, so that all alarms
 * together are no flood. Who has to share one is another in each second.
 */
static __always_inline int may_post_event(__u32 reason, __u32 whose, __u32 most)
{
	__u32 now = now_tick() + 1; /* 0 is "never" */
	__u32 share = (whose ^ now * 0x9e3779b1) * 0x85ebca6b >> 28;
	__u32 key = reason * (EVENT_SHARES + 1) + (whose ? share : EVENT_SHARES);
	struct event_gate *g = bpf_map_lookup_elem(&event_gate, &key);

	if (!g)
		return 0;
	if (g->tick != now) {
		g->tick = now;
		g->posted = 0;
	}
	return g->posted < most ? ++g->posted : 0;
}

_Static_assert(EVENT_SHARES == 16, "may_post_event()");

/* They fill half a ring: the rest is for what happened, moves above all. */
#define HAS_ROOM_FOR_STRANGERS(ring) (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < EVENT_ROOM / 2)

/* The ring had no room: who monitors is told how many he misses. */
static __always_inline void count_lost_event(void)
{
	__u32 zero = 0;
	struct clock_value *c = bpf_map_lookup_elem(&clock, &zero);

	if (c)
		__sync_fetch_and_add(&c->events_lost, 1);
}

/* p: what report_drop() copied. */
__noinline int drop_event(const struct packet *p, __u32 reason)
{
	struct xr_event *e;

	if (!p || !may_post_event(reason, p->vm ?: p->vip, 1))
		return 0;
	e = NULL;
	if (HAS_ROOM_FOR_STRANGERS(events))
		e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count_lost_event();
		return 0;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->when_ns = bpf_ktime_get_ns();
	e->kind = XR_EVENT_PACKET;
	e->reason = reason;
	e->vip = p->vip;
	e->backend = p->backend;
	e->sport = p->ports;
	e->dport = p->ports >> 16;
	e->dev_slot = knobs.dev_slot;
	if (knobs.hosts)
		drop_of_vm(e, p->vm);
	__builtin_memcpy(e->saddr, p->saddr, sizeof(e->saddr));
	__builtin_memcpy(e->daddr, p->daddr, sizeof(e->daddr));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* In words: memcpy would keep the address of a packet in hand in memory. */
static __always_inline void copy_addr(__be32 *to, const __be32 *from)
{
	__u64 *t = (void *)to;
	const __u64 *f = (const void *)from;

	t[0] = f[0];
	t[1] = f[1];
}

static __always_inline void report_drop(const struct packet *p, __u32 reason)
{
	struct packet *s = scratch_at(IN_HAND);

	if (!s)
		return;
	s->vip = p->vip;
	s->backend = p->backend;
	s->ports = p->ports;
	s->vm = p->vm;
	copy_addr(s->saddr, p->saddr);
	copy_addr(s->daddr, p->daddr);
	drop_event(s, reason);
}

/* What was parsed, at once: kept until the verdict it would cost registers. */
static __always_inline void trace_packet(const struct packet *p)
{
	struct xr_trace *t = trace_record();

	if (!t)
		return;
	t->vlans = p->vlans;
	__builtin_memcpy(t->saddr, p->saddr, sizeof(t->saddr));
	__builtin_memcpy(t->daddr, p->daddr, sizeof(t->daddr));
	t->sport = p->ports;
	t->dport = p->ports >> 16;
	t->proto = p->proto;
	t->ipv6 = p->ipv6;
	if (p->icmp)
		t->flags |= XR_TRACE_ICMP;
}

static __always_inline void trace_verdict(const struct packet *p, __u32 action)
{
	struct xr_trace *t = trace_record();

	if (!t)
		return;
	t->reason = p->reason;
	t->action = action;
	t->vip = p->vip;
	t->backend = p->backend;
}

/* By device and reason: kinds, and sums over all devices, are user space's to add up. */
static __always_inline void count_verdict(const struct packet *p, __u64 reason)
{
	__u32 slot = knobs.dev_slot;
	struct xr_dev_reasons *d = bpf_map_lookup_elem(&dev_reasons, &slot);

	bound_by(reason, 127);
	if (d)
		count(&d->reason[reason], p->bytes);
}

/*
 * The same where the reason is a constant, for the commonest: without the table,
 * and without what only a drop needs.
 */
static __always_inline int verdict_of(struct packet *p, __u32 reason, int action)
{
	p->reason = reason;
	count_verdict(p, reason);
	trace_verdict(p, action);
	return action;
}

/* Counts p->reason and gives the action. */
static __always_inline int verdict(const struct packet *p)
{
	__u32 reason = p->reason, kind;
	int action = p->sent;

	count_verdict(p, reason);
	if (unlikely(!is_sent(reason))) {
		kind = kind_of(reason);
		action = kind == XR_KIND_REPLY ? XDP_TX
			: kind == XR_KIND_DROP ? XDP_DROP
					       : XDP_PASS;
		if (kind == XR_KIND_DROP)
			report_drop(p, reason);
	}
	trace_verdict(p, action);
	return action;
}

#endif
