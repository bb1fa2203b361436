// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows by device, VLAN and MAC. Whoever can send frames chooses MACs: the hash has a
 * secret, and rows of MACs that are no VM's have a limit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "fdb_priv.h"
#include "lib/hash.h"

_Static_assert(sizeof(struct fdb_key) == 12, "a key is hashed and compared whole");

static __u32 hash_of(const struct fdb_table *t, const struct fdb_key *key)
{
	return hash_sip(t->secret[0], t->secret[1], key, sizeof(*key)) & (t->size - 1);
}

int fdb_table_init(struct fdb_table *t)
{
	memset(t, 0, sizeof(*t));
	t->free = t->first = t->last = FDB_NONE;
	if (getrandom(t->secret, sizeof(t->secret), GRND_NONBLOCK) != sizeof(t->secret))
		return -EAGAIN;
	return 0;
}

void fdb_table_free(struct fdb_table *t)
{
	free(t->row);
	free(t->head);
	memset(t, 0, sizeof(*t));
}

/* Twice as large. All rows are in use. */
static bool grow(struct fdb_table *t)
{
	__u32 size = t->size ? 2 * t->size : 1024, i, old = t->size;
	struct fdb_row *row = realloc(t->row, size * sizeof(*row));
	__u32 *head;

	if (!row)
		return false;
	t->row = row;
	head = malloc(size * sizeof(*head));
	if (!head)
		return false;
	free(t->head);
	t->head = head;
	t->size = size;
	memset(t->head, 0xff, size * sizeof(*t->head));
	memset(&t->row[old], 0, (size - old) * sizeof(*t->row));
	for (i = 0; i < size; i++) {
		__u32 *to = i < old ? &t->head[hash_of(t, &t->row[i].key)] : &t->free;

		t->row[i].next = *to;
		*to = i;
	}
	return true;
}

__u32 fdb_find(const struct fdb_table *t, const struct fdb_key *key)
{
	__u32 i = t->size ? t->head[hash_of(t, key)] : FDB_NONE;

	while (i != FDB_NONE && memcmp(&t->row[i].key, key, sizeof(*key)))
		i = t->row[i].next;
	return i;
}

__u32 fdb_make(struct fdb_table *t, const struct fdb_key *key, bool must)
{
	__u32 i = fdb_find(t, key), *head;

	if (i != FDB_NONE)
		return i;
	if ((!must && t->n >= FDB_ROWS) || (t->free == FDB_NONE && !grow(t))) {
		t->left_out++;
		return FDB_NONE;
	}
	i = t->free;
	t->free = t->row[i].next;
	head = &t->head[hash_of(t, key)];
	t->row[i] = (struct fdb_row){ .key = *key, .next = *head, .queue = FDB_NONE };
	*head = i;
	t->n++;
	return i;
}

/* One that waits is taken out when its turn comes. */
void fdb_remove(struct fdb_table *t, __u32 row_index)
{
	struct fdb_row *row = &t->row[row_index];
	__u32 *link = &t->head[hash_of(t, &row->key)];

	row->there = false;
	if (row->waits)
		return;
	while (*link != row_index)
		link = &t->row[*link].next;
	*link = row->next;
	memset(row, 0, sizeof(*row));
	row->next = t->free;
	t->free = row_index;
	t->n--;
}

void fdb_wait(struct fdb_table *t, __u32 row_index)
{
	if (t->row[row_index].waits)
		return;
	t->row[row_index].waits = true;
	t->row[row_index].queue = FDB_NONE;
	if (t->first == FDB_NONE)
		t->first = row_index;
	else
		t->row[t->last].queue = row_index;
	t->last = row_index;
}

__u32 fdb_take(struct fdb_table *t)
{
	__u32 i = t->first;

	if (i == FDB_NONE)
		return i;
	t->first = t->row[i].queue;
	t->row[i].waits = false;
	return i;
}
