// SPDX-License-Identifier: GPL-2.0-only
/*
 * Passes everything. A veth takes XDP_TX and redirected frames only where its
 * peer runs an XDP program, and drops them without a word where it does not.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp.frags")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
