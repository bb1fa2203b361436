// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tally.h"

struct tally *tally_of(struct tallies *t, const char *name)
{
	int i = 0;

	while (i < t->n && strcmp(t->of[i].name, name))
		i++;
	if (i < t->n)
		return &t->of[i];
	if (t->n == TALLIES_MAX)
		return &t->of[t->n - 1];
	snprintf(t->of[i].name, sizeof(t->of[i].name), "%s", name);
	t->n++;
	return &t->of[i];
}

/* Where they are as many, by name: the same table each time. */
static int compare(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	if (x->lines != y->lines)
		return x->lines < y->lines ? 1 : -1;
	return strcmp(x->name, y->name);
}

void tallies_sort(struct tallies *t)
{
	qsort(t->of, t->n, sizeof(t->of[0]), compare);
}
