// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "record.h"

#define ROWS ((int)(sizeof(((struct record *)0)->row) / sizeof(((struct record *)0)->row[0])))

int record_read(struct record *r, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[256];

	if (!f)
		return -errno;
	r->n = 0;
	while (r->n < ROWS && fgets(line, sizeof(line), f))
		if (line[0] != '#' &&
		    sscanf(line, "%63s %u", r->row[r->n].name, &r->row[r->n].insns) == 2)
			r->n++;
	fclose(f);
	return r->n ? 0 : -EINVAL;
}

int record_compare(const struct record *r, const char *name, __u32 insns, FILE *to)
{
	__s64 more;
	int i = 0;

	while (i < r->n && strcmp(r->row[i].name, name))
		i++;
	if (i == r->n) {
		fprintf(to, "%s: %u instructions, and no record\n", name, insns);
		return 1;
	}
	more = (__s64)insns - r->row[i].insns;
	if (llabs(more) * 100 <= (__s64)r->row[i].insns * RECORD_PER_CENT)
		return 0;
	fprintf(to, "%s: %u instructions, %.1f %% %s than the %u recorded\n", name, insns,
		100.0 * llabs(more) / r->row[i].insns, more > 0 ? "more" : "fewer",
		r->row[i].insns);
	return 1;
}

void record_begin(FILE *to)
{
	fprintf(to,
		"# SPDX-License-Identifier: GPL-2.0-only\n"
		"# BPF instructions that one packet of each case takes, on this kernel.\n");
}

void record_write(FILE *to, const char *name, __u32 insns)
{
	fprintf(to, "%s %u\n", name, insns);
}
