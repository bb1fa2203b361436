// SPDX-License-Identifier: GPL-2.0-only
/* xroam apply, check, export: the instance and its file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apply/apply.h"
#include "apply/model_load.h"
#include "audit/audit.h"
#include "config/config.h"
#include "edit_priv.h"
#include "host/host.h"
#include "lib/progress.h"
#include "write/write.h"

static const char apply_notes[] =
	"Makes the instance equal to FILE (\"-\": standard input), and makes the\n"
	"instance if there is none. Prints the changes, or \"nothing to change\". All\n"
	"or nothing: where anything is wrong, nothing changes. A list that FILE leaves\n"
	"out while the instance has such things is refused: write \"backends: []\" to\n"
	"delete them all. --dry-run: says what would change, and changes nothing; exit\n"
	"status 0 where nothing would, 3 where something would.\n";

static const char check_notes[] =
	"Validates FILE and changes nothing: FILE:LINE: what is wrong, what would be\n"
	"right, of all that is wrong.\n";

static const char export_notes[] =
	"Prints the running state as a file that apply accepts. Without --keys each\n"
	"key reads \"hidden\", which apply takes for the running one, and the secret is\n"
	"left out.\n";

static void on_warning(void *ctx, const char *line)
{
	size_t *n = ctx;

	++*n;
	cmd_warn_grouped(line);
}

/* Others may use the file: for a key file an error, for a configuration with keys a warning. */
static void warn_of_keys(const char *file, size_t *warnings)
{
	struct stat st;

	if (stat(file, &st) || !S_ISREG(st.st_mode) || !(st.st_mode & 077))
		return;
	++*warnings;
	cmd_warn(
		"%s: it holds keys, and others than its owner can use it (mode %04o); chmod 600 it",
		file, st.st_mode & 07777);
}

static const char *name_of(const char *file)
{
	return strcmp(file, "-") ? file : "stdin";
}

/* Reads and checks; warnings are printed. 0 or -errno. */
static int read_file(const char *file, struct model *m, size_t *warnings, struct xr_err *err)
{
	int ret;

	progress_stage(PROGRESS_READING);
	progress_doing("reading the file", 0);
	ret = config_read(file, m, err);
	if (ret)
		return ret;
	file = name_of(file);
	progress_doing("checking it", 0);
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

/* Refuses a FILE like "--dry": a misspelt option. */
static int check_name(const char *command, const char *word, const char *option)
{
	if (word[0] != '-' || !word[1])
		return EXIT_DONE;
	return cmd_usage("%s: option \"%s\" is unknown%s%s; a file of that name is ./%s", command,
			 word, *option ? ": write " : "", option, word);
}

/* What no command can make so is not passed over in silence. */
static void tell_daemon_parts(const char *file, const char *parts)
{
	cmd_warn(
		"%s: %s: not of the instance, but the daemon's, which has them of its own file (run -c): at its start, and by SIGHUP",
		name_of(file), parts);
}

int do_apply(int argc, char **argv)
{
	struct change_list list = { .quiet = false };
	struct xr_err err = { "" };
	size_t warnings = 0;
	const char *file = NULL;
	char parts[MODEL_PARTS];
	bool dry = false;
	struct model m;
	int ret, i;

	if (cmd_help(apply_notes, argc, argv))
		return EXIT_DONE;
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--dry-run"))
			dry = true;
		else if (!file)
			file = argv[i];
		else
			return cmd_usage(
				"apply: \"%s\" is not expected here; write one FILE, and --dry-run or nothing",
				argv[i]);
	}
	if (!file)
		return cmd_usage("apply: one FILE is expected");
	ret = check_name("apply", file, "--dry-run");
	if (ret)
		return ret;
	audit_intend(!dry);
	if (read_file(file, &m, &warnings, &err))
		return cmd_fail_in(file, &err);
	model_daemon_parts(&m, parts);
	if (opt.json)
		list.json = json_array();
	ret = dry ? model_preview(opt.instance, &m, cmd_print_change, &list, &err)
		  : model_apply(opt.instance, &m, APPLY_VMS, cmd_print_change, &list, &err);
	model_free(&m);
	if (ret) {
		json_decref(list.json);
		return cmd_fail_in(file, &err);
	}
	if (*parts)
		tell_daemon_parts(file, parts);
	if (opt.json)
		ret = out_json(json_pack("{s:o}", "changes", list.json));
	else if (!list.n)
		puts("nothing to change");
	return ret ? ret : dry && list.n ? EXIT_WOULD : EXIT_DONE;
}

