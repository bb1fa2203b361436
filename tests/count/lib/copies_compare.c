// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "copies.h"

/*
 * Two times of one clock, in whatever unit. The machine ran after the kernel, so that its
 * own is the later one, or it was not written; and by no more than has passed since.
 */
static bool are_times(const struct copies *c, __u64 now, __u64 copy)
{
	double passed = (double)(copies_clock() - c->began) / c->began;

	return now < copy && copy - now <= now * passed;
}

/* The first octet that differs, or len. The kernel's rooms have whole words. */
static size_t differs_at(const struct copies *c, const __u8 *now, const __u8 *copy, size_t len)
{
	for (size_t i = 0; i < len; i += sizeof(__u64)) {
		size_t n = len - i < sizeof(__u64) ? len - i : sizeof(__u64);
		__u64 x = 0, y = 0;

		memcpy(&x, now + i, n);
		memcpy(&y, copy + i, n);
		if (x != y && !are_times(c, x, y))
			return i;
	}
	return len;
}

/* Key and value of element i, where they are. */
static void find(const struct copies *c, const struct copy *of, __u32 *i, const void **key,
		 const __u8 **value)
{
	const __u8 *e = of->element + *i * of->stride;

	*key = i;
	*value = e;
	if (is_hash(of)) {
		*key = e + c->layout->hash_key;
		*value = e + c->layout->hash_key + by_eight(of->info.key_size);
	} else if (holds_pointers(of)) {
		memcpy(value, e, sizeof(*value));
	}
}

static bool is_as_map(const struct copies *c, const struct copy *of, char *why, size_t room)
{
	__u8 *now = malloc(of->info.value_size);
	bool same = now;

	for (__u32 i = 0; i < of->elements && same; i++) {
		size_t at = 0;
		const __u8 *value;
		const void *key;

		find(c, of, &i, &key, &value);
		if (!copies_ask(c, of, key, now))
			at = differs_at(c, now, value, of->info.value_size);
		same = at == of->info.value_size;
		if (!same)
			snprintf(why, room, "%s: element %u differs at %zu", of->info.name, i, at);
	}
	free(now);
	return same;
}

bool copies_are_as_maps(const struct copies *c, char *why, size_t room)
{
	for (int i = 0; i < c->n; i++)
		/* The program writes into no map's list of maps. */
		if (c->copy[i].info.type != BPF_MAP_TYPE_ARRAY_OF_MAPS &&
		    !is_as_map(c, &c->copy[i], why, room))
			return false;
	return true;
}
