/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries of the flow table, for flows of one client that differ in their source port. */
#ifndef XR_TEST_FLOWS_H
#define XR_TEST_FLOWS_H

#include "harness.h"
#include "worlds.h"

/* Where such a flow's entry may be. */
__u32 flow_bucket_of(int sport);
__u32 flow_tag_of(int sport);
/* Its entry; NULL: it has none. */
struct xr_flow *flow_entry_of(int sport);

/* A packet of it with these flags of TCP ("syn", "fin ack"). */
struct result flow_packet(int sport, const char *flags);

/*
 * Sets the clock on; returns what it shows then. It ticks by itself once a second:
 * right after the test set it, it stays for a while at most one on.
 */
__u32 flow_later(__u32 seconds);

#endif
