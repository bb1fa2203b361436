/* SPDX-License-Identifier: GPL-2.0-only */
/* What one packet cost. */
#ifndef COUNT_TALLY_H
#define COUNT_TALLY_H

#include <linux/types.h>

#define TALLIES_MAX 64
#define OUT_MAX     2048

struct tally {
	char name[64];
	__u32 n;     /* instructions, calls */
	__u32 lines; /* cache lines touched for the first time */
};

struct tallies {
	struct tally of[TALLIES_MAX];
	int n;
};

struct counted {
	__u32 insns, calls, helper_calls, lines;
	struct tallies stage; /* by source file: instructions, and the lines that it was first at */
	struct tallies helper; /* by the kernel's name */
	struct tallies map;    /* lines only */
	__u32 action;
	__u8 out[OUT_MAX];
	__u32 out_len;
};

/* The one of that name, made where there is none; the last one, where there is no room. */
struct tally *tally_of(struct tallies *t, const char *name);
/* Most first. */
void tallies_sort(struct tallies *t);

#endif
