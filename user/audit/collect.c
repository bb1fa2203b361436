// SPDX-License-Identifier: GPL-2.0-only
/* What one process changes, kept until it ends: one entry says it all. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"

static struct {
	struct audit_actor by;
	bool collecting, intent_known, to_change;
	char *lines[AUDIT_CHANGES];
	size_t n, more;
} kept;

static void keep_line(const char *line)
{
	char *copy = kept.n < AUDIT_CHANGES ? strdup(line) : NULL;

	if (copy)
		kept.lines[kept.n++] = copy;
	else
		kept.more++;
}

void audit_begin(const struct audit_actor *by)
{
	kept.by = *by;
	kept.collecting = true;
	plane_on_change(keep_line);
}

void audit_intend(bool to_change)
{
	kept.intent_known = true;
	kept.to_change = to_change;
}

void audit_line(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (!kept.collecting)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	keep_line(line);
}

void audit_end(const char *instance, const char *refused)
{
	struct audit_entry e = {
		.by = &kept.by,
		.instance = instance,
		.changes = (const char *const *)kept.lines,
		.n_changes = kept.n,
		.more_changes = kept.more,
		.refused = refused,
	};
	bool to_change = kept.intent_known ? kept.to_change : plane_was_to_change();

	if (!kept.collecting)
		return;
	kept.collecting = false;
	plane_on_change(NULL);
	if (kept.n || kept.more || (refused && to_change))
		audit_post(NULL, &e);
	while (kept.n)
		free(kept.lines[--kept.n]);
}
