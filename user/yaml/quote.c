// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other readers of YAML take 0010, 1e3, 10:20 and on for numbers or booleans where
 * they are a server ID, a name, a MAC: those are put in quotes. libcyaml has one
 * style for all values of a key, so its output goes through libyaml once more.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>
#include "quote.h"

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcasecmp(s, *list))
			return true;
	return false;
}

/* To YAML 1.1 the IPv6 address 1:2:3:4:5:6:7:8 is a number of base 60. */
static bool is_base_60(const char *s)
{
	return strchr(s, ':') && strspn(s, "0123456789:") == strlen(s);
}

static bool needs_quotes(const char *key, bool in_list, const char *value)
{
	static const char *const hex[] = { "mac", "key", "secret", NULL };
	static const char *const text[] = { "name", "namespace", "dev", "to", "socket", NULL };
	static const char *const words[] = { "y",    "n",     "yes",  "no", "on", "off",
					     "true", "false", "null", "~",  NULL };

	/* Under limits, server_ids is a number. */
	if (is_one_of(key, hex) || (in_list && !strcmp(key, "server_ids")))
		return strcmp(value, CONFIG_HIDDEN);
	if (is_base_60(value))
		return true;
	/* Numbers of all kinds, dates, .inf, a merge begin so. */
	return is_one_of(key, text) &&
		(strchr("0123456789+-.=<", *value) || is_one_of(value, words));
}

struct quoting {
	char *text;
	size_t n, room;
	char key[32];    /* the last one of a mapping */
	bool in_list[8]; /* by depth: a list of values, else a mapping */
	bool is_key[8];  /* and what comes next there is a key */
	size_t depth;
};

static int put(void *ctx, unsigned char *from, size_t n)
{
	struct quoting *q = ctx;
	size_t room = q->room ? q->room : 65536;
	char *bigger;

	while (room < q->n + n)
		room *= 2;
	if (room > q->room) {
		/* Not realloc(): there may be keys in what it leaves behind. */
		bigger = malloc(room);
		if (!bigger)
			return 0;
		if (q->n)
			memcpy(bigger, q->text, q->n);
		if (q->text)
			explicit_bzero(q->text, q->n);
		free(q->text);
		q->text = bigger;
		q->room = room;
	}
	memcpy(q->text + q->n, from, n);
	q->n += n;
	return 1;
}

static void quote_event(struct quoting *q, yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;
	size_t d = q->depth & 7;

	switch (e->type) {
	case YAML_SCALAR_EVENT:
		if (!q->in_list[d] && q->is_key[d]) {
			strncpy(q->key, value, sizeof(q->key) - 1);
			q->is_key[d] = false;
			return;
		}
		q->is_key[d] = true;
		if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		    needs_quotes(q->key, q->in_list[d], value)) {
			e->data.scalar.style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
			e->data.scalar.quoted_implicit = 1; /* no tag */
		}
		return;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		q->is_key[d] = true;
		d = ++q->depth & 7;
		q->in_list[d] = e->type == YAML_SEQUENCE_START_EVENT;
		q->is_key[d] = true;
		return;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		q->depth--;
		return;
	default:
		return;
	}
}

static bool copy(yaml_parser_t *from, yaml_emitter_t *to, struct quoting *q)
{
	yaml_event_t e;
	bool end;

	do {
		if (!yaml_parser_parse(from, &e))
			return false;
		quote_event(q, &e);
		end = e.type == YAML_STREAM_END_EVENT;
		if (!yaml_emitter_emit(to, &e)) /* which frees it, in any case */
			return false;
	} while (!end);
	return true;
}

int yaml_quote(char **text, size_t *len)
{
	struct quoting q = { .n = 0 };
	yaml_emitter_t to;
	yaml_parser_t from;
	bool good;

	if (!yaml_parser_initialize(&from))
		return -ENOMEM;
	if (!yaml_emitter_initialize(&to)) {
		yaml_parser_delete(&from);
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&from, (const unsigned char *)*text, *len);
	yaml_emitter_set_output(&to, put, &q);
	good = copy(&from, &to, &q);
	yaml_emitter_delete(&to);
	yaml_parser_delete(&from);
	explicit_bzero(good ? *text : q.text, good ? *len : q.n);
	free(good ? *text : q.text);
	if (!good)
		return -ENOMEM;
	*text = q.text;
	*len = q.n;
	return 0;
}
