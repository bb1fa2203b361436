// SPDX-License-Identifier: GPL-2.0-only
/*
 * What cannot fail: stores into mapped memory, each one whole for a packet in
 * flight, in an order in which what a word names is complete before the word is
 * written. What something leaves is cleared, and may be used again, after a grace
 * period.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "commit_priv.h"
#include "host/hops.h"
#include "lib/health_state.h"
#include "lib/text.h"
#include "lib/whole.h"
#include "plane/server_ids.h"
#include "plane/stats.h"
#include "steer/flow_table.h"
#include "steer/vip_table.h"
#include "underlay/outer.h"

#define FOLLOW_MOST 64

static void store_backend(struct commit *c, __u32 i, __u8 state)
{
	const struct xr_backend_info *info = &c->backend[i].want->info;
	const struct xr_backend b = {
		.path = c->backend[i].path,
		.state = state,
		.flags = (mac_is_zero(info->vm_mac) ? 0 : XR_BACKEND_VM) |
			(info->initial_rate ? XR_BACKEND_LIMITED : 0),
		.pool = c->backend[i].pool,
	};

	whole_store(&c->p->backends[i], b);
}

static void clear_backend(struct commit *c, __u32 i)
{
	const struct xr_backend none = { 0 };

	whole_store(&c->p->backends[i], none);
}

static void keep_info(struct commit *c, __u32 i)
{
	const struct backend_slot *s = &c->backend[i];
	struct xr_backend_info *to = &c->p->backend_info[i];
	struct xr_backend_info info = s->want->info;

	if (!s->have)
		stats_clear(c->p, PLANE_BACKEND_STATS, i);
	/* A reader that finds a state finds the rest. */
	if (!s->have) {
		info.state = XR_BACKEND_NONE;
		*to = info;
		__atomic_store_n(&to->state, s->want->info.state, __ATOMIC_RELEASE);
	} else if (memcmp(to, &info, sizeof(info))) {
		*to = info;
	}
}

/*
 * While pools change, the VIPs concerned have none, for a number may come to mean
 * another pool; without one the members map is used, which is always right.
 */
static void leave_pools(struct commit *c)
{
	bool any = false;
	__u32 i;

	for (i = 1; i <= c->have->limits.vips; i++) {
		__u16 *pool = &c->p->vips[i].pool;

		if (!*pool || *pool == c->vip[i].pool)
			continue;
		__atomic_store_n(pool, 0, __ATOMIC_RELEASE);
		any = true;
	}
	if (any)
		plane_grace(c->p);
}

static void join_pools(struct commit *c)
{
	__u32 i;

	for (i = 1; i <= c->have->limits.vips; i++)
		if (c->vip[i].want)
			__atomic_store_n(&c->p->vips[i].pool, c->vip[i].pool, __ATOMIC_RELEASE);
}

/* What the program is to take it for: as it is, as it shall be. */
static __u8 state_had(const struct commit *c, __u32 i)
{
	return health_state(c->backend[i].have->info.state, c->had_health[i]);
}

static __u8 state_wanted(const struct commit *c, __u32 i)
{
	return health_state(c->backend[i].want->info.state, c->health[i]);
}

/* Backends that go down stay up until the tables lead elsewhere. */
static void store_backends(struct commit *c)
{
	struct backend_slot *s;
	__u32 i, rate;

	for (i = 1; i <= c->have->limits.backends; i++) {
		s = &c->backend[i];
		if (!s->want)
			continue;
		rate = s->want->info.initial_rate;
		__atomic_store_n(&c->p->initial_rate[i].limit, rate, __ATOMIC_RELEASE);
		keep_info(c, i);
		if (state_wanted(c, i) != XR_BACKEND_DOWN)
			store_backend(c, i, state_wanted(c, i));
		else if (s->have && !c->force)
			store_backend(c, i, state_had(c, i));
		else
			store_backend(c, i, XR_BACKEND_DOWN);
	}
}

static void store_down(struct commit *c)
{
	const struct backend_slot *s;
	__u32 i;

	for (i = 1; i <= c->have->limits.backends; i++) {
		s = &c->backend[i];
		if (s->want && state_wanted(c, i) == XR_BACKEND_DOWN)
			store_backend(c, i, XR_BACKEND_DOWN);
		else if (!s->want && s->have)
			clear_backend(c, i);
	}
}

static __u64 cid_slots(const struct commit *c)
{
	const struct xr_cid_info *info;
	unsigned int points;
	__u64 slots = 0;
	int s, i;

	for (s = 1; s < XR_CID_SLOTS; s++) {
		if (!c->cid[s].want)
			continue;
		info = &c->cid[s].want->info;
		points = xr_cid_codepoints(info->format, info->config_id);
		for (i = 0; i < XR_CODEPOINTS; i++)
			if (points >> i & 1)
				slots |= (__u64)s << (8 * i);
	}
	return slots;
}

static void keep_cids(struct commit *c)
{
	int s;

	for (s = 1; s < XR_CID_SLOTS; s++)
		if (c->cid[s].want && (!c->cid[s].have || c->force))
			c->p->cid_info[s] = c->cid[s].want->info;
}

