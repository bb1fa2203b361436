// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include "error.h"

void xr_one_line(char *text)
{
	unsigned char *c;

	for (c = (unsigned char *)text; *c; c++) {
		/* U+0080 to U+009f are terminal commands, too. */
		if (*c < ' ' || *c == 0x7f)
			*c = ' ';
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = ' ';
	}
}

int xr_fail(struct xr_err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	/* Names and file contents end up in here. */
	xr_one_line(e->text);
	return code;
}
