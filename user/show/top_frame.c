// SPDX-License-Identifier: GPL-2.0-only
/* Lays out what top shows: aligned columns, as much of it as fits. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "args/out.h"
#include "lib/clean.h"
#include "lib/reason.h"
#include "top_priv.h"

#define NUMBER    7 /* columns of "1.23 M" and a blank */
#define TREND_MIN 8 /* columns of a sparkline, where there is room for one */
#define TREND_MAX 30
#define NAME_MIN  12

/* ---- lines ---- */

#define LINE 2048

static void add_text(struct top_frame *f, const char *text)
{
	if (f->n == f->room) {
		f->room = f->room ? 2 * f->room : 64;
		f->line = realloc(f->line, f->room * sizeof(*f->line));
		if (!f->line)
			out_no_memory();
	}
	f->line[f->n] = strdup(text);
	if (!f->line[f->n++])
		out_no_memory();
}

static int width_of(wchar_t c)
{
	int w = wcwidth(c);

	return w < 0 ? 1 : w;
}

/*
 * Copies text, cut to so many columns, its middle left out with a '~'; filled up with
 * blanks where fill is set. What a terminal cannot show, or would obey, becomes '?'.
 * Returns the end.
 */
static char *put(char *to, char *end, const char *text, int columns, bool fill)
{
	wchar_t wide[512], c;
	int n = 0, width = 0, i, skip_from = -1, skip_to = -1, at = 0;
	mbstate_t state = { 0 };
	size_t len;

	while (*text && n < 511) {
		len = mbrtowc(&c, text, MB_CUR_MAX, &state);
		if (len == (size_t)-1 || len == (size_t)-2) {
			memset(&state, 0, sizeof(state));
			c = L'?';
			len = 1;
		}
		wide[n++] = wcwidth(c) < 0 || !clean_next(text, len).plain ? L'?' : c;
		text += len;
	}
	for (i = 0; i < n; i++)
		width += width_of(wide[i]);
	if (width > columns && columns > 0) {
		int head = (columns - 1) * 2 / 3, tail = columns - 1 - head, w = 0;

		for (i = 0; i < n && w + width_of(wide[i]) <= head; i++)
			w += width_of(wide[i]);
		skip_from = i;
		for (i = n, w = 0; i > skip_from && w + width_of(wide[i - 1]) <= tail; i--)
			w += width_of(wide[i - 1]);
		skip_to = i;
	}
	memset(&state, 0, sizeof(state));
	for (i = 0; i < n && at < columns && end - to > MB_LEN_MAX; i++) {
		c = wide[i];
		if (i == skip_from) {
			c = L'~';
			i = skip_to - 1;
		}
		len = wcrtomb(to, c, &state);
		if (len == (size_t)-1) {
			*to = '?';
			len = 1;
			memset(&state, 0, sizeof(state));
		}
		to += len;
		at += width_of(c);
	}
	for (; fill && at < columns && to < end; at++)
		*to++ = ' ';
	*to = '\0';
	return to;
}

static void __attribute__((format(printf, 3, 4))) add_line(struct top_frame *f,
							   const struct top_view *v,
							   const char *fmt, ...)
{
	char text[LINE], line[LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(line, line + sizeof(line) - 1, text, v->columns, false);
	add_text(f, line);
}

/* A line that is finished but for its color: "7" reverse, "31" red. */
static void add_colored(struct top_frame *f, const struct top_view *v, const char *color,
			const char *text)
{
	char cut[LINE], line[LINE + 16], *end;

	end = put(cut, cut + sizeof(cut) - 1, text, v->columns, false);
	while (end > cut && end[-1] == ' ')
		*--end = '\0';
	if (!v->color || !color) {
		add_text(f, cut);
		return;
	}
	snprintf(line, sizeof(line), "\033[%sm%s\033[0m", color, cut);
	add_text(f, line);
}

/* ---- numbers and sparklines ---- */

/* Three digits and a prefix: "999", "1.23k", "45.6M". */
static const char *short_number(char buf[16], double n)
{
	static const char prefix[] = " kMGTPE";
	int i = 0;

	while (n >= 999.5 && i < 6) {
		n /= 1000;
		i++;
	}
	if (!i)
		snprintf(buf, 16, n < 9.95 && n != (int)n ? "%.1f" : "%.0f", n);
	else
		snprintf(buf, 16, "%.*f%c", n < 9.995 ? 2 : n < 99.95 ? 1 : 0, n, prefix[i]);
	return buf;
}

/* What was not measured is no 0. */
static const char *short_rate(char buf[16], bool measured, double n)
{
	return measured ? short_number(buf, n) : "-";
}

static char *put_trend(char *to, const struct top_view *v, const struct top_trend *t, int columns)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char ascii[] = " .:-=+*#@";
	unsigned int had = t->n < TOP_TRENDS ? t->n : TOP_TRENDS, shown, i;
	float most = 0;

	shown = had < (unsigned int)columns ? had : (unsigned int)columns;
	for (i = 0; i < shown; i++)
		if (t->at[(t->n - shown + i) % TOP_TRENDS] > most)
			most = t->at[(t->n - shown + i) % TOP_TRENDS];
	to += sprintf(to, "%*s", columns - (int)shown, "");
	for (i = 0; i < shown; i++) {
		float value = t->at[(t->n - shown + i) % TOP_TRENDS];
		int level = most > 0 ? (int)(value / most * 8 + 0.5F) : 0;

		/* Little is not nothing. */
		if (value > 0 && !level)
			level = 1;
		if (v->utf8)
			to += sprintf(to, "%s", blocks[level]);
		else
			*to++ = ascii[level];
	}
	*to = '\0';
	return to;
}

