/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XR_LIB_PROCESS_H
#define XR_LIB_PROCESS_H

#include <linux/types.h>

/* Nanoseconds of CPU time that the process has used; 0: not known. */
__u64 process_cpu_time(__u32 pid);

#endif
