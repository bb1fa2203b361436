// SPDX-License-Identifier: GPL-2.0-only
/* What an apply would change, in words. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "apply_priv.h"
#include "commit/commit.h"
#include "instance.h"
#include "model_load.h"

/* As much of an instance as a preview reads, where there is none yet. */
struct blank {
	struct plane p;
	struct xr_meta meta; /* limits of 0: nothing more is there */
	struct xr_hash_keys keys;
	struct xr_tag_bucket bucket;
	struct xr_device device[XR_MAX_DEVICES];
	struct xr_drain drain;
};

static struct plane *blank_plane(struct blank *b)
{
	int m;

	for (m = 0; m < PLANE_MAPS; m++)
		b->p.fd[m] = -1;
	b->p.meta = &b->meta;
	b->p.hash_keys = &b->keys;
	b->p.mac_index = &b->bucket;
	b->p.mac_buckets = 1;
	b->p.devices = b->device;
	b->p.drain = &b->drain;
	return &b->p;
}

/* p NULL: there is no instance yet. */
static int preview(struct plane *p, struct model *want,
		   void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err)
{
	struct blank *b = NULL;
	struct model have;
	int ret = 0;

	if (p) {
		ret = model_load_without_sids(p, &have, err);
	} else {
		b = calloc(1, sizeof(*b));
		if (!b)
			return xr_fail(err, -ENOMEM, "out of memory");
		p = blank_plane(b);
		model_init(&have);
		have.limits = want->limits;
		model_default_limits(&have.limits);
		want->has_secret = false; /* there is no other to keep */
	}
	if (!ret) {
		ret = apply_keep_sections(&have, want, err);
		if (!ret)
			ret = commit_models(p, &have, want, COMMIT_PREVIEW, changed, ctx, err);
		model_free(&have);
	}
	free(b);
	return ret;
}

int model_preview(const char *instance, struct model *want,
		  void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err)
{
	struct plane *p = NULL;
	int ret = instance_open(&p, instance, PLANE_CHANGE, NULL, NULL, err);

	if (ret && ret != -ENOENT)
		return ret;
	/* Another would take its place: see model_apply(). */
	if (p && apply_is_stillborn(p, want)) {
		plane_close(p);
		p = NULL;
	}
	ret = preview(p, want, changed, ctx, err);
	plane_close(p);
	return ret;
}
