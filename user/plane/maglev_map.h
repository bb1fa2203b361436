/* SPDX-License-Identifier: GPL-2.0-only */
/* A VIP's Maglev table as the kernel has it. */
#ifndef XR_PLANE_MAGLEV_MAP_H
#define XR_PLANE_MAGLEV_MAP_H

#include <bpf/bpf.h>
#include <linux/types.h>

/* A map with that table of so many slots. opts may be NULL. An fd, or -errno. */
int maglev_map_new(const __u16 *slot, __u32 slots, const struct bpf_map_create_opts *opts);

#endif
