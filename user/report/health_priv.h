/* SPDX-License-Identifier: GPL-2.0-only */
/* What the checks of health share. */
#ifndef XR_REPORT_HEALTH_PRIV_H
#define XR_REPORT_HEALTH_PRIV_H

#include "attach/attach.h"
#include "health.h"
#include "lib/netns.h"

struct check {
	struct plane *p;
	const struct health_baseline *since; /* counters of a moment ago, or NULL */
	void (*each)(void *ctx, const char *line);
	void *ctx;
};

/* health_line.c: gives a line to the check's each(). */
void health_wrong(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The device's name, and its namespace where that is not this one. */
const char *health_name(const struct xr_device *d, const struct device_location *at,
			char text[XR_NAME_LEN + NETNS_SUFFIX]);
/* In front of a command that mends the device: "there, " for another namespace, or "". */
const char *health_there(const struct device_location *at);

/* health_steer.c: reports VIPs without servers, and CIDs that steer nothing. */
void check_vips(struct check *c);
void check_steering(struct check *c);

/* health_announce.c: reports VIPs that are to be announced and are not. */
void check_announced(struct check *c);
/* health_probes.c: reports backends whose health checks fail, or that nobody checks. */
void check_probes(struct check *c);

/* health_peer.c: reports a device where no packet comes, or a veth that loses what is sent. */
void check_link(struct check *c, const struct xr_device *d, const struct device_location *at);

#endif
