/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of one capture (bpf/capture.h): nobody's but its process's and its programs'. */
#ifndef XR_CAPTURE_MAPS_H
#define XR_CAPTURE_MAPS_H

#include <xroam/capture.h>
#include "attach/attach.h"
#include "filter.h"

#define CAPTURE_NO_MAPS ((struct capture_maps){ -1, -1, -1, -1, -1 })

/* Makes all, and fills in the filter; capture_maps_close() also after an error. */
int capture_maps_make(struct capture_maps *m, const struct capture_filter *f, struct xr_err *err);
void capture_maps_close(struct capture_maps *m);

/* Writes another filter: the control has its length and reach. 0 or -errno. */
int capture_maps_filter(const struct capture_maps *m, const struct capture_filter *f);

/* The sum over all CPUs of a slot, or with XR_MAX_DEVICES of all slots. */
void capture_maps_count(const struct capture_maps *m, int cpus, __u32 slot,
			struct xr_capture_counts *sum);

#endif
