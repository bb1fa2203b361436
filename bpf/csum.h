/* SPDX-License-Identifier: GPL-2.0-only */
/* Internet checksums (RFC 1071), in 16-bit words as they lie in memory. */
#ifndef XROAM_BPF_CSUM_H
#define XROAM_BPF_CSUM_H

#include "packet.h"

#define CSUM_STEP 512		/* what bpf_csum_diff takes at once */

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

#endif
