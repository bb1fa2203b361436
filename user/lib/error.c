// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "clean.h"
#include "error.h"

void xr_format_line(char *out, size_t size, const char *fmt, va_list ap)
{
	char *line = NULL;

	/* Names and file contents end up in here, of any length. */
	if (vasprintf(&line, fmt, ap) < 0)
		line = NULL;
	clean_cut(line ? line : "out of memory", out, size);
	free(line);
}

int xr_fail(struct xr_err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	xr_format_line(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return code;
}

bool xr_errs_has_line(const struct xr_errs *all, unsigned int line)
{
	size_t i;

	for (i = 0; i < all->n_lines; i++)
		if (line && all->line[i] == line)
			return true;
	return false;
}

bool xr_errs_add(struct xr_errs *all, const struct xr_err *e, unsigned int line, unsigned int item)
{
	if (!all->item) {
		all->item = calloc(XR_ERRS_MAX, sizeof(*all->item));
		all->line = calloc(2 * XR_ERRS_MAX, sizeof(*all->line));
	}
	if (!all->item || !all->line)
		return false;
	if (all->n < XR_ERRS_MAX) {
		all->item[all->n++] = (struct xr_err_at){ *e, line };
		all->line[all->n_lines++] = line;
		all->line[all->n_lines++] = item;
	}
	return all->n < XR_ERRS_MAX;
}

void xr_errs_free(struct xr_errs *all)
{
	free(all->item);
	free(all->line);
	*all = (struct xr_errs){ .n = 0 };
}

bool xr_is_shortage(int code)
{
	return code == -EMFILE || code == -ENFILE || code == -ENOMEM || code == -ENOBUFS;
}
