/* SPDX-License-Identifier: GPL-2.0-only */
/* VMs as the programs see them: where each is kept, and its state's one word. */
#ifndef XR_PLANE_VM_STATE_H
#define XR_PLANE_VM_STATE_H

#include <stdbool.h>
#include "lib/vm_key.h"
#include "plane.h"
#include "steer/tag_table.h"

#define VM_NOWHERE 0xffffffffU

/* The VM's place in vms, or VM_NOWHERE. */
__u32 vm_find(struct plane *p, __u64 key);

/* Every VM; stops at the first each() that is not 0. */
int vm_each(struct plane *p, int (*each)(void *ctx, __u32 place), void *ctx);
/* The same of the buckets from .. to - 1. */
int vm_each_of(struct plane *p, __u32 from, __u32 to, int (*each)(void *ctx, __u32 place),
	       void *ctx);
__u32 vm_count(struct plane *p);
const char *vm_name_at(struct plane *p, char buf[VM_NAME], __u32 place);
/* Where a MAC's place is found, and one made. */
struct tag_table vm_macs(const struct plane *p);

/* One load: both sides change it as one word. */
struct xr_vm_now vm_now(const struct plane *p, __u32 place);
/* false: it changed meanwhile, and *was is what it is now. */
bool vm_change(struct plane *p, __u32 place, struct xr_vm_now *was, struct xr_vm_now to);
static inline bool vm_under_way(struct xr_vm_now now)
{
	return now.state == XR_VM_PREPARED || now.state == XR_VM_BLACKOUT;
}

#endif
