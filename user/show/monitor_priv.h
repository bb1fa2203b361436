/* SPDX-License-Identifier: GPL-2.0-only */
/* Which events a monitor prints. */
#ifndef XR_SHOW_MONITOR_PRIV_H
#define XR_SHOW_MONITOR_PRIV_H

#include "plane/plane.h"

/* What is not given fits every event. */
struct monitor_filter {
	__u32 given;                           /* which of the keys below */
	__u32 kinds;                           /* bit: enum xr_event_kind */
	__u64 reasons[XR_REASON_MAX / 64 + 1]; /* bit: enum xr_reason */
	__be32 addr[XR_ADDR_WORDS];            /* of the VIP */
	__be16 port;
	__u8 proto;
	char backend[XR_NAME_LEN];
	__u8 mac[6];
	__u16 vlan; /* 0: any */
	char dev[16];
};

/* The words of the command; 0, or EXIT_USAGE with the error printed. */
int monitor_parse(int argc, char **argv, struct monitor_filter *f);

/*
 * Whether the event fits all that is given. A change fits a VIP, backend, VM or device
 * that its line names.
 */
bool monitor_wants(struct plane *p, const struct monitor_filter *f, const struct xr_event *e);

#endif
