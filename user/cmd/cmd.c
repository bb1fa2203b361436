// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/error.h"
#include "../core/model.h"
#include "cmd.h"

struct cmd_options opt = { .instance = "default" };

/* ---- errors ---- */

static void complain(const char *key, const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	xr_one_line(text);	/* words off the command line may be in it */
	if (opt.json) {
		json_t *o = json_pack("{s:s}", key, text);

		/* Not UTF-8 (a word off the command line): still say something. */
		if (!o)
			o = json_pack("{s:s}", key, "not valid UTF-8");
		json_dumpf(o, stderr, JSON_COMPACT);
		fputc('\n', stderr);
		json_decref(o);
		return;
	}
	fprintf(stderr, "xroam: %s%s\n",
		strcmp(key, "warning") ? "" : "warning: ", text);
}

int cmd_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain("error", fmt, ap);
	va_end(ap);
	return EXIT_USAGE;
}

int cmd_refuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain("error", fmt, ap);
	va_end(ap);
	return EXIT_REFUSED;
}

int cmd_fail(const struct xr_err *err)
{
	return cmd_refuse("%s", err->text[0] ? err->text : "failed");
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

	if (plane_open(p, opt.instance, how, NULL, NULL, &err))
		return cmd_fail(&err);
	/* What a killed command began is finished before anything else. */
	if (model_recover(*p, &err)) {
		plane_close(*p);
		return cmd_fail(&err);
	}
	return EXIT_DONE;
}

int cmd_open(struct plane **p, enum plane_how how)
{
	struct xr_err err = { "" };

	if (how != PLANE_READ)
		return open_to_change(p, how);
	/*
	 * Nobody wants to see half a change: wait for it, or finish it. Who
	 * may only read goes on with what there is.
	 */
	if (model_unfinished(opt.instance) &&
	    !plane_open(p, opt.instance, PLANE_CHANGE, NULL, NULL, &err)) {
		model_recover(*p, &err);
		plane_close(*p);
	}
	if (plane_open(p, opt.instance, how, NULL, NULL, &err))
		return cmd_fail(&err);
	return EXIT_DONE;
}

/* ---- choosing a command ---- */

static bool is_help(const char *s)
{
	return !strcmp(s, "help") || !strcmp(s, "-h") || !strcmp(s, "--help");
}

/* Index of the match, -1 for none, -2 for several. */
static int match(const char *s, const char *(*nth)(const void *list, int i),
		 const void *list)
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

static int no_match(const char *what, const char *s, int found,
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
		return cmd_usage("%s \"%s\" could be any of: %s", what, s,
				 text);
	return cmd_usage("%s \"%s\" is unknown: write one of %s", what, s,
			 text);
}

const struct cmd *cmd_match(const struct cmd *cmds, const char *what,
			    const char *s)
{
	int i = match(s, nth_cmd, cmds);

	if (i < 0) {
		no_match(what, s, i, nth_cmd, cmds);
		return NULL;
	}
	return &cmds[i];
}

bool cmd_help(const char *help, int argc, char **argv)
{
	if (argc < 2 || !is_help(argv[1]))
		return false;
	fputs(help, stdout);
	return true;
}

int cmd_select(const struct cmd *cmds, const char *help, int argc,
	       char **argv)
{
	const struct cmd *cmd = cmds;

	if (cmd_help(help, argc, argv) || cmd_help(help, argc - 1, argv + 1))
		return EXIT_DONE;
	if (argc < 2) {
		while (cmd->word && strcmp(cmd->word, "show"))
			cmd++;
		if (!cmd->word)
			return cmd_usage("%s: a command is missing; see "
					 "\"xroam %s help\"", argv[0], argv[0]);
		return cmd->run(argc, argv);
	}
	cmd = cmd_match(cmds, "command", argv[1]);
	if (!cmd)
		return EXIT_USAGE;
	return cmd->run(argc - 1, argv + 1);
}

/* ---- arguments ---- */

char *args_next(struct args *a)
{
	if (!a->argc)
		return NULL;
	a->argc--;
	return *a->argv++;
}

char *args_need(struct args *a, const char *what)
{
	char *s = args_next(a);

	if (!s)
		cmd_usage("%s is missing", what);
	return s;
}

int args_end(struct args *a)
{
	if (!a->argc)
		return EXIT_DONE;
	return cmd_usage("\"%s\" is not expected here", a->argv[0]);
}

int args_key(struct args *a, const char *const *keys)
{
	const char *s = args_next(a);
	int i;

	if (!s)
		return -1;
	i = match(s, nth_word, keys);
	if (i < 0) {
		no_match("word", s, i, nth_word, keys);
		return -2;
	}
	a->key = keys[i];
	return i;
}

static char *value(struct args *a)
{
	char *s = args_next(a);

	if (!s)
		cmd_usage("%s: its value is missing",
			  a->key ? a->key : "argument");
	return s;
}

