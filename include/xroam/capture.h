/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What "xroam capture" and the capturing copies of the programs share. Its maps are
 * private to one capture, never pinned: no part of the ABI that pins have.
 */
#ifndef XROAM_CAPTURE_H
#define XROAM_CAPTURE_H

#include <xroam/abi.h>

/* Octets of a packet that are kept, and that a filter sees, at most. */
#define XR_CAPTURE_SNAP 16000

/* Instructions of a filter, at most: the classic BPF machine's own bound. */
#define XR_CAPTURE_INSNS 4096

#define XR_CAPTURE_BEFORE (1U << 0) /* as XDP saw it */
#define XR_CAPTURE_AFTER  (1U << 1) /* as XDP left it */

/* capture_control: one element; what is wanted. The capturing process writes it. */
struct xr_capture_control {
	__u32 until;      /* the last tick of the lease: later, nothing is captured */
	__u32 rate;       /* packets a second, of all CPUs together */
	__u32 snap;       /* octets to keep of each packet, 1..XR_CAPTURE_SNAP */
	__u32 reach;      /* octets that the filter may look at, 0..XR_CAPTURE_SNAP */
	__u32 insns;      /* instructions of the filter; 0: every packet */
	__u32 which;      /* XR_CAPTURE_BEFORE, XR_CAPTURE_AFTER */
	__u32 reasons[4]; /* bits as of xr_trace.notes, of verdicts and notes; none: all */
	__u32 any_vip;    /* 1: whatever the VIP */
	__u32 vip;        /* else: index in vips */
	__u64 mac;        /* as in a VM's key, without the VLAN; 0: whatever the MAC */
	__u64 reserved;
	__u64 taken; /* written by the program: tick << 32 | packets in it; a line of its own */
	__u64 reserved2[7];
};

/* capture_filter: an instruction of classic BPF, as struct bpf_insn of libpcap. */
struct xr_capture_insn {
	__u16 code;
	__u8 jt, jf;
	__u32 k;
};

/* capture_counts: per CPU, by device slot; packets since the capture began. */
struct xr_capture_counts {
	__u64 seen;     /* that XDP saw: the sum of the next four */
	__u64 filtered; /* not wanted: expression, reason, VIP, MAC */
	__u64 over;     /* wanted, but above the rate */
	__u64 lost;     /* wanted, but the ring was full */
	__u64 captured;
};

/* capture_ring: a packet; octets before follow it, then octets after. */
struct xr_capture_packet {
	__u64 when_ns; /* CLOCK_MONOTONIC, when it came in */
	__u32 len_in;  /* as it came in, and how many octets of that follow */
	__u32 cap_in;
	__u32 len_out; /* as it left; 0: it did not, or as it came in */
	__u32 cap_out;
	__u32 queue; /* the device's receive queue */
	__u16 dev_slot;
	__u16 reserved;
	struct xr_trace trace;
};

_Static_assert(sizeof(struct xr_capture_control) == 128, "capture_control");
_Static_assert(sizeof(struct xr_capture_insn) == 8, "an instruction");
_Static_assert(sizeof(struct xr_capture_counts) == 40, "capture_counts");
_Static_assert(sizeof(struct xr_capture_packet) == 168, "what is in front of a packet");

#endif
