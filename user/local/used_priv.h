/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many frames a guest got: the virtqueue's count of used buffers (16 bits) compared with
 * the count of frames that were read from the tap.
 */
#ifndef XR_LOCAL_USED_PRIV_H
#define XR_LOCAL_USED_PRIV_H

#include <stdbool.h>
#include <xroam/abi.h>

struct used {
	struct xr_ring *ring;
	const struct xr_ring_frame *frames; /* the ring's: XR_RING_FRAMES of them */
	__u8 mac[6];                        /* the VM's */
};

/*
 * QEMU's count is of some moment between two reads of the tap's count, before and after. So
 * each call narrows down the difference of the two counts, until only one fits all calls:
 * then true. A frame that the card may have filtered is read but not used, and all begins
 * anew. A frame that QEMU throws away as it stops must not be taken for one of those.
 */
bool used_compare(const struct used *u, __u16 used, __u64 before, __u64 after);

/*
 * The first frame that the guest certainly did not get; ring->first where QEMU threw none
 * away. Where the difference is not known exactly, the lesser one counts: the guest may have
 * got as many.
 */
__u64 used_first_missed(const struct used *u, __u16 used);

#endif
