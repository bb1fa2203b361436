/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets for VIPs: what each is, and by which reason it has to leave. */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include <stdbool.h>
#include "harness.h"
#include "scene.h"

/* What there is 1, 1000 or a million of. */
enum subject {
	OF_NOTHING,
	OF_SIDS,
	OF_FLOWS,
	OF_NEW_FLOWS,
	OF_TUPLES,
};

struct bench_case {
	const char *name;
	void (*shot)(struct shot *s);
	enum subject walks;
	enum scene_cid cid;    /* for OF_SIDS */
	enum xr_reason reason; /* all packets must leave by it */
	__u32 action;
	double target;   /* ns above the floor, hot; 0: none */
	bool over_clear; /* the target counts from quic-clear's figure */
	bool vips;       /* walk over 1000 VIPs, too */
	bool apart;      /* server IDs that no page has */
};

#define BENCH_CASES 19
extern const struct bench_case bench_cases[BENCH_CASES];

#endif
