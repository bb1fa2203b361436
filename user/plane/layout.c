// SPDX-License-Identifier: GPL-2.0-only
/*
 * From an older layout of the pinned maps to this one: the one place that knows.
 *
 * A map with no row in changes[] is carried over: the new programs use the very same map,
 * and what is in it lives on. A map that the older layout does not have begins empty. So
 * when a map changes:
 *
 * - A new map: nothing to do here (its line in plane.h, its kind in maps.c).
 * - A field in place of reserved octets, where 0 means what was so before: nothing.
 * - Fields at the end, or more entries: a row with layout_copy_grown, where 0 means what was so
 *   before. struct xr_policy and struct xr_limits: see layout_meta() alone.
 * - Any other change: a row with a function of its own; a copy of the old struct stands
 *   beside it, with the layout's number in its name.
 * - What a record of a ring buffer looks like: a row with neither function, as what is
 *   in it is old by then.
 * - A reason that gets another number: a row for reason_stats with a finish that adds each
 *   old element to the one with the reason's new number. Programs of the old and the new
 *   layout know each other's by that map, so it had better be carried over.
 * - More reasons at the end: nothing. The map is carried over, and has no counters for
 *   them (maps.c).
 *
 * tests/unit/test_layout.c compares the maps with those of the last release
 * (tests/upgrade/layout-3), and names each change that lacks its row.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "layout.h"
#include "lib/defaults.h"

/* ---- ways of converting ---- */

int layout_copy_grown(const struct layout_map *from, const struct layout_map *to)
{
	size_t key_size = from->key > to->key ? from->key : to->key;
	size_t value_size = from->value > to->value ? from->value : to->value;
	char *key = calloc(2, key_size), *next = key + key_size;
	char *value = calloc(1, value_size);
	int ret = key && value ? 0 : -ENOMEM;
	bool first = true;

	while (!ret && !bpf_map_get_next_key(from->fd, first ? NULL : key, next)) {
		first = false;
		memcpy(key, next, key_size);
		memset(value, 0, value_size);
		if (bpf_map_lookup_elem(from->fd, key, value))
			continue; /* it is gone */
		if (bpf_map_update_elem(to->fd, key, value, BPF_ANY) && errno != E2BIG)
			ret = -errno;
	}
	free(key);
	free(value);
	return ret;
}

/* An array's elements as one element, which all of them are in: a section of data. */
static int copy_as_one(const struct layout_map *from, const struct layout_map *to)
{
	char *all = calloc(1, (size_t)from->entries * from->value);
	__u32 i, zero = 0;
	int ret = all ? 0 : -ENOMEM;

	for (i = 0; i < from->entries && !ret; i++)
		if (bpf_map_lookup_elem(from->fd, &i, all + (size_t)i * from->value))
			ret = -errno;
	if (!ret && bpf_map_update_elem(to->fd, &zero, all, 0))
		ret = -errno;
	if (all)
		explicit_bzero(all, (size_t)from->entries * from->value); /* keys are in it */
	free(all);
	return ret;
}

/* Where a VIP was before others, layout 3 has a 0. */
static struct xr_vip_bucket with_holes(struct xr_vip_bucket b)
{
	bool is_last = true;
	int w;

	for (w = XR_VIP_WAYS; w-- > 0;) {
		if (b.way[w])
			is_last = false;
		else if (!is_last)
			b.way[w] = XR_VIP_HOLE;
	}
	return b;
}

static int copy_vip_index(const struct layout_map *from, const struct layout_map *to)
{
	size_t size = from->entries * sizeof(struct xr_vip_bucket);
	struct xr_vip_bucket *b;
	__u32 i;

	b = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, to->fd, 0);
	if (b == MAP_FAILED)
		return -errno;
	for (i = 0; i < from->entries; i++) {
		if (bpf_map_lookup_elem(from->fd, &i, &b[i]))
			break;
		b[i] = with_holes(b[i]);
	}
	munmap(b, size);
	return i < from->entries ? -errno : 0;
}

/* ---- the table ---- */

static const struct {
	__u32 from; /* this layout, and older ones */
	struct layout_change change;
} changes[] = {
	/* Filled by layout_meta(); here so that a new one is made. */
	{ XR_ABI_VERSION - 1, { PLANE_META, NULL, NULL } },
	{ 3, { PLANE_MAGLEV, layout_copy_maglev, NULL } },
	{ 3, { PLANE_CID_CONFIGS, copy_as_one, NULL } },
	{ 3, { PLANE_VIP_INDEX, copy_vip_index, NULL } },
};

const struct layout_change *layout_change(enum plane_map map, __u32 abi)
{
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (changes[i].change.map == map && abi <= changes[i].from)
			return &changes[i].change;
	return NULL;
}

/* ---- meta ---- */

struct meta_3 {
	__u32 abi, features;
	__u32 limits[8];
	__u8 policy[52];
	__u64 created, id;
	__u8 secret_set, reserved[7];
	__u8 secret[32];
};

_Static_assert(sizeof(struct meta_3) == 152, "struct xr_meta of layout 3");
_Static_assert(sizeof(((struct meta_3 *)0)->limits) <= sizeof(struct xr_limits) &&
		       sizeof(((struct meta_3 *)0)->policy) <= sizeof(struct xr_policy),
	       "limits and policies are added at the end");

int layout_meta(__u32 abi, const void *old, size_t size, struct xr_meta *meta)
{
	const struct meta_3 *from = old;

	if (abi != 3 || size != sizeof(*from))
		return -EPROTO;
	*meta = (struct xr_meta){
		.abi = XR_ABI_VERSION,
		.features = from->features | XR_FEATURE_SID_TABLE,
		.limits = xr_default_limits,
		.policy = xr_default_policy,
		.created = from->created,
		.id = from->id,
		.secret_set = from->secret_set,
	};
	memcpy(&meta->limits, from->limits, sizeof(from->limits));
	meta->limits.server_id_pages = xr_default_sid_pages(meta->limits.server_ids);
	memcpy(&meta->policy, from->policy, sizeof(from->policy));
	memcpy(meta->secret, from->secret, sizeof(meta->secret));
	return 0;
}
