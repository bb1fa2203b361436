// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xroam/cid_config.h>
#include "commit_priv.h"
#include "host/host.h"
#include "lib/text.h"
#include "plane/server_ids.h"
#include "steer/vip_table.h"
#include "underlay/paths.h"

/* ---- paths ---- */

static bool needs_path(const struct commit *c, const struct backend_slot *s)
{
	if (!s->want)
		return false;
	return c->force || !s->have ||
		!path_same_facts(&s->have->info, &c->have->policy, &s->want->info,
				 &c->want->policy);
}

/* The local hosts, as they are and as they shall be: few, found once. */
struct locals {
	const struct xr_host_info **have, **want;
	size_t n_have, n_want;
};

static int find_locals(const struct commit *c, struct locals *l)
{
	const struct host_slot *s;
	__u32 i;

	l->have = calloc(c->have->n_hosts + 1, sizeof(*l->have));
	l->want = calloc(c->want->n_hosts + 1, sizeof(*l->want));
	if (!l->have || !l->want)
		return -ENOMEM;
	for (i = 1; i <= c->have->limits.hosts; i++) {
		s = &c->host[i];
		if (s->have && s->have->info.local)
			l->have[l->n_have++] = &s->have->info;
		if (s->want && s->want->info.local)
			l->want[l->n_want++] = &s->want->info;
	}
	return 0;
}

static const __be32 *source_among(const struct xr_host_info **local, size_t n,
				  const struct xr_host_info *to)
{
	const struct xr_host_info *near = NULL;
	size_t i;

	for (i = 0; i < n; i++)
		host_better_source(to, local[i], &near);
	return near ? near->addr : NULL;
}

static bool same_source(const __be32 *a, const __be32 *b)
{
	return a && b ? !memcmp(a, b, XR_ADDR_WORDS * sizeof(*a)) : a == b;
}

/* source: the address that its packets shall leave from. */
static bool host_needs_path(const struct commit *c, const struct host_slot *s,
			    const struct locals *l, const __be32 *source)
{
	if (!s->want || s->want->info.local)
		return false;
	return c->force || !s->have || !host_same_way(&s->have->info, &s->want->info) ||
		!same_source(source, source_among(l->have, l->n_have, &s->have->info));
}

/* Takes the next free path and adds the job that fills it, with the way to info. */
static int take_path(struct commit *c, const bool *taken, __u32 *next,
		     const struct xr_backend_info *info, bool host, __u32 *path)
{
	while (*next < c->p->paths_max && taken[*next])
		++*next;
	if (*next >= c->p->paths_max)
		return xr_fail(c->err, -ENOSPC, "no free path for %s %s; change fewer at once",
			       host ? "host" : "backend", info->name);
	*path = (*next)++;
	c->jobs[c->n_jobs].info = info;
	c->jobs[c->n_jobs].host = host;
	c->job_path[c->n_jobs++] = *path;
	return 0;
}

static int choose_host(struct commit *c, const bool *taken, __u32 *next, struct host_slot *h,
		       const struct locals *l)
{
	const __be32 *source = NULL;
	int ret;

	if (h->want)
		source = source_among(l->want, l->n_want, &h->want->info);
	if (!host_needs_path(c, h, l, source))
		return 0;
	host_as_backend(&h->want->info, &h->facts);
	ret = take_path(c, taken, next, &h->facts, true, &h->path);
	if (!ret)
		c->jobs[c->n_jobs - 1].source = source;
	return ret;
}

static int choose_all(struct commit *c, const bool *taken, const struct locals *l)
{
	struct backend_slot *b;
	__u32 i, next = 1;
	int ret = 0;

	for (i = 1; !ret && i <= c->have->limits.backends; i++) {
		b = &c->backend[i];
		b->path = c->p->backends[i].path;
		if (needs_path(c, b))
			ret = take_path(c, taken, &next, &b->want->info, false, &b->path);
	}
	for (i = 1; !ret && i <= c->have->limits.hosts; i++) {
		c->host[i].path = c->p->hosts[i].path;
		ret = choose_host(c, taken, &next, &c->host[i], l);
	}
	return ret;
}

static int choose_paths(struct commit *c)
{
	size_t room = c->want->n_backends + c->want->n_hosts + 1;
	bool *taken = paths_taken(c->p);
	struct locals l = { .have = NULL };
	int ret = -ENOMEM;

	c->jobs = calloc(room, sizeof(*c->jobs));
	c->job_path = calloc(room, sizeof(*c->job_path));
	if (c->jobs && c->job_path && taken)
		ret = find_locals(c, &l);
	if (!ret)
		ret = choose_all(c, taken, &l);
	free(l.have);
	free(l.want);
	free(taken);
	return ret;
}

