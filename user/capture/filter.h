/* SPDX-License-Identifier: GPL-2.0-only */
/* An expression as tcpdump has it, made a program of classic BPF. */
#ifndef XR_CAPTURE_FILTER_H
#define XR_CAPTURE_FILTER_H

#include <xroam/capture.h>
#include "lib/error.h"

struct capture_filter {
	__u32 insns; /* 0: every packet */
	__u32 reach; /* octets that it may look at: 0..XR_CAPTURE_SNAP */
	struct xr_capture_insn insn[XR_CAPTURE_INSNS];
};

/*
 * Compiles the expression for Ethernet frames; "" matches all. Names of hosts are resolved.
 * -EINVAL: err has libpcap's own words; -E2BIG: more than XR_CAPTURE_INSNS.
 */
int filter_compile(const char *expression, struct capture_filter *f, struct xr_err *err);

#endif
