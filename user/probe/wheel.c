// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wheel_priv.h"

int wheel_init(struct wheel *w, size_t n, __u64 now)
{
	memset(w, 0, sizeof(*w));
	w->slot = now / WHEEL_SLOT_US;
	w->link = calloc(n + 1, sizeof(*w->link));
	return w->link ? 0 : -ENOMEM;
}

void wheel_free(struct wheel *w)
{
	free(w->link);
	w->link = NULL;
}

static __u32 slot_of(const struct wheel *w, __u64 at)
{
	__u64 slot = at / WHEEL_SLOT_US;

	/* What is due already is taken in the next turn. */
	return (slot < w->slot ? w->slot : slot) % WHEEL_SLOTS;
}

/* Its slot depends on where the wheel was when it was set: so it is searched for by its links. */
void wheel_clear(struct wheel *w, __u32 number)
{
	struct wheel_link *l = &w->link[number];
	__u32 slot;

	if (!l->at)
		return;
	slot = slot_of(w, l->at);
	if (l->prev)
		w->link[l->prev - 1].next = l->next;
	else
		w->first[slot] = l->next;
	if (l->next)
		w->link[l->next - 1].prev = l->prev;
	else
		w->last[slot] = l->prev;
	memset(l, 0, sizeof(*l));
}

void wheel_set(struct wheel *w, __u32 number, __u64 at)
{
	struct wheel_link *l = &w->link[number];
	__u32 slot;

	wheel_clear(w, number);
	/* Never one that the wheel has passed: wheel_clear() finds it by its time. */
	if (at < w->slot * WHEEL_SLOT_US + 1)
		at = w->slot * WHEEL_SLOT_US + 1;
	slot = slot_of(w, at);
	l->at = at;
	l->prev = w->last[slot];
	if (l->prev)
		w->link[l->prev - 1].next = number + 1;
	else
		w->first[slot] = number + 1;
	w->last[slot] = number + 1;
}

bool wheel_take(struct wheel *w, __u64 now, __u32 *number)
{
	__u64 end = now / WHEEL_SLOT_US;
	__u32 no;

	for (; w->slot <= end; w->slot++) {
		for (no = w->first[w->slot % WHEEL_SLOTS]; no; no = w->link[no - 1].next) {
			/* Another round of the wheel, or later in this slot. */
			if (w->link[no - 1].at > now)
				continue;
			*number = no - 1;
			wheel_clear(w, *number);
			return true;
		}
		if (w->slot == end)
			break;
	}
	return false;
}

__u64 wheel_next(const struct wheel *w, __u64 now, __u64 limit)
{
	__u64 slot;

	for (slot = w->slot; slot * WHEEL_SLOT_US < limit && slot < w->slot + WHEEL_SLOTS; slot++)
		if (w->first[slot % WHEEL_SLOTS])
			break;
	slot = (slot + 1) * WHEEL_SLOT_US;
	if (slot < now + 1000)
		slot = now + 1000;
	return slot < limit ? slot : limit;
}
