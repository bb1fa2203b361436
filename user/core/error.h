/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One line for the operator: the object, what is wrong, what would be right.
 * The innermost function that knows the object writes it; callers pass it on.
 */
#ifndef XR_CORE_ERROR_H
#define XR_CORE_ERROR_H

struct xr_err {
	char text[512];		/* no newline; empty: nothing said yet */
};

/* Writes the line (e may be NULL) and returns code, a -errno. */
int xr_fail(struct xr_err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Blanks for control characters: text becomes one line, and only that. */
void xr_one_line(char *text);

#endif
