// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/host.h"
#include "lib/progress.h"
#include "steer/flow_table.h"
#include "stream_priv.h"

/* A flow of a table so many times smaller stands in each bucket that may be its own. */
#define SMALLER_MOST 16

/* ---- names ---- */

struct named {
	const char *name;
	__u16 index;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* For each of the stream's backends, the one here; 0: none. NULL: no memory. */
static __u16 *find_backends(const struct plane *p, const struct state_stream *s)
{
	const struct stream_name *names = stream_backends(s);
	struct named *here = calloc(p->meta->limits.backends + 1, sizeof(*here)), *found, wanted;
	__u16 *to = calloc(s->n_backends + 1, sizeof(*to));
	size_t n = 0;
	__u32 i;

	if (!here || !to) {
		free(here);
		free(to);
		return NULL;
	}
	for (i = 1; i <= p->meta->limits.backends; i++)
		if (p->backend_info[i].state != XR_BACKEND_NONE)
			here[n++] = (struct named){ p->backend_info[i].name, i };
	qsort(here, n, sizeof(*here), by_name);
	for (i = 0; i < s->n_backends; i++) {
		wanted.name = names[i].name;
		found = bsearch(&wanted, here, n, sizeof(*here), by_name);
		to[i] = found ? found->index : 0;
	}
	free(here);
	return to;
}

/* ---- flows ---- */

struct flow_import {
	struct plane *p;
	const struct state_stream *s;
	const __u16 *backend;
	__u32 tick, idle, older; /* seconds since it was written */
	struct state_taken *taken;
};

static void count(struct state_taken *taken, enum flow_merge m)
{
	switch (m) {
	case FLOW_MERGE_NEW:
		taken->flows_new++;
		break;
	case FLOW_MERGE_NEWER:
		taken->flows_newer++;
		break;
	case FLOW_MERGE_KEPT:
		taken->flows_kept++;
		break;
	case FLOW_MERGE_FULL:
		taken->flows_full++;
		break;
	}
}

/*
 * The bucket is the low bits of the hash. Of a smaller table's entry some of those that
 * count here are not known: it is put wherever it may belong, and idles out where it does
 * not.
 */
static void import_flow(const struct flow_import *f, const struct stream_flow *from)
{
	__u32 buckets = f->p->flow_buckets, theirs = f->s->flow_buckets, at;
	__u32 seen = le16toh(from->seen), age = (seen & XR_FLOW_SEEN) + f->older;
	struct xr_flow flow = {
		.tag = le32toh(from->tag),
		.backend = f->backend[le16toh(from->backend)],
		.seen = ((f->tick - age) & XR_FLOW_SEEN) | (seen & ~XR_FLOW_SEEN),
	};
	enum flow_merge m = FLOW_MERGE_KEPT;

	if (!flow.backend) {
		f->taken->flows_unknown++;
		return;
	}
	if (age > f->idle) {
		f->taken->flows_idle++;
		return;
	}
	at = le32toh(from->bucket) & (buckets - 1);
	for (; at < buckets; at += theirs)
		m = flow_table_merge(&f->p->flows[at], flow, f->tick, f->idle);
	count(f->taken, m);
}

static int import_flows(struct plane *p, const struct state_stream *s, __u32 older,
			struct state_taken *taken, struct xr_err *err)
{
	struct flow_import f = {
		.p = p,
		.s = s,
		.backend = find_backends(p, s),
		.tick = plane_tick(p),
		.idle = p->meta->policy.flow_idle,
		.older = older,
		.taken = taken,
	};
	const struct stream_flow *list;
	__u64 done = 0;
	size_t i, k;

	if (!f.backend)
		return xr_fail(err, -ENOMEM, "out of memory");
	progress_doing("flows", s->all_flows);
	for (i = 0; i < s->n_flows; i++) {
		list = (const void *)(s->octet + s->flows[i].at);
		for (k = 0; k < s->flows[i].n; k++)
			import_flow(&f, &list[k]);
		progress_at(done += k);
	}
	free((void *)f.backend);
	return 0;
}

static int check_flows(const struct plane *p, const struct state_stream *s, struct xr_err *err)
{
	if (s->keys != stream_keys(p->hash_keys))
		return xr_fail(
			err, -EKEYREJECTED,
			"its flows are of other hash keys, by which they cannot be found here: give both "
			"instances the same \"secret\" when they are made; VMs alone: \"only vms\"");
	if (p->flow_buckets / SMALLER_MOST > s->flow_buckets)
		return xr_fail(
			err, -ERANGE,
			"its flow table has %u buckets, and this one's %u: more than %d times as "
			"many; make limits.flows more alike; VMs alone: \"only vms\"",
			s->flow_buckets, p->flow_buckets, SMALLER_MOST);
	return 0;
}

/* ---- VMs ---- */

static int import_vms(struct plane *p, const struct state_stream *s, struct state_taken *taken,
		      struct xr_err *err)
{
	const struct stream_name *names = stream_hosts(s);
	bool *known = calloc(s->n_hosts + 1, sizeof(*known));
	const struct stream_chunk *c;
	const struct stream_vm *list;
	struct xr_vm_bounds b;
	__u64 done = 0;
	size_t k;

	if (!known)
		return xr_fail(err, -ENOMEM, "out of memory");
	for (k = 0; k < s->n_hosts; k++)
		known[k] = host_find(p, names[k].name);
	progress_doing("VMs", s->all_vms);
	for (c = s->vms; c < s->vms + s->n_vms; c++) {
		list = (const void *)(s->octet + c->at);
		if (c->bounds)
			stream_get_bounds(&b, (const void *)(s->octet + c->bounds), c->bounds_len);
		for (k = 0; k < c->n; k++) {
			import_vm(p, &list[k], c->bounds ? &b : NULL, names, known, taken);
			progress_at(++done);
		}
	}
	free(known);
	return 0;
}

/* ---- all ---- */

/* Seconds since it was written. */
static int check_age(const struct plane *p, const struct state_stream *s,
		     const struct state_options *o, __u32 *older, struct xr_err *err)
{
	__u64 now = time(NULL), idle = p->meta->policy.flow_idle;

	*older = 0;
	if (o->any_age)
		return 0;
	if (s->written > now + idle || s->written + idle < now)
		return xr_fail(
			err, -ESTALE,
			"it was written %llu s %s by this machine's clock, and flows idle out after "
			"%llu s: export it anew; where the clocks differ: \"any-age\"",
			s->written > now ? s->written - now : now - s->written,
			s->written > now ? "from now" : "ago", idle);
	*older = s->written < now ? now - s->written : 0;
	return 0;
}

int state_import(struct plane *p, const struct state_stream *s, const struct state_options *o,
		 struct state_taken *taken, struct xr_err *err)
{
	bool flows = o->what & STATE_FLOWS && s->all_flows;
	__u32 older;
	int ret = check_age(p, s, o, &older, err);

	*taken = (struct state_taken){ .refusal = { "" } };
	if (!ret && flows)
		ret = check_flows(p, s, err);
	if (!ret && flows)
		ret = import_flows(p, s, older, taken, err);
	if (!ret && o->what & STATE_VMS)
		ret = import_vms(p, s, taken, err);
	return ret;
}
