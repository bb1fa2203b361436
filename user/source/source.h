/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon with its sources: "xroam run". */
#ifndef XR_SOURCE_SOURCE_H
#define XR_SOURCE_SOURCE_H

#include <stdbool.h>
#include "lib/error.h"

/*
 * Runs until SIGTERM or SIGINT: 0. config: the file of -c; NULL: none. Else -errno and
 * the line: it could not begin, or its instance was destroyed.
 */
int daemon_run(const char *instance, const char *config, bool verbose, struct xr_err *err);

#endif
