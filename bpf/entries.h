/* SPDX-License-Identifier: GPL-2.0-only */
/* The programs of role node: one for devices, and one that explain runs, are the same. */
#ifndef XROAM_BPF_ENTRIES_H
#define XROAM_BPF_ENTRIES_H

#include "node.h"

/* Where there are no hosts. */
SEC("xdp.frags")
int xroam_node(struct xdp_md *ctx)
{
	return serve_vips(ctx, secret_keys(), 0);
}

/* Where there are. A program of its own, so that each has a small stack and few paths. */
SEC("xdp.frags")
int xroam_vm_node(struct xdp_md *ctx)
{
	return serve_vms_first(ctx);
}

#endif
