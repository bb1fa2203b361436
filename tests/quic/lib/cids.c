// SPDX-License-Identifier: GPL-2.0-only
/* The CIDs a server knows, and those that were its own until lately. */
#include "quic.h"
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define LATE (60 * XQ_SECOND) /* how long an old CID is remembered */

static void *table;
static STAILQ_HEAD(, xq_cid) late = STAILQ_HEAD_INITIALIZER(late);

static int compare(const void *va, const void *vb)
{
	const struct xq_cid *a = va, *b = vb;

	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->octet, b->octet, a->len);
}

struct xq_cid *xq_cid_find(const uint8_t *octets, size_t len)
{
	struct xq_cid key = { .len = len }, **found;

	if (len > sizeof(key.octet))
		return NULL;
	memcpy(key.octet, octets, len);
	found = tfind(&key, &table, compare);
	return found ? *found : NULL;
}

bool xq_cid_add(struct xq_cids *of, void *owner, const uint8_t *octets, size_t len)
{
	struct xq_cid *e;

	if (xq_cid_find(octets, len))
		return false;
	e = calloc(1, sizeof(*e));
	if (!e)
		xq_die("out of memory");
	e->len = len;
	memcpy(e->octet, octets, len);
	e->owner = owner;
	LIST_INSERT_HEAD(of, e, of_owner);
	tsearch(e, &table, compare);
	return true;
}

void xq_cid_give_up(struct xq_cid *e)
{
	LIST_REMOVE(e, of_owner);
	e->owner = NULL;
	e->until = xq_now() + LATE;
	STAILQ_INSERT_TAIL(&late, e, of_late);
}

void xq_cids_give_up(struct xq_cids *of)
{
	while (!LIST_EMPTY(of))
		xq_cid_give_up(LIST_FIRST(of));
}

void xq_cids_forget_late(void)
{
	uint64_t now = xq_now();
	struct xq_cid *e;

	while ((e = STAILQ_FIRST(&late)) && e->until < now) {
		STAILQ_REMOVE_HEAD(&late, of_late);
		tdelete(e, &table, compare);
		free(e);
	}
}
