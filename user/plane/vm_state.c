// SPDX-License-Identifier: GPL-2.0-only
/* VMs in the maps: the index of each in vms and vm_info, and its state. */
#include <string.h>
#include "lib/whole.h"
#include "vm_state.h"

_Static_assert(sizeof(struct xr_vm) == 64, "a cache line");

/* ---- the state ---- */

struct xr_vm_now vm_now(const struct plane *p, __u32 index)
{
	return whole_load(&p->vms[index].now);
}

bool vm_change(struct plane *p, __u32 index, struct xr_vm_now *was, struct xr_vm_now to)
{
	return whole_exchange(&p->vms[index].now, was, to);
}

/* ---- the index ---- */

const char *vm_name_at(struct plane *p, char buf[VM_NAME], __u32 index)
{
	return vm_name(buf, p->vms[index].key);
}

static bool same_vm(const void *ctx, __u32 index, const void *key)
{
	const struct plane *p = ctx;

	return p->vms[index].key == *(const __u64 *)key;
}

struct tag_table vm_mac_table(const struct plane *p)
{
	return (struct tag_table){ p->mac_index, p->mac_buckets, same_vm, p };
}

__u32 vm_find(struct plane *p, __u64 key)
{
	struct tag_table t = vm_mac_table(p);

	return tag_find(&t, xr_vm_hash(p->hash_keys, key), &key);
}

int vm_each_in_buckets(struct plane *p, __u32 from, __u32 to, int (*each)(void *ctx, __u32 index),
		       void *ctx)
{
	__u32 b;
	int i, ret = 0;

	for (b = from; b < to; b++) {
		__u64 half[2];

		/* Most buckets of a large table are empty. */
		memcpy(half, &p->mac_index[b], sizeof(half));
		if (!(half[0] | half[1]))
			continue;
		for (i = 0; !ret && i < XR_TAG_LANES; i++)
			if (p->mac_index[b].tag[i] & ~XR_TAG_SPILL)
				ret = each(ctx, b * XR_TAG_LANES + i);
		if (ret)
			return ret;
	}
	return 0;
}

int vm_each(struct plane *p, int (*each)(void *ctx, __u32 index), void *ctx)
{
	return vm_each_in_buckets(p, 0, p->mac_buckets, each, ctx);
}

static int count_one(void *ctx, __u32 index)
{
	(void)index;
	++*(__u32 *)ctx;
	return 0;
}

__u32 vm_count(struct plane *p)
{
	__u32 n = 0;

	vm_each(p, count_one, &n);
	return n;
}
