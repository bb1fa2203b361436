// SPDX-License-Identifier: GPL-2.0-only
/* Opens the instance that the options name. */
#include <errno.h>

#include "apply/apply.h"
#include "apply/instance.h"
#include "audit/audit.h"
#include "journal/journal.h"
#include "args.h"
#include "out.h"

static int open_to_change(struct plane **p, enum plane_access how)
{
	struct xr_err err = { "" };

	if (instance_open(p, opt.instance, how, NULL, NULL, &err))
		return cmd_fail(&err);
	/* Finish what a killed command began, before anything else changes. */
	if (model_recover(*p, &err)) {
		plane_close(*p);
		return cmd_fail(&err);
	}
	if (err.text[0])
		cmd_warn("%s", err.text);
	return EXIT_DONE;
}

int cmd_open(struct plane **p, enum plane_access how)
{
	struct xr_err err = { "" };
	int ret;

	if (how != PLANE_READ)
		return open_to_change(p, how);
	/*
	 * Nobody wants to see half a change: wait for it, or finish it. Who
	 * may only read goes on with what there is.
	 */
	if (journal_exists(opt.instance)) {
		ret = instance_open(p, opt.instance, PLANE_CHANGE, NULL, NULL, &err);
		if (!ret) {
			if (model_recover(*p, &err) || err.text[0])
				cmd_warn("%s", err.text);
			plane_close(*p);
		} else if (ret == -EBUSY) {
			cmd_warn("%s; what is shown is half a change", err.text);
		}
	}
	audit_intend(false);
	if (instance_open(p, opt.instance, how, NULL, NULL, &err))
		return cmd_fail(&err);
	return EXIT_DONE;
}
