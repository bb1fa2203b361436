// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages come one behind the other, without anything between them: where one ends its
 * brackets tell. What is between brackets the library judges.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb_priv.h"

#define DEEPEST 32 /* a row's value is some ten brackets deep */
#define KEPT    (1U << 20)

/* All rows at once were in it. */
static void shrink(struct ovsdb_stream *s)
{
	char *less = s->size > KEPT && s->len < KEPT ? realloc(s->data, KEPT) : NULL;

	if (!less)
		return;
	s->data = less;
	s->size = KEPT;
}

int ovsdb_stream_add(struct ovsdb_stream *s, const char *data, size_t len)
{
	size_t size = s->size ? s->size : 65536;
	char *more;

	if (s->at) {
		memmove(s->data, s->data + s->at, s->len - s->at);
		s->len -= s->at;
		s->at = 0;
		shrink(s);
		size = s->size;
	}
	while (size < s->len + len)
		size *= 2;
	if (size > s->size) {
		more = realloc(s->data, size);
		if (!more)
			return -ENOMEM;
		s->data = more;
		s->size = size;
	}
	memcpy(s->data + s->len, data, len);
	s->len += len;
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* 1: the message ends with this octet. */
static int look_at(struct ovsdb_stream *s, char c)
{
	if (s->in_text) {
		s->in_text = s->escaped || c != '"';
		s->escaped = !s->escaped && c == '\\';
		return 0;
	}
	if (!s->depth && c != '{')
		return is_space(c) ? 0 : -EPROTO;
	if (c == '"')
		s->in_text = true;
	else if (c == '{' || c == '[')
		return ++s->depth > DEEPEST ? -EPROTO : 0;
	else if (c == '}' || c == ']')
		return !--s->depth;
	return 0;
}

ssize_t ovsdb_stream_next(struct ovsdb_stream *s, const char **text)
{
	int ret = 0;

	while (!ret && s->at + s->looked_at < s->len) {
		if (s->looked_at >= SOUTHBOUND_MESSAGE)
			return -EMSGSIZE;
		ret = look_at(s, s->data[s->at + s->looked_at++]);
	}
	if (ret <= 0)
		return ret;
	*text = s->data + s->at;
	ret = s->looked_at;
	s->at += s->looked_at;
	s->looked_at = 0;
	return ret;
}
