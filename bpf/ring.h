/* SPDX-License-Identifier: GPL-2.0-only */
/* What went into a VM's port while its move is prepared, for the replay of the rest. */
#ifndef XROAM_BPF_RING_H
#define XROAM_BPF_RING_H

#include "skb.h"

/* Frames that the port's reader will count for this one. */
static __always_inline __u32 reads_of(const struct __sk_buff *skb, const struct xr_ring *ring)
{
	if (!(ring->flags & XR_RING_SEGMENTS) || skb->gso_segs < 2)
		return 1;
	return skb->gso_segs;
}

/*
 * The frame's octets, and how many; 0: not to be kept. Hidden between the two
 * comparisons: of the one that the compiler would make of them, 6.1 learns no bounds.
 */
static __always_inline __u32 keep(struct __sk_buff *skb, __u8 *to)
{
	__u64 len = skb->len;

	if (len > XR_RING_OCTETS || skb->gso_size)
		return 0;
	hide_from_compiler(len);
	if (len < sizeof(struct ethhdr) || bpf_skb_load_bytes(skb, 0, to, len))
		return 0;
	return len;
}

/* Numbered as they go in; the number is written last (an exchange: in order). */
__noinline int remember(struct __sk_buff *skb, __u32 ring_index)
{
	struct xr_ring *ring = bpf_map_lookup_elem(&rings, &ring_index);
	struct xr_ring_frame *f;
	__u32 reads, at;
	__u64 last;

	if (!ring)
		return 0;
	reads = reads_of(skb, ring);
	last = __sync_fetch_and_add(&ring->entered, reads) + reads - 1;
	at = ring_index * XR_RING_FRAMES + last % XR_RING_FRAMES;
	f = bpf_map_lookup_elem(&ring_frames, &at);
	if (!f)
		return 0;
	__sync_lock_test_and_set(&f->number, 0);
	f->len = keep(skb, f->octet);
	if (!f->len)
		__sync_fetch_and_add(&ring->too_large, 1);
	__sync_lock_test_and_set(&f->number, last + 1);
	return 0;
}

#endif
