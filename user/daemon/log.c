// SPDX-License-Identifier: GPL-2.0-only
/* Lines on stderr, which a service manager keeps. */
#include <stdarg.h>
#include <stdio.h>

#include "daemon.h"

#define LINES_PER_SECOND 20

static bool may_log(uint64_t second)
{
	static unsigned int logged, left_out;
	static uint64_t counted;

	if (second != counted) {
		if (left_out)
			fprintf(stderr, "xroam: %u more lines left out\n", left_out);
		counted = second;
		logged = left_out = 0;
	}
	if (logged++ < LINES_PER_SECOND)
		return true;
	left_out++;
	return false;
}

static void print_line(const char *fmt, va_list ap)
{
	char line[768];

	xr_format_line(line, sizeof(line), fmt, ap);
	fprintf(stderr, "xroam: %s\n", line);
}

void daemon_log(struct daemon *d, const char *fmt, ...)
{
	va_list ap;

	(void)d;
	if (!may_log(daemon_clock_us() / US_PER_SECOND))
		return;
	va_start(ap, fmt);
	print_line(fmt, ap);
	va_end(ap);
}

void daemon_log_always(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(fmt, ap);
	va_end(ap);
}