/* ---- sections ---- */

struct columns {
	int name, trend;
	bool total;
};

static struct columns columns_of(const struct top_view *v)
{
	struct columns c = { .total = v->columns >= 60 };
	int room = v->columns - (c.total ? 3 : 2) * NUMBER;

	c.trend = room - 1 - NAME_MIN > TREND_MIN ? (room - 1) * 2 / 5 : 0;
	if (c.trend > TREND_MAX)
		c.trend = TREND_MAX;
	c.name = room - (c.trend ? c.trend + 1 : 0);
	if (c.name > 64)
		c.name = 64;
	if (c.name < 1)
		c.name = 1;
	return c;
}

static void add_row(struct top_frame *f, const struct top_view *v, const struct columns *c,
		    const struct top_row *r)
{
	char line[LINE], a[16], b[16], t[16], *to;
	bool drop = r->now.kind && !strcmp(r->now.kind, "drop") && r->packets > 0;

	to = put(line, line + 1024, r->now.name, c->name, true);
	to += sprintf(to, "%*s%*s", NUMBER, short_rate(a, r->measured, r->packets), NUMBER,
		      short_rate(b, r->measured, r->bits));
	if (c->total)
		to += sprintf(to, "%*s", NUMBER, short_number(t, r->now.value[0]));
	if (c->trend) {
		*to++ = ' ';
		put_trend(to, v, &r->trend, c->trend);
	}
	add_colored(f, v, drop ? "31" : NULL, line);
}

static void add_heading(struct top_frame *f, const struct top_view *v, const struct columns *c,
			const char *title, const char *rest)
{
	char line[LINE], name[128], *to;

	snprintf(name, sizeof(name), "%s%s", title, rest);
	to = put(line, line + 1024, name, c->name, true);
	to += sprintf(to, "%*s%*s", NUMBER, "PKT/S", NUMBER, "BIT/S");
	if (c->total)
		to += sprintf(to, "%*s", NUMBER, "PKTS");
	if (c->trend)
		sprintf(to, " %-*s", c->trend, "PKT/S BEFORE");
	add_colored(f, v, "1", line);
}

/* Rows worth a line: reasons that never came are none. */
static size_t worth(const struct top *t, int section)
{
	const struct top_list *list = &t->list[section];
	size_t i, n = 0;

	for (i = 0; i < list->rows; i++)
		n += section != TOP_REASONS || list->row[i].now.value[0];
	return n;
}

static void add_section(struct top_frame *f, const struct top *t, const struct top_view *v,
			int section, size_t lines)
{
	const struct top_list *list = &t->list[section];
	struct columns c = columns_of(v);
	size_t rows = worth(t, section), shown = rows, i, done = 0, *order;
	char rest[64] = "";

	if (!lines)
		return;
	if (shown > lines - 1)
		shown = lines - 1;
	if (shown < rows)
		snprintf(rest, sizeof(rest), " %zu of %zu", shown, rows);
	add_heading(f, v, &c, top_names[section].title, rest);
	order = top_sort(list, v->order);
	for (i = 0; i < list->rows && done < shown; i++) {
		const struct top_row *r = &list->row[order[i]];

		if (section == TOP_REASONS && !r->now.value[0])
			continue;
		add_row(f, v, &c, r);
		done++;
	}
	free(order);
}

static void add_moves(struct top_frame *f, const struct top *t, const struct top_view *v,
		      size_t lines)
{
	size_t i;

	if (!lines)
		return;
	if (t->under_way > lines - 1)
		add_line(f, v, "MOVES %zu of %zu", lines - 1, t->under_way);
	else
		add_line(f, v, "MOVES %zu", t->under_way);
	for (i = 0; i < t->n_moves && i < lines - 1; i++) {
		const struct top_move *m = &t->move[i];

		add_line(f, v, "%-26s %-9s %s -> %s, %llu frames", m->vm, m->state, m->from, m->to,
			 (unsigned long long)m->hits);
	}
}

