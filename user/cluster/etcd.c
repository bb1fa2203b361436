// SPDX-License-Identifier: GPL-2.0-only
/* xroam etcd: the cluster's truth, written, compared, and how it is followed here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "args/args.h"
#include "args/out.h"
#include "cluster.h"
#include "cluster_priv.h"
#include "config/config.h"
#include "lib/progress.h"
#include "model/model_edit.h"

#define BATCH 100 /* changes in one transaction; etcd takes 128 */
#define TURNS 3   /* of a push that etcd's members change under */

static const char notes[] =
	"push makes the lists of FILE (hosts, cid, vips, backends, vms) what etcd has, one\n"
	"key an item; lists that FILE leaves out stay as they are. diff says what push would\n"
	"change; exit status 3: something. Where etcd is they read in FILE's etcd section,\n"
	"else from the daemon's. A key that somebody else changes meanwhile is not written.\n"
	"Keys of CID configurations do not go into etcd: key_file names a file of each node.\n"
	"status: how this node's daemon follows etcd, and how the members are.\n";

/* ---- FILE ---- */

struct wanted {
	struct model m;
	json_t *file, *items;
	struct etcd_session session;
};

static char *read_text(const char *path, size_t *len, struct xr_err *err)
{
	struct stat st;
	int fd = config_open(path, &st, err);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char *text = NULL, *bigger;
	size_t room = 0, got;

	*len = 0;
	if (!f)
		return NULL;
	do {
		if (*len + 65536 > room) {
			room = 2 * room + 65536;
			bigger = realloc(text, room);
			if (!bigger)
				break;
			text = bigger;
		}
		got = fread(text + *len, 1, 65536, f);
		*len += got;
	} while (got);
	fclose(f);
	return text;
}

/* The connection that the daemon has, where the file names none. */
static int take_connection(const char *path, struct model *m, struct xr_err *err)
{
	json_t *state;
	int ret = 0;

	if (m->etcd.given)
		return 0;
	state = etcd_state_read(opt.instance);
	if (!state || etcd_state_conf(state, &m->etcd))
		ret = xr_fail(
			err, -ENOENT,
			"%s: it has no etcd section, and no daemon of instance \"%s\" has one; write etcd: {endpoints: [...]}",
			path, opt.instance);
	json_decref(state);
	return ret;
}

static int want(const char *path, struct wanted *w, struct xr_err *err)
{
	size_t len;
	char *text;
	int ret;

	if (!strcmp(path, "-"))
		return xr_fail(err, -EINVAL, "etcd: FILE is read twice; standard input cannot be");
	progress_stage(PROGRESS_READING);
	progress_doing("reading the file", 0);
	ret = config_read(path, &w->m, err);
	if (ret)
		return ret;
	ret = model_check(&w->m, path, err);
	if (!ret)
		ret = take_connection(path, &w->m, err);
	if (ret)
		return ret;
	text = read_text(path, &len, err);
	w->file = text ? items_of_text(text, len) : NULL;
	if (text)
		explicit_bzero(text, len);
	free(text);
	if (!w->file)
		return xr_fail(err, -EIO, "%s: it has changed while it was read", path);
	w->session.conf = &w->m.etcd;
	return items_of_file(path, &w->m, w->file, &w->items, err);
}

static void forget(struct wanted *w)
{
	etcd_session_end(&w->session);
	json_decref(w->items);
	json_decref(w->file);
	model_free(&w->m);
}

/* ---- push ---- */

static json_t *compare_of(const struct wanted *w, const struct difference *d)
{
	return d->revision ? json_pack("{s:o, s:s, s:s, s:o}", "key", etcd_key(&w->m.etcd, d->key),
				       "target", "MOD", "result", "EQUAL", "mod_revision",
				       json_sprintf("%lld", d->revision))
			   : json_pack("{s:o, s:s, s:s, s:s}", "key", etcd_key(&w->m.etcd, d->key),
				       "target", "VERSION", "result", "EQUAL", "version", "0");
}

