/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the program would do with a packet: a copy of it, with its own
 * counters, flows and next hops, is run over the packet and leaves a trace.
 */
#ifndef XR_REPORT_EXPLAIN_H
#define XR_REPORT_EXPLAIN_H

#include "plane/plane.h"

struct explain;

struct explain_result {
	struct xr_trace trace;
	__u32 action;     /* enum xdp_action */
	__u32 len;        /* of the frame that left */
	bool with_device; /* the kernel took it as coming from the device */
	__u8 frame[9216]; /* as it left */
};

/*
 * dev: packets seem to come in there; NULL: on the first attached device of role node, or
 * on loopback. -EINVAL: it has another role.
 */
int explain_open(struct plane *p, const char *dev, struct explain **out, struct xr_err *err);
int explain_packet(struct explain *e, const void *frame, __u32 len, struct explain_result *result,
		   struct xr_err *err);
void explain_close(struct explain *e);

#endif
