// SPDX-License-Identifier: GPL-2.0-only
/* The lines that say what changes. They are kept until all is done: then they are true. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "commit_priv.h"
#include "model/model_edit.h"

#define EVENTS_MAX 32 /* lines of one commit in the event ring */

int commit_add_line(struct commit *c, const char *fmt, ...)
{
	char **line, *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	line = model_grow(&c->lines, &c->n_lines, sizeof(*line));
	if (!line) {
		free(text);
		return -ENOMEM;
	}
	*line = text;
	if (*text != '!')
		c->n_changes++;
	return 0;
}

int commit_fault(struct commit *c, __u32 line, int ret)
{
	struct xr_err what = *c->err;

	if (ret && line && c->want->file && what.text[0])
		xr_fail(c->err, ret, "%s:%u: %s", c->want->file, line, what.text);
	return ret;
}

void add_part(struct phrase *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (p->n && p->n + 2 < sizeof(p->text))
		p->n += snprintf(p->text + p->n, sizeof(p->text) - p->n, ", ");
	va_start(ap, fmt);
	n = vsnprintf(p->text + p->n, sizeof(p->text) - p->n, fmt, ap);
	va_end(ap);
	p->n += n;
	if (p->n >= sizeof(p->text))
		p->n = sizeof(p->text) - 1;
}

void commit_report(struct commit *c, void (*changed)(void *ctx, const char *line), void *ctx)
{
	size_t i, events = 0;

	for (i = 0; i < c->n_lines; i++) {
		if (changed)
			changed(ctx, c->lines[i]);
		if (c->preview)
			continue;
		if (c->lines[i][0] == '!')
			continue;
		if (events++ < EVENTS_MAX)
			plane_event(c->p, "%s", c->lines[i]);
		else
			plane_change_line(c->lines[i]);
	}
	if (events > EVENTS_MAX)
		plane_event(c->p, "... and %zu changes more", events - EVENTS_MAX);
}
