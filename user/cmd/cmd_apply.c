// SPDX-License-Identifier: GPL-2.0-only
/* xroam apply, check, export: the instance and its file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "edit.h"

static const char apply_help[] =
	"Usage: xroam apply FILE\n"
	"\n"
	"Makes the instance equal to FILE (\"-\": standard input), and makes the\n"
	"instance if there is none. Prints the changes, or \"nothing to change\". All\n"
	"or nothing: where anything is wrong, nothing changes.\n";

static const char check_help[] =
	"Usage: xroam check FILE\n"
	"\n"
	"Validates FILE and changes nothing: FILE:LINE: what is wrong, what would be\n"
	"right.\n";

static const char export_help[] =
	"Usage: xroam export [--keys]\n"
	"\n"
	"Prints the running state as a file that apply accepts. Without --keys each\n"
	"key reads \"hidden\", which apply takes for the running one, and the secret is\n"
	"left out.\n";

static void on_warning(void *ctx, const char *line)
{
	size_t *n = ctx;

	++*n;
	cmd_warn("%s", line);
}

/* A key file would be refused; what holds more than keys is but warned of. */
static void warn_of_keys(const char *file, size_t *warnings)
{
	struct stat st;

	if (stat(file, &st) || !S_ISREG(st.st_mode) || !(st.st_mode & 077))
		return;
	++*warnings;
	cmd_warn("%s: it holds keys, and others than its owner can use it (mode %04o); chmod 600 it",
		 file, st.st_mode & 07777);
}

/* Reads and checks; warnings are printed. 0 or -errno. */
static int read_file(const char *file, struct model *m, size_t *warnings,
		     struct xr_err *err)
{
	int ret = config_read(file, m, err);

	if (ret)
		return ret;
	ret = model_check(m, file, err);
	if (ret) {
		model_free(m);
		return ret;
	}
	if (m->keys_inside)
		warn_of_keys(file, warnings);
	model_warn(m, file, on_warning, warnings);
	return 0;
}

static void default_limits(struct xr_limits *l)
{
	if (!l->vips)
		l->vips = xr_default_limits.vips;
	if (!l->backends)
		l->backends = xr_default_limits.backends;
	if (!l->server_ids)
		l->server_ids = xr_default_limits.server_ids;
	if (!l->flows)
		l->flows = xr_default_limits.flows;
}

static bool other_limit(__u32 have, __u32 want)
{
	return want && want != have;
}

/*
 * An instance with nothing in it whose limits or secret are not the file's: an
 * apply was killed as soon as it had made it. Another can take its place.
 */
static bool is_stillborn(struct plane *p, const struct model *want)
{
	const struct xr_limits *h = &p->meta->limits, *w = &want->limits;
	struct model have;
	bool bare;

	if (!other_limit(h->vips, w->vips) &&
	    !other_limit(h->backends, w->backends) &&
	    !other_limit(h->server_ids, w->server_ids) &&
	    !other_limit(h->flows, w->flows) &&
	    (!want->has_secret ||
	     !memcmp(p->meta->secret, want->secret, sizeof(want->secret))))
		return false;
	if (model_unfinished(opt.instance) || model_load(p, &have, NULL))
		return false;
	bare = !have.n_vips && !have.n_cids && !have.n_backends &&
	       !have.n_devs;
	model_free(&have);
	return bare;
}

static int open_for(struct plane **p, const struct model *m,
		    struct xr_err *err)
{
	struct xr_limits limits = m->limits;

	default_limits(&limits);
	return plane_open(p, opt.instance, PLANE_CREATE, &limits,
			  m->has_secret ? m->secret : NULL, err);
}

static int apply_model(const struct model *m, struct change_list *list,
		       struct xr_err *err)
{
	struct plane *p;
	int ret = open_for(&p, m, err);

	if (!ret && !p->created && is_stillborn(p, m)) {
		ret = plane_destroy(p, err);
		plane_close(p);
		if (!ret)
			ret = open_for(&p, m, err);
	}
	if (ret)
		return ret;
	ret = model_commit(p, m, cmd_changed, list, err);
	if (ret && p->created)
		plane_destroy(p, NULL);
	plane_close(p);
	return ret;
}

int do_apply(int argc, char **argv)
{
	struct change_list list = { .quiet = false };
	struct xr_err err = { "" };
	size_t warnings = 0;
	struct model m;
	int ret;

	if (cmd_help(apply_help, argc, argv))
		return EXIT_DONE;
	if (argc != 2)
		return cmd_usage("apply: one FILE is expected");
	if (read_file(argv[1], &m, &warnings, &err))
		return cmd_fail(&err);
	if (opt.json)
		list.json = json_array();
	ret = apply_model(&m, &list, &err);
	model_free(&m);
	if (ret) {
		json_decref(list.json);
		return cmd_fail(&err);
	}
	if (opt.json)
		return out_json(json_pack("{s:o}", "changes", list.json));
	if (!list.n)
		puts("nothing to change");
	return EXIT_DONE;
}

int do_check(int argc, char **argv)
{
	struct xr_err err = { "" };
	size_t warnings = 0, sids = 0, i;
	struct model m;
	int ret;

	if (cmd_help(check_help, argc, argv))
		return EXIT_DONE;
	if (argc != 2)
		return cmd_usage("check: one FILE is expected");
	if (read_file(argv[1], &m, &warnings, &err))
		return cmd_fail(&err);
	default_limits(&m.limits);
	ret = model_check(&m, argv[1], &err);
	for (i = 0; i < m.n_backends; i++)
		sids += m.backends[i].n_sids;
	if (ret)
		ret = cmd_fail(&err);
	else if (opt.json)
		ret = out_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}",
					 "file", argv[1],
					 "vips", (json_int_t)m.n_vips,
					 "backends", (json_int_t)m.n_backends,
					 "server_ids", (json_int_t)sids,
					 "cid_configs", (json_int_t)m.n_cids,
					 "warnings", (json_int_t)warnings));
	else
		printf("%s: good: %zu VIPs, %zu backends, %zu server IDs, %zu CID configs\n",
		       argv[1], m.n_vips, m.n_backends, sids, m.n_cids);
	model_free(&m);
	return ret;
}

int do_export(int argc, char **argv)
{
	struct xr_err err = { "" };
	bool keys = false;
	struct plane *p;
	struct model m;
	char *text;
	size_t len;
	int ret;

	if (cmd_help(export_help, argc, argv))
		return EXIT_DONE;
	if (argc == 2 && (!strcmp(argv[1], "--keys") ||
			  !strcmp(argv[1], "keys")))
		keys = true;
	else if (argc != 1)
		return cmd_usage("export: \"%s\" is not expected here; write --keys or nothing",
				 argv[argc - 1]);
	ret = cmd_load(&p, &m);
	if (ret)
		return ret;
	m.devs_given = true;
	ret = config_write(&m, keys, &text, &len, &err);
	if (ret) {
		ret = cmd_fail(&err);
	} else {
		fwrite(text, 1, len, stdout);
		explicit_bzero(text, len);
	}
	free(text);
	model_free(&m);
	plane_close(p);
	return ret;
}
