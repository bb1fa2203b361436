/* SPDX-License-Identifier: GPL-2.0-only */
/* The bench's cases, each counted by one packet once tables hold what they will hold. */
#ifndef COUNT_CASES_H
#define COUNT_CASES_H

#include <stdbool.h>
#include "tally.h"

/* Gets what each case counted. */
typedef void (*take_case)(void *to, const char *name, const struct counted *c);

/* only: cases whose name holds it; NULL: all. The process stays on one CPU. 0 or -errno. */
int cases_count(const char *only, take_case take, void *to);

#endif
