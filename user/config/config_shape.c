// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports all that is wrong with a file's shape, and makes a text without it. libcyaml
 * stops at the first such error and gives no values. So the text is written anew, in
 * YAML's flow style: unknown keys are left out, and what has the wrong kind, or is missing,
 * is replaced by a stand-in that libcyaml accepts and about which nothing is reported.
 *
 * libyaml's emitter cannot do this: it chooses the lines itself, and each value must stay
 * in the line where the operator wrote it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "config_priv.h"

#define SAFE_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/~+-"

struct shape {
	struct reader *r;
	yaml_parser_t parser;
	char *text;
	size_t len, room;
	__u32 line;        /* the one being written */
	unsigned int mute; /* > 0: inside of something that is left out */
	int err;           /* of memory, or fail_*()'s: no further error is wanted */
	struct stand_ins stand_ins;
};

static void take_node(struct shape *s, const yaml_event_t *e, const cyaml_schema_value_t *v,
		      __u32 line);

/* ---- writing ---- */

/* Makes room for more octets behind len; false: muted, or no memory. */
static bool has_room(struct shape *s, size_t more)
{
	size_t room = 2 * (s->len + more) + 4096;
	char *bigger;

	if (s->err || s->mute)
		return false;
	if (s->room - s->len > more)
		return true;
	bigger = realloc(s->text, room);
	if (!bigger) {
		s->err = -ENOMEM;
		return false;
	}
	s->text = bigger;
	s->room = room;
	return true;
}

static void put_text(struct shape *s, const char *text)
{
	size_t n = strlen(text);

	if (!has_room(s, n + 1))
		return;
	memcpy(s->text + s->len, text, n + 1);
	s->len += n;
}

static void go_to_line(struct shape *s, __u32 line)
{
	for (; !s->mute && s->line < line; s->line++)
		put_text(s, "\n");
}

/* value is valid UTF-8, as libyaml checks; what is not ASCII is written as its code point. */
static void put_quoted(struct shape *s, const char *value)
{
	const unsigned char *c = (const unsigned char *)value;
	char esc[16];
	__u32 point;
	int more;

	put_text(s, "\"");
	while (*c) {
		more = *c < 0xc0 ? 0 : *c < 0xe0 ? 1 : *c < 0xf0 ? 2 : 3;
		point = more ? *c & (0x3f >> more) : *c;
		for (c++; more && *c; more--)
			point = point << 6 | (*c++ & 0x3f);
		if (point >= ' ' && point < 0x7f && point != '"' && point != '\\')
			snprintf(esc, sizeof(esc), "%c", (char)point);
		else
			snprintf(esc, sizeof(esc), "\\U%08x", point);
		put_text(s, esc);
	}
	put_text(s, "\"");
}

static void put_scalar(struct shape *s, const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;

	/* Without quotes where it had none: a quoted "null" is text. */
	if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && *value && *value != '-' &&
	    strspn(value, SAFE_CHARS) == strlen(value))
		put_text(s, value);
	else if (*value || e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		put_quoted(s, value);
	else
		put_text(s, "~");
}

/* Writes a stand-in for what is wrong at r->path. */
static void put_stand_in(struct shape *s, const cyaml_schema_value_t *v)
{
	const cyaml_schema_field_t *f;
	char up[PATH_LEN];

	if (s->mute)
		return;
	if (s->stand_ins.n < 2 * XR_ERRS_MAX)
		memcpy(s->stand_ins.path[s->stand_ins.n++], s->r->path, PATH_LEN);
	if (v->type == CYAML_ENUM) {
		put_quoted(s, v->enumeration.strings[0].str);
	} else if (v->type == CYAML_SEQUENCE) {
		put_text(s, "[]");
	} else if (v->type != CYAML_MAPPING) {
		put_text(s, "\"?\"");
	} else {
		memcpy(up, s->r->path, sizeof(up));
		put_text(s, "{");
		for (f = v->mapping.fields; f->key; f++) {
			if (f->value.flags & CYAML_FLAG_OPTIONAL)
				continue;
			put_quoted(s, f->key);
			put_text(s, ": ");
			path_join(s->r->path, PATH_LEN, up, f->key);
			put_stand_in(s, &f->value);
			put_text(s, ", ");
		}
		put_text(s, "}");
		memcpy(s->r->path, up, sizeof(up));
	}
}

/* Moves what was written from end on to the front of what was written from at on. */
static void move_to_front(struct shape *s, size_t at, size_t end)
{
	size_t n = s->len - end;
	char *copy;

	if (s->err || !n)
		return;
	copy = malloc(n);
	if (!copy) {
		s->err = -ENOMEM;
		return;
	}
	memcpy(copy, s->text + end, n);
	memmove(s->text + at + n, s->text + at, end - at);
	memcpy(s->text + at, copy, n);
	free(copy);
}

