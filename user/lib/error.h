/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One line for the operator: the object, what is wrong, what would be right.
 * The innermost function that knows the object writes it; callers pass it on.
 */
#ifndef XR_LIB_ERROR_H
#define XR_LIB_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct xr_err {
	char text[512]; /* no newline; empty: no error so far */
};

/* All errors of a file, where all are wanted and not only the first. */
struct xr_errs {
	struct xr_err_at {
		struct xr_err err;
		unsigned int line; /* of the file; 0: none */
	} *item;
	size_t n;
	/*
	 * Lines that have an error, and the first lines of the list items around them:
	 * what is found there later follows from it and is not reported.
	 */
	unsigned int *line;
	size_t n_lines;
};

#define XR_ERRS_MAX 50

/* Adds an error. item: the first line of the list item it is in. False: there is no more room. */
bool xr_errs_add(struct xr_errs *all, const struct xr_err *e, unsigned int line, unsigned int item);
bool xr_errs_has_line(const struct xr_errs *all, unsigned int line);
void xr_errs_free(struct xr_errs *all);

/* Writes the line (e may be NULL) and returns code, a -errno. */
int xr_fail(struct xr_err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Formats a line into out: without control characters, as UTF-8, and one that is too long
 * without its middle: see clean.h.
 */
void xr_format_line(char *out, size_t size, const char *fmt, va_list ap);

/*
 * code means that this process or the machine is short of descriptors or memory, and
 * nothing about the object of the call.
 */
bool xr_is_shortage(int code);

#endif
