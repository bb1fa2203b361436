/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Health checks: the daemon's source that asks backends whether they serve, and takes
 * those that do not out of service.
 */
#ifndef XR_PROBE_PROBE_H
#define XR_PROBE_PROBE_H

#include "daemon/daemon.h"

extern const struct source source_health;

#define PROBE_TIMES 12

/* What the prober has done since the daemon began. */
struct probe_counts {
	__u64 sent[XR_CHECK_COMMAND_RUN + 1]; /* by enum xr_check_type */
	__u64 good[XR_CHECK_COMMAND_RUN + 1];
	__u64 bad[XR_CHECK_COMMAND_RUN + 1];
	__u64 late;    /* sent later than due, as health_rate was reached */
	__u64 forged;  /* answers to its ports that answer no probe */
	__u64 unsent;  /* not sent for reasons of this machine: nothing was learned */
	__u64 changes; /* backends that became good or bad */
	/* Times of good probes: of up to probe_time_us[i], and of more than the one before */
	__u64 times[PROBE_TIMES + 1];
	__u64 time_us; /* their sum */
	__u32 targets; /* that are probed now */
};

extern const __u32 probe_time_us[PROBE_TIMES];

/* Of the daemon in this process; NULL: none runs, or there is nothing to check. */
const struct probe_counts *probe_counts(void);

#endif
