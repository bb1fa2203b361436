// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether VIPs have servers, and whether steering by CID works. Servers choose the CIDs
 * of short headers, so most of these should name a server; compared are those that do
 * and those that do not, of the last second where enough came, else since the VIP was
 * made.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/model_load.h"
#include "model/model.h"
#include "health_priv.h"
#include "lib/lut.h"
#include "lib/text.h"
#include "model/model_edit.h"
#include "plane/stats.h"

#define ENOUGH 20 /* packets; fewer prove nothing */

/* ---- VIPs and their servers ---- */

struct servers {
	size_t n, up, weighed, with_sids;
	size_t wanted, failed; /* up by the operator; of these, failed by health checks */
};

/* has_sids: by backend's index. */
static void count_server(struct plane *p, const struct model_backend *b, const bool *has_sids,
			 struct servers *s)
{
	s->n++;
	s->with_sids += has_sids[b->index];
	s->wanted += b->info.state == XR_BACKEND_UP;
	if (b->info.state == XR_BACKEND_UP)
		s->failed += p->backend_health[b->index].found == XR_HEALTH_DOWN;
	if (p->backends[b->index].state != XR_BACKEND_UP)
		return;
	s->up++;
	s->weighed += b->info.weight != 0;
}

static void count_servers_of(struct plane *p, const struct model *m, const struct lut *vips,
			     const struct model_backend *b, const bool *has_sids,
			     struct servers *servers)
{
	const struct model_vip_key *k;
	const struct model_vip *v;
	size_t i;

	for (i = 0; i < b->n_vips; i++) {
		k = &b->vips[i];
		v = model_indexed_vip(m, vips, k->addr, k->port, k->proto);
		if (v)
			count_server(p, b, has_sids, &servers[v - m->vips]);
	}
}

/* Of each VIP of the model, in its order. NULL: out of memory. */
static struct servers *count_servers(struct plane *p, const struct model *m)
{
	struct servers *servers = calloc(m->n_vips + 1, sizeof(*servers));
	bool *has_sids = calloc(p->meta->limits.backends + 1, sizeof(*has_sids));
	struct lut vips;
	size_t i;

	if (!servers || !has_sids || model_index_vips(m, &vips)) {
		free(has_sids);
		free(servers);
		return NULL;
	}
	model_who_has_sids(p, has_sids);
	for (i = 0; i < m->n_backends; i++)
		count_servers_of(p, m, &vips, &m->backends[i], has_sids, servers);
	lut_free(&vips);
	free(has_sids);
	return servers;
}

/* The Maglev table that was read last; many VIPs may have the same one. */
struct table {
	__u32 id;
	__u16 *slot;
};

/* One slot shows it: a table that has any backend has one in every slot. */
static bool has_backend(struct plane *p, __u32 vip, struct table *t)
{
	__u32 id, whole = 0;
	int fd;

	/* The kernel gives the id of the inner table; an empty slot has none. */
	if (bpf_map_lookup_elem(p->fd[PLANE_MAGLEV], &vip, &id))
		return errno != ENOENT;
	if (id == t->id)
		return t->slot[0] != 0;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return true; /* replaced this moment */
	t->id = id;
	if (bpf_map_lookup_elem(fd, &whole, t->slot))
		t->slot[0] = 0;
	close(fd);
	return t->slot[0] != 0;
}

static void check_servers(struct check *c, const struct model_vip *v, const struct servers *s,
			  struct table *t)
{
	char vip[TEXT_VIP];

	text_vip(vip, v->addr, v->port, v->proto);
	if (!s->n)
		health_wrong(
			c,
			"vip %s: no backend is behind it, all its packets are dropped; \"xroam backend add NAME vip %s address ADDR\"",
			vip, vip);
	else if (s->failed && s->failed == s->wanted)
		health_wrong(
			c, "vip %s: %s; \"xroam backend show\" has each one's last error", vip,
			s->up ? "health checks fail for all backends that are up, and the last that served are kept"
			      : "health checks fail for all backends, new connections are dropped");
	else if (!s->up)
		health_wrong(
			c,
			"vip %s: no backend is up of %zu, new connections are dropped; \"xroam backend set NAME state up\"",
			vip, s->n);
	else if (!s->weighed)
		health_wrong(
			c,
			"vip %s: no backend that is up has a weight, new connections are dropped; \"xroam backend set NAME weight 1\"",
			vip);
	else if (!has_backend(c->p, v->index, t))
		health_wrong(
			c,
			"vip %s: its table is empty though %zu backends are up; set the state of one of them again",
			vip, s->up);
}

