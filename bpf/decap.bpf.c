// SPDX-License-Identifier: GPL-2.0-only
/* The programs of roles backend and pass. */
#include "backend.h"

SEC("xdp.frags")
int xroam_decap(struct xdp_md *ctx)
{
	return serve_backend(ctx);
}

SEC("xdp.frags")
int xroam_pass(struct xdp_md *ctx)
{
	return serve_pass(ctx);
}

char _license[] SEC("license") = "GPL";
