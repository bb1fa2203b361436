// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each backend walks its own permutation of the slots and, at each of its
 * turns, takes the next slot that is still free. Turn k of a backend comes at
 * the time (k + phase) / weight: when others come or go its own times stay,
 * so the order among those that remain stays too, whatever their weights.
 * That keeps the change small; dealing turns in rounds scaled by the largest
 * weight would reshuffle everyone when that one leaves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "lib/hash.h"
#include "maglev.h"

struct turn {
	double when; /* of its next turn */
	double step; /* 1 / weight */
	__u64 order; /* breaks ties, and the same way on every node */
	__u32 next;  /* next slot of its permutation */
	__u32 skip;
	__u16 backend;
};

static int before(const struct turn *a, const struct turn *b)
{
	return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static void sift_down(struct turn *heap, size_t n, size_t at)
{
	struct turn t = heap[at];
	size_t child;

	while ((child = 2 * at + 1) < n) {
		if (child + 1 < n && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &t))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = t;
}

static void take_slot(struct turn *t, __u16 *slot, __u32 slots)
{
	while (slot[t->next]) {
		t->next += t->skip;
		if (t->next >= slots)
			t->next -= slots;
	}
	slot[t->next] = t->backend;
	t->when += t->step;
}

int maglev_build(const struct xr_hash_keys *keys, const struct maglev_member *member, size_t n,
		 __u16 *slot, __u32 slots)
{
	struct turn *heap;
	size_t i, live = 0;
	__u64 h;

	memset(slot, 0, slots * sizeof(*slot));
	heap = calloc(n ? n : 1, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		if (!member[i].weight)
			continue;
		h = hash_name(keys, member[i].name, 0);
		heap[live].next = (__u32)h % slots;
		heap[live].skip = (h >> 32) % (slots - 1) + 1;
		h = hash_name(keys, member[i].name, 1);
		heap[live].order = h;
		heap[live].step = 1.0 / member[i].weight;
		/* 53 bits: what a double holds exactly. */
		heap[live].when = (double)(h >> 11) / (1ULL << 53) * heap[live].step;
		heap[live].backend = member[i].backend;
		live++;
	}
	for (i = live / 2; i-- > 0;)
		sift_down(heap, live, i);
	/* Whoever is alone has all, without taking turns: with many VIPs most have one backend. */
	for (i = 0; live == 1 && i < slots; i++)
		slot[i] = heap[0].backend;
	for (i = 0; live > 1 && i < slots; i++) {
		take_slot(&heap[0], slot, slots);
		sift_down(heap, live, 0);
	}
	free(heap);
	return 0;
}
