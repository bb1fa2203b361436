/* SPDX-License-Identifier: GPL-2.0-only */
/* Next hops that stand, when the kernel's routes or neighbours change. */
#ifndef XR_CORE_HOPS_H
#define XR_CORE_HOPS_H

#include "plane.h"

/*
 * What the data plane remembers is over: it asks the kernel's FIB at the next
 * packet. But for those whose MAC the operator gave.
 */
void hops_expire(struct plane *p);

/*
 * The kernel is asked to keep the hosts' next hops resolved, of at most n
 * hosts from *from on; *from is then where to go on, 0: all are done.
 */
void hops_remind(struct plane *p, __u32 *from, __u32 n);

#endif
