// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "clean.h"
#include "error.h"

void xr_vline(char *out, size_t size, const char *fmt, va_list ap)
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
	xr_vline(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return code;
}
