/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XR_SOURCE_MEASURE_PRIV_H
#define XR_SOURCE_MEASURE_PRIV_H

#include "daemon/daemon.h"

struct measure {
	struct daemon *d;
	__u64 began_ns;      /* events before that are not this daemon's to measure */
	struct measured *vm; /* by VM index; NULL: there was nothing to keep yet */
};

/* Takes the state from which it measures; before the first event is read. */
void measure_begin(struct measure *m, struct daemon *d);
/* An event about the VM with that index, in the order in which they happened. */
void measure_event(struct measure *m, const struct xr_event *e, __u32 vm_index);
void measure_free(struct measure *m);

#endif
