/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells the segment where a VM is, in the kinds that gateways accept: ARP
 * request for itself; of each gateway of its VLAN, ARP request for it, and ARP
 * reply to it where its MAC is known; for IPv6 an unsolicited neighbour
 * advertisement with override. Tagged where the VM has a VLAN.
 */
#ifndef XR_VM_ANNOUNCE_H
#define XR_VM_ANNOUNCE_H

#include <stddef.h>
#include "plane/plane.h"

#define ANNOUNCE_FRAME 128 /* room for the largest, with its tag */

/*
 * Writes one VM's frames one after another: each() gets each whole frame.
 * Nothing for a VM without addresses. The number of frames.
 */
int announce_frames(const __u8 mac[6], __u16 vlan, const __be32 (*addr)[XR_ADDR_WORDS], int n_addrs,
		    const struct xr_gateway *gateways, int n_gateways,
		    void (*each)(void *ctx, const void *frame, size_t len), void *ctx);

/*
 * Sends them out of every attached device of role node in this namespace, but
 * those that lead to the VM itself.
 */
int announce_vm(struct plane *p, __u32 vm_index, struct xr_err *err);

#endif
