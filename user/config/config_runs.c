// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "config_runs.h"
#include "lib/text.h"
#include "model/model_edit.h"

#define LEAST 64 /* lines that are worth it */

/* A line's: no run's, or a run's of that kind. */
#define NO_RUN    (-2)
#define IN_COMMAS (-1) /* others: by their indent */

/* Hex digits in pairs, with quotes or without: where they end, or NULL. */
static const char *skip_hex(const char *c, const char *end)
{
	char quote = c < end && (*c == '\'' || *c == '"') ? *c++ : '\0';
	const char *begin = c;

	while (c < end && isxdigit((unsigned char)*c))
		c++;
	if (c == begin || (c - begin) % 2 || c - begin > 2 * XR_SID_MAX)
		return NULL;
	if (quote && (c == end || *c++ != quote))
		return NULL;
	return c;
}

static long kind_of(const char *line, const char *end)
{
	const char *c = line;
	long indent;

	while (c < end && *c == ' ')
		c++;
	indent = c - line;
	if (end - c > 2 && c[0] == '-' && c[1] == ' ')
		return skip_hex(c + 2, end) == end ? indent : NO_RUN;
	while (c && c < end) {
		c = skip_hex(c, end);
		if (!c || c == end || *c++ != ',')
			return NO_RUN;
		while (c < end && *c == ' ')
			c++;
	}
	return c && c > line + indent ? IN_COMMAS : NO_RUN;
}

static int add_run(struct runs *r, const struct run *run)
{
	struct run *to = model_grow(&r->run, &r->n, sizeof(*to));

	if (!to)
		return -ENOMEM;
	*to = *run;
	return 0;
}

static int find_runs(struct runs *r, size_t len)
{
	struct run now = { .backend = -1, .sid = -1 };
	const char *line = r->text, *end = r->text + len, *stop;
	long kind, before = NO_RUN;
	__u32 number = 1;

	for (; line < end; line = stop + 1, number++, before = kind) {
		stop = memchr(line, '\n', end - line);
		if (!stop)
			break; /* what has no end is no run's */
		kind = kind_of(line, stop);
		if (kind == NO_RUN || kind != before) {
			if (now.n >= LEAST && add_run(r, &now))
				return -ENOMEM;
			now.n = 0;
			now.line = number;
			now.from = line - r->text;
		}
		now.n += kind != NO_RUN;
		now.to = stop + 1 - r->text;
	}
	return now.n >= LEAST ? add_run(r, &now) : 0;
}

static size_t first_len(const struct runs *r, const struct run *run)
{
	return strchr(r->text + run->from, '\n') + 1 - (r->text + run->from);
}

static int take_out(struct runs *r, size_t len)
{
	size_t at = 0, i, first;
	char *to;

	r->rest = to = malloc(len + 1);
	if (!to)
		return -ENOMEM;
	for (i = 0; i < r->n; i++) {
		first = first_len(r, &r->run[i]);
		memcpy(to, r->text + at, r->run[i].from + first - at);
		to += r->run[i].from + first - at;
		memset(to, '\n', r->run[i].n - 1);
		to += r->run[i].n - 1;
		at = r->run[i].to;
	}
	memcpy(to, r->text + at, len - at);
	r->rest_len = to + len - at - r->rest;
	r->rest[r->rest_len] = '\0';
	return 0;
}

bool runs_cut(struct runs *r, const char *text, size_t len)
{
	*r = (struct runs){ .text = text };
	if (!find_runs(r, len) && r->n && !take_out(r, len))
		return true;
	runs_free(r);
	return false;
}

/* The next one of a run, from *at on. false: there is none. */
static bool next_sid(const char **at, const char *end, struct model_sid *s)
{
	char hex[2 * XR_SID_MAX + 1];
	size_t n = 0, len = 0;

	for (; *at < end && !isxdigit((unsigned char)**at); (*at)++)
		s->line += **at == '\n';
	while (*at < end && n < sizeof(hex) - 1 && isxdigit((unsigned char)**at))
		hex[n++] = *(*at)++;
	hex[n] = '\0';
	if (!n || text_to_hex(hex, s->octet, sizeof(s->octet), &len, NULL))
		return false;
	s->len = len;
	return true;
}

static size_t count(const char *at, const char *end)
{
	struct model_sid s = { .len = 0 };
	size_t n = 0;

	while (next_sid(&at, end, &s))
		n++;
	return n;
}

void runs_meet(struct runs *r, long backend, long sid, const struct lines_node *node)
{
	struct run *run = r->run + r->next;
	struct model_sid s = { .len = 0 };
	char hex[2 * XR_SID_MAX + 1];
	const char *at;

	if (r->next == r->n || run->line != node->line)
		return;
	at = r->text + run->from;
	/* A value that goes on in another line is another one. */
	if (!next_sid(&at, r->text + run->to, &s) || !node->value ||
	    strcasecmp(node->value, text_hex(hex, sizeof(hex), s.octet, s.len)))
		return;
	run->backend = backend;
	run->sid = sid;
	r->next++;
}

/* Those that stayed in the text are there already. */
static int put_run(const struct runs *r, const struct run *run, struct model *m)
{
	struct model_backend *b = &m->backends[run->backend];
	const char *at = r->text + run->from, *rest = at + first_len(r, run),
		   *end = r->text + run->to;
	size_t stayed = count(at, rest), more = count(rest, end), room = 1;
	struct model_sid *sids, *to, s = { .line = run->line + 1 };

	while (room < b->n_sids + more)
		room *= 2; /* as model_grow() expects it */
	sids = realloc(b->sids, room * sizeof(*sids));
	if (!sids)
		return -ENOMEM;
	b->sids = sids;
	to = &sids[run->sid + stayed];
	memmove(to + more, to, (&sids[b->n_sids] - to) * sizeof(*to));
	b->n_sids += more;
	while (next_sid(&rest, end, &s)) {
		*to++ = s;
		memset(s.octet, 0, sizeof(s.octet));
	}
	return 0;
}

int runs_put(const struct runs *r, struct model *m)
{
	size_t i = r->n;
	int ret = 0;

	/* From the end, so that the places of runs before stay. */
	if (r->next < r->n)
		return -EINVAL;
	while (!ret && i--)
		ret = put_run(r, &r->run[i], m);
	return ret;
}

void runs_free(struct runs *r)
{
	if (r->rest)
		explicit_bzero(r->rest, r->rest_len); /* there may be keys in it */
	free(r->rest);
	free(r->run);
}
