// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes an instance equal to a model, all or nothing.
 *
 * First everything that can fail: whether it fits, routes, tables, into memory
 * and into slots that nothing names yet. Then the journal, and what can fail
 * but be undone: members, devices. From there on stores into mapped memory only
 * (commit_store.c).
 *
 * A kill before the journal leaves nothing; after it, the next command reads
 * the journal and makes the same change again (model_recover()).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "commit.h"
#include "commit_priv.h"
#include "devices/devices.h"
#include "journal/journal.h"
#include "lib/progress.h"
#include "underlay/vip_own.h"

/* ---- what can fail, and is undone ---- */

static bool same_program(const struct xr_policy *a, const struct xr_policy *b)
{
	return a->too_big == b->too_big && a->down == b->down && a->flow_idle == b->flow_idle &&
		a->reply_rate == b->reply_rate && a->vip_other == b->vip_other &&
		a->vip_echo == b->vip_echo && a->moves == b->moves && a->tunnels == b->tunnels &&
		a->flap_moves == b->flap_moves && a->flap_seconds == b->flap_seconds &&
		a->vm_ttl == b->vm_ttl;
}

/* Where there are no server IDs at all, it is the table that has none. */
static __u32 sid_features(const struct commit *c)
{
	const __u32 both = XR_FEATURE_SID_PAGES | XR_FEATURE_SID_TABLE;
	struct sid_use use;

	if (!c->sids)
		return c->p->meta->features & both;
	use = sid_store_plan_use(c->sids);
	return (use.pages ? XR_FEATURE_SID_PAGES : 0) |
		(use.in_table || !use.pages ? XR_FEATURE_SID_TABLE : 0);
}

/*
 * Some of the policy, and what there is to look for, is in the program itself: that needs
 * another program. While the change is made it looks for the old and the new.
 */
static bool other_program(const struct plane *p, const struct xr_policy *had,
			  const struct xr_policy *want, __u32 features)
{
	return plane_next_device(p, NULL) &&
		(!same_program(had, want) || features != p->meta->features);
}

/* Whether server IDs get pages, or the last one goes, shows in the midst of a commit only. */
static __u32 features_ahead(const struct plane *p, const struct model *want)
{
	return commit_features(want) |
		(p->meta->features & (XR_FEATURE_SID_PAGES | XR_FEATURE_SID_TABLE));
}

bool commit_needs_programs(const struct plane *p, const struct model *want)
{
	return other_program(p, &p->meta->policy, &want->policy, features_ahead(p, want));
}

void commit_ready_programs(struct plane *p, const struct model *want)
{
	__u32 after = features_ahead(p, want), during = p->meta->features | after;

	if (other_program(p, &p->meta->policy, &want->policy, during))
		plane_ready_programs(p, &want->policy, during);
	if (after != during)
		plane_ready_programs(p, &want->policy, after);
}

static __u32 features_wanted(const struct commit *c)
{
	return commit_features(c->want) | sid_features(c);
}

static int store_policy(struct commit *c)
{
	__u32 had = c->had_features = c->p->meta->features;
	int ret;

	c->p->meta->policy = c->want->policy;
	c->p->meta->features |= features_wanted(c);
	if (same_program(&c->have->policy, &c->want->policy) && c->p->meta->features == had &&
	    !c->force)
		return 0;
	if (!plane_next_device(c->p, NULL))
		return 0;
	ret = devices_reload(c->p, c->err);
	/* To finish what a kill interrupted, a lost program is no hindrance. */
	if (!ret || (ret == -ENOENT && c->force))
		return 0;
	c->p->meta->policy = c->have->policy;
	c->p->meta->features = had;
	devices_reload(c->p, NULL); /* those that had got the new one */
	return ret;
}

/* What is gone need not be looked for: a program without costs less. */
static void drop_features(struct commit *c)
{
	__u32 features = features_wanted(c);

	if (c->p->meta->features == features)
		return;
	c->p->meta->features = features;
	if (plane_next_device(c->p, NULL))
		devices_reload(c->p, NULL);
}

/* Whether a signal ends it here, where nothing has changed yet. */
static int unless_stopped(struct commit *c, int ret)
{
	return ret || !progress_stopped() ? ret : xr_fail(c->err, -EINTR, PROGRESS_STOPPED);
}