static int bad_value(struct args *a, const struct xr_err *err)
{
	if (a->key)
		return cmd_usage("%s: %s", a->key, err->text);
	return cmd_usage("%s", err->text);
}

int args_u64(struct args *a, __u64 min, __u64 max, __u64 *out)
{
	struct xr_err err;
	char *s = value(a);

	if (!s)
		return EXIT_USAGE;
	if (text_to_u64(s, min, max, out, &err))
		return bad_value(a, &err);
	return EXIT_DONE;
}

int args_addr(struct args *a, __be32 addr[XR_ADDR_WORDS])
{
	struct xr_err err;
	char *s = value(a);

	if (!s)
		return EXIT_USAGE;
	if (text_to_addr(s, addr, &err))
		return bad_value(a, &err);
	return EXIT_DONE;
}

int args_vip(struct args *a, __be32 addr[XR_ADDR_WORDS], __be16 *port,
	     __u8 *proto)
{
	struct xr_err err;
	char *s = value(a);

	if (!s)
		return EXIT_USAGE;
	if (text_to_vip(s, addr, port, proto, &err))
		return bad_value(a, &err);
	return EXIT_DONE;
}

int args_mac(struct args *a, __u8 mac[6])
{
	struct xr_err err;
	char *s = value(a);

	if (!s)
		return EXIT_USAGE;
	if (text_to_mac(s, mac, &err))
		return bad_value(a, &err);
	return EXIT_DONE;
}

int args_hex(struct args *a, void *out, size_t max, size_t *len)
{
	struct xr_err err;
	char *s = value(a);

	if (!s)
		return EXIT_USAGE;
	if (text_to_hex(s, out, max, len, &err))
		return bad_value(a, &err);
	return EXIT_DONE;
}

int args_word(struct args *a, const char *const *words, int *out)
{
	char *s = value(a);
	int i;

	if (!s)
		return EXIT_USAGE;
	i = match(s, nth_word, words);
	if (i < 0)
		return no_match(a->key ? a->key : "word", s, i, nth_word,
				words);
	*out = i;
	return EXIT_DONE;
}

/* ---- output ---- */

int out_json(json_t *value)
{
	size_t flags = opt.pretty ? JSON_INDENT(4) : JSON_COMPACT;
	int ret;

	if (!value)
		return cmd_refuse("out of memory");
	ret = json_dumpf(value, stdout, flags | JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(value);
	return ret ? EXIT_REFUSED : EXIT_DONE;
}

json_t *json_addr(const __be32 addr[XR_ADDR_WORDS])
{
	char buf[TEXT_ADDR];

	return json_string(text_addr(buf, addr));
}

json_t *json_vip(const __be32 addr[XR_ADDR_WORDS], __be16 port, __u8 proto)
{
	char buf[TEXT_VIP];

	return json_string(text_vip(buf, addr, port, proto));
}

json_t *json_mac(const __u8 mac[6])
{
	char buf[TEXT_MAC];

	return json_string(text_mac(buf, mac));
}

json_t *json_hex(const void *octets, size_t len)
{
	char buf[2 * len + 1];

	return json_string(text_hex(buf, sizeof(buf), octets, len));
}

struct table {
	size_t columns, cells;
	char **cell;
	bool right[32];
};

static void table_add(struct table *t, char *s)
{
	char **cell = realloc(t->cell, (t->cells + 1) * sizeof(*cell));

	if (!cell || !s) {
		fputs("xroam: out of memory\n", stderr);
		exit(EXIT_REFUSED);
	}
	t->cell = cell;
	t->cell[t->cells++] = s;
}

struct table *table_new(const char *const *headings)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t) {
		fputs("xroam: out of memory\n", stderr);
		exit(EXIT_REFUSED);
	}
	for (; headings[t->columns] && t->columns < 32; t->columns++)
		table_add(t, strdup(headings[t->columns]));
	return t;
}

void table_cell(struct table *t, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	table_add(t, s);
}

void table_right(struct table *t, size_t column)
{
	t->right[column] = true;
}

void table_print(struct table *t)
{
	size_t width[32] = { 0 }, i;

	for (i = 0; i < t->cells; i++) {
		size_t len = strlen(t->cell[i]);

		if (width[i % t->columns] < len)
			width[i % t->columns] = len;
	}
	for (i = 0; i < t->cells; i++) {
		size_t col = i % t->columns;
		bool last = col == t->columns - 1;

		if (t->right[col])
			printf("%*s", (int)width[col], t->cell[i]);
		else	/* no trailing blanks */
			printf("%-*s", last ? 0 : (int)width[col], t->cell[i]);
		fputs(last ? "\n" : "  ", stdout);
	}
	table_free(t);
}

void table_free(struct table *t)
{
	size_t i;

	if (!t)
		return;
	for (i = 0; i < t->cells; i++)
		free(t->cell[i]);
	free(t->cell);
	free(t);
}
