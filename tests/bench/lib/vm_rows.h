/* SPDX-License-Identifier: GPL-2.0-only */
/* What a frame costs where there are moved VMs: with ten, and with a million. */
#ifndef BENCH_VM_ROWS_H
#define BENCH_VM_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include "harness.h"

/* only: rows whose name holds it; NULL: all. Adds to rows. */
int vm_rows_measure(struct harness *h, int rounds, const char *only, bool print, json_t *rows);

#endif