static __u32 vip_flags(const struct model_vip *v)
{
	return (v->cid ? XR_VIP_CID : 0) | (v->flow ? XR_VIP_FLOW : 0) |
		(v->announce ? XR_VIP_ANNOUNCE : 0);
}

static struct vip_table index_of(const struct commit *c)
{
	return (struct vip_table){ c->p->vip_index, c->p->vip_buckets - 1, c->p->hash_keys,
				   c->p->vips };
}

static void new_vip(struct commit *c, __u32 i, __u64 slots)
{
	const struct model_vip *v = c->vip[i].want;
	struct xr_vip *to = &c->p->vips[i];
	struct xr_vip vip = {
		.port = v->port,
		.proto = v->proto,
		.flags = vip_flags(v),
		.cid_slots = slots,
	};

	memcpy(vip.addr, v->addr, sizeof(vip.addr));
	stats_clear(c->p, PLANE_VIP_STATS, i);
	stats_clear(c->p, PLANE_CID_STATS, i);
	*to = vip;
	__atomic_store_n(&to->used, 1, __ATOMIC_RELEASE);
}

static void store_vips(struct commit *c)
{
	struct vip_table t = index_of(c);
	__u64 slots = cid_slots(c), mine;
	const struct model_vip *v;
	__u32 i;

	for (i = 1; i <= c->have->limits.vips; i++) {
		v = c->vip[i].want;
		if (!v)
			continue;
		mine = v->cid ? slots : 0;
		if (!c->vip[i].have)
			new_vip(c, i, mine);
		/* Slots first: with the flag alone no configuration would be found. */
		__atomic_store_n(&c->p->vips[i].cid_slots, mine, __ATOMIC_RELEASE);
		__atomic_store_n(&c->p->vips[i].flags, vip_flags(v), __ATOMIC_RELEASE);
		c->p->vips[i].min_up = v->min_up;
		if (!c->vip[i].have || c->force)
			vip_table_add(&t, v->addr, v->port, v->proto, i);
	}
}

/* Before new VIPs are added: these may need the room in the index. */
static size_t unlink_vips(struct commit *c)
{
	struct vip_table t = index_of(c);
	const struct model_vip *v;
	size_t n = 0;
	__u32 i;

	for (i = 1; i <= c->have->limits.vips; i++) {
		v = c->vip[i].have;
		if (!v || c->vip[i].want)
			continue;
		vip_table_del(&t, v->addr, v->port, v->proto, i);
		n++;
	}
	return n;
}

static void sweep_flows(struct commit *c)
{
	bool *gone = calloc(XR_MAX_BACKENDS + 1, sizeof(*gone));
	bool any = false;
	__u32 i;

	/*
	 * Without memory the flows' entries stay. They name no backend until the
	 * slot is used again; then a flow that still goes on gets a wrong one.
	 */
	for (i = 1; gone && i <= c->have->limits.backends; i++)
		if (c->backend[i].have && !c->backend[i].want)
			any = gone[i] = true;
	if (any)
		flow_table_sweep(c->p->flows, c->p->flow_buckets, gone);
	free(gone);
}

/* After the grace period: no packet can be reading these. */
static void clear_slots(struct commit *c)
{
	__u32 i;
	int s;

	for (i = 1; i <= c->have->limits.vips; i++)
		if (c->vip[i].have && !c->vip[i].want)
			memset(&c->p->vips[i], 0, sizeof(c->p->vips[i]));
	for (i = 1; i <= c->have->limits.backends; i++) {
		if (!c->backend[i].have || c->backend[i].want)
			continue;
		memset(&c->p->initial_rate[i], 0, sizeof(c->p->initial_rate[i]));
		memset(&c->p->backend_info[i], 0, sizeof(c->p->backend_info[i]));
	}
	for (s = 1; s < XR_CID_SLOTS; s++) {
		if (!c->cid[s].have || c->cid[s].want)
			continue;
		memset(&c->p->cid_info[s], 0, sizeof(c->p->cid_info[s]));
		memset(&c->p->cid_configs[s], 0, sizeof(c->p->cid_configs[s]));
	}
}

void commit_follow_routes(struct commit *c)
{
	outers_sync(c->p);
	if (c->want->n_backends + c->want->n_hosts <= FOLLOW_MOST)
		hops_follow(c->p);
}

static void grace(void *plane)
{
	plane_grace(plane);
}

int commit_store(struct commit *c)
{
	const struct sid_store s = plane_server_ids(c->p);
	int ret;

	commit_store_hosts(c);
	ret = commit_store_vms(c);
	if (ret)
		return ret;
	leave_pools(c);
	store_backends(c);
	if (unlink_vips(c))
		plane_grace(c->p);
	if (c->sids)
		sid_store_plan_apply(c->sids, &s, grace, c->p);
	keep_cids(c);
	ret = commit_store_tables(c);
	if (ret)
		return xr_fail(
			c->err, ret,
			"the change is half made and will be finished by the next command: Maglev tables: %s",
			strerror(-ret));
	store_vips(c);
	store_down(c);
	plane_grace(c->p);
	join_pools(c);
	sweep_flows(c);
	commit_del_members(c);
	commit_store_health(c);
	clear_slots(c);
	commit_clear_hosts(c);
	commit_follow_routes(c);
	return 0;
}
