// SPDX-License-Identifier: GPL-2.0-only
/* Making the change that a killed command left in the journal. */
#include <errno.h>
#include <string.h>
#include "apply.h"
#include "commit/commit.h"
#include "journal/journal.h"
#include "lib/netns.h"
#include "model_load.h"

/* All of want is written, whatever the half-changed maps seem to say. */
static int commit_all(struct plane *p, struct model *want, struct xr_err *err)
{
	struct model have;
	int ret = want->sids_stay ? model_load_without_sids(p, &have, err)
				  : model_load(p, &have, err);

	if (ret)
		return ret;
	ret = commit_models(p, &have, want, COMMIT_ALL, NULL, NULL, err);
	model_free(&have);
	return ret;
}

/* Devices' names and routes are those of the network namespace netns; 0: of this one. */
static int finish(struct plane *p, struct model *want, __u64 netns, struct xr_err *err)
{
	int back = -1, ret = netns ? netns_enter(netns, &back) : 0;

	if (ret && ret != -ENOENT)
		return xr_fail(err, ret, "going to its network namespace: %s", strerror(-ret));
	/* A device may be gone by now; the rest must not wait for it. */
	if (ret)
		want->devs_given = false;
	ret = commit_all(p, want, err);
	if (ret && want->devs_given) {
		want->devs_given = false;
		ret = commit_all(p, want, err);
	}
	netns_leave(back);
	return ret;
}

/*
 * The journal is damaged, or another xroam's. What it asked for is not known any
 * more, but what is there can be made whole, and nothing else need wait. why: what is
 * wrong with it; becomes the warning.
 */
static int give_up(struct plane *p, struct xr_err *err)
{
	struct xr_err why = *err, wrong = { "" };
	char aside[JOURNAL_PATH];
	struct model now;
	int ret = journal_set_aside(p, aside);

	if (ret)
		return xr_fail(err, ret,
			       "an interrupted change cannot be read: %s; remove that file",
			       why.text);
	ret = model_load(p, &now, &wrong);
	if (!ret) {
		ret = commit_all(p, &now, &wrong);
		model_free(&now);
	}
	xr_fail(err, 0,
		"an interrupted change is lost, for it cannot be read: %s; see %s, and \"xroam apply FILE\" makes the instance what it shall be%s%s",
		why.text, aside, ret ? "; until then: " : "", wrong.text);
	plane_event(p, "an interrupted change cannot be read: it is lost");
	return 0;
}

int model_recover(struct plane *p, struct xr_err *err)
{
	struct xr_err first, own = { "" };
	char path[JOURNAL_PATH];
	struct model want;
	__u64 netns;
	int ret;

	err = err ? err : &own;
	err->text[0] = '\0';
	ret = journal_read(p, &want, &netns, err);
	if (!ret || ret == -ENOMEM)
		return ret;
	if (ret < 0)
		return give_up(p, err);
	ret = finish(p, &want, netns, &first);
	model_free(&want);
	if (ret) {
		journal_path(p->name, path);
		return xr_fail(
			err, ret,
			"an interrupted change cannot be finished: %s; mend that, or \"xroam apply FILE\", or remove %s",
			first.text, path);
	}
	plane_event(p, "an interrupted change was finished");
	return 0;
}
