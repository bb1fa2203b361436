// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the two models differ, by their contents. commit_describe() might lack words
 * for some difference; here none is missed.
 */
#include <string.h>
#include "commit_priv.h"
#include "model/model_edit.h"

/* Clears what a longer string may have left behind the end of this one. */
static void tidy(char *text, size_t size)
{
	size_t n = strnlen(text, size);

	memset(text + n, 0, size - n);
}

static bool same_policy(const struct xr_policy *a, const struct xr_policy *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool same_vip(const struct vip_slot *s)
{
	const struct model_vip *h = s->have, *w = s->want;

	return h && w && h->cid == w->cid && h->flow == w->flow && h->announce == w->announce &&
		h->min_up == w->min_up && !strcmp(h->check, w->check);
}

static bool same_info(struct xr_backend_info a, struct xr_backend_info b)
{
	tidy(a.name, sizeof(a.name));
	tidy(b.name, sizeof(b.name));
	tidy(a.dev, sizeof(a.dev));
	tidy(b.dev, sizeof(b.dev));
	return !memcmp(&a, &b, sizeof(a));
}

/* Both are in order (model_sort_lists). */
static bool same_lists(const struct model_backend *a, const struct model_backend *b)
{
	size_t i;

	if (a->n_vips != b->n_vips)
		return false;
	for (i = 0; i < a->n_vips; i++)
		if (model_compare_vip_keys(&a->vips[i], &b->vips[i]))
			return false;
	return true;
}

static bool same_backend(const struct backend_slot *s)
{
	return s->have && s->want && same_info(s->have->info, s->want->info) &&
		same_lists(s->have, s->want) && !strcmp(s->have->check, s->want->check);
}

static bool same_host(const struct host_slot *s)
{
	struct xr_host_info a, b;

	if (!s->have || !s->want)
		return false;
	a = s->have->info;
	b = s->want->info;
	tidy(a.name, sizeof(a.name));
	tidy(b.name, sizeof(b.name));
	tidy(a.dev, sizeof(a.dev));
	tidy(b.dev, sizeof(b.dev));
	return !memcmp(&a, &b, sizeof(a));
}

/* Whether both lists have the same entries, each as often, in any order. */
static bool same_set(const void *a, size_t na, const void *b, size_t nb, size_t size)
{
	const char *x = a, *y = b;
	size_t i, j, in_a, in_b;

	if (na != nb)
		return false;
	for (i = 0; i < na; i++) {
		for (j = in_a = in_b = 0; j < na; j++) {
			in_a += !memcmp(x + i * size, x + j * size, size);
			in_b += !memcmp(x + i * size, y + j * size, size);
		}
		if (in_a != in_b)
			return false;
	}
	return true;
}

static bool same_cids(const struct commit *c)
{
	int s;

	/* Another one than it was has got another slot (commit_match). */
	for (s = 1; s < XR_CID_SLOTS; s++)
		if (!c->cid[s].have != !c->cid[s].want)
			return false;
	return true;
}

static bool same_tables(const struct commit *c)
{
	__u32 i;

	for (i = 1; i <= c->have->limits.vips; i++)
		if ((c->vip[i].have || c->vip[i].want) && !same_vip(&c->vip[i]))
			return false;
	for (i = 1; i <= c->have->limits.backends; i++)
		if ((c->backend[i].have || c->backend[i].want) && !same_backend(&c->backend[i]))
			return false;
	for (i = 1; i <= c->have->limits.hosts; i++)
		if ((c->host[i].have || c->host[i].want) && !same_host(&c->host[i]))
			return false;
	return true;
}

bool commit_differs(const struct commit *c)
{
	const struct model *h = c->have, *w = c->want;

	return !same_policy(&h->policy, &w->policy) || !same_cids(c) || !same_tables(c) ||
		c->sids_differ || !commit_same_health(c) ||
		!same_set(h->gateways, h->n_gateways, w->gateways, w->n_gateways,
			  sizeof(*h->gateways)) ||
		!same_set(h->protect, h->n_protect, w->protect, w->n_protect,
			  sizeof(*h->protect)) ||
		c->n_vm_changes || c->devices_differ;
}
