/* SPDX-License-Identifier: GPL-2.0-only */
/* The programs that nobody calls by hand. */
#ifndef XR_LIB_LIBEXEC_H
#define XR_LIB_LIBEXEC_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The path of such a program: beside this one, or where it is built or installed.
 * false: there is none, or it is this one.
 */
bool libexec_find(const char *name, char *path, size_t size);

#endif