/* ---- reading ---- */

static bool next(struct shape *s, yaml_event_t *e)
{
	if (s->err)
		return false;
	if (yaml_parser_parse(&s->parser, e))
		return true;
	s->err = -ENOMEM; /* no other error: the whole text was parsed before */
	return false;
}

/* ret: what fail_*() returned: not 0 where no more errors are wanted. */
static void stop_if(struct shape *s, int ret)
{
	if (ret && !s->err)
		s->err = ret;
}

static void skip_node(struct shape *s, const yaml_event_t *e)
{
	s->mute++;
	take_node(s, e, NULL, 0);
	s->mute--;
}

static void wrong_kind(struct shape *s, const yaml_event_t *e, const cyaml_schema_value_t *v)
{
	const char *want = v->type == CYAML_SEQUENCE ? LIST_WORDS
		: v->type == CYAML_MAPPING           ? MAPPING_WORDS
		: v->type == CYAML_ENUM              ? "a word"
						     : VALUE_WORDS;
	const char *got = e->type == YAML_SCALAR_EVENT ? VALUE_WORDS
		: e->type == YAML_SEQUENCE_START_EVENT ? LIST_WORDS
						       : MAPPING_WORDS;

	stop_if(s, fail_kind(s->r, want, got));
	skip_node(s, e);
	put_stand_in(s, v);
}

static void take_scalar(struct shape *s, const yaml_event_t *e, const cyaml_schema_value_t *v)
{
	const char *value = (const char *)e->data.scalar.value;
	__u32 i;

	if (v && v->type == CYAML_ENUM) {
		for (i = 0; i < v->enumeration.count; i++)
			if (!strcmp(v->enumeration.strings[i].str, value))
				break;
		if (i == v->enumeration.count) {
			stop_if(s, fail_word(s->r, value));
			put_stand_in(s, v);
			return;
		}
	}
	put_scalar(s, e);
}

static void take_list(struct shape *s, const cyaml_schema_value_t *v)
{
	size_t was = strlen(s->r->path);
	char up[PATH_LEN], index[32];
	yaml_event_t e;
	__u32 line, i;
	bool end = false;

	memcpy(up, s->r->path, sizeof(up));
	put_text(s, "[");
	for (i = 0; !end && next(s, &e); i++) {
		end = e.type == YAML_SEQUENCE_END_EVENT;
		if (!end) {
			line = e.start_mark.line + 1;
			go_to_line(s, line);
			snprintf(index, sizeof(index), "[%u]", i);
			path_join(s->r->path, PATH_LEN, up, index);
			if (!strchr(up, '['))
				s->r->item = line;
			take_node(s, &e, v ? v->sequence.entry : NULL, line);
			put_text(s, ", ");
		}
		yaml_event_delete(&e);
	}
	s->r->path[was] = '\0';
	put_text(s, "]");
}

/*
 * The field of that key, or NULL: reported, and its value is to be left out. seen: bit i
 * is field i's; no mapping of the schema has more than 64.
 */
static const cyaml_schema_field_t *find_field(struct shape *s, const cyaml_schema_value_t *v,
					      const char *key, __u64 *seen)
{
	const cyaml_schema_field_t *f;

	for (f = v->mapping.fields; f->key && strcmp(f->key, key); f++)
		;
	if (!f->key) {
		stop_if(s, fail_key(s->r, key));
		return NULL;
	}
	if (*seen >> (f - v->mapping.fields) & 1) {
		stop_if(s, fail_twice(s->r, key));
		return NULL;
	}
	*seen |= 1ULL << (f - v->mapping.fields);
	return f;
}

/*
 * Writes stand-ins for missing fields. They go to text[at], right behind the mapping's "{",
 * as errors about them shall have the line where it begins.
 */
static void put_missing(struct shape *s, const cyaml_schema_value_t *v, __u64 seen, size_t at)
{
	const cyaml_schema_field_t *f = v->mapping.fields;
	size_t end = s->len;
	char up[PATH_LEN];

	memcpy(up, s->r->path, sizeof(up));
	for (; f->key && !s->err; f++, seen >>= 1) {
		if (seen & 1 || f->value.flags & CYAML_FLAG_OPTIONAL)
			continue;
		stop_if(s, fail_missing(s->r, f->key));
		put_quoted(s, f->key);
		put_text(s, ": ");
		path_join(s->r->path, PATH_LEN, up, f->key);
		put_stand_in(s, &f->value);
		put_text(s, ", ");
		memcpy(s->r->path, up, sizeof(up));
	}
	move_to_front(s, at, end);
}

