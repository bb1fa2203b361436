// SPDX-License-Identifier: GPL-2.0-only
/*
 * The copies of the programs that capture, of which one is on a device while somebody
 * does. An object of their own: the plain ones are the same, to the instruction,
 * whether or not there is such a thing.
 */
#define TRACES 1
#include "node.h"
#include "backend.h"
#include "capture.h"

SEC("xdp.frags")
int xroam_cap_node(struct xdp_md *ctx)
{
	capture_in(ctx);
	return capture_out(ctx, serve_vips(ctx, secret_keys(), 0));
}

SEC("xdp.frags")
int xroam_cap_vm(struct xdp_md *ctx)
{
	capture_in(ctx);
	return capture_out(ctx, serve_vms_first(ctx));
}

SEC("xdp.frags")
int xroam_cap_decap(struct xdp_md *ctx)
{
	capture_in(ctx);
	return capture_out(ctx, serve_backend(ctx));
}

SEC("xdp.frags")
int xroam_cap_pass(struct xdp_md *ctx)
{
	capture_in(ctx);
	return capture_out(ctx, serve_pass(ctx));
}

char _license[] SEC("license") = "GPL";
