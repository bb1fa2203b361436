// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <xroam/hash.h>

#include "chains.h"

#define LEAST 16

static struct chain **head_of(const struct chains *all, __u64 hash)
{
	return &all->head[xr_mix64(hash) & (all->size - 1)];
}

static void put(const struct chains *to, struct chain *c)
{
	struct chain **head = head_of(to, c->hash);

	c->next = *head;
	*head = c;
}

static void move_all(const struct chains *to, const struct chains *from)
{
	struct chain *c;
	size_t i;

	for (i = 0; i < from->size; i++)
		while ((c = from->head[i])) {
			from->head[i] = c->next;
			put(to, c);
		}
}

static int grow(struct chains *all)
{
	struct chains more = { .size = all->size ? 2 * all->size : LEAST, .n = all->n };

	more.head = calloc(more.size, sizeof(*more.head));
	if (!more.head)
		return -ENOMEM;
	move_all(&more, all);
	free(all->head);
	*all = more;
	return 0;
}

int chains_add(struct chains *all, struct chain *c, __u64 hash)
{
	/* Without room for more the chains get longer. */
	if (all->n == all->size && grow(all) && !all->size)
		return -ENOMEM;
	c->hash = hash;
	put(all, c);
	all->n++;
	return 0;
}

void chains_remove(struct chains *all, struct chain *c)
{
	struct chain **link = all->size ? head_of(all, c->hash) : NULL;

	while (link && *link && *link != c)
		link = &(*link)->next;
	if (!link || !*link)
		return;
	*link = c->next;
	all->n--;
}

static struct chain *of_hash(struct chain *c, __u64 hash)
{
	while (c && c->hash != hash)
		c = c->next;
	return c;
}

struct chain *chains_first(const struct chains *all, __u64 hash)
{
	return all->size ? of_hash(*head_of(all, hash), hash) : NULL;
}

struct chain *chains_next(const struct chain *c)
{
	return of_hash(c->next, c->hash);
}

void chains_free(struct chains *all)
{
	free(all->head);
	*all = (struct chains){ .size = 0 };
}
