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

/* One load, so never half a change; all zero where there is none, as of index 0. */
static __always_inline union backend_word backend_get(__u32 index)
{
	union backend_word *b = bpf_map_lookup_elem(&backends, &index);
	union backend_word copy = {};

	if (likely(b))
		copy.word = *(volatile __u64 *)b;
	return copy;
}

static __always_inline int takes_packets(struct xr_backend b)
{
	return b.state == XR_BACKEND_UP || b.state == XR_BACKEND_DRAINING;
}

/* Makes it the packet's; gives what the caller judges it by. */
static __always_inline struct xr_backend choose(struct packet *p, __u32 index)
{
	union backend_word b = backend_get(index);

	p->backend = index;
	p->its = b.word;
	return b.backend;
}

/* Returns the reason, for the caller to return. */
static __always_inline int choose_none(struct packet *p)
{
	p->backend = 0;
	p->its = 0;
	return XR_R_NO_BACKEND;
}

/* Rare, so verified apart. */
__noinline int is_member(__u32 vip, __u32 backend)
{
	const struct xr_member pair = { vip, backend };

	return bpf_map_lookup_elem(&members, &pair) != NULL;
}

/*
 * Whether the backend is the VIP's at all. A CID, or a flow entry that is older
 * than the configuration, may say so of one that knows nothing of the VIP.
 */
static __always_inline int is_behind(struct xr_backend b, __u32 backend, __u32 vip, __u32 pool)
{
	return likely(b.pool == pool) || is_member(vip, backend);
}

/*
 * What a bucket has for the key, or 0. A branch per way: a branch-free
 * search would hold up everything behind it until the bucket has come from
 * memory, a predicted one does not.
 */
static __always_inline __u32 sid_in_bucket(const struct xr_sid_bucket *b, __u64 key)
{
	__u32 found;

#pragma unroll
	for (int i = 0; i < XR_SID_WAYS; i++) {
		if (b->key[i] == key) {
			found = b->backend[i];
			/* Read here: the compiler would keep an index, and read at the end. */
			hide_from_compiler(found);
			return found;
		}
	}
	return 0;
}

/* map: server_ids or server_id_dir, whose buckets are alike. */
static __always_inline __u32 sid_find(void *map, __u64 key, __u32 mask)
{
	__u32 slot = xr_sid_bucket1(key) & mask, found;
	struct xr_sid_bucket *b = bpf_map_lookup_elem(map, &slot);

	if (!b)
		return 0;
	found = sid_in_bucket(b, key);
	if (likely(found) || !b->spill)
		return found;
	slot = xr_sid_bucket2(key) & mask;
	b = bpf_map_lookup_elem(map, &slot);
	return b ? sid_in_bucket(b, key) : 0;
}

/* The backend that a page has for the server ID; 0: none, or there is no page. */
static __always_inline __u32 find_in_page(const struct cid_result *cid)
{
	__u64 key = xr_sid_page_key(cid->sid[0], cid->len);
	__u32 page_no = sid_find(&server_id_dir, key, knobs.sid_dir_mask);
	struct xr_sid_page *page = bpf_map_lookup_elem(&server_id_pages, &page_no);

	return page ? page->backend[xr_sid_page_slot(cid->sid[0], cid->len)] : 0;
}

static __always_inline __u32 find_server(const struct cid_result *cid)
{
	__u32 backend = 0;
	__u64 key;

	if (knobs.sid_pages && cid->len <= XR_SID_PAGED)
		backend = find_in_page(cid);
	if (likely(backend) || !knobs.sid_table)
		return backend;
	key = xr_sid_key(cid->sid[0], cid->sid[1], cid->len);
	return sid_find(&server_ids, key, knobs.sid_mask);
}

