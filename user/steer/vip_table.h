/* SPDX-License-Identifier: GPL-2.0-only */
/* vip_index: where the data plane finds a VIP's number. Plain memory. */
#ifndef XR_STEER_VIP_TABLE_H
#define XR_STEER_VIP_TABLE_H

#include <xroam/abi.h>

struct vip_table {
	struct xr_vip_bucket *bucket;
	__u32 mask; /* buckets - 1 */
	const struct xr_hash_keys *keys;
	const struct xr_vip *vips; /* what each number stands for */
};

/* The VIP's number, 0 for none. */
__u16 vip_table_find(const struct vip_table *t, const __be32 *addr, __be16 port, __u8 proto);

/*
 * Of a VIP one store each, seen whole by a packet in flight. add: vips[index] must be
 * complete; -ENOSPC where the bucket is full, -EEXIST where it is there. del:
 * the number may be used again after a grace period; -ENOENT.
 */
int vip_table_add(struct vip_table *t, const __be32 *addr, __be16 port, __u8 proto, __u16 index);
int vip_table_del(struct vip_table *t, const __be32 *addr, __be16 port, __u8 proto, __u16 index);

#endif