static json_t *change_of(const struct wanted *w, const struct difference *d)
{
	json_t *key = etcd_key(&w->m.etcd, d->key), *change;
	char *value;

	if (!d->want)
		return json_pack("{s:{s:o}}", "request_delete_range", "key", key);
	value = json_dumps(d->want, JSON_COMPACT);
	change = json_pack("{s:{s:o, s:o}}", "request_put", "key", key, "value",
			   base64_encode(value, strlen(value)));
	free(value);
	return change;
}

/* All of them, or none, where one is another than what was read. */
static int write_batch(struct wanted *w, const struct difference *d, size_t n, struct xr_err *err)
{
	json_t *compare = json_array(), *success = json_array(), *answer;
	size_t i;
	int ret;

	for (i = 0; i < n; i++) {
		json_array_append_new(compare, compare_of(w, &d[i]));
		json_array_append_new(success, change_of(w, &d[i]));
	}
	ret = etcd_call(&w->session, "/v3/kv/txn",
			json_pack("{s:o, s:o}", "compare", compare, "success", success), &answer,
			err);
	if (ret)
		return ret;
	if (!json_is_true(json_object_get(answer, "succeeded")))
		ret = xr_fail(
			err, -EAGAIN,
			"%s, or a key near it, was changed by somebody else meanwhile; look at \"xroam etcd diff\" and push again",
			d->key);
	json_decref(answer);
	return ret;
}

static int write_all(struct wanted *w, const struct differences *d, struct xr_err *err)
{
	struct xr_err why;
	size_t i, n;
	int ret;

	progress_doing("writing", d->n);
	for (i = 0; i < d->n; i += n) {
		n = d->n - i < BATCH ? d->n - i : BATCH;
		ret = write_batch(w, &d->item[i], n, &why);
		if (ret && i)
			return xr_fail(err, ret, "%.300s (%zu of %zu changes are written)",
				       why.text, i, d->n);
		if (ret)
			return xr_fail(err, ret, "%s", why.text);
		progress_at(i + n);
	}
	return 0;
}

/*
 * Where a member did not answer, what it was asked may have been done: then it is another than
 * what was read, by this push itself. What is left is written.
 */
static int write_until_done(struct wanted *w, const struct differences *d, struct xr_err *err)
{
	struct differences rest;
	int ret = write_all(w, d, err), turn;

	for (turn = 1; turn < TURNS && ret == -EAGAIN && w->session.repeated; turn++) {
		w->session.repeated = false;
		ret = differences_find(&w->session, &w->m, w->items, &rest, err);
		if (!ret)
			ret = write_all(w, &rest, err);
		differences_free(&rest);
	}
	return ret;
}

/* ---- both ---- */

static int print_differences(const struct differences *d)
{
	json_t *list = json_array();
	char *line;
	size_t i;

	for (i = 0; i < d->n; i++) {
		line = difference_line(&d->item[i]);
		if (opt.json)
			json_array_append_new(list, json_text(line));
		else
			puts(line);
		free(line);
	}
	if (opt.json)
		return out_json(json_pack("{s:o}", "changes", list));
	json_decref(list);
	if (!d->n)
		puts("nothing to change");
	return EXIT_DONE;
}

static int compare(int argc, char **argv, bool push)
{
	struct args a = args_after(argc, argv);
	const char *path = args_need(&a, "FILE");
	struct differences d = { .n = 0 };
	struct wanted w = { .file = NULL };
	struct xr_err err = { "" };
	int ret, status;

	if (!path)
		return EXIT_USAGE;
	status = args_end(&a);
	if (status)
		return status;
	ret = want(path, &w, &err);
	if (!ret) {
		progress_doing("reading etcd", 0);
		ret = differences_find(&w.session, &w.m, w.items, &d, &err);
	}
	if (!ret && push)
		ret = write_until_done(&w, &d, &err);
	progress_stage(PROGRESS_OFF);
	status = ret ? cmd_fail_in(path, &err) : print_differences(&d);
	if (!status && !push && d.n)
		status = EXIT_WOULD;
	differences_free(&d);
	forget(&w);
	return status;
}

static int push(int argc, char **argv)
{
	return compare(argc, argv, true);
}

static int diff(int argc, char **argv)
{
	return compare(argc, argv, false);
}

/* ---- status ---- */

