/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frames of health checks, between the daemon and xroam_probe; pinned nowhere. */
#ifndef XROAM_PROBES_H
#define XROAM_PROBES_H

#include <linux/types.h>

#define XR_PROBES     64   /* in one run of the program; a power of two */
#define XR_PROBE_MOST 2048 /* octets of a frame; the same */

struct xr_probe {
	__u32 len;     /* of the frame: as it is to go in, then as it came out */
	__u32 reason;  /* the verdict's; 0: the program has not seen it */
	__u32 ifindex; /* egress */
	__u32 reserved;
	__u8 frame[XR_PROBE_MOST];
};

/* probes: one element. */
struct xr_probes {
	__u32 n;    /* that wait */
	__u32 done; /* of them; the program counts */
	struct xr_probe probe[XR_PROBES];
};

_Static_assert(sizeof(struct xr_probes) == 8 + XR_PROBES * (16 + XR_PROBE_MOST),
	       "struct xr_probes has another size");

#endif
