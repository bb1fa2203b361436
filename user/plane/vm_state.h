/* SPDX-License-Identifier: GPL-2.0-only */
/* VMs in the maps: the index of each in vms and vm_info, and its state. */
#ifndef XR_PLANE_VM_STATE_H
#define XR_PLANE_VM_STATE_H

#include <stdbool.h>
#include "lib/vm_key.h"
#include "plane.h"
#include "steer/tag_table.h"

#define VM_NOWHERE 0xffffffffU /* no index */

/* The index of the VM with that key (lib/vm_key.h), or VM_NOWHERE. */
__u32 vm_find(struct plane *p, __u64 key);

/* Calls each() for every VM, until one returns other than 0: that is returned. */
int vm_each(struct plane *p, int (*each)(void *ctx, __u32 index), void *ctx);
/* The same for the buckets from .. to - 1 of mac_index. */
int vm_each_in_buckets(struct plane *p, __u32 from, __u32 to, int (*each)(void *ctx, __u32 index),
		       void *ctx);
__u32 vm_count(struct plane *p);
const char *vm_name_at(struct plane *p, char buf[VM_NAME], __u32 index);
/* The table in which a key's index is found, or added: see steer/tag_table.h. */
struct tag_table vm_mac_table(const struct plane *p);

/* Its state, in one load of 64 bits: the programs change it meanwhile. */
struct xr_vm_now vm_now(const struct plane *p, __u32 index);
/* Changes it at once from *was. false: it is not *was any more; *was is what it is. */
bool vm_change(struct plane *p, __u32 index, struct xr_vm_now *was, struct xr_vm_now to);
/* A move has begun and is not complete. */
static inline bool vm_under_way(struct xr_vm_now now)
{
	return now.state == XR_VM_PREPARED || now.state == XR_VM_BLACKOUT;
}

#endif
