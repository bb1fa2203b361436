// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>
#include "lines.h"

#define KEY_LEN 64

struct frame {
	bool map, want_value;
	__u32 line; /* of the key */
	long index;
	char key[KEY_LEN];
};

struct walk {
	struct frame frame[LINES_DEPTH];
	size_t depth; /* may exceed what frame holds */
	size_t documents;
	const char *wrong; /* YAML that a configuration may not have; NULL: none so far */
	bool (*each)(void *ctx, const struct lines_step *step, size_t depth,
		     const struct lines_node *node);
	void *ctx;
};

static struct frame *top(struct walk *w)
{
	return w->depth && w->depth <= LINES_DEPTH ? &w->frame[w->depth - 1] : NULL;
}

static bool call(struct walk *w, __u32 line, const yaml_event_t *e)
{
	struct lines_node node = { .line = line };
	struct lines_step step[LINES_DEPTH];
	size_t i;

	if (e->type == YAML_SCALAR_EVENT) {
		node.value = (const char *)e->data.scalar.value;
		node.quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	}

	if (w->depth > LINES_DEPTH || !w->each)
		return true;
	for (i = 0; i < w->depth; i++) {
		step[i].key = w->frame[i].map ? w->frame[i].key : NULL;
		step[i].index = w->frame[i].index;
	}
	return w->each(w->ctx, step, w->depth, &node);
}

/* A scalar, or the beginning of a list or mapping. *is_key: it is a key. */
static bool begin(struct walk *w, const yaml_event_t *e, bool *is_key)
{
	struct frame *f = top(w);
	__u32 line = e->start_mark.line + 1;

	*is_key = false;
	if (!f)
		return w->depth ? true : call(w, line, e);
	if (f->map && !f->want_value) {
		*is_key = true;
		f->want_value = true;
		f->line = line;
		f->key[0] = '\0';
		if (e->type == YAML_SCALAR_EVENT)
			snprintf(f->key, sizeof(f->key), "%s", (const char *)e->data.scalar.value);
		return true;
	}
	if (f->map) {
		f->want_value = false;
		line = f->line;
	} else {
		f->index++;
	}
	return call(w, line, e);
}

static bool has_anchor(const yaml_event_t *e)
{
	return e->type == YAML_SCALAR_EVENT            ? e->data.scalar.anchor
		: e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.anchor
		: e->type == YAML_MAPPING_START_EVENT  ? e->data.mapping_start.anchor
						       : NULL;
}

static bool step(struct walk *w, const yaml_event_t *e)
{
	bool is_key, go_on;
	struct frame *f;

	if (has_anchor(e))
		w->wrong = "YAML anchors are not read; write the value out where it is meant";
	/* Checked here as each() gets no keys. */
	if (e->type == YAML_ALIAS_EVENT)
		w->wrong = "YAML aliases are not read; write the value out";
	/* Each level makes libyaml slower with each token: stop here. */
	if (w->depth > LINES_DEPTH)
		w->wrong =
			"nested too deeply: no list or mapping of a configuration is so far inside";
	if (w->wrong)
		return false;
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		/* libcyaml reads the first and ignores the others silently. */
		if (w->documents++)
			w->wrong = "a second document begins here; a file holds one";
		return !w->wrong;
	case YAML_SCALAR_EVENT:
		/* "\0" would end the value early, unseen. */
		if (memchr(e->data.scalar.value, 0, e->data.scalar.length))
			w->wrong = "a value with a NUL in it";
		return begin(w, e, &is_key) && !w->wrong;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		go_on = begin(w, e, &is_key);
		w->depth++;
		f = top(w);
		if (f) {
			memset(f, 0, sizeof(*f));
			f->map = e->type == YAML_MAPPING_START_EVENT;
			f->index = -1;
		}
		return go_on;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		w->depth--;
		return true;
	default:
		return true;
	}
}

/* The character at a mark, whose column counts characters, not octets. */
static char char_at(const char *text, size_t len, const yaml_mark_t *mark)
{
	const char *c = text, *end = text + len;
	size_t n;

	for (n = mark->line; n && c; n--) {
		c = memchr(c, '\n', end - c);
		c = c ? c + 1 : NULL;
	}
	for (n = mark->column; n && c && c < end; n--)
		do
			c++;
		while (c < end && (*c & 0xc0) == 0x80);
	return c && c < end ? *c : '\0';
}

