/* SPDX-License-Identifier: GPL-2.0-only */
/* What user space and the verifier take, and what memory an entry costs. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <jansson.h>
#include <stdbool.h>

struct figures {
	bool print;
	json_t *json;
	int failed;
};

/*
 * Measures and, where print is set, prints. only: "figures" or "moves"; NULL:
 * both; else neither. The caller frees it.
 */
json_t *figures_measure(const char *only, bool print);

/* vm_figures.c: those of moves, by the command and its daemon. */
void vm_figures(struct figures *f);

/* capture_figures.c: what a capture costs a packet. */
void capture_figures(struct figures *f);

double now_ms(void);
/* target: at most; negative: at least; 0: none. */
void add_figure(struct figures *f, const char *key, const char *text, double value,
		const char *unit, double target);

#endif
