/* SPDX-License-Identifier: GPL-2.0-only */
/* Internet checksums (RFC 1071), in 16-bit words as they lie in memory. */
#ifndef XROAM_BPF_CSUM_H
#define XROAM_BPF_CSUM_H

#include "packet.h"

#define CSUM_STEP 512 /* what bpf_csum_diff takes at once */

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* ---- of a message in a frame, maybe in several buffers ---- */

#define SUM_STEPS 19 /* octets of an MTU of 9000 and more */

struct summed {
	__u32 at, end;
	__u64 sum;
	__u8 octet[CSUM_STEP];
};

XR_PERCPU(sums, struct summed, 1);

/* Adds the next octets, the last of them with zeros behind; not 0: cannot. */
__noinline int sum_step(struct xdp_md *ctx)
{
	__u32 zero = 0, n;
	struct summed *s = bpf_map_lookup_elem(&sums, &zero);

	if (!s || s->at >= s->end)
		return -1;
	n = s->end - s->at;
	if (n < CSUM_STEP) {
		__builtin_memset(s->octet, 0, sizeof(s->octet));
		if (bpf_xdp_load_bytes(ctx, s->at, s->octet, bound_length(n, 511)))
			return -1;
	} else if (bpf_xdp_load_bytes(ctx, s->at, s->octet, CSUM_STEP)) {
		return -1;
	}
	s->sum = bpf_csum_diff(NULL, 0, (void *)s->octet, CSUM_STEP, s->sum);
	s->at += CSUM_STEP;
	return 0;
}

/*
 * Whether the octets from at to end have the checksum that is among them. sum: of
 * what it covers beside them.
 */
static __always_inline int is_sum_right(struct xdp_md *ctx, __u32 at, __u32 end, __u64 sum)
{
	__u32 zero = 0;
	struct summed *s = bpf_map_lookup_elem(&sums, &zero);

	if (!s)
		return 0;
	s->at = at;
	s->end = end;
	sum = (sum & 0xffffffff) + (sum >> 32);
	s->sum = (sum & 0xffffffff) + (sum >> 32);
	for (int i = 0; i < SUM_STEPS; i++)
		if (sum_step(ctx))
			break;
	return s->at >= s->end && !csum_fold(s->sum);
}

#endif
