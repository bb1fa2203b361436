// SPDX-License-Identifier: GPL-2.0-only
/* Rings: copies of the last frames that went into the tap of a VM that is to move. */
#include "lib/index.h"
#include "local_priv.h"

struct xr_ring *ring_at(struct plane *p, __u32 vm_index)
{
	__u8 ring_no = p->vms[vm_index].ring;

	return ring_no && p->rings[index_of_no(ring_no)].vm == no_of_index(vm_index)
		? &p->rings[index_of_no(ring_no)]
		: NULL;
}

struct xr_ring *ring_of(const struct local *l)
{
	return ring_at(l->p, l->vm_index);
}

void ring_end(struct plane *p, __u32 vm_index)
{
	__u8 ring_no = p->vms[vm_index].ring;
	struct xr_ring *r;

	if (!ring_no)
		return;
	__atomic_store_n(&p->vms[vm_index].ring, 0, __ATOMIC_RELEASE);
	r = &p->rings[index_of_no(ring_no)];
	if (r->vm == no_of_index(vm_index))
		__atomic_store_n(&r->vm, 0, __ATOMIC_RELEASE);
}

const struct xr_ring_frame *ring_frame(const struct local *l, __u64 number)
{
	return &l->p->ring_frames[index_of_no(l->vm->ring) * XR_RING_FRAMES +
				  (number - 1) % XR_RING_FRAMES];
}

bool ring_awaits(const struct local *l)
{
	const struct xr_ring *r = ring_of(l);

	return r && r->used_read;
}
