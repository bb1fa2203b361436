/* SPDX-License-Identifier: GPL-2.0-only */
/* Events about VMs, and counts of what user space decided about them. */
#ifndef XR_PLANE_VM_EVENT_H
#define XR_PLANE_VM_EVENT_H

#include "plane.h"

/*
 * Puts an event of kind VM into the ring, with its state as it is now and the text.
 * reason 0: a notice was carried out, else why it was not; from: the host that it was
 * on before, or 0.
 */
void vm_post_event(struct plane *p, __u32 index, __u32 reason, __u16 from, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Counts a reason that only user space gives (notice-old, ...). */
void vm_count_reason(struct plane *p, __u32 reason, __u64 n);
/* The name of an enum xr_source, as in the ABI; "?": it has none. */
const char *vm_source_name(unsigned int source);

#endif
