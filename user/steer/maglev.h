/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keyed, weighted Maglev (Eisenbud et al., NSDI 2016, section 3.4): which
 * backend serves which slot of a VIP's table.
 */
#ifndef XR_STEER_MAGLEV_H
#define XR_STEER_MAGLEV_H

#include <stddef.h>
#include <xroam/abi.h>

struct maglev_member {
	const char *name; /* where its slots lie depends on this alone */
	__u32 weight;     /* 0: gets no slot */
	__u16 backend;    /* what is written into its slots */
};

/*
 * Fills that many slots (XR_MAGLEV_SIZES). The same keys, names and weights make the same
 * table on every node, in whatever order they are given. Without a member of
 * weight > 0 all slots are 0. 0 or -ENOMEM.
 */
int maglev_build(const struct xr_hash_keys *keys, const struct maglev_member *member, size_t n,
		 __u16 *slot, __u32 slots);

#endif
