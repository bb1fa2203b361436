// SPDX-License-Identifier: GPL-2.0-only
/* The ring of a VM: which one it has, and the frames in it. */
#include "local_priv.h"

struct xr_ring *ring_at(struct plane *p, __u32 place)
{
	__u8 ring = p->vms[place].ring;

	return ring && p->rings[ring - 1].vm == place + 1 ? &p->rings[ring - 1] : NULL;
}

struct xr_ring *ring_of(const struct local *l)
{
	return ring_at(l->p, l->place);
}

void ring_end(struct plane *p, __u32 place)
{
	__u8 ring = p->vms[place].ring;

	if (!ring)
		return;
	__atomic_store_n(&p->vms[place].ring, 0, __ATOMIC_RELEASE);
	if (p->rings[ring - 1].vm == place + 1)
		__atomic_store_n(&p->rings[ring - 1].vm, 0, __ATOMIC_RELEASE);
}

const struct xr_ring_frame *ring_frame(const struct local *l, __u64 number)
{
	return &l->p->ring_frames[(l->vm->ring - 1) * XR_RING_FRAMES +
				  (number - 1) % XR_RING_FRAMES];
}

bool ring_awaits(const struct local *l)
{
	const struct xr_ring *r = ring_of(l);

	return r && r->used_read;
}
