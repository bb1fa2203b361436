/* SPDX-License-Identifier: GPL-2.0-only */
/* What is told of VMs: events and counts. */
#ifndef XR_PLANE_VM_EVENT_H
#define XR_PLANE_VM_EVENT_H

#include "plane.h"

/* An event of kind VM; reason 0: an operator's word was obeyed. */
void vm_say(struct plane *p, __u32 place, __u32 reason, __u16 from, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Counts a reason that is user space's own (notice-old, ...). */
void vm_count_reason(struct plane *p, __u32 reason, __u64 n);
const char *vm_source_word(unsigned int source);

#endif
