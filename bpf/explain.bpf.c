// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs of role node as user space runs them, never attached: they tell of a packet
 * what they found. An object of their own, so that those on a device have nothing of it.
 */
#define TRACES 1
#include "entries.h"
#include "probe.h"

/* For health checks: run by the daemon. */
SEC("xdp.frags")
int xroam_probe(struct xdp_md *ctx)
{
	struct xdp_md *in = ctx;

	bpf_loop(XR_PROBES, next_probe, &in, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
