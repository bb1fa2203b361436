/* SPDX-License-Identifier: GPL-2.0-only */
/* A backend's health in a table. */
#ifndef XR_SHOW_HEALTH_TEXT_H
#define XR_SHOW_HEALTH_TEXT_H

#include "lib/health_state.h"

/* "up", "down damped", "kept": what its probes say, and what came of it. */
const char *show_health_text(const struct xr_backend_health *h, char buf[HEALTH_TEXT]);
/* How long ago, in seconds since the epoch: "12s", "3h". */
const char *show_age_text(__u64 since, char buf[HEALTH_TEXT]);

#endif
