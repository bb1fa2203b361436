// SPDX-License-Identifier: GPL-2.0-only
/* Values, each in a line of a text that the file's reader takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_priv.h"
#include "model/model_edit.h"

static bool reserve(struct etcd_lines *l, size_t more)
{
	size_t room = l->size ? l->size : 4096;
	char *bigger;

	while (room < l->len + more)
		room *= 2;
	if (room == l->size)
		return true;
	bigger = realloc(l->text, room);
	if (!bigger) {
		l->failed = true;
		return false;
	}
	l->text = bigger;
	l->size = room;
	return true;
}

void etcd_lines_head(struct etcd_lines *l, const char *line)
{
	size_t len = strlen(line);

	if (!reserve(l, len + 1))
		return;
	memcpy(l->text + l->len, line, len);
	l->len += len;
	l->text[l->len++] = '\n';
	l->line++;
}

static int on_piece(const char *piece, size_t len, void *ctx)
{
	struct etcd_lines *l = ctx;

	if (!reserve(l, len))
		return -1;
	memcpy(l->text + l->len, piece, len);
	l->len += len;
	return 0;
}

void etcd_lines_add(struct etcd_lines *l, const json_t *item, const struct etcd_value *v, __u64 seq)
{
	struct etcd_line *line = model_grow(&l->value, &l->n, sizeof(*line));

	if (!line) {
		l->failed = true;
		return;
	}
	*line = (struct etcd_line){ strdup(v->key), l->len, l->line + 1, v->revision, seq };
	if (!line->key || on_piece("- ", 2, l) ||
	    json_dump_callback(item, on_piece, l, JSON_COMPACT))
		l->failed = true;
	etcd_lines_head(l, "");
}

void etcd_lines_free(struct etcd_lines *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->value[i].key);
	free(l->value);
	free(l->text);
	memset(l, 0, sizeof(*l));
}

static const struct etcd_line *find_line(const struct etcd_lines *l, unsigned long line)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->value[i].line == line)
			return &l->value[i];
	return NULL;
}

void etcd_lines_name(const struct etcd_lines *l, const char *name, struct xr_err *err)
{
	const struct etcd_line *at;
	struct xr_err was = *err;
	size_t len = strlen(name);
	char *rest;

	if (strncmp(was.text, name, len) || was.text[len] != ':')
		return;
	at = find_line(l, strtoul(was.text + len + 1, &rest, 10));
	if (at && *rest == ':')
		xr_fail(err, 0, "%s%s", at->key, rest);
}