/* libyaml's message, and where the thing begins that it is about, as the error may be there. */
static void describe_syntax(const yaml_parser_t *p, const char *text, size_t len, char *problem,
			    size_t size)
{
	char c = char_at(text, len, &p->problem_mark);
	bool token = strstr(p->problem, "cannot start any token");
	const char *what = p->context ? p->context : "";
	char begun[128] = "";

	if (p->context_mark.line != p->problem_mark.line && what[0])
		snprintf(begun, sizeof(begun), ", %s that begins in line %zu%s", what,
			 p->context_mark.line + 1,
			 strstr(what, "block") ? "; indent its lines alike" : "");
	if ((token && c == '\t') || strstr(p->problem, "tab character"))
		snprintf(problem, size, "not valid YAML: a tab; indent with blanks");
	else if (token && c)
		snprintf(problem, size,
			 "not valid YAML: no value begins with '%c'; put it in quotes", c);
	else
		snprintf(problem, size, "not valid YAML: %s%s", p->problem, begun);
}

int lines_walk(const char *text, size_t len,
	       bool (*each)(void *ctx, const struct lines_step *step, size_t depth,
			    const struct lines_node *node),
	       void *ctx, char *problem, size_t size)
{
	struct walk w = { .each = each, .ctx = ctx };
	yaml_parser_t parser;
	yaml_event_t e;
	bool more = true;
	int line = 0;

	if (size)
		problem[0] = '\0';
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (more) {
		if (!yaml_parser_parse(&parser, &e)) {
			line = parser.error == YAML_MEMORY_ERROR
				? -ENOMEM
				: (int)parser.problem_mark.line + 1;
			if (size && parser.problem)
				describe_syntax(&parser, text, len, problem, size);
			break;
		}
		more = e.type != YAML_STREAM_END_EVENT && step(&w, &e);
		if (w.wrong) {
			line = e.start_mark.line + 1;
			if (size)
				snprintf(problem, size, "%s", w.wrong);
		}
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&parser);
	return line;
}

int lines_check(const char *text, size_t len)
{
	return lines_walk(text, len, NULL, NULL, NULL, 0);
}

int lines_check_depth(const char *text, size_t len, char *problem, size_t size)
{
	const char *c, *end = text + len;
	size_t open = 0;

	/* A cheap count first: the walk is rarely needed. */
	for (c = text; c < end && open <= LINES_DEPTH; c++) {
		if (*c == '[' || *c == '{')
			open++;
		else if (open && (*c == ']' || *c == '}'))
			open--;
	}
	return c < end ? lines_walk(text, len, NULL, NULL, problem, size) : 0;
}

struct find {
	const char *path;
	__u32 line;
};

static bool on_node(void *ctx, const struct lines_step *step, size_t depth,
		    const struct lines_node *node)
{
	struct find *f = ctx;
	char path[LINES_DEPTH * (KEY_LEN + 1)];
	size_t i, n = 0;

	path[0] = '\0';
	for (i = 0; i < depth; i++) {
		if (step[i].key)
			n += snprintf(path + n, sizeof(path) - n, "%s%s", n ? "." : "",
				      step[i].key);
		else
			n += snprintf(path + n, sizeof(path) - n, "[%ld]", step[i].index);
		if (n >= sizeof(path))
			return true;
	}
	if (!strcmp(path, f->path))
		f->line = node->line;
	return true;
}

__u32 lines_find(const char *text, size_t len, const char *path)
{
	char up[512], *cut, *bracket;
	struct find f = { up, 0 };

	snprintf(up, sizeof(up), "%s", path);
	while (!f.line && up[0]) {
		lines_walk(text, len, on_node, &f, NULL, 0);
		cut = strrchr(up, '.');
		bracket = strrchr(up, '[');
		if (!cut || (bracket && bracket > cut))
			cut = bracket;
		*(cut ? cut : up) = '\0';
	}
	return f.line ? f.line : 1;
}
