// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM's bounds in a stream: as lines of text, such as the file has them, so that no struct of
 * the maps is a part of the format. Each begins with what it is: a limit, a rule, the default.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/bounds.h"
#include "stream_priv.h"

static size_t put_line(struct stream_bounds *to, size_t at, char what, const char *text)
{
	return at + snprintf(to->lines + at, sizeof(to->lines) - at, "%c%s", what, text) + 1;
}

size_t stream_put_bounds(struct stream_bounds *to, __u64 key, const struct xr_vm_bounds *b)
{
	char text[BOUNDS_TEXT];
	size_t at = 0;
	__u32 i;

	to->key = htole64(key);
	for (i = 0; i < (__u32)bounds_limits(b); i++)
		at = put_line(to, at, 'l', bounds_limit_text(text, b, i));
	for (i = 0; i < b->n_rules; i++)
		at = put_line(to, at, 'r', bounds_rule_text(text, &b->rule[i]));
	at = put_line(to, at, 'd', bounds_default_text(b));
	return offsetof(struct stream_bounds, lines) + at;
}

static int take_line(struct xr_vm_bounds *b, char what, const char *text)
{
	switch (what) {
	case 'l':
		return bounds_add_limit(b, text, NULL);
	case 'r':
		return bounds_add_rule(b, text, NULL);
	case 'd':
		return bounds_set_default(b, text, NULL);
	default:
		return -EINVAL;
	}
}

int stream_get_bounds(struct xr_vm_bounds *b, const struct stream_bounds *from, size_t len)
{
	const size_t head = offsetof(struct stream_bounds, lines);
	const char *line = from->lines, *end = (const char *)from + len;

	memset(b, 0, sizeof(*b));
	if (len <= head || len > sizeof(*from) || end[-1])
		return -EINVAL;
	for (; line < end; line += strlen(line) + 1)
		if (take_line(b, line[0], line + !!line[0]))
			return -EINVAL;
	return bounds_any(b) ? 0 : -EINVAL;
}
