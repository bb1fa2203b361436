/* SPDX-License-Identifier: GPL-2.0-only */
/* A capture under way, between the command and what it writes. */
#ifndef XR_PACKETS_CAPTURE_PRIV_H
#define XR_PACKETS_CAPTURE_PRIV_H

#include "capture/capture.h"
#include "capture/pcapng.h"

#define INTERFACES_MAX 256

struct capture_args {
	struct capture_want want;
	char *expression;       /* the words of FILTER */
	const char *file;       /* NULL: none; "-": standard output */
	__u64 packets, seconds; /* 0: without end */
};

/* A device as the file has it: where packets come in, or leave. */
struct interface {
	__u64 netns;
	__u32 ifindex;
	__u32 slot; /* XR_MAX_DEVICES: packets leave there, and none is captured */
	__u32 index;
	char name[XR_NAME_LEN];
};

struct capture_run {
	struct plane *p;
	struct capture *c;
	const struct capture_args *args;
	struct pcapng *file; /* NULL: lines */
	int out;             /* where it is written */
	struct interface interface[INTERFACES_MAX];
	int interfaces;
	__u64 epoch_ns, begin_ns, until_ns; /* CLOCK_MONOTONIC: its zero; begin and end of this */
	__u64 last_ns;                      /* time stamps never go back */
	__u64 packets;
	struct xr_err err; /* what ended it */
};

/*
 * Until it is over; writes or prints what comes, and the counts in the end. 0; or -errno,
 * with err's line where it is an error.
 */
int capture_run(struct capture_run *run);

#endif