static int make_change(struct commit *c)
{
	int ret;

	progress_doing("writing the journal", 0);
	ret = journal_write(c->p, c->want, c->err);
	if (ret)
		return ret;
	ret = unless_stopped(c, ret);
	if (ret)
		goto out;
	progress_stage(PROGRESS_MAKING);
	progress_doing("making the change", 0);
	ret = commit_add_members(c);
	if (ret)
		goto out;
	ret = store_policy(c);
	if (ret)
		goto undo_members;
	ret = commit_attach(c);
	if (ret)
		goto undo_policy;
	ret = commit_store(c);
	if (ret)
		return ret; /* the journal stays */
	ret = commit_detach(c);
	drop_features(c);
	vip_own_refresh(c->p, 0);
	__atomic_add_fetch(&c->p->meta->changes, 1, __ATOMIC_RELEASE);
	journal_remove(c->p);
	return ret;

undo_policy:
	c->p->meta->policy = c->have->policy;
	if ((memcmp(&c->have->policy, &c->want->policy, sizeof(c->have->policy)) ||
	     c->p->meta->features != c->had_features) &&
	    plane_next_device(c->p, NULL)) {
		c->p->meta->features = c->had_features;
		devices_reload(c->p, NULL);
	}
undo_members:
	commit_undo_members(c);
out:
	journal_remove(c->p);
	return ret;
}

/* ---- the whole ---- */

static void commit_free(struct commit *c)
{
	size_t i;

	for (i = 0; i < c->n_lines; i++)
		free(c->lines[i]);
	for (i = 0; i < c->n_fds; i++)
		close(c->fds[i]);
	free(c->lines);
	free(c->fds);
	free(c->table_vip);
	free(c->table_fd);
	free(c->add_members);
	free(c->del_members);
	free(c->have_members.item);
	free(c->want_members.item);
	free(c->jobs);
	free(c->job_path);
	free(c->vip);
	free(c->backend);
	free(c->sid_change);
	free(c->had_health);
	free(c->health);
	free(c->host);
	free(c->vm_changes);
	free(c->devices);
	sid_store_plan_free(c->sids);
}

static int run(struct commit *c)
{
	bool differs = false;
	int ret;

	progress_doing("comparing", 0);
	ret = unless_stopped(c, commit_match(c));
	if (!ret)
		ret = commit_check_sections(c);
	if (!ret)
		ret = commit_compare_sids(c);
	if (!ret)
		ret = commit_list_members(c);
	if (!ret)
		ret = commit_plan_health(c);
	if (!ret)
		ret = commit_describe(c);
	if (!ret)
		ret = commit_describe_devices(c);
	if (!ret)
		differs = commit_differs(c);
	/* Nothing is changed in silence. */
	if (differs && !c->n_changes)
		ret = commit_add_line(c, "~ configuration: no words for what differs");
	/* What is around it may have changed all the same. */
	if (!ret && !differs && !c->force && !c->preview) {
		vip_own_refresh(c->p, 0);
		commit_follow_routes(c);
	}
	if (ret || (!differs && !c->force))
		return ret;
	ret = commit_describe_stops(c);
	if (ret || c->preview)
		return ret;
	ret = unless_stopped(c, 0);
	if (!ret)
		ret = unless_stopped(c, commit_prepare(c));
	return ret ? ret : make_change(c);
}

int commit_models(struct plane *p, struct model *have, struct model *want, enum commit_how how,
		  void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err)
{
	struct xr_err own = { "" };
	struct commit c = {
		.p = p,
		.err = err ? err : &own,
		.have = have,
		.want = want,
		.force = how == COMMIT_ALL,
		.preview = how == COMMIT_PREVIEW,
	};
	enum progress_stage stage;
	int ret;

	c.err->text[0] = '\0';
	stage = progress_stage(PROGRESS_PREPARING);
	ret = run(&c);
	if (stage == PROGRESS_OFF)
		progress_stage(PROGRESS_OFF);
	if (!ret)
		commit_report(&c, changed, ctx);
	else if (!c.err->text[0])
		xr_fail(c.err, ret, "%s", ret == -ENOMEM ? "out of memory" : strerror(-ret));
	commit_free(&c);
	return ret;
}