static json_t *ask_member(struct model_etcd *conf, unsigned int i)
{
	struct model_etcd one = *conf;
	struct etcd_session s = { .conf = &one, .once = true };
	struct xr_err err;
	json_t *answer, *row;

	strcpy(one.endpoint[0], conf->endpoint[i]);
	one.n_endpoints = 1;
	if (etcd_call(&s, "/v3/maintenance/status", json_object(), &answer, &err)) {
		row = json_pack("{s:s, s:b, s:o}", "endpoint", one.endpoint[0], "up", 0, "error",
				json_text(err.text));
	} else {
		row = json_pack(
			"{s:s, s:b, s:s*, s:b, s:I, s:I}", "endpoint", one.endpoint[0], "up", 1,
			"version", json_string_value(json_object_get(answer, "version")), "leader",
			etcd_number(json_object_get(answer, "header"), "member_id") ==
				etcd_number(answer, "leader"),
			"revision",
			(json_int_t)etcd_number(json_object_get(answer, "header"), "revision"),
			"octets", (json_int_t)etcd_number(answer, "dbSize"));
		json_decref(answer);
	}
	etcd_session_end(&s);
	return row;
}

static void print_followed(const json_t *state, const char *prefix)
{
	time_t lost = json_integer_value(json_object_get(state, "lost_at"));
	json_int_t refused = json_integer_value(json_object_get(state, "refused"));
	char since[32];

	printf("%s: revision %lld is here", prefix, etcd_number(state, "revision"));
	if (json_is_true(json_object_get(state, "connected")))
		printf(", watching %s\n", json_string_value(json_object_get(state, "endpoint")));
	else if (lost) {
		strftime(since, sizeof(since), "%Y-%m-%d %H:%M:%S", localtime(&lost));
		printf(", not heard since %s: %s\n", since,
		       json_string_value(json_object_get(state, "why")));
	} else {
		puts(", not watched now");
	}
	if (refused)
		printf("%lld VM%s not taken: see \"xroam status\"\n", (long long)refused,
		       refused == 1 ? " was" : "s were");
}

static void print_members(const json_t *members)
{
	static const char *const headings[] = { "MEMBER",   "STATE",  "VERSION",
						"REVISION", "OCTETS", NULL };
	struct table *t = table_new(headings);
	json_t *m;
	size_t i;

	json_array_foreach(members, i, m) {
		table_cell(t, "%s", json_string_value(json_object_get(m, "endpoint")));
		if (!json_is_true(json_object_get(m, "up"))) {
			table_cell(t, "down");
			table_cell(t, "-");
			table_cell(t, "-");
			table_cell(t, "-");
			continue;
		}
		table_cell(t, json_is_true(json_object_get(m, "leader")) ? "leader" : "up");
		table_cell(t, "%s", json_string_value(json_object_get(m, "version")) ?: "-");
		table_cell(t, "%lld", etcd_number(m, "revision"));
		table_cell(t, "%lld", etcd_number(m, "octets"));
	}
	table_right(t, 3);
	table_right(t, 4);
	table_print(t);
}

static int status(int argc, char **argv)
{
	json_t *state, *members = json_array();
	struct model_etcd conf;
	unsigned int i;
	int ret = args_none(argc, argv);

	if (ret)
		return ret;
	state = etcd_state_read(opt.instance);
	if (!state || etcd_state_conf(state, &conf)) {
		json_decref(state);
		json_decref(members);
		return cmd_refuse(
			"no daemon of instance \"%s\" follows an etcd; its file needs an etcd section: xroam.yaml(5)",
			opt.instance);
	}
	for (i = 0; i < conf.n_endpoints; i++)
		json_array_append_new(members, ask_member(&conf, i));
	if (opt.json) {
		json_object_del(state, "conf");
		json_object_set_new(state, "members", members);
		return out_json(state);
	}
	print_followed(state, conf.prefix);
	print_members(members);
	json_decref(members);
	json_decref(state);
	return EXIT_DONE;
}

static const struct cmd commands[] = {
	{ "push", push }, { "diff", diff }, { "status", status }, { NULL, NULL }
};

int do_etcd(int argc, char **argv)
{
	return cmd_select(commands, notes, argc, argv);
}