/* ---- the whole ---- */

static void add_head(struct top_frame *f, const struct top *t, const struct top_view *v)
{
	static const char *const orders[] = { "packets", "bits", "total", "name" };
	char line[LINE], when[16], a[16], b[16], *to;
	bool measured = t->seconds > 0;
	int i, columns;

	strftime(when, sizeof(when), "%T", localtime(&t->wall.tv_sec));
	snprintf(line, sizeof(line), "xroam top  %s  %s  every %u s  by %s%s", t->instance, when,
		 v->interval, orders[v->order], v->paused ? "  PAUSED" : "");
	add_colored(f, v, v->paused ? "7" : "1", line);
	if (!t->there) {
		add_line(f, v, "%s", t->why);
		return;
	}
	to = line +
		sprintf(line, "%s pkt/s  %s bit/s ", short_rate(a, measured, t->packets),
			short_rate(b, measured, t->bits));
	for (i = 0; i < XR_KIND_NOTE; i++)
		to += sprintf(to, " %s %s", reason_kind_word(i),
			      short_rate(a, measured, t->kind[i]));
	columns = v->columns - (int)(to - line) - 2;
	if (columns >= TREND_MIN) {
		to += sprintf(to, "  ");
		put_trend(to, v, &t->trend, columns < TREND_MAX ? columns : TREND_MAX);
	}
	add_colored(f, v, NULL, line);
	if (t->n_wrong > 1)
		snprintf(line, sizeof(line), "wrong: %s (and %zu more: xroam status)", t->wrong,
			 t->n_wrong - 1);
	else if (t->n_wrong)
		snprintf(line, sizeof(line), "wrong: %s", t->wrong);
	else
		snprintf(line, sizeof(line), "nothing is wrong");
	clean_line(line);
	add_colored(f, v, t->n_wrong ? "31" : "32", line);
}

static void add_help(struct top_frame *f, const struct top_view *v)
{
	static const char *const lines[] = {
		"q        quit",
		"s        sort by packets, bits, total, name",
		"v b r d h m   VIPs, backends, reasons, devices, hosts, moves alone",
		"a, Tab   all sections; the next one",
		"p, blank pause",
		"?        this help, and away",
	};
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		add_line(f, v, "%s", lines[i]);
}

/*
 * How many lines each section gets of those there are: what a short one does not need, the
 * long ones share. The heading is one of them.
 */
static void share(const size_t *wants, size_t *gets, int n, size_t lines)
{
	size_t left = lines;
	int open = 0, i;
	bool given = true;

	for (i = 0; i < n; i++) {
		gets[i] = 0;
		open += wants[i] > 0;
	}
	while (given && open) {
		given = false;
		for (i = 0; i < n && left; i++) {
			if (gets[i] >= wants[i])
				continue;
			gets[i]++;
			left--;
			given = true;
		}
	}
}

static void add_all(struct top_frame *f, const struct top *t, const struct top_view *v,
		    size_t lines)
{
	size_t wants[TOP_SECTIONS + 1], gets[TOP_SECTIONS + 1];
	int i;

	for (i = 0; i < TOP_SECTIONS; i++) {
		wants[i] = worth(t, i);
		if (wants[i])
			wants[i]++;
	}
	wants[TOP_SECTIONS] = t->under_way ? t->under_way + 1 : 0;
	share(wants, gets, TOP_SECTIONS + 1, lines);
	/* What moves is what somebody is looking for. */
	add_moves(f, t, v, gets[TOP_SECTIONS]);
	for (i = 0; i < TOP_SECTIONS; i++)
		add_section(f, t, v, i, gets[i]);
}

void top_lay_out(const struct top *t, const struct top_view *v, struct top_frame *f)
{
	size_t lines;

	add_head(f, t, v);
	if (v->help)
		add_help(f, v);
	if (!t->there)
		return;
	lines = !v->rows ? (size_t)1 << 20 : (size_t)v->rows > f->n ? v->rows - f->n : 0;
	if (v->section < 0)
		add_all(f, t, v, lines);
	else if (v->section == TOP_SECTIONS)
		add_moves(f, t, v, lines);
	else
		add_section(f, t, v, v->section, lines);
}

void top_frame_free(struct top_frame *f)
{
	while (f->n)
		free(f->line[--f->n]);
	free(f->line);
	*f = (struct top_frame){ NULL, 0, 0 };
}