/* One key and its value. */
static void take_pair(struct shape *s, const yaml_event_t *key, const cyaml_schema_value_t *v,
		      const char *up, __u64 *seen)
{
	bool plain = key->type == YAML_SCALAR_EVENT;
	const char *word = plain ? (const char *)key->data.scalar.value : "";
	const cyaml_schema_field_t *f = NULL;
	__u32 line = key->start_mark.line + 1;
	yaml_event_t e;

	if (!strchr(up, '['))
		s->r->item = line;
	s->r->line = line;
	if (!plain)
		skip_node(s, key);
	if (v)
		f = find_field(s, v, word, seen);
	s->mute += v && !f;
	go_to_line(s, line);
	/* With "?" in front a key may be of any length. */
	put_text(s, "? ");
	put_quoted(s, word);
	put_text(s, " : ");
	path_join(s->r->path, PATH_LEN, up, word);
	if (next(s, &e)) {
		take_node(s, &e, f && f->value.type != CYAML_IGNORE ? &f->value : NULL, line);
		yaml_event_delete(&e);
	}
	put_text(s, ", ");
	s->mute -= v && !f;
	memcpy(s->r->path, up, PATH_LEN);
}

static void take_mapping(struct shape *s, const cyaml_schema_value_t *v, __u32 line)
{
	bool end = false;
	char up[PATH_LEN];
	yaml_event_t e;
	__u64 seen = 0;
	size_t at;

	memcpy(up, s->r->path, sizeof(up));
	put_text(s, "{");
	at = s->len;
	while (!end && next(s, &e)) {
		end = e.type == YAML_MAPPING_END_EVENT;
		if (!end)
			take_pair(s, &e, v, up, &seen);
		yaml_event_delete(&e);
	}
	s->r->line = line;
	if (v)
		put_missing(s, v, seen, at);
	put_text(s, "}");
}

/* The node at r->path. line: where it begins, or its key in a mapping. */
static void take_node(struct shape *s, const yaml_event_t *e, const cyaml_schema_value_t *v,
		      __u32 line)
{
	bool is_list = e->type == YAML_SEQUENCE_START_EVENT;
	bool is_map = e->type == YAML_MAPPING_START_EVENT;

	s->r->line = line;
	if (v && (is_list != (v->type == CYAML_SEQUENCE) || is_map != (v->type == CYAML_MAPPING)))
		wrong_kind(s, e, v);
	else if (is_list)
		take_list(s, v);
	else if (is_map)
		take_mapping(s, v, line);
	else
		take_scalar(s, e, v);
}

/* ---- the whole ---- */

static void mend(struct shape *s)
{
	bool end = false;
	yaml_event_t e;

	s->line = 1;
	while (!end && next(s, &e)) {
		end = e.type == YAML_STREAM_END_EVENT;
		if (e.type == YAML_SCALAR_EVENT || e.type == YAML_SEQUENCE_START_EVENT ||
		    e.type == YAML_MAPPING_START_EVENT)
			take_node(s, &e, &config_schema, e.start_mark.line + 1);
		yaml_event_delete(&e);
	}
}

int shape_mend(struct reader *r, struct shape **made)
{
	struct shape *s = calloc(1, sizeof(*s));
	int ret;

	*made = s;
	r->path[0] = '\0';
	r->ends_in_field = false;
	/* Where it is no YAML, that is the error, whatever libcyaml found before. */
	if (lines_check(r->text, r->len) > 0) {
		ret = config_explain(r, CYAML_ERR_LIBYAML_PARSER);
		return ret ? ret : -EINVAL;
	}
	if (s)
		s->stand_ins.path = calloc(2 * XR_ERRS_MAX, sizeof(*s->stand_ins.path));
	if (!s || !s->stand_ins.path || !yaml_parser_initialize(&s->parser))
		return xr_fail(r->err, -ENOMEM, "%s: out of memory", r->name);
	s->r = r;
	yaml_parser_set_input_string(&s->parser, (const unsigned char *)r->text, r->len);
	mend(s);
	yaml_parser_delete(&s->parser);
	r->line = r->item = 0;
	r->path[0] = r->cyaml_error[0] = '\0';
	if (s->err == -ENOMEM)
		xr_fail(r->err, s->err, "%s: out of memory", r->name);
	return s->err;
}

void shape_free(struct shape *s)
{
	if (!s)
		return;
	if (s->text)
		explicit_bzero(s->text, s->room); /* there may be keys in it */
	free(s->text);
	free(s->stand_ins.path);
	free(s);
}

const char *shape_text(const struct shape *s, size_t *len)
{
	*len = s->len;
	return s->text;
}

const struct stand_ins *shape_stand_ins(const struct shape *s)
{
	return &s->stand_ins;
}