static void check_cids(struct check *c, const struct model *m, const struct model_vip *v,
		       const struct servers *s)
{
	char vip[TEXT_VIP];

	if (!v->cid || !s->n)
		return;
	text_vip(vip, v->addr, v->port, v->proto);
	if (!m->n_cids)
		health_wrong(
			c,
			"vip %s: to be steered by CID, but there is no CID config; \"xroam cid add\"",
			vip);
	else if (!s->with_sids)
		health_wrong(
			c,
			"vip %s: to be steered by CID, but no backend behind it has a server ID; add them again with \"server-id HEX\"",
			vip);
}

void check_vips(struct check *c)
{
	struct table t = { 0, malloc(c->p->meta->limits.maglev * sizeof(*t.slot)) };
	struct xr_err err;
	struct servers *s;
	struct model m;
	size_t i;

	model_init(&m);
	if (model_load_without_sids(c->p, &m, &err)) {
		health_wrong(c, "the configuration cannot be read: %s", err.text);
		model_free(&m);
		free(t.slot);
		return;
	}
	s = count_servers(c->p, &m);
	if (!s || !t.slot)
		health_wrong(c, "out of memory");
	for (i = 0; s && t.slot && i < m.n_vips; i++) {
		check_servers(c, &m.vips[i], &s[i], &t);
		check_cids(c, &m, &m.vips[i], &s[i]);
	}
	free(s);
	free(t.slot);
	model_free(&m);
}

/* ---- what CIDs steered ---- */

struct counts {
	__u64 named;                   /* packets whose CID named a server */
	__u64 astray;                  /* short headers whose CID named none */
	__u64 by_point[XR_CODEPOINTS]; /* astray, by the CID's codepoint */
};

struct health_baseline {
	struct counts *vip;                  /* by index */
	struct counts config[XR_CODEPOINTS]; /* by config ID */
};

static int count_vip(struct plane *p, __u32 vip, struct counts *n)
{
	struct xr_cid_counter c;
	struct xr_counter v;
	__u64 rest;
	int ret = stats_cid(p, vip, &c);

	memset(n, 0, sizeof(*n));
	ret = ret ? ret : stats_vip(p, vip, &v);
	if (ret)
		return ret;
	memcpy(n->by_point, c.astray, sizeof(n->by_point));
	n->astray = stats_sum_codepoints(c.astray, STATS_ALL_CODEPOINTS);
	/* Servers that are down count: the CID did name them. */
	rest = n->astray + c.longs + c.icmp;
	n->named = v.packets > rest ? v.packets - rest : 0;
	return 0;
}

static const struct xr_cid_info *config_at(struct plane *p, int slot)
{
	return p->cid_info[slot].used ? &p->cid_info[slot] : NULL;
}

static int count_config(struct plane *p, const struct xr_cid_info *i, struct counts *n)
{
	struct stats_steered s;
	int ret = stats_steered(p, xr_cid_codepoints(i->format, i->config_id), &s);

	memset(n, 0, sizeof(*n));
	n->named = s.by_cid + s.down;
	n->astray = s.astray;
	return ret;
}

static bool is_steered(struct plane *p, __u32 vip)
{
	return p->vips[vip].used && p->vips[vip].flags & XR_VIP_CID;
}

void health_baseline_free(struct health_baseline *w)
{
	if (w)
		free(w->vip);
	free(w);
}

struct health_baseline *health_baseline(struct plane *p)
{
	struct health_baseline *w = calloc(1, sizeof(*w));
	const __u32 vips = p->meta->limits.vips;
	const struct xr_cid_info *info;
	__u32 i;

