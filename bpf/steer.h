/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VIP -> backend, in this order: the server ID in a routable CID, the flow
 * table, the keyed Maglev hash. A routable CID is never hashed again and
 * neither reads nor writes flow entries, so a spoofed 4-tuple with a valid CID
 * changes nothing for that 4-tuple's other packets.
 */
#ifndef XROAM_BPF_STEER_H
#define XROAM_BPF_STEER_H

#include "cid.h"
#include "flow.h"
#include "quic.h"
#include "vip.h"

static __always_inline struct xr_backend backend_get(__u32 index)
{
	struct xr_backend *b = bpf_map_lookup_elem(&backends, &index);
	struct xr_backend none = {};

	return b ? *b : none;
}

static __always_inline int takes_packets(struct xr_backend b)
{
	return b.state == XR_BACKEND_UP || b.state == XR_BACKEND_DRAINING;
}

/* The backend that has the server ID, or 0. */
static __always_inline __u32 sid_in_bucket(const struct xr_sid_bucket *b,
					   __u64 key)
{
	__u64 way = 0, found = 0;

#pragma unroll
	for (int i = 0; i < XR_SID_WAYS; i++) {
		__u64 same = is_zero(b->key[i] ^ key);

		found |= same;
		way |= same * i;
	}
	asm volatile("%0 &= 7" : "+r"(way));
	return b->backend[way] * found;
}

static __always_inline __u32 find_server(const struct cid_result *cid,
					 __u64 zero)
{
	__u64 key = forget(xr_sid_key(cid->sid[0], cid->sid[1], cid->len),
			   zero, ~0ULL);
	__u32 slot = xr_sid_bucket1(key) & knobs.sid_mask, backend;
	struct xr_sid_bucket *b = bpf_map_lookup_elem(&server_ids, &slot);

	if (!b)
		return 0;
	backend = sid_in_bucket(b, key);
	if (likely(backend) || !b->spill)
		return backend;
	slot = xr_sid_bucket2(key) & knobs.sid_mask;
	b = bpf_map_lookup_elem(&server_ids, &slot);
	return b ? sid_in_bucket(b, key) : 0;
}

static __always_inline void trace_cid(struct xdp_md *ctx, const struct quic *q,
				      __u32 slot)
{
	struct xr_trace *t = trace_record();

	if (!t)
		return;
	t->flags |= XR_TRACE_CID | (q->is_long ? XR_TRACE_LONG : 0) |
		    (q->initial ? XR_TRACE_INITIAL : 0);
	t->cid_slot = slot;
	t->cid_len = q->usable < 255 ? q->usable : 255;
	for (__u32 i = 0; i < sizeof(t->cid) && i < q->usable; i++) {
		__u8 *octet = octet_at(ctx, q->cid + i);

		if ((void *)(octet + 1) > end_of(ctx))
			break;
		t->cid[i] = *octet;
	}
}

static __always_inline void trace_sid(const struct cid_result *cid)
{
	struct xr_trace *t = trace_record();

	if (!t)
		return;
	t->flags |= XR_TRACE_SID;
	t->sid_len = cid->len;
	__builtin_memcpy(t->sid, cid->sid, sizeof(t->sid));
}

/*
 * Sets p->backend and returns XR_R_CID if the CID is routable and its server
 * takes packets, a drop reason if it is down, 0 to go on.
 */
static __always_inline int steer_by_cid(struct xdp_md *ctx, struct packet *p,
					const struct xr_vip *v,
					const struct quic *q, __u64 zero)
{
	__u8 *cid = octet_at(ctx, q->cid);
	struct cid_result server = {};
	struct xr_cid_config *c;
	struct xr_backend b;
	__u32 slot, index;

	if (!q->usable || (void *)(cid + 1) > end_of(ctx))
		return 0;
	slot = (v->cid_slots >> (*cid >> 5) * 8) & 0xff;
	trace_cid(ctx, q, slot);
	c = slot ? bpf_map_lookup_elem(&cid_configs, &slot) : NULL;
	if (!c) {
		note(p, XR_R_CID_NO_CONFIG);
		return 0;
	}
	if (cid_decode(ctx, q->cid, q->usable, c, &server)) {
		note(p, XR_R_CID_SHORT);
		return 0;
	}
	trace_sid(&server);

	index = find_server(&server, zero);
	b = backend_get(index);
	if (!index || b.state == XR_BACKEND_NONE) {
		note(p, XR_R_CID_NO_SERVER);
		return 0;
	}
	p->backend = index;
	if (likely(takes_packets(b)))
		return XR_R_CID;
	/*
	 * Dropping is the default: a health flap that re-routes routable CIDs
	 * makes other servers answer with stateless resets (RFC 9000 §21.11).
	 */
	return knobs.down == XR_DOWN_DROP ? XR_R_BACKEND_DOWN : 0;
}

static __always_inline int steer_by_hash(struct packet *p)
{
	__u32 vip = p->vip, slot = xr_maglev_slot(p->hash);
	__u32 row = slot / XR_MAGLEV_ROW;
	struct xr_maglev_row *r;
	void *table;

	table = bpf_map_lookup_elem(&maglev, &vip);
	if (!table)
		return XR_R_NO_BACKEND;
	r = bpf_map_lookup_elem(table, &row);
	if (!r)
		return XR_R_NO_BACKEND;
	p->backend = r->backend[slot % XR_MAGLEV_ROW];
	return takes_packets(backend_get(p->backend)) ? XR_R_HASH :
							XR_R_NO_BACKEND;
}

/* A new connection does not go to a server that is being drained. */
static __always_inline int flow_serves(struct xr_backend b,
				       const struct packet *p)
{
	if (b.state == XR_BACKEND_UP)
		return 1;
	return b.state == XR_BACKEND_DRAINING && !p->syn;
}

