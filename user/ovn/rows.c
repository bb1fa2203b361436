// SPDX-License-Identifier: GPL-2.0-only
/* What was told of MACs; most are of no VM here. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "ovn_priv.h"

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ovn_row_key));
}

struct ovn_row *ovn_row_make(struct ovn_rows *r, const struct ovn_row_key *key, bool must)
{
	void **found = tfind(key, &r->tree, compare);
	struct ovn_row *row;

	if (found)
		return *found;
	row = must || r->n < OVN_ROWS ? calloc(1, sizeof(*row)) : NULL;
	if (row)
		row->key = *key;
	if (row && tsearch(row, &r->tree, compare)) {
		r->n++;
		return row;
	}
	free(row);
	r->left_out++;
	return NULL;
}

void ovn_row_remove(struct ovn_rows *r, struct ovn_row *row)
{
	tdelete(row, &r->tree, compare);
	free(row);
	r->n--;
}

void ovn_row_wait(struct ovn_rows *r, struct ovn_row *row)
{
	if (row->waits)
		return;
	row->waits = true;
	row->queue = NULL;
	*(r->first ? &r->last->queue : &r->first) = row;
	r->last = row;
}

struct ovn_row *ovn_row_take(struct ovn_rows *r)
{
	struct ovn_row *row = r->first;

	if (!row)
		return NULL;
	r->first = row->queue;
	row->waits = false;
	return row;
}

struct visit {
	void (*visit)(struct ovn_row *row, void *ctx);
	void *ctx;
};

static void on_node(const void *node, VISIT which, void *closure)
{
	const struct visit *v = closure;

	if (which == postorder || which == leaf)
		v->visit(*(struct ovn_row *const *)node, v->ctx);
}

void ovn_rows_visit(struct ovn_rows *r, void (*visit)(struct ovn_row *row, void *ctx), void *ctx)
{
	struct visit v = { visit, ctx };

	twalk_r(r->tree, on_node, &v);
}

void ovn_rows_free(struct ovn_rows *r)
{
	tdestroy(r->tree, free);
	memset(r, 0, sizeof(*r));
}
