/* SPDX-License-Identifier: GPL-2.0-only */
/* Metrics and the page over HTTP, where the daemon's file says "metrics". */
#ifndef XR_METRICS_METRICS_H
#define XR_METRICS_METRICS_H

#include "daemon/daemon.h"

extern const struct source source_metrics;

#endif
