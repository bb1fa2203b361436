// SPDX-License-Identifier: GPL-2.0-only
/* What the parts of the daemon have for "xroam status", in one place. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "plane/daemon_claim.h"

static void write_all(struct daemon *d)
{
	char text[DAEMON_PROBLEMS_TEXT];
	size_t used = 0;
	int i;

	text[0] = '\0';
	for (i = 0; i < DAEMON_PROBLEMS && used < sizeof(text); i++)
		if (d->problems[i].lines)
			used += snprintf(text + used, sizeof(text) - used, "%s",
					 d->problems[i].lines);
	daemon_write_claim(d->claim_fd, d->metrics, text);
}

void daemon_set_problems(struct daemon *d, const char *owner, const char *lines)
{
	struct daemon_problems *own = d->problems, *end = own + DAEMON_PROBLEMS;

	while (own < end && own->owner && strcmp(own->owner, owner))
		own++;
	if (own == end || !strcmp(own->lines ? own->lines : "", lines))
		return;
	own->owner = owner;
	free(own->lines);
	own->lines = lines[0] ? strdup(lines) : NULL;
	write_all(d);
}

void daemon_set_metrics(struct daemon *d, const char *where)
{
	if (!strcmp(d->metrics, where))
		return;
	snprintf(d->metrics, sizeof(d->metrics), "%s", where);
	write_all(d);
}

void problem_add(struct problem_lines *l, const char *fmt, ...)
{
	va_list ap;
	size_t room = sizeof(l->text) - l->used;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->used, room, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n + 1 < room) {
		l->used += n;
		l->text[l->used++] = '\n';
	}
	l->text[l->used] = '\0';
}

void daemon_free_problems(struct daemon *d)
{
	int i;

	for (i = 0; i < DAEMON_PROBLEMS; i++)
		free(d->problems[i].lines);
}
