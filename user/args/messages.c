// SPDX-License-Identifier: GPL-2.0-only
/* Errors and warnings: a line each on standard error, or a JSON object. */
#include <ctype.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "out.h"

/* ---- errors ---- */

static void print_json(json_t *o)
{
	json_dumpf(o, stderr, JSON_COMPACT);
	fputc('\n', stderr);
	json_decref(o);
}

static char last_error[1024];

const char *cmd_last_error(void)
{
	return last_error[0] ? last_error : NULL;
}

static void print_message(const char *key, const char *fmt, va_list ap)
{
	char text[1024];

	xr_format_line(text, sizeof(text), fmt, ap);
	if (!strcmp(key, "error"))
		strcpy(last_error, text);
	if (opt.json) {
		print_json(json_pack("{s:s}", key, text));
		return;
	}
	fprintf(stderr, "xroam: %s%s\n", strcmp(key, "warning") ? "" : "warning: ", text);
}

/* Warnings that were kept back come before the error. */
static void print_error(const char *fmt, va_list ap)
{
	cmd_flush_warnings();
	print_message("error", fmt, ap);
}

int cmd_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_error(fmt, ap);
	va_end(ap);
	return EXIT_USAGE;
}

int cmd_refuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_error(fmt, ap);
	va_end(ap);
	return EXIT_REFUSED;
}

int cmd_fail(const struct xr_err *err)
{
	return cmd_refuse("%s", err->text[0] ? err->text : "failed");
}

/* The line number in "FILE:LINE: what is wrong"; 0: there is none. */
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

	cmd_flush_warnings();
	if (!opt.json || !err->text[0])
		return cmd_fail(err);
	if (!strcmp(file, "-"))
		file = "stdin";
	snprintf(last_error, sizeof(last_error), "%s", err->text);
	o = json_pack("{s:s, s:o}", "error", err->text, "file", json_text(file));
	line = line_of(file, err->text);
	if (line)
		json_object_set_new(o, "line", json_integer(line));
	print_json(o);
	return EXIT_REFUSED;
}

void cmd_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_message("warning", fmt, ap);
	va_end(ap);
}

/* ---- warnings that differ in names and numbers only are one line ---- */

#define GROUPS 32

static struct group {
	char *first, *shape;
	size_t n;
} groups[GROUPS];
static size_t n_groups;

/* The word after this one is a name. */
static bool precedes_name(const char *word, size_t len)
{
	static const char *const words[] = { "backend", "host", "vip", "VIP",
					     "vm",      "VM",   "dev", "device" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == len && !memcmp(words[i], word, len))
			return true;
	return false;
}

static bool has_digit(const char *word, size_t len)
{
	for (; len; word++, len--)
		if (isdigit((unsigned char)*word))
			return true;
	return false;
}

/* The line with '*' in place of each name and number; allocated. NULL: no memory. */
static char *shape_of(const char *line)
{
	char *shape = malloc(2 * strlen(line) + 1), *to = shape;
	bool is_name = false;
	size_t len;

	for (; shape && *line; line += len) {
		len = strcspn(line, " ");
		if (!len) {
			len = 1;
			*to++ = ' ';
			continue;
		}
		if (is_name || has_digit(line, len)) {
			*to++ = '*';
		} else {
			memcpy(to, line, len);
			to += len;
		}
		is_name = precedes_name(line, len);
	}
	if (shape)
		*to = '\0';
	return shape;
}

void cmd_warn_grouped(const char *line)
{
	char *shape = shape_of(line), *first;
	size_t i;

	for (i = 0; shape && i < n_groups; i++)
		if (!strcmp(groups[i].shape, shape)) {
			groups[i].n++;
			free(shape);
			return;
		}
	first = shape && n_groups < GROUPS ? strdup(line) : NULL;
	if (!first) {
		free(shape);
		cmd_warn("%s", line);
		return;
	}
	groups[n_groups++] = (struct group){ first, shape, 1 };
}

void cmd_flush_warnings(void)
{
	size_t i, n = n_groups;

	n_groups = 0;
	for (i = 0; i < n; i++) {
		if (groups[i].n > 1)
			cmd_warn("%s (and %zu more like it)", groups[i].first, groups[i].n - 1);
		else
			cmd_warn("%s", groups[i].first);
		free(groups[i].first);
		free(groups[i].shape);
	}
}
