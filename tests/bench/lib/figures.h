/* SPDX-License-Identifier: GPL-2.0-only */
/* What user space and the verifier take, and what memory an entry costs. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <jansson.h>
#include <stdbool.h>

/* Measures and, where print is set, prints. The caller frees it. */
json_t *figures_measure(bool print);

#endif