/* The warnings that apply prints when it makes the hosts. */
static void warn_of_hosts(const struct model *m, size_t *warnings)
{
	char words[HOST_FAULT], line[HOST_FAULT + XR_NAME_LEN + 16];
	const char *wrong;
	size_t i;

	for (i = 0; i < m->n_hosts; i++) {
		wrong = host_fault(&m->hosts[i].info, words);
		if (!wrong)
			continue;
		snprintf(line, sizeof(line), "host %s: %s", m->hosts[i].info.name, wrong);
		on_warning(warnings, line);
	}
}

static int compare_lines(const void *a, const void *b)
{
	const struct xr_err_at *x = a, *y = b;

	return x->line < y->line ? -1 : x->line > y->line;
}

/* Prints all errors, in the order of the file. */
static void fail_all(const char *file, struct xr_errs *all)
{
	size_t i;

	qsort(all->item, all->n, sizeof(*all->item), compare_lines);
	for (i = 0; i < all->n; i++)
		cmd_fail_in(file, &all->item[i].err);
	if (all->n == XR_ERRS_MAX)
		cmd_refuse("%s: there may be more; these are the first %d", file, XR_ERRS_MAX);
}

/* Reads and checks the whole file, printing every error; 0, or the exit status. */
static int read_all(const char *file, struct model *m, size_t *warnings)
{
	struct xr_errs all = { .n = 0 };
	struct xr_err err = { "" };
	int ret;

	progress_stage(PROGRESS_READING);
	progress_doing("reading the file", 0);
	ret = config_read_all(file, m, &all, &err);

	file = name_of(file);
	if (!ret) {
		ret = model_check_all(m, file, &all, &err);
		/* Again with default limits, as a new instance would have them. */
		model_default_limits(&m->limits);
		if (!ret && !all.n)
			ret = model_check_all(m, file, &all, &err);
		if (!ret && !all.n) {
			if (m->keys_inside)
				warn_of_keys(file, warnings);
			model_warn(m, file, on_warning, warnings);
			return 0;
		}
		model_free(m);
	}
	if (all.n)
		fail_all(file, &all);
	/* The error that ended the check early. */
	if (!all.n || ret == -ENOMEM)
		cmd_fail_in(file, &err);
	xr_errs_free(&all);
	return EXIT_REFUSED;
}

int do_check(int argc, char **argv)
{
	size_t warnings = 0, sids = 0, i;
	struct model m;
	int ret;

	if (cmd_help(check_notes, argc, argv))
		return EXIT_DONE;
	if (argc != 2)
		return cmd_usage("check: one FILE is expected");
	ret = check_name("check", argv[1], "");
	if (ret)
		return ret;
	ret = read_all(argv[1], &m, &warnings);
	if (ret)
		return ret;
	warn_of_hosts(&m, &warnings);
	for (i = 0; i < m.n_backends; i++)
		sids += m.backends[i].n_sids;
	if (opt.json)
		ret = out_json(json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "file",
					 json_text(argv[1]), "hosts", (json_int_t)m.n_hosts, "vms",
					 (json_int_t)m.n_vms, "vips", (json_int_t)m.n_vips,
					 "backends", (json_int_t)m.n_backends, "server_ids",
					 (json_int_t)sids, "cid_configs", (json_int_t)m.n_cids,
					 "warnings", (json_int_t)warnings));
	else
		printf("%s: good: %zu VIPs, %zu backends, %zu server IDs, %zu CID configs, %zu hosts, %zu VMs\n",
		       argv[1], m.n_vips, m.n_backends, sids, m.n_cids, m.n_hosts, m.n_vms);
	model_free(&m);
	return ret;
}

int do_export(int argc, char **argv)
{
	struct xr_err err = { "" };
	size_t warnings = 0;
	bool keys = false;
	struct plane *p;
	struct model m;
	char *text = NULL;
	size_t len;
	int ret;

	if (cmd_help(export_notes, argc, argv))
		return EXIT_DONE;
	if (argc == 2 && (!strcmp(argv[1], "--keys") || !strcmp(argv[1], "keys")))
		keys = true;
	else if (argc != 1)
		return cmd_usage("export: \"%s\" is not expected here; write --keys or nothing",
				 argv[argc - 1]);
	ret = cmd_load_model(&p, &m);
	if (ret)
		return ret;
	m.devs_given = true;
	model_name_devices(p, &m, on_warning, &warnings);
	progress_stage(PROGRESS_READING);
	progress_doing("writing it", 0);
	ret = model_load_vms(p, &m, &err);
	if (!ret)
		ret = config_write(&m, keys, true, &text, &len, &err);
	if (ret) {
		ret = cmd_fail(&err);
	} else {
		progress_stage(PROGRESS_OFF);
		fwrite(text, 1, len, stdout);
		explicit_bzero(text, len);
	}
	free(text);
	model_free(&m);
	plane_close(p);
	return ret;
}
