// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <xroam/hash.h>
#include "lib/text.h"
#include "vip_table.h"

static __u64 hash_vip(const struct vip_table *t, const __be32 *addr, __be16 port, __u8 proto)
{
	return xr_vip_hash(t->keys, addr, !addr_is_ipv4(addr), port | (__u32)proto << 16);
}

static int find_way(const struct vip_table *t, __u64 hash, const __be32 *addr, __be16 port,
		    __u8 proto)
{
	const struct xr_vip_bucket *b = &t->bucket[hash & t->mask];
	const struct xr_vip *v;
	int i;

	for (i = 0; i < XR_VIP_WAYS; i++) {
		if (!(b->way[i] & 0xffff) || b->way[i] >> 16 != xr_vip_tag(hash))
			continue;
		v = &t->vips[b->way[i] & 0xffff];
		if (!memcmp(v->addr, addr, sizeof(v->addr)) && v->port == port && v->proto == proto)
			return i;
	}
	return -ENOENT;
}

__u16 vip_table_find(const struct vip_table *t, const __be32 *addr, __be16 port, __u8 proto)
{
	__u64 h = hash_vip(t, addr, port, proto);
	int way = find_way(t, h, addr, port, proto);

	return way < 0 ? 0 : t->bucket[h & t->mask].way[way] & 0xffff;
}

int vip_table_add(struct vip_table *t, const __be32 *addr, __be16 port, __u8 proto, __u16 index)
{
	__u64 h = hash_vip(t, addr, port, proto);
	struct xr_vip_bucket *b = &t->bucket[h & t->mask];
	__u32 word = (__u32)xr_vip_tag(h) << 16 | index;
	int i, way = -1;

	for (i = XR_VIP_WAYS; i-- > 0;) {
		if (b->way[i] == word)
			return -EEXIST;
		if (!(b->way[i] & 0xffff))
			way = i;
	}
	if (way < 0)
		return -ENOSPC;
	__atomic_store_n(&b->way[way], word, __ATOMIC_RELEASE);
	return 0;
}

int vip_table_del(struct vip_table *t, const __be32 *addr, __be16 port, __u8 proto, __u16 index)
{
	__u64 h = hash_vip(t, addr, port, proto);
	struct xr_vip_bucket *b = &t->bucket[h & t->mask];
	__u32 word = (__u32)xr_vip_tag(h) << 16 | index;
	int i;

	for (i = 0; i < XR_VIP_WAYS && b->way[i] != word; i++)
		;
	if (i == XR_VIP_WAYS)
		return -ENOENT;
	if (i < XR_VIP_WAYS - 1 && b->way[i + 1]) {
		__atomic_store_n(&b->way[i], XR_VIP_HOLE, __ATOMIC_RELEASE);
		return 0;
	}
	/* The last one, and the holes before it, from behind: nothing stands behind a 0. */
	do
		__atomic_store_n(&b->way[i], 0, __ATOMIC_RELEASE);
	while (i-- > 0 && b->way[i] == XR_VIP_HOLE);
	return 0;
}
