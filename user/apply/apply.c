// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply_priv.h"
#include "attach/attach.h"
#include "commit/commit.h"
#include "journal/journal.h"
#include "model/model_edit.h"
#include "instance.h"
#include "lib/defaults.h"
#include "lib/progress.h"
#include "model_load.h"
#include "narrow.h"
#include "vm/vm.h"

void model_default_limits(struct xr_limits *l)
{
	if (l->server_ids && !l->server_id_pages)
		l->server_id_pages = xr_default_sid_pages(l->server_ids);
#define X(name, value, least, most) l->name = l->name ?: value;
	XR_LIMITS(X)
#undef X
}

/* What is 0 in want is left as it is. */
static bool other_limits(const struct xr_limits *have, const struct xr_limits *want)
{
#define X(name, value, least, most) || (want->name && want->name != have->name)
	return false XR_LIMITS(X);
#undef X
}

bool apply_is_stillborn(struct plane *p, const struct model *want)
{
	struct model have;
	bool bare;

	if (!other_limits(&p->meta->limits, &want->limits) &&
	    (!want->has_secret || !memcmp(p->meta->secret, want->secret, sizeof(want->secret))))
		return false;
	if (journal_exists(p->name) || model_load_without_sids(p, &have, NULL))
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

static int upgrade(const char *instance, void (*changed)(void *ctx, const char *line), void *ctx,
		   struct xr_err *err)
{
	char line[64];
	__u32 from;
	int ret = instance_upgrade(instance, &from, err);

	if (!ret && from && changed) {
		snprintf(line, sizeof(line), "~ map layout %u -> %d", from, XR_ABI_VERSION);
		changed(ctx, line);
	}
	return ret;
}

static int keep_vms(struct plane *p, struct model *now, struct model *want, struct xr_err *err)
{
	int ret = model_load_vms(p, now, err);

	if (ret)
		return ret;
	ret = narrow_keep_hosts(now, want);
	return ret ? xr_fail(err, ret, "out of memory") : 0;
}

/* ---- apply ---- */

/*
 * Finishes what a killed command left, and loads the result. If that cannot be finished,
 * no matter: then all of the new model is written (*how).
 */
static int load_finished(struct plane *p, struct model *have, bool sids, enum commit_how *how,
			 struct xr_err *err)
{
	int ret = model_recover(p, err);

	if (ret == -ENOMEM)
		return ret;
	*how = ret ? COMMIT_ALL : COMMIT_DIFFERENCE;
	return sids || ret ? model_load(p, have, err) : model_load_without_sids(p, have, err);
}

int model_commit(struct plane *p, const struct model *want,
		 void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err)
{
	struct model have, own;
	enum commit_how how;
	int ret = load_finished(p, &have, true, &how, err);

	if (ret)
		return ret;
	ret = model_copy(&own, want);
	if (ret) {
		xr_fail(err, ret, "out of memory");
	} else {
		ret = commit_models(p, &have, &own, how, changed, ctx, err);
		model_free(&own);
	}
	model_free(&have);
	return ret;
}

struct edit {
	int (*edit)(struct model *m, void *ctx, struct xr_err *err);
	void *ctx;
	void (*changed)(void *ctx, const char *line);
	void *changed_ctx;
};

/* -ERESTART: programs are ready now, but the lock was not held meanwhile. */
static int edit_once(struct plane *p, enum edit_what what, const struct edit *e, struct xr_err *err)
{
	struct model have, want;
	enum commit_how how;
	int ret = load_finished(p, &have, what >= EDIT_SIDS, &how, err);

	if (ret)
		return ret;
	if (what == EDIT_ALL)
		ret = model_load_vms(p, &have, err);
	if (!ret && model_copy(&want, &have))
		ret = xr_fail(err, -ENOMEM, "out of memory");
	if (!ret) {
		ret = e->edit(&want, e->ctx, err);
		if (!ret && what == EDIT_PROGRAMS && commit_needs_programs(p, &want))
			ret = edit_ready_programs(p, &want, err) ?: -ERESTART;
		else if (!ret)
			ret = commit_models(p, &have, &want, how, e->changed, e->changed_ctx, err);
		model_free(&want);
	}
	model_free(&have);
	return ret;
}

int model_edit(struct plane *p, enum edit_what what,
	       int (*edit)(struct model *m, void *ctx, struct xr_err *err), void *ctx,
	       void (*changed)(void *changed_ctx, const char *line), void *changed_ctx,
	       struct xr_err *err)
{
	const struct edit e = { edit, ctx, changed, changed_ctx };
	int ret = edit_once(p, what, &e, err);

	if (ret == -ERESTART)
		ret = edit_once(p, EDIT_LITTLE, &e, err);
	plane_drop_ready();
	return ret;
}

int model_apply(const char *instance, struct model *want, enum apply_vms vms,
		void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err)
{
	struct narrow few = { .id = 0 };
	enum commit_how how;
	struct model have;
	struct plane *p;
	int ret;

	progress_stage(PROGRESS_PREPARING);
	ret = upgrade(instance, changed, ctx, err);
	if (!ret && vms == APPLY_NEW_VMS)
		narrow_begin(&few, instance, want);
	if (!ret)
		apply_ready_programs(instance, want);
	if (!ret)
		ret = open_for(&p, instance, want, err);
	if (!ret && !p->created && apply_is_stillborn(p, want)) {
		ret = instance_destroy(p, err);
		plane_close(p);
		if (!ret)
			ret = open_for(&p, instance, want, err);
	}
	if (ret)
		goto out;
	ret = load_finished(p, &have, false, &how, err);
	if (!ret) {
		ret = apply_keep_sections(&have, want, err);
		if (!ret && vms == APPLY_NEW_VMS && want->vms_given && !p->created &&
		    (how == COMMIT_ALL || !narrow_use(&few, p, want)))
			ret = keep_vms(p, &have, want, err);
		if (!ret)
			ret = commit_models(p, &have, want, how, changed, ctx, err);
		model_free(&have);
	}
	if (ret && p->created)
		instance_destroy(p, NULL);
	/* From here on output may have to wait for its reader. */
	progress_stage(ret ? PROGRESS_OFF : PROGRESS_MADE);
	plane_close(p);
out:
	plane_drop_ready();
	narrow_end(&few);
	return ret;
}
