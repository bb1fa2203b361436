// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which server IDs come and go. There may be a million, and mostly they stay: each that is
 * wanted is looked up in the table that packets are steered by, and no list is made of those
 * that are there. By keys: two server IDs with the same one cannot be told apart anyway.
 */
#include <errno.h>
#include <stdlib.h>
#include "commit_priv.h"
#include "plane/server_ids.h"

static int count_there(void *ctx, const struct sid_entry *e)
{
	struct commit *c = ctx;

	if (e->backend <= c->have->limits.backends)
		c->sid_change[e->backend].go++;
	return 0;
}

static void look_up(const struct sid_store *s, const struct model_backend *b, struct sid_change *ch)
{
	size_t i;

	for (i = 0; i < b->n_sids; i++)
		if (sid_store_find(s, b->sids[i].octet, b->sids[i].len) == b->index) {
			ch->come--;
			ch->go--;
		}
}

static void compare(struct commit *c)
{
	const struct sid_store s = plane_server_ids(c->p);
	const struct model_backend *b;
	bool any = c->p->sid_buckets; /* a preview of an instance to be made has none */
	size_t i;

	if (any)
		sid_store_each(&s, count_there, c);
	for (i = 0; i < c->want->n_backends; i++) {
		b = &c->want->backends[i];
		c->sid_change[b->index].come += b->n_sids;
		if (any)
			look_up(&s, b, &c->sid_change[b->index]);
	}
}

int commit_compare_sids(struct commit *c)
{
	__u32 size = c->have->limits.backends, i;

	c->sid_change = calloc(size + 1, sizeof(*c->sid_change));
	if (!c->sid_change)
		return -ENOMEM;
	if (c->want->sids_stay)
		return 0;
	compare(c);
	for (i = 1; i <= size; i++)
		c->sids_differ |= c->sid_change[i].come || c->sid_change[i].go;
	c->want->sids_stay = !c->sids_differ && !c->force;
	return 0;
}
