/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Announces to the segment where a VM is, by frames of the kinds that gateways accept.
 * Of an IPv4 address: an ARP request for itself; for each gateway of its VLAN an ARP
 * request, and an ARP reply where the gateway's MAC is known. Of an IPv6 address: an
 * unsolicited neighbour advertisement with override. Tagged where the VM has a VLAN.
 */
#ifndef XR_VM_ANNOUNCE_H
#define XR_VM_ANNOUNCE_H

#include <stddef.h>
#include "plane/plane.h"

#define ANNOUNCE_FRAME 128 /* room for the largest, with its tag */

/*
 * Passes one VM's frames to each(), one after another. Returns their number: 0 for a
 * VM without addresses.
 */
int announce_frames(const __u8 mac[6], __u16 vlan, const __be32 (*addr)[XR_ADDR_WORDS], int n_addrs,
		    const struct xr_gateway *gateways, int n_gateways,
		    void (*each)(void *ctx, const void *frame, size_t len), void *ctx);

/*
 * Sends them out of every attached device of role node in this network namespace, but
 * for those that lead to the VM itself. 0, or -errno of the last that failed.
 */
int announce_vm(struct plane *p, __u32 vm_index, struct xr_err *err);

#endif