static int warn_of(struct commit *c, const struct path_job *j)
{
	if (!path_trouble_text(j))
		return 0;
	return commit_add_line(c, "! %s %s: %s", j->host ? "host" : "backend", j->info->name,
			       path_trouble_text(j));
}

static int store_paths(struct commit *c)
{
	const struct path_job *j;
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < c->n_jobs; i++) {
		j = &c->jobs[i];
		ret = paths_store(c->p, c->job_path[i], j);
		if (ret)
			return xr_fail(c->err, ret, "next hop of %s %s: %s",
				       j->host ? "host" : "backend", j->info->name, strerror(-ret));
		ret = warn_of(c, j);
	}
	return ret;
}

static int prepare_paths(struct commit *c)
{
	int ret = choose_paths(c);

	if (!ret)
		ret = path_resolve(c->jobs, c->n_jobs, &c->want->policy, plane_tick(c->p), c->err);
	return ret ? ret : store_paths(c);
}

/* ---- server IDs ---- */

static int prepare_sids(struct commit *c)
{
	const struct sid_store s = plane_server_ids(c->p);
	const struct model_backend *b;
	struct sid_entry *want;
	size_t i, j, n = 0;
	int ret;

	if (c->want->sids_stay)
		return 0;
	for (i = 0; i < c->want->n_backends; i++)
		n += c->want->backends[i].n_sids;
	want = calloc(n + 1, sizeof(*want));
	if (!want)
		return -ENOMEM;
	for (i = 0, n = 0; i < c->want->n_backends; i++) {
		b = &c->want->backends[i];
		for (j = 0; j < b->n_sids; j++, n++) {
			memcpy(want[n].sid, b->sids[j].octet, XR_SID_MAX);
			want[n].len = b->sids[j].len;
			want[n].backend = b->index;
		}
	}
	ret = sid_store_plan_make(&s, want, n, &c->sids, c->err);
	free(want);
	return ret;
}

/* ---- CID configurations ---- */

static int prepare_cids(struct commit *c)
{
	struct xr_cid_config config;
	int s, e;

	for (s = 1; s < XR_CID_SLOTS; s++) {
		if (!c->cid[s].want || (c->cid[s].have && !c->force))
			continue;
		e = xr_cid_config_fill(&config, &c->cid[s].want->info);
		if (e)
			return commit_fault(c, c->cid[s].want->line,
					    xr_fail(c->err, -EINVAL, "CID config %u: %s",
						    c->cid[s].want->info.config_id,
						    xr_cid_error_text(e)));
		/* Under force it may be in use; then it is the same, and not written. */
		if (memcmp(&c->p->cid_configs[s], &config, sizeof(config)))
			c->p->cid_configs[s] = config;
	}
	explicit_bzero(&config, sizeof(config));
	return 0;
}

/* ---- VIP index ---- */

/* Whether all VIPs fit into the index (a bucket may be full): tried on a copy. */
static int try_vips(struct commit *c)
{
	size_t size = (size_t)c->p->vip_buckets * sizeof(struct xr_vip_bucket);
	struct vip_table t = { malloc(size), c->p->vip_buckets - 1, c->p->hash_keys, c->p->vips };
	const struct model_vip *v;
	char name[TEXT_VIP];
	__u32 i;
	int ret = 0;

	if (!t.bucket)
		return -ENOMEM;
	memcpy(t.bucket, c->p->vip_index, size);
	for (i = 1; i <= c->have->limits.vips; i++) {
		v = c->vip[i].have;
		if (v && !c->vip[i].want)
			vip_table_del(&t, v->addr, v->port, v->proto, i);
	}
	for (i = 1; !ret && i <= c->have->limits.vips; i++) {
		v = c->vip[i].want;
		if (!v || (c->vip[i].have && !c->force))
			continue;
		ret = vip_table_add(&t, v->addr, v->port, v->proto, i);
		if (ret == -EEXIST)
			ret = 0;
		if (ret)
			ret = xr_fail(
				c->err, ret,
				"VIP %s: its place in the index is full; make the instance anew with a larger limits.vips",
				text_vip(name, v->addr, v->port, v->proto));
		commit_fault(c, v->line, ret);
	}
	free(t.bucket);
	return ret;
}

int commit_prepare(struct commit *c)
{
	int ret = try_vips(c);

	if (!ret)
		ret = prepare_sids(c);
	if (!ret)
		ret = prepare_cids(c);
	if (!ret)
		ret = commit_members(c);
	if (!ret)
		ret = commit_make_tables(c);
	return ret ? ret : prepare_paths(c);
}
