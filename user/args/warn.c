// SPDX-License-Identifier: GPL-2.0-only
/* Warnings of the same kind, of a thousand backends, are one line. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"

#define KINDS 32

static struct kind {
	char *first, *shape;
	size_t n;
} kinds[KINDS];
static size_t count;

/* What is behind such a word is a name. */
static bool names(const char *word, size_t len)
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

/* The line with '*' for each name and number. NULL: no memory. */
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
		is_name = names(line, len);
	}
	if (shape)
		*to = '\0';
	return shape;
}

void cmd_warn_of(const char *line)
{
	char *shape = shape_of(line), *first;
	size_t i;

	for (i = 0; shape && i < count; i++)
		if (!strcmp(kinds[i].shape, shape)) {
			kinds[i].n++;
			free(shape);
			return;
		}
	first = shape && count < KINDS ? strdup(line) : NULL;
	if (!first) {
		free(shape);
		cmd_warn("%s", line);
		return;
	}
	kinds[count++] = (struct kind){ first, shape, 1 };
}

void cmd_warn_now(void)
{
	size_t i, n = count;

	count = 0;
	for (i = 0; i < n; i++) {
		if (kinds[i].n > 1)
			cmd_warn("%s (and %zu more like it)", kinds[i].first, kinds[i].n - 1);
		else
			cmd_warn("%s", kinds[i].first);
		free(kinds[i].first);
		free(kinds[i].shape);
	}
}
