// SPDX-License-Identifier: GPL-2.0-only
#include "apply_priv.h"
#include "attach/attach.h"
#include "commit/commit.h"
#include "instance.h"
#include "journal/journal.h"
#include "model_load.h"

/* What it leaves to etcd is as it runs: of that the hosts and VIPs count. */
static void ready_with_sections(struct plane *p, const struct model *want)
{
	struct model have, whole = *want;

	if (model_load_without_sids(p, &have, NULL))
		return;
	if (!(want->sections >> MODEL_HOSTS & 1)) {
		whole.hosts = have.hosts;
		whole.n_hosts = have.n_hosts;
	}
	if (!(want->sections >> MODEL_VIPS & 1)) {
		whole.vips = have.vips;
		whole.n_vips = have.n_vips;
	}
	commit_ready_programs(p, &whole);
	model_free(&have);
}

void apply_ready_programs(const char *instance, const struct model *want)
{
	struct plane *p;

	/* What a killed command left is to be finished first, with programs of its own. */
	if (journal_exists(instance) || plane_open(&p, instance, PLANE_READ, NULL, NULL, NULL))
		return;
	if (want->etcd.given)
		ready_with_sections(p, want);
	else
		commit_ready_programs(p, want);
	plane_close(p);
}

int edit_ready_programs(struct plane *p, const struct model *want, struct xr_err *err)
{
	plane_unlock(p);
	commit_ready_programs(p, want);
	return instance_relock(p, err);
}
