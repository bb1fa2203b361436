/* SPDX-License-Identifier: GPL-2.0-only */
/* The instructions of each case as they were recorded: a line "NAME INSTRUCTIONS" each. */
#ifndef COUNT_RECORD_H
#define COUNT_RECORD_H

#include <linux/types.h>
#include <stdio.h>

/* What is more, or less, than that off is told. */
#define RECORD_PER_CENT 2

struct record {
	struct {
		char name[64];
		__u32 insns;
	} row[64];
	int n;
};

/* 0 or -errno. */
int record_read(struct record *r, const char *path);
/* Says to where the case is off its record, or has none. 1 if so, else 0. */
int record_compare(const struct record *r, const char *name, __u32 insns, FILE *to);

void record_begin(FILE *to);
void record_write(FILE *to, const char *name, __u32 insns);

#endif
