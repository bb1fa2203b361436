// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xroam/cid_config.h>
#include "commit_priv.h"
#include "stats.h"
#include "text.h"
#include "vip_table.h"

/* ---- paths ---- */

static bool needs_path(const struct commit *c, const struct backend_slot *s)
{
	if (!s->want)
		return false;
	return c->force || !s->have ||
	       !path_same_facts(&s->have->info, &c->have.policy,
				&s->want->info, &c->want.policy);
}

/* A path is free when no backend's word names it; 0 is never used. */
static bool *used_paths(const struct commit *c)
{
	bool *used = calloc(c->p->paths_max + 1, sizeof(*used));
	__u32 i, path;

	if (!used)
		return NULL;
	used[0] = true;
	for (i = 1; i <= c->have.limits.backends; i++) {
		path = c->p->backends[i].path;
		if (path < c->p->paths_max)
			used[path] = true;
	}
	return used;
}

static int choose_paths(struct commit *c)
{
	__u32 i, size = c->have.limits.backends, next = 1;
	struct backend_slot *s;
	bool *used;

	c->jobs = calloc(size + 1, sizeof(*c->jobs));
	c->job_backend = calloc(size + 1, sizeof(*c->job_backend));
	used = used_paths(c);
	if (!c->jobs || !c->job_backend || !used) {
		free(used);
		return -ENOMEM;
	}
	for (i = 1; i <= size; i++) {
		s = &c->backend[i];
		s->path = c->p->backends[i].path;
		if (!needs_path(c, s))
			continue;
		while (next < c->p->paths_max && used[next])
			next++;
		if (next >= c->p->paths_max) {
			free(used);
			return xr_fail(c->err, -ENOSPC,
				       "no free path for backend %s; change fewer backends at once",
				       s->want->info.name);
		}
		s->path = next++;
		c->jobs[c->n_jobs].info = &s->want->info;
		c->job_backend[c->n_jobs++] = i;
	}
	free(used);
	return 0;
}

/* The kernel pads a per-CPU value to eight octets; so is the struct. */
_Static_assert(sizeof(struct xr_nexthop) % 8 == 0, "per-CPU stride");

static int store_paths(struct commit *c)
{
	struct xr_nexthop *hop = calloc(c->p->cpus, sizeof(*hop));
	const struct path_job *j;
	__u32 path;
	size_t i;
	int cpu, ret = hop ? 0 : -ENOMEM;

	for (i = 0; !ret && i < c->n_jobs; i++) {
		j = &c->jobs[i];
		path = c->backend[c->job_backend[i]].path;
		c->p->paths[path] = j->path;
		for (cpu = 0; cpu < c->p->cpus; cpu++)
			hop[cpu] = j->hop;
		if (bpf_map_update_elem(c->p->fd[PLANE_NEXTHOPS], &path, hop,
					BPF_ANY))
			ret = xr_fail(c->err, -errno,
				      "next hop of backend %s: %s",
				      j->info->name, strerror(errno));
		if (!ret && path_trouble_text(j->trouble))
			ret = commit_say(c, "! backend %s: %s", j->info->name,
					 path_trouble_text(j->trouble));
	}
	free(hop);
	return ret;
}

static int prepare_paths(struct commit *c)
{
	int ret = choose_paths(c);

	if (!ret)
		ret = path_resolve(c->jobs, c->n_jobs, &c->want.policy,
				   stats_tick(c->p), c->err);
	return ret ? ret : store_paths(c);
}

/* ---- server IDs ---- */

static int prepare_sids(struct commit *c)
{
	struct sid_table t = { c->p->server_ids, c->p->server_id_names,
			       c->p->sid_buckets - 1 };
	const struct model_backend *b;
	struct sid_entry *want;
	size_t i, j, n = 0;
	int ret;

	for (i = 0; i < c->want.n_backends; i++)
		n += c->want.backends[i].n_sids;
	want = calloc(n + 1, sizeof(*want));
	if (!want)
		return -ENOMEM;
	for (i = 0, n = 0; i < c->want.n_backends; i++) {
		b = &c->want.backends[i];
		for (j = 0; j < b->n_sids; j++, n++) {
			memcpy(want[n].sid, b->sids[j].octet, XR_SID_MAX);
			want[n].len = b->sids[j].len;
			want[n].backend = b->index;
		}
	}
	ret = sid_plan_make(&t, want, n, &c->sids, c->err);
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
			return xr_fail(c->err, -EINVAL, "CID config %u: %s",
				       c->cid[s].want->info.config_id,
				       xr_cid_error_text(e));
		/* Under force it may be in use, and is then the same. */
		if (memcmp(&c->p->cid_configs[s], &config, sizeof(config)))
			c->p->cid_configs[s] = config;
	}
	explicit_bzero(&config, sizeof(config));
	return 0;
}

/* ---- VIP index ---- */

/* Tried out on a copy: a bucket may be full. */
static int try_vips(struct commit *c)
{
	size_t size = (size_t)c->p->vip_buckets * sizeof(struct xr_vip_bucket);
	struct vip_table t = { malloc(size), c->p->vip_buckets - 1,
			       c->p->hash_keys, c->p->vips };
	const struct model_vip *v;
	char name[TEXT_VIP];
	__u32 i;
	int ret = 0;

	if (!t.bucket)
		return -ENOMEM;
	memcpy(t.bucket, c->p->vip_index, size);
	for (i = 1; i <= c->have.limits.vips; i++) {
		v = c->vip[i].have;
		if (v && !c->vip[i].want)
			vip_table_del(&t, v->addr, v->port, v->proto, i);
	}
	for (i = 1; !ret && i <= c->have.limits.vips; i++) {
		v = c->vip[i].want;
		if (!v || (c->vip[i].have && !c->force))
			continue;
		ret = vip_table_add(&t, v->addr, v->port, v->proto, i);
		if (ret == -EEXIST)
			ret = 0;
		if (ret)
			xr_fail(c->err, ret,
				"VIP %s: its place in the index is full; make the instance anew with a larger limits.vips",
				text_vip(name, v->addr, v->port, v->proto));
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
