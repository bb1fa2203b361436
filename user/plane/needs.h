/* SPDX-License-Identifier: GPL-2.0-only */
/* What the process and the machine must have: what is checked, and where it is missing. */
#ifndef XR_PLANE_NEEDS_H
#define XR_PLANE_NEEDS_H

#include "plane.h"

/* 0, or -EPERM and in err which capabilities the process lacks. */
int plane_check_caps(enum plane_access how, struct xr_err *err);

/* A bpffs is mounted there. */
bool plane_has_bpffs(const char *path);

/*
 * An ancestor of this process is in another mount namespace: what is mounted in this one
 * goes with it. "ip netns exec" makes such a one.
 */
bool plane_has_private_mounts(void);

/*
 * What the kernel is too old for, and since when it is there, as "bpf_loop (5.17)"; NULL:
 * nothing. For a process with CAP_BPF: to others the kernel seems to have none of it.
 */
const char *plane_missing_feature(void);

/* How many more files this process can open, of those that a change needs: FILES_SPARE. */
#define FILES_SPARE 32
int plane_count_files(void);

#endif
