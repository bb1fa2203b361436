// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which slot everything has: what is there and what shall be are laid side by side.
 * Nothing is written here.
 *
 * A slot that something leaves is not given away in the same commit: packets
 * in flight may still read it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "commit_priv.h"
#include "model/model_edit.h"
#include "lib/lut.h"

/* ---- slots ---- */

static int no_slot(struct commit *c, const char *what, const char *limit, __u32 size)
{
	return xr_fail(
		c->err, -ENOSPC,
		"%s: old and new together need more than limits.%s (%u), and the old keep their places until the new serve; apply in two steps, or make the instance anew with a larger limit",
		what, limit, size);
}

static __u64 vip_hash(const struct model_vip *v)
{
	return model_vip_hash(v->addr, v->port, v->proto);
}

static int match_vips(struct commit *c)
{
	__u32 free_slot = 1, at, j, size = c->have->limits.vips;
	struct model_vip *v;
	struct lut l;
	size_t i;

	if (lut_init(&l, c->have->n_vips))
		return -ENOMEM;
	for (i = 0; i < c->have->n_vips; i++) {
		c->vip[c->have->vips[i].index].have = &c->have->vips[i];
		lut_add(&l, vip_hash(&c->have->vips[i]), i);
	}
	for (i = 0; i < c->want->n_vips; i++) {
		v = &c->want->vips[i];
		v->index = 0;
		for (at = lut_first(&l, vip_hash(v)); (j = lut_get(&l, at)) != LUT_END; at++)
			if (model_vip_is(&c->have->vips[j], v->addr, v->port, v->proto))
				v->index = c->have->vips[j].index;
		while (!v->index && free_slot <= size) {
			if (!c->vip[free_slot].have && !c->vip[free_slot].want)
				v->index = free_slot;
			free_slot++;
		}
		if (!v->index) {
			lut_free(&l);
			return commit_fault(c, v->line, no_slot(c, "VIPs", "vips", size));
		}
		c->vip[v->index].want = v;
	}
	lut_free(&l);
	return 0;
}

static int match_backends(struct commit *c)
{
	__u32 free_slot = 1, at, j, size = c->have->limits.backends;
	struct model_backend *b;
	struct lut l;
	size_t i;

	if (lut_init(&l, c->have->n_backends))
		return -ENOMEM;
	for (i = 0; i < c->have->n_backends; i++) {
		b = &c->have->backends[i];
		c->backend[b->index].have = b;
		lut_add(&l, lut_hash(b->info.name, strlen(b->info.name)), i);
	}
	for (i = 0; i < c->want->n_backends; i++) {
		b = &c->want->backends[i];
		b->index = 0;
		for (at = lut_first(&l, lut_hash(b->info.name, strlen(b->info.name)));
		     (j = lut_get(&l, at)) != LUT_END; at++)
			if (!strcmp(b->info.name, c->have->backends[j].info.name))
				b->index = c->have->backends[j].index;
		while (!b->index && free_slot <= size) {
			if (!c->backend[free_slot].have && !c->backend[free_slot].want)
				b->index = free_slot;
			free_slot++;
		}
		if (!b->index) {
			lut_free(&l);
			return commit_fault(c, b->line, no_slot(c, "backends", "backends", size));
		}
		c->backend[b->index].want = b;
	}
	lut_free(&l);
	return 0;
}

/* A CID configuration is never edited: another one takes its codepoints. */
static bool same_cid(const struct xr_cid_info *a, const struct xr_cid_info *b)
{
	return a->config_id == b->config_id && a->format == b->format && a->sid_len == b->sid_len &&
		a->nonce_len == b->nonce_len && a->offset == b->offset &&
		a->has_key == b->has_key &&
		(!a->has_key || !memcmp(a->key, b->key, sizeof(a->key)));
}

static int keep_key(struct commit *c, struct model_cid *want)
{
	const struct xr_cid_info *info;
	size_t i;

	for (i = 0; i < c->have->n_cids; i++) {
		info = &c->have->cids[i].info;
		if (info->config_id != want->info.config_id || info->format != want->info.format ||
		    !info->has_key)
			continue;
		memcpy(want->info.key, info->key, sizeof(info->key));
		want->keep_key = false;
		return 0;
	}
	return xr_fail(
		c->err, -EINVAL,
		"CID config %u: \"key: hidden\" keeps the running key, but there is none; give key_file",
		want->info.config_id);
}

static int match_cids(struct commit *c)
{
	struct model_cid *w;
	size_t i;
	int s, ret;

	for (i = 0; i < c->have->n_cids; i++)
		c->cid[c->have->cids[i].slot].have = &c->have->cids[i];
	for (i = 0; i < c->want->n_cids; i++) {
		w = &c->want->cids[i];
		w->slot = 0;
		ret = w->keep_key ? keep_key(c, w) : 0;
		if (ret)
			return commit_fault(c, w->line, ret);
		for (s = 1; !w->slot && s < XR_CID_SLOTS; s++)
			if (c->cid[s].have && !c->cid[s].want &&
			    same_cid(&c->cid[s].have->info, &w->info))
				w->slot = s;
		for (s = 1; !w->slot && s < XR_CID_SLOTS; s++)
			if (!c->cid[s].have && !c->cid[s].want)
				w->slot = s;
		if (!w->slot)
			return commit_fault(
				c, w->line,
				xr_fail(c->err, -ENOSPC,
					"more than %d CID configs, old and new together",
					XR_CID_SLOTS - 1));
		c->cid[w->slot].want = w;
	}
	return 0;
}

/* ---- what cannot change ---- */

static int keep_limit(struct commit *c, const char *word, __u32 have, __u32 *want)
{
	if (!*want)
		*want = have;
	if (*want == have)
		return 0;
	return xr_fail(
		c->err, -EBUSY,
		"limits.%s: the running instance has %u, not %u; limits are fixed when an instance is made: export, xroam destroy, then apply",
		word, have, *want);
}

static int keep_fixed(struct commit *c)
{
	const struct xr_limits *h = &c->have->limits;
	struct xr_limits *w = &c->want->limits;
	int ret = 0;

#define X(name, value, least, most) \
	if (!ret)                   \
		ret = keep_limit(c, #name, h->name, &w->name);
	XR_LIMITS(X)
#undef X
	if (ret || !c->want->has_secret)
		return commit_fault(c, c->want->limits_line, ret);
	if (c->have->has_secret &&
	    !memcmp(c->have->secret, c->want->secret, sizeof(c->have->secret)))
		return 0;
	return commit_fault(
		c, c->want->secret_line,
		xr_fail(c->err, -EBUSY,
			"secret: the running instance has another one; changing it would move every flow: xroam destroy, then apply"));
}

int commit_match(struct commit *c)
{
	int ret;

	c->vip = calloc(c->have->limits.vips + 1, sizeof(*c->vip));
	c->backend = calloc(c->have->limits.backends + 1, sizeof(*c->backend));
	c->host = calloc(c->have->limits.hosts + 1, sizeof(*c->host));
	c->had_health = calloc(c->have->limits.backends + 1, 1);
	c->health = calloc(c->have->limits.backends + 1, 1);
	if (!c->vip || !c->backend || !c->host || !c->had_health || !c->health)
		return -ENOMEM;
	ret = keep_fixed(c);
	if (!ret)
		ret = match_cids(c);
	if (!ret)
		ret = model_check(c->want, c->want->file, c->err);
	if (!ret)
		ret = match_vips(c);
	if (!ret)
		ret = match_backends(c);
	if (!ret)
		ret = commit_match_hosts(c);
	model_sort_lists(c->have);
	model_sort_lists(c->want);
	return ret;
}
