// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "apply/instance.h"
#include "apply/model_load.h"
#include "audit/audit.h"
#include "edit_priv.h"

void cmd_print_change(void *ctx, const char *line)
{
	struct change_list *list = ctx;

	if (*line == '!') {
		cmd_warn_grouped(line + 2);
		return;
	}
	list->n++;
	if (list->json)
		json_array_append_new(list->json, json_text(line));
	else if (!list->quiet)
		printf("%s\n", line);
}

int cmd_take_check(struct args *a, char *to, bool keep_none)
{
	char name[XR_NAME_LEN] = "";
	int ret = args_name(a, "health check", name);

	if (ret)
		return ret;
	if (strlen(name) >= XR_CHECK_NAME)
		return cmd_usage("health check \"%s\": a name has at most %d characters", name,
				 XR_CHECK_NAME - 1);
	if (keep_none || strcmp(name, XR_CHECK_NONE))
		strcpy(to, name);
	return EXIT_DONE;
}

int cmd_load_model(struct plane **p, struct model *m)
{
	struct xr_err err = { "" };
	int ret;

	/* With the lock, so that nobody's half-made change is seen. */
	audit_intend(false);
	ret = cmd_open(p, PLANE_CHANGE);
	if (ret)
		return ret;
	if (!model_load(*p, m, &err))
		return EXIT_DONE;
	plane_close(*p);
	return cmd_fail(&err);
}

int cmd_edit(enum plane_access how, enum edit_what what,
	     int (*edit)(struct model *m, void *ctx, struct xr_err *err), void *ctx)
{
	struct change_list list = { .quiet = !opt.verbose };
	struct xr_err err = { "" };
	struct plane *p;
	int ret = cmd_open(&p, how);

	if (ret)
		return ret;
	if (opt.json && opt.verbose)
		list.json = json_array();
	ret = model_edit(p, what, edit, ctx, cmd_print_change, &list, &err);
	/* An error means no change: remove the instance that was made for this. */
	if (ret && p->created)
		instance_destroy(p, NULL);
	plane_close(p);
	if (ret) {
		json_decref(list.json);
		return cmd_fail(&err);
	}
	if (list.json)
		return out_json(json_pack("{s:o}", "changes", list.json));
	return EXIT_DONE;
}
