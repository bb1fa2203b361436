// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "commit/commit.h"
#include "model/model_edit.h"
#include "instance.h"
#include "lib/defaults.h"
#include "model_load.h"
#include "vm/vm.h"

static void fill(__u32 *limit, __u32 value)
{
	if (!*limit)
		*limit = value;
}

void model_default_limits(struct xr_limits *l)
{
	const struct xr_limits *d = &xr_default_limits;

	fill(&l->vips, d->vips);
	fill(&l->backends, d->backends);
	fill(&l->server_ids, d->server_ids);
	fill(&l->flows, d->flows);
	fill(&l->hosts, d->hosts);
	fill(&l->vms, d->vms);
	fill(&l->vm_addresses, d->vm_addresses);
	fill(&l->rings, d->rings);
}

static bool other_limit(__u32 have, __u32 want)
{
	return want && want != have;
}

static bool other_limits(const struct xr_limits *h, const struct xr_limits *w)
{
	return other_limit(h->vips, w->vips) || other_limit(h->backends, w->backends) ||
		other_limit(h->server_ids, w->server_ids) || other_limit(h->flows, w->flows) ||
		other_limit(h->hosts, w->hosts) || other_limit(h->vms, w->vms) ||
		other_limit(h->vm_addresses, w->vm_addresses) || other_limit(h->rings, w->rings);
}

/*
 * An instance with nothing in it whose limits or secret are not the file's: an
 * apply was killed as soon as it had made it. Another can take its place.
 */
static bool is_stillborn(struct plane *p, const struct model *want)
{
	struct model have;
	bool bare;

	if (!other_limits(&p->meta->limits, &want->limits) &&
	    (!want->has_secret || !memcmp(p->meta->secret, want->secret, sizeof(want->secret))))
		return false;
	if (model_unfinished(p->name) || model_load(p, &have, NULL))
		return false;
	bare = !have.n_vips && !have.n_cids && !have.n_backends && !have.n_devs && !have.n_hosts &&
		!vm_count(p);
	model_free(&have);
	return bare;
}

static int open_for(struct plane **p, const char *instance, const struct model *m,
		    struct xr_err *err)
{
	struct xr_limits limits = m->limits;

	model_default_limits(&limits);
	return instance_open(p, instance, PLANE_CREATE, &limits, m->has_secret ? m->secret : NULL,
			     err);
}

/* ---- VMs that move on while their file stays the same ---- */

static int compare_vms(const void *a, const void *b)
{
	const struct model_vm *x = a, *y = b;

	if (x->vlan != y->vlan)
		return x->vlan < y->vlan ? -1 : 1;
	return memcmp(x->mac, y->mac, sizeof(x->mac));
}

/* Its host of the running model, in the other one; false: it has it no more. */
static bool same_host(const struct model *now, const struct model_vm *vm, const struct model *m,
		      __u32 *host)
{
	const struct model_host *h = model_find_host(m, now->hosts[vm->host].info.name);

	if (h)
		*host = h - m->hosts;
	return h != NULL;
}

static int keep_places(const struct model *now, struct model *m)
{
	struct model_vm *known, *vm;
	bool *named = calloc(now->n_vms + 1, sizeof(*named));
	size_t i;

	if (!named)
		return -ENOMEM;
	for (i = 0; i < m->n_vms; i++) {
		known = now->n_vms
			? bsearch(&m->vms[i], now->vms, now->n_vms, sizeof(*known), compare_vms)
			: NULL;
		if (!known)
			continue;
		same_host(now, known, m, &m->vms[i].host);
		named[known - now->vms] = true;
	}
	for (i = 0; i < now->n_vms; i++) {
		__u32 host;

		if (named[i] || !same_host(now, &now->vms[i], m, &host))
			continue;
		vm = model_grow(&m->vms, &m->n_vms, sizeof(*vm));
		if (!vm)
			break;
		*vm = now->vms[i];
		vm->host = host;
	}
	m->sections |= 1U << MODEL_VMS; /* they stay */
	free(named);
	return i < now->n_vms ? -ENOMEM : 0;
}

static int commit_keeping_vms(struct plane *p, const struct model *m,
			      void (*changed)(void *ctx, const char *line), void *ctx,
			      struct xr_err *err)
{
	struct model now, want;
	int ret;

	if (!m->vms_given)
		return model_commit(p, m, changed, ctx, err);
	ret = model_load(p, &now, err);
	if (ret)
		return ret;
	ret = model_copy(&want, m);
	if (ret) {
		model_free(&now);
		return xr_fail(err, ret, "out of memory");
	}
	ret = model_load_vms(p, &now, err);
	if (!ret)
		ret = keep_places(&now, &want);
	if (!ret)
		ret = model_commit(p, &want, changed, ctx, err);
	model_free(&want);
	model_free(&now);
	return ret;
}

/* ---- apply ---- */

int model_apply(const char *instance, const struct model *m, enum apply_vms vms,
		void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err)
{
	struct plane *p;
	int ret = open_for(&p, instance, m, err);

	if (!ret && !p->created && is_stillborn(p, m)) {
		ret = instance_destroy(p, err);
		plane_close(p);
		if (!ret)
			ret = open_for(&p, instance, m, err);
	}
	if (ret)
		return ret;
	ret = vms == APPLY_NEW_VMS && !p->created ? commit_keeping_vms(p, m, changed, ctx, err)
						  : model_commit(p, m, changed, ctx, err);
	if (ret && p->created)
		instance_destroy(p, NULL);
	plane_close(p);
	return ret;
}

int model_would_apply(const char *instance, const struct model *m,
		      void (*changed)(void *ctx, const char *line), void *ctx, size_t *n,
		      struct xr_err *err)
{
	struct plane *p = NULL;
	int ret = instance_open(&p, instance, PLANE_CHANGE, NULL, NULL, err);

	/* Another's place can be taken: see model_apply(). */
	if (!ret && is_stillborn(p, m)) {
		plane_close(p);
		p = NULL;
	}
	if (ret && ret != -ENOENT)
		return ret;
	ret = model_preview(p, m, changed, ctx, n, err);
	plane_close(p);
	return ret;
}
