// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include "error.h"

int xr_fail(struct xr_err *e, int code, const char *fmt, ...)
{
	va_list ap;
	char *c;

	if (!e)
		return code;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	/* Names and file contents end up in here: keep it one line. */
	for (c = e->text; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	return code;
}
