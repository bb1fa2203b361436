// SPDX-License-Identifier: GPL-2.0-only
/* Errors, opening the instance, and choosing a command. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/commit.h"
#include "apply/instance.h"
#include "args.h"
#include "model/model.h"
#include "lib/error.h"

struct cmd_options opt = { .instance = "default" };

/* ---- errors ---- */

static void complain_json(json_t *o)
{
	json_dumpf(o, stderr, JSON_COMPACT);
	fputc('\n', stderr);
	json_decref(o);
}

static void complain(const char *key, const char *fmt, va_list ap)
{
	char text[1024];

	xr_vline(text, sizeof(text), fmt, ap);
	if (opt.json) {
		complain_json(json_pack("{s:s}", key, text));
		return;
	}
	fprintf(stderr, "xroam: %s%s\n", strcmp(key, "warning") ? "" : "warning: ", text);
}

int cmd_usage(const char *fmt, ...)
{
	va_list ap;

	cmd_warn_now();
	va_start(ap, fmt);
	complain("error", fmt, ap);
	va_end(ap);
	return EXIT_USAGE;
}

int cmd_refuse(const char *fmt, ...)
{
	va_list ap;

	cmd_warn_now();
	va_start(ap, fmt);
	complain("error", fmt, ap);
	va_end(ap);
	return EXIT_REFUSED;
}

int cmd_fail(const struct xr_err *err)
{
	return cmd_refuse("%s", err->text[0] ? err->text : "failed");
}

/* Of "FILE:LINE: what is wrong"; 0: it does not say. */
static long line_of(const char *file, const char *text)
{
	size_t n = strlen(file);
	char *end;
	long line;

	if (strncmp(text, file, n) || text[n] != ':')
		return 0;
	line = strtol(text + n + 1, &end, 10);
	return *end == ':' ? line : 0;
}

int cmd_fail_in(const char *file, const struct xr_err *err)
{
	json_t *o;
	long line;

	cmd_warn_now();
	if (!opt.json || !err->text[0])
		return cmd_fail(err);
	if (!strcmp(file, "-"))
		file = "stdin";
	o = json_pack("{s:s, s:o}", "error", err->text, "file", json_text(file));
	line = line_of(file, err->text);
	if (line)
		json_object_set_new(o, "line", json_integer(line));
	complain_json(o);
	return EXIT_REFUSED;
}

void cmd_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain("warning", fmt, ap);
	va_end(ap);
}

static int open_to_change(struct plane **p, enum plane_how how)
{
	struct xr_err err = { "" };

	if (instance_open(p, opt.instance, how, NULL, NULL, &err))
		return cmd_fail(&err);
	/* What a killed command began is finished before anything else. */
	if (model_recover(*p, &err)) {
		plane_close(*p);
		return cmd_fail(&err);
	}
	if (err.text[0])
		cmd_warn("%s", err.text);
	return EXIT_DONE;
}

int cmd_open(struct plane **p, enum plane_how how)
{
	struct xr_err err = { "" };
	int ret;

	if (how != PLANE_READ)
		return open_to_change(p, how);
	/*
	 * Nobody wants to see half a change: wait for it, or finish it. Who
	 * may only read goes on with what there is.
	 */
	if (model_unfinished(opt.instance)) {
		ret = instance_open(p, opt.instance, PLANE_CHANGE, NULL, NULL, &err);
		if (!ret) {
			if (model_recover(*p, &err) || err.text[0])
				cmd_warn("%s", err.text);
			plane_close(*p);
		} else if (ret == -EBUSY) {
			cmd_warn("%s; what is shown is half a change", err.text);
		}
	}
	if (instance_open(p, opt.instance, how, NULL, NULL, &err))
		return cmd_fail(&err);
	return EXIT_DONE;
}

/* ---- choosing a command ---- */

static bool is_help(const char *s)
{
	return !strcmp(s, "help") || !strcmp(s, "-h") || !strcmp(s, "--help");
}

/* Index of the match, -1 for none, -2 for several. */
static int match(const char *s, const char *(*nth)(const void *list, int i), const void *list)
{
	size_t len = strlen(s);
	const char *word;
	int i, found = -1;

	for (i = 0; (word = nth(list, i)); i++) {
		if (!strcmp(word, s))
			return i;
		if (!len || strncmp(word, s, len))
			continue;
		found = found == -1 ? i : -2;
	}
	return found;
}

static const char *nth_cmd(const void *list, int i)
{
	return ((const struct cmd *)list)[i].word;
}

static const char *nth_word(const void *list, int i)
{
	return ((const char *const *)list)[i];
}

static void no_match(const char *what, const char *s, int found,
		     const char *(*nth)(const void *, int), const void *list)
{
	char text[512] = "";
	const char *word;
	int i;

	for (i = 0; (word = nth(list, i)); i++) {
		if (found == -2 && strncmp(word, s, strlen(s)))
			continue;
		if (strlen(text) + strlen(word) + 3 > sizeof(text))
			break;
		if (text[0])
			strcat(text, ", ");
		strcat(text, word);
	}
	if (found == -2)
		cmd_usage("%s \"%s\" could be any of: %s", what, s, text);
	else
		cmd_usage("%s \"%s\" is unknown: write one of %s", what, s, text);
}

/* What destroys or stops something is written out. */
static bool wants_whole(const char *word)
{
	static const char *const words[] = { "destroy", "leave", "del", "down", "force" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

static int choose(const char *what, const char *s, const char *(*nth)(const void *, int),
		  const void *list)
{
	int found = match(s, nth, list);

	if (found < 0) {
		no_match(what, s, found, nth, list);
	} else if (strcmp(nth(list, found), s) && wants_whole(nth(list, found))) {
		cmd_usage(
			"%s \"%s\": write \"%s\" in full; what takes something away is not abbreviated",
			what, s, nth(list, found));
		return -1;
	}
	return found;
}

const struct cmd *cmd_match(const struct cmd *cmds, const char *what, const char *s)
{
	int i = choose(what, s, nth_cmd, cmds);

	return i < 0 ? NULL : &cmds[i];
}

int cmd_word(const char *const *words, const char *what, const char *s)
{
	return choose(what, s, nth_word, words);
}

bool cmd_help(const char *help, int argc, char **argv)
{
	if (argc < 2 || !is_help(argv[1]))
		return false;
	fputs(help, stdout);
	return true;
}

int cmd_select(const struct cmd *cmds, const char *help, int argc, char **argv)
{
	const struct cmd *cmd = cmds;

	if (cmd_help(help, argc, argv) || cmd_help(help, argc - 1, argv + 1))
		return EXIT_DONE;
	if (argc < 2) {
		while (cmd->word && strcmp(cmd->word, "show"))
			cmd++;
		if (!cmd->word)
			return cmd_usage("%s: a command is missing; see "
					 "\"xroam %s help\"",
					 argv[0], argv[0]);
		return cmd->run(argc, argv);
	}
	cmd = cmd_match(cmds, "command", argv[1]);
	if (!cmd)
		return EXIT_USAGE;
	return cmd->run(argc - 1, argv + 1);
}
