/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XR_LIB_PROCESS_H
#define XR_LIB_PROCESS_H

#include <linux/types.h>

/* Nanoseconds of CPU time that the process has used; 0: not known. */
__u64 process_cpu_time(__u32 pid);

#define PROCESS_NOBODY ((__u32) - 1)

/* Who logged in that the process descends from; PROCESS_NOBODY: nobody, or not known. */
__u32 process_login_uid(__u32 pid);
/* The short name that the kernel has of it; "?" where there is no such process. */
void process_name(__u32 pid, char name[16]);

#endif
