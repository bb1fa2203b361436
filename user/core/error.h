/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One line for the operator: the object, what is wrong, what would be right.
 * The innermost function that knows the object writes it; callers pass it on.
 */
#ifndef XR_CORE_ERROR_H
#define XR_CORE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

struct xr_err {
	char text[512];		/* no newline; empty: nothing said yet */
};

/* Writes the line (e may be NULL) and returns code, a -errno. */
int xr_fail(struct xr_err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The line for out: whatever it is made of, no control characters, UTF-8, and its
 * end where it is too long: see clean.h.
 */
void xr_vline(char *out, size_t size, const char *fmt, va_list ap);

#endif
