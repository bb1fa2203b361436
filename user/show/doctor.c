// SPDX-License-Identifier: GPL-2.0-only
/* xroam doctor: what is wrong with the machine, and the command that mends it. */
#include <stdio.h>
#include <string.h>

#include "args/args.h"
#include "args/out.h"
#include "doctor/doctor.h"
#include "show.h"

static const char notes[] =
	"Looks at the machine under the instance, or before the first attach at one\n"
	"that is to carry it, and changes nothing: what is wrong, why that matters, and\n"
	"the command that mends it. Looked at are DEV, else the devices that are\n"
	"attached, else those that default routes leave by. role: what a device will\n"
	"have that is not attached. -v lists what was right, too. Status 1 where\n"
	"packets are lost or xroam cannot run; 0 where there is nothing, or warnings\n"
	"alone.\n";

#define LINES_MAX 10 /* findings of one check; -v and -j show all */

static const char *severity_word(enum doctor_severity severity)
{
	return severity == DOCTOR_ERROR ? "error" : "warning";
}

static json_t *json_findings(const struct doctor_report *r)
{
	json_t *list = json_array();
	size_t i, k;

	for (i = 0; i < r->n; i++)
		for (k = 0; k < r->check[i].n; k++) {
			const struct doctor_finding *f = &r->check[i].finding[k];

			json_array_append_new(
				list,
				json_pack("{s:s, s:s, s:o, s:o, s:s, s:o}", "id", r->check[i].id,
					  "severity", severity_word(f->severity), "object",
					  json_text(f->object), "wrong", json_text(f->wrong), "why",
					  r->check[i].why, "cure", json_text(f->cure)));
		}
	return list;
}

static json_t *json_unseen(const struct doctor_report *r)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->check[i].unseen[0])
			json_array_append_new(list,
					      json_pack("{s:s, s:o}", "id", r->check[i].id,
							"reason", json_text(r->check[i].unseen)));
	return list;
}

static json_t *json_checks(const struct doctor_report *r)
{
	static const char *const words[] = { "passed", "found", "nothing", "unseen" };
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct doctor_checked *c = &r->check[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", c->id,
						"severity", severity_word(c->severity), "looks_at",
						c->looks_at, "why", c->why, "result",
						words[c->outcome]));
	}
	return list;
}

static int print_json(const struct doctor_report *r)
{
	json_t *all = json_pack("{s:o, s:o}", "findings", json_findings(r), "unseen",
				json_unseen(r));

	if (opt.verbose)
		json_object_set_new(all, "checks", json_checks(r));
	return out_json(all);
}

static void print_findings(const struct doctor_checked *c)
{
	size_t i;

	for (i = 0; i < c->n && (opt.verbose || i < LINES_MAX); i++) {
		const struct doctor_finding *f = &c->finding[i];

		printf("%-8s %s: %s: %s\n", severity_word(f->severity), c->id, f->object, f->wrong);
		printf("    why   %s\n    cure  %s\n", c->why, f->cure);
	}
	if (i < c->n)
		printf("... and %zu more of these: -v\n", c->n - i);
}

static void print_text(const struct doctor_report *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		print_findings(&r->check[i]);
	for (i = 0; i < r->n; i++)
		if (r->check[i].unseen[0])
			printf("unseen   %s: %s\n", r->check[i].id, r->check[i].unseen);
	for (i = 0; opt.verbose && i < r->n; i++)
		if (r->check[i].outcome == DOCTOR_PASSED)
			printf("passed   %s: %s\n", r->check[i].id, r->check[i].looks_at);
	for (i = 0; opt.verbose && i < r->n; i++)
		if (r->check[i].outcome == DOCTOR_NOTHING)
			printf("nothing  %s: nothing of that kind is here\n", r->check[i].id);
}

static bool any_error(const struct doctor_report *r)
{
	size_t i, k;

	for (i = 0; i < r->n; i++)
		for (k = 0; k < r->check[i].n; k++)
			if (r->check[i].finding[k].severity == DOCTOR_ERROR)
				return true;
	return false;
}

struct words {
	char *dev[XR_MAX_DEVICES];
	int devs;
	enum xr_role role;
};

static int take_dev(struct args *a, void *to)
{
	struct words *w = to;
	char *dev = args_need(a, "a device");
	struct xr_err err;

	if (!dev)
		return EXIT_USAGE;
	if (text_check_dev("dev", dev, &err))
		return cmd_usage("%s", err.text);
	if (w->devs == XR_MAX_DEVICES)
		return cmd_usage("at most %d devices", XR_MAX_DEVICES);
	w->dev[w->devs++] = dev;
	return EXIT_DONE;
}

static const char *const roles[] = { "node", "backend", "pass", NULL };

/* clang-format off */
static const struct args_key keys[] = {
	{ "dev", ARGS_OTHER, .take = take_dev },
	{ "role", ARGS_WORD, ARGS_TO(struct words, role), XR_ROLE_NODE, .words = roles },
	{ 0 }
};
/* clang-format on */

int do_doctor(int argc, char **argv)
{
	struct words w = { .role = XR_ROLE_NODE };
	struct args_given g = { .often = ARGS_ALL };
	struct doctor_report report;
	struct doctor_args what;
	struct args a = args_after(argc, argv);
	struct xr_err err = { "" };
	int ret;

	if (cmd_help(notes, argc, argv))
		return EXIT_DONE;
	ret = args_take(&a, keys, &w, &g);
	if (ret)
		return ret;
	what = (struct doctor_args){
		.instance = opt.instance, .dev = w.dev, .devs = w.devs, .role = w.role
	};
	if (doctor_run(&what, &report, &err))
		return cmd_fail(&err);
	ret = any_error(&report) ? EXIT_REFUSED : EXIT_DONE;
	if (opt.json)
		print_json(&report);
	else
		print_text(&report);
	doctor_free(&report);
	return ret;
}
