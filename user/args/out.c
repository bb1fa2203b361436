// SPDX-License-Identifier: GPL-2.0-only
/* What a command prints: a JSON value, or a table. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "out.h"

int out_json(json_t *value)
{
	size_t flags = opt.pretty ? JSON_INDENT(4) : JSON_COMPACT;

	if (!value)
		return cmd_refuse("out of memory");
	json_dumpf(value, stdout, flags | JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(value);
	/* main() reports a full disk, once, at the end. */
	return EXIT_DONE;
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
		else /* no trailing blanks */
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

int out_list(json_t *list, struct table *t)
{
	if (opt.json) {
		table_free(t);
		return out_json(list);
	}
	json_decref(list);
	table_print(t);
	return EXIT_DONE;
}
