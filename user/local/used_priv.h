/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many frames a guest got: its virtqueue's count of used buffers (16 bits)
 * against what was read from its tap.
 */
#ifndef XR_LOCAL_USED_PRIV_H
#define XR_LOCAL_USED_PRIV_H

#include <stdbool.h>
#include <xroam/abi.h>

struct used {
	struct xr_ring *ring;
	const struct xr_ring_frame *frames; /* its XR_RING_FRAMES */
	__u8 mac[6];                        /* the VM's */
};

/*
 * QEMU counted at some time between the two looks at the tap. Looks enough, and
 * only one difference fits them all: until a frame comes that the card may have
 * filtered, which is read but not used; then it begins anew. One that QEMU is
 * throwing away, as it stops, must not be taken for that. true: one is left.
 */
bool used_compare(const struct used *u, __u16 used, __u64 before, __u64 after);

/*
 * The first frame that the guest certainly did not get, or ring->first: where the
 * difference is not known exactly, the lesser one says how many it may have got.
 */
__u64 used_first_missed(const struct used *u, __u16 used);

#endif
