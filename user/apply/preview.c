// SPDX-License-Identifier: GPL-2.0-only
/* What a change would be, in words: the first half of a commit, and no more. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "apply.h"
#include "commit/commit_priv.h"
#include "model_load.h"

/* Nothing is there yet: as much of a plane as is looked at then. */
struct blank {
	struct plane p;
	struct xr_meta meta; /* limits of 0: nothing more is there */
	struct xr_hash_keys keys;
	struct xr_tag_bucket bucket;
	struct xr_device device[XR_MAX_DEVICES];
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
	return &b->p;
}

int model_preview(struct plane *p, const struct model *want,
		  void (*changed)(void *ctx, const char *line), void *ctx, size_t *n,
		  struct xr_err *err)
{
	struct blank *b = p ? NULL : calloc(1, sizeof(*b));
	struct commit c = { .err = err, .preview = n };
	int ret = -ENOMEM;

	err->text[0] = '\0';
	if (p) {
		c.p = p;
		ret = model_load(p, &c.have, err);
		if (ret)
			return ret;
	} else if (b) {
		c.p = blank_plane(b);
		model_init(&c.have);
		c.have.limits = want->limits;
		model_default_limits(&c.have.limits);
		ret = 0;
	}
	if (!ret)
		ret = model_copy(&c.want, want);
	if (!ret && b)
		c.want.has_secret = false; /* there is no other to keep */
	ret = commit_run(&c, ret, changed, ctx);
	free(b);
	return ret;
}