	if (w)
		w->vip = calloc(vips + 1, sizeof(*w->vip));
	if (!w || !w->vip) {
		health_baseline_free(w);
		return NULL;
	}
	for (i = 1; i <= vips; i++)
		if (is_steered(p, i))
			count_vip(p, i, &w->vip[i]);
	for (i = 1; i < XR_CID_SLOTS; i++) {
		info = config_at(p, i);
		if (info)
			count_config(p, info, &w->config[info->config_id % XR_CODEPOINTS]);
	}
	return w;
}

/* "named" is computed from counters that go on meanwhile, so it may seem to shrink. */
static __u64 since(__u64 was, __u64 now)
{
	return now > was ? now - was : 0;
}

/*
 * Whether too few packets named a server. Where the last second has enough packets,
 * half of them should; a flood of random CIDs also falls short, and deserves its line.
 * Else a tenth of all packets should: most may be older than the present configuration.
 * judged: the counts that were used.
 */
static bool is_bad(const struct counts *was, const struct counts *now, struct counts *judged)
{
	__u64 all;
	int i;

	judged->named = since(was->named, now->named);
	judged->astray = since(was->astray, now->astray);
	for (i = 0; i < XR_CODEPOINTS; i++)
		judged->by_point[i] = since(was->by_point[i], now->by_point[i]);
	all = judged->named + judged->astray;
	if (all >= ENOUGH)
		return judged->named * 2 < all;
	*judged = *now;
	all = judged->named + judged->astray;
	return all >= ENOUGH && judged->named * 10 < all;
}

/* The codepoint that nearly all astray CIDs begin with; -1: there is none. */
static int main_point(const struct counts *n)
{
	int i;

	for (i = 0; i < XR_CODEPOINTS; i++)
		if (n->by_point[i] * 10 >= n->astray * 8)
			return i;
	return -1;
}

/* Writes why, as far as the codepoints show it, and what to do. */
static void write_why(struct plane *p, const struct counts *n, char *text, size_t size)
{
	const struct xr_cid_info *i = NULL;
	int point = main_point(n), s;

	for (s = 1; point >= 0 && !i && s < XR_CID_SLOTS; s++) {
		i = config_at(p, s);
		if (i && !(xr_cid_codepoints(i->format, i->config_id) & 1U << point))
			i = NULL;
	}
	if (point < 0)
		snprintf(
			text, size,
			"of all kinds, so random ones: make the servers mint them with their server IDs (docs/formats.md), or take \"cid\" off the VIP");
	else if (i)
		snprintf(
			text, size,
			"of config %u, with no server's ID in them: key, lengths and server IDs must be the servers', see \"xroam cid decode\"; or the servers mint random ones",
			i->config_id);
	else
		snprintf(
			text, size,
			"of config ID %u, which is not configured: \"xroam cid add\" what the servers mint under; or they mint random ones",
			(unsigned int)point);
}

void check_steering(struct check *c)
{
	static const struct counts none;
	struct plane *p = c->p;
	struct counts now, n;
	char vip[TEXT_VIP], why[192];
	__u32 i;

	for (i = 1; i <= p->meta->limits.vips; i++) {
		const struct xr_vip *v = &p->vips[i];

		if (!is_steered(p, i) || count_vip(p, i, &now) ||
		    !is_bad(c->since ? &c->since->vip[i] : &none, &now, &n))
			continue;
		write_why(p, &n, why, sizeof(why));
		health_wrong(
			c,
			"vip %s: of %llu packets with a server's CID %llu were steered by it, a client that changes address is lost; they are %s",
			text_vip(vip, v->addr, v->port, v->proto),
			(unsigned long long)(n.named + n.astray), (unsigned long long)n.named, why);
	}
	for (i = 1; i < XR_CID_SLOTS; i++) {
		const struct xr_cid_info *info = config_at(p, i);

		if (!info || count_config(p, info, &now) ||
		    !is_bad(c->since ? &c->since->config[info->config_id % XR_CODEPOINTS] : &none,
			    &now, &n))
			continue;
		health_wrong(
			c,
			"cid %u: of %llu packets with a CID of it %llu named a server; key, lengths and server IDs must be the servers', see \"xroam cid decode\"",
			info->config_id, (unsigned long long)(n.named + n.astray),
			(unsigned long long)n.named);
	}
}
