// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames that QEMU read and threw away as it stopped, found by its own count (see used.c):
 * sent to the new host, or put into the tap again.
 */
#include <errno.h>

#include "lib/netns.h"
#include "local_priv.h"
#include "used_priv.h"

static struct used used_of(struct plane *p, __u32 vm_index)
{
	struct used u = { .ring = ring_at(p, vm_index) };

	if (u.ring)
		u.frames = &p->ring_frames[(u.ring - p->rings) * XR_RING_FRAMES];
	vm_mac_of(p->vms[vm_index].key, u.mac);
	return u;
}

int vm_local_read_count(struct plane *p, __u32 vm_index, __u64 *reads)
{
	struct link_counts c;
	int ret, back;

	if (!p->vms[vm_index].ring || !p->vms[vm_index].tap)
		return -ENOENT;
	ret = netns_enter(p->vm_info[vm_index].netns, &back);
	if (ret)
		return ret;
	ret = tap_counts(p->vms[vm_index].tap, &c);
	netns_leave(back);
	if (!ret)
		*reads = c.read;
	return ret;
}

int ring_delivered(struct local *l, __u16 to, __u16 used, struct vm_residual *out)
{
	struct used u = used_of(l->p, l->vm_index);
	struct xr_ring *r = u.ring;
	__u64 first, done;
	int ret;

	if (!r || !r->used_read)
		return 0;
	first = used_first_missed(&u, used);
	r->used_read = 0; /* a second call sends nothing */
	r->missed = r->first - first;
	if (!r->missed)
		return 0;
	done = r->done;
	ret = ring_send(l, r, to, first, r->first, out);
	r->done = done;
	return ret;
}

void ring_give_back(struct local *l)
{
	struct xr_ring *r = ring_of(l);
	__u64 n;

	if (!r)
		return;
	for (n = r->first - r->missed; n < r->first; n++) {
		const struct xr_ring_frame *f = ring_frame(l, n + 1);

		if (f->number == n + 1)
			tap_put(l, f->octet, f->len);
	}
	r->missed = 0;
}

bool vm_local_compare(struct plane *p, __u32 vm_index, __u16 used, __u64 before, __u64 after)
{
	struct used u = used_of(p, vm_index);

	return u.ring && used_compare(&u, used, before, after);
}