static __always_inline void trace_cid(struct xdp_md *ctx, const struct packet *p, __u32 slot)
{
	const struct quic *q = &p->quic;
	struct xr_trace *t = trace_record();

	if (!t)
		return;
	t->flags |= XR_TRACE_CID | (q->is_long ? XR_TRACE_LONG : 0) |
		(is_initial_at(ctx, p->payload) ? XR_TRACE_INITIAL : 0);
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
 * What servers' CIDs should steer, and do not: a call away, as it should be rare.
 * what: the codepoint, and whether the server is down. Long headers are counted
 * in admit(), where they come by anyway.
 */
__noinline int count_astray(__u32 vip, __u32 what)
{
	struct xr_cid_counter *c = bpf_map_lookup_elem(&cid_stats, &vip);
	__u32 top = what & (XR_CODEPOINTS - 1);

	if (!c)
		return 0;
	if (what & ASTRAY_DOWN)
		c->down[top]++;
	else
		c->astray[top]++;
	return 0;
}

/* What becomes of a packet whose CID names none that is up and the VIP's own; as below. */
static __always_inline int judge_server(struct packet *p, const struct xr_vip *v,
					struct xr_backend b)
{
	if (b.state == XR_BACKEND_NONE) {
		note(p, XR_R_CID_NO_SERVER);
		return 0;
	}
	if (!is_behind(b, p->backend, p->vip, v->pool)) {
		note(p, XR_R_CID_NOT_HERE);
		return 0;
	}
	if (takes_packets(b))
		return XR_R_CID;
	/*
	 * Dropping is the default: a health flap that re-routes routable CIDs
	 * makes other servers answer with stateless resets (RFC 9000 §21.11).
	 */
	if (knobs.down != XR_DOWN_DROP) {
		p->quic.top |= ASTRAY_DOWN;
		return 0;
	}
	count_astray(p->vip, p->quic.top | ASTRAY_DOWN);
	return XR_R_BACKEND_DOWN;
}

/*
 * Sets p->backend and returns XR_R_CID if the CID is routable and its server
 * takes packets, a drop reason if it is down, 0 to go on.
 */
static __always_inline int steer_by_cid(struct xdp_md *ctx, struct packet *p,
					const struct xr_vip *v)
{
	struct quic *q = &p->quic;
	__u8 *cid = octet_at(ctx, q->cid);
	struct cid_result server = {};
	struct xr_cid_config *c;
	struct xr_backend b;
	__u32 slot;

	if (rarely(!q->usable || (void *)(cid + 1) > end_of(ctx)))
		return 0;
	q->top = *cid >> 5;
	slot = (v->cid_slots >> q->top * 8) & 0xff;
	trace_cid(ctx, p, slot);
	if (rarely(!slot)) {
		note(p, XR_R_CID_NO_CONFIG);
		return 0;
	}
	c = &cid_configs[slot & (XR_CID_SLOTS - 1)];
	if (cid_decode(ctx, q->cid, q->usable, c, &server)) {
		note(p, XR_R_CID_SHORT);
		return 0;
	}
	trace_sid(&server);

	b = choose(p, find_server(&server));
	if (rarely(b.state != XR_BACKEND_UP || b.pool != v->pool))
		return judge_server(p, v, b);
	return XR_R_CID;
}

static __always_inline int steer_by_hash(struct packet *p)
{
	__u32 vip = p->vip, whole = 0, slot = xr_maglev_slot(p->hash, knobs.maglev);
	void *table;
	__u16 *backend;

	table = bpf_map_lookup_elem(&maglev, &vip);
	if (!table)
		return choose_none(p);
	backend = bpf_map_lookup_elem(table, &whole);
	if (!backend)
		return choose_none(p);
	return takes_packets(choose(p, backend[slot])) ? XR_R_HASH : XR_R_NO_BACKEND;
}

/*
 * A new connection does not go to a server that is being drained; but a SYN may
 * be a stranger's, and moves no connection that lives.
 */
static __always_inline int flow_serves(struct xr_backend b, const struct packet *p,
				       struct xr_flow f, __u32 now)
{
	if (b.state == XR_BACKEND_UP)
		return 1;
	return b.state == XR_BACKEND_DRAINING && !(p->flow_flags & IS_SYN && flow_is_over(f, now));
}

static __always_inline void hash_tuple(struct packet *p, const struct xr_hash_keys *keys)
{
	p->hash = xr_flow_hash(keys, p->saddr, p->daddr, p->ipv6, p->ports, p->proto);
}

static __always_inline int steer_by_flow(struct packet *p, const struct xr_vip *v)
{
	struct xr_flow_bucket *b = flow_bucket(p->hash);
	struct xr_backend its;
	union flow_word e;
	__u32 now = now_tick();

	if (rarely(!b))
		return 0;
	e.word = flow_find(b, xr_flow_tag(p->hash));
	if (!e.word || rarely(flow_age(e.flow, now) > knobs.flow_idle))
		return 0;
	its = choose(p, e.flow.backend);
	if (unlikely(!flow_serves(its, p, e.flow, now) ||
		     !is_behind(its, e.flow.backend, p->vip, v->pool))) {
		note(p, XR_R_FLOW_MOVED);
		return 0;
	}
	flow_touch(p, e, now);
	return XR_R_FLOW;
}

/*
 * Initials are counted always, and refused above the backend's limit; so is, where
 * there is one, what may hide one. 0, or the reason to drop it. astray: the VIP, if
 * no CID has steered it; VIP 0 is nobody's. Global: of every connection few packets
 * come here.
 */
#define ADMIT_LIMITED (1U << 16) /* with the backend: it has a limit */

__noinline int admit(struct xdp_md *ctx, __u32 at, __u32 what, __u32 astray)
{
	struct xr_cid_counter *cid = bpf_map_lookup_elem(&cid_stats, &astray);
	__u32 key = what & 0xffff, now;
	struct xr_backend_counter *c;
	struct xr_initial_rate *r;
	struct packet p = {};

	if (cid)
		cid->longs++;
	/* Not before: half of the packet's bounds would be kept over the lookup. */
	reload_memory();
	p.bytes = ctx->data_end - ctx->data;
	if (!is_initial_at(ctx, at) && (likely(!(what & ADMIT_LIMITED)) || !hides_initial(ctx, at)))
		return 0;
	c = bpf_map_lookup_elem(&backend_stats, &key);
	note(&p, XR_R_INITIAL);
	if (c)
		c->initials++;
	if (likely(!(what & ADMIT_LIMITED)))
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

/*
 * The backend of an ICMP error's flow, or 0; and counts it, as nothing that a CID
 * could have steered. Rare, so verified apart.
 */
#define NO_FLOWS (1U << 16) /* with the pool */

__noinline __u32 quoted_flow(__u64 hash, __u32 vip, __u32 pool)
{
	struct xr_cid_counter *c = bpf_map_lookup_elem(&cid_stats, &vip);
	struct xr_flow_bucket *b = flow_bucket(hash);
	struct xr_backend its;
	union flow_word e;

	if (c)
		c->icmp++;
	if (!b || pool & NO_FLOWS)
		return 0;
	e.word = flow_find(b, xr_flow_tag(hash));
	its = backend_get(e.flow.backend).backend;
	if (!e.word || flow_age(e.flow, now_tick()) > knobs.flow_idle || !takes_packets(its) ||
	    !is_behind(its, e.flow.backend, vip, pool))
		return 0;
	return e.flow.backend;
}

static __always_inline int steer_by_tuple(struct packet *p, const struct xr_vip *v)
{
	const int keeps_flows = v->flags & XR_VIP_FLOW;
	int reason = keeps_flows ? steer_by_flow(p, v) : 0;

	if (reason)
		return reason;
	reason = steer_by_hash(p);
	if (reason == XR_R_HASH && keeps_flows && !(p->flow_flags & IS_NO_ENTRY))
		choose(p, flow_insert(p->hash, p->backend, p->bytes));
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
static __always_inline int steer(struct xdp_md *ctx, struct packet *p, const struct xr_vip *v,
				 const struct xr_hash_keys *keys)
{
	const int by_cid = v->flags & XR_VIP_CID; /* only ever set for UDP */

	p->reason = 0;
	if (by_cid) {
		parse_quic(ctx, p);
		/* Spoofed short headers would fill the flow table. */
		p->flow_flags = IS_SHORT >> p->quic.is_long;
	}
	reload_memory();
	if (unlikely(p->icmp)) {
		hash_tuple(p, keys);
		choose(p,
		       quoted_flow(p->hash, p->vip,
				   v->pool | !(v->flags & XR_VIP_FLOW) * NO_FLOWS));
		if (p->backend)
			return XR_R_ICMP_FLOW;
	}
	if (by_cid)
		p->reason = steer_by_cid(ctx, p, v);
	if (unlikely(p->icmp))
		return as_icmp(p->reason ?: steer_by_hash(p));
	if (!p->reason) {
		/* Hidden, or all that follows is verified once for each kind of header. */
		if (by_cid && !hide_from_verifier(p->quic.is_long, keys->zero, 1))
			count_astray(p->vip, p->quic.top);
		hash_tuple(p, keys);
		p->reason = steer_by_tuple(p, v);
	}
	reload_memory();
	if (by_cid && unlikely(p->quic.is_long) && p->backend)
		return admit(ctx, p->payload, p->backend | !!is_limited(p) * ADMIT_LIMITED,
			     p->vip * (p->reason != XR_R_CID))
			?: p->reason;
	return p->reason;
}

#endif
