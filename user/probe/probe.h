/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Health checks: the daemon's source that asks backends whether they serve, and takes
 * those that do not out of service.
 */
#ifndef XR_PROBE_PROBE_H
#define XR_PROBE_PROBE_H

#include "daemon/daemon.h"

extern const struct source source_health;

#endif
