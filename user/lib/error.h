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
	char text[512]; /* no newline; empty: nothing said yet */
};

/* All that is wrong with a file, where that is asked for. */
struct xr_errs {
	struct xr_err_at {
		struct xr_err err;
		unsigned int line; /* 0: of none */
	} *item;
	size_t n;
	/*
	 * Lines that are told of, and of the list's item they are in: what comes of
	 * them later is no fault of its own.
	 */
	unsigned int *line;
	size_t n_lines;
};

#define XR_ERRS_MAX 50

/* False: there are enough. item: the line where its item begins. */
bool xr_errs_add(struct xr_errs *all, const struct xr_err *e, unsigned int line, unsigned int item);
bool xr_errs_knows(const struct xr_errs *all, unsigned int line);
void xr_errs_free(struct xr_errs *all);

/* Writes the line (e may be NULL) and returns code, a -errno. */
int xr_fail(struct xr_err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * The line for out: whatever it is made of, no control characters, UTF-8, and its
 * end where it is too long: see clean.h.
 */
void xr_vline(char *out, size_t size, const char *fmt, va_list ap);

/*
 * Out of descriptors or memory, this process or the machine: nothing is said of what
 * was asked.
 */
bool xr_is_lack(int code);

#endif