static __always_inline void hash_tuple(struct packet *p,
				       const struct xr_hash_keys *keys)
{
	p->hash = xr_flow_hash(keys, p->saddr, p->daddr, p->ipv6, p->ports,
			       p->proto);
}

/* Where a flow's entry is, or would go. */
struct flow_ref {
	struct xr_flow_bucket *bucket;
	__u32 way;		/* XR_FLOW_WAYS: nowhere */
	__u32 now;
};

static __always_inline int steer_by_flow(struct packet *p,
					 const struct xr_vip *v,
					 struct flow_ref *ref)
{
	union flow_word e;
	struct xr_flow *f;

	ref->way = XR_FLOW_WAYS;
	ref->bucket = v->flags & XR_VIP_FLOW ? flow_bucket(p->hash) : NULL;
	if (!ref->bucket)
		return 0;
	ref->now = now_tick();
	ref->way = flow_way(ref->bucket, xr_flow_tag(p->hash));
	if (ref->way >= XR_FLOW_WAYS)
		return 0;
	f = flow_at(ref->bucket, ref->way);
	e.word = *(volatile __u64 *)f;
	if (flow_age(e.flow, ref->now) > knobs.flow_idle)
		return 0;
	p->backend = e.flow.backend;
	if (unlikely(!flow_serves(backend_get(p->backend), p))) {
		note(p, XR_R_FLOW_MOVED);
		return 0;
	}
	flow_touch(f, e, p, ref->now);
	return XR_R_FLOW;
}

/* Initials are counted always, and refused above the backend's limit. */
static __always_inline int admit_initial(struct packet *p)
{
	__u32 key = p->backend, now;
	struct xr_backend b = backend_get(key);
	struct xr_backend_counter *c =
		bpf_map_lookup_elem(&backend_stats, &key);
	struct xr_initial_rate *r;

	note(p, XR_R_INITIAL);
	if (c)
		c->initials++;
	if (likely(!b.limited))
		return 0;
	r = bpf_map_lookup_elem(&initial_rate, &key);
	if (!r || !r->limit)
		return 0;
	now = now_tick();
	if (r->tick != now) {
		/* Two CPUs may both begin the second; the limit is no finer. */
		r->tick = now;
		r->count = 0;
	}
	if (__sync_fetch_and_add(&r->count, 1) < r->limit)
		return 0;
	return XR_R_INITIAL_RATE;
}

/* The backend of an ICMP error's flow, or 0. Rare, so verified apart. */
__noinline __u32 quoted_flow(__u64 hash)
{
	struct xr_flow_bucket *b = flow_bucket(hash);
	__u32 way, backend;
	struct xr_flow *f;

	if (!b)
		return 0;
	way = flow_way(b, xr_flow_tag(hash));
	if (way >= XR_FLOW_WAYS)
		return 0;
	f = flow_at(b, way);
	backend = f->backend;
	if (flow_age(*f, now_tick()) > knobs.flow_idle ||
	    !takes_packets(backend_get(backend)))
		return 0;
	return backend;
}

static __always_inline int steer_by_tuple(struct packet *p,
					  const struct xr_vip *v)
{
	struct flow_ref ref = {};
	int reason = steer_by_flow(p, v, &ref);

	if (reason)
		return reason;
	reason = steer_by_hash(p);
	if (reason == XR_R_HASH && ref.bucket && p->opens) {
		__u32 said = flow_insert(p->hash, p->backend, ref.way);

		if (said & 0xff)
			note(p, said & 0xff);
		if (said >> 8)
			note(p, said >> 8);
	}
	return reason;
}

static __always_inline int as_icmp(int reason)
{
	switch (reason) {
	case XR_R_CID:
		return XR_R_ICMP_CID;
	case XR_R_HASH:
		return XR_R_ICMP_HASH;
	default:
		return reason;
	}
}

/*
 * Sets p->backend; returns the verdict's reason. An ICMP error quotes a packet
 * that the server sent: there the flow of the reversed 4-tuple comes first, the
 * quoted packet's SCID second, and no state is created.
 */
static __always_inline int steer(struct xdp_md *ctx, struct packet *p,
				 const struct xr_vip *v,
				 const struct xr_hash_keys *keys)
{
	const int by_cid = v->flags & XR_VIP_CID; /* only ever set for UDP */
	struct quic q = {};
	int reason = 0;

	if (by_cid) {
		parse_quic(ctx, p, &q);
		/* Spoofed short headers would fill the flow table. */
		p->opens = p->first = forget(q.is_long, keys->zero, 1);
	}
	q.initial = forget(q.initial, keys->zero, 1);
	q.usable = forget(q.usable, keys->zero, 0xffff);
	q.cid = forget(q.cid, keys->zero, MAX_OFFSET);
	if (unlikely(p->icmp)) {
		hash_tuple(p, keys);
		p->backend = v->flags & XR_VIP_FLOW ? quoted_flow(p->hash) : 0;
		if (p->backend)
			return XR_R_ICMP_FLOW;
	}
	if (by_cid)
		reason = steer_by_cid(ctx, p, v, &q, keys->zero);
	if (unlikely(p->icmp))
		return as_icmp(reason ?: steer_by_hash(p));
	if (!reason) {
		p->backend = 0;
		hash_tuple(p, keys);
		reason = steer_by_tuple(p, v);
	}
	reason = forget(reason, keys->zero, REASONS - 1);
	p->backend = forget(p->backend, keys->zero, 0xffff);
	if (unlikely(q.initial) && p->backend)
		return admit_initial(p) ?: reason;
	return reason;
}

#endif
