/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which VM a frame may claim to be, for XDP and tc alike: one with its MAC, in a
 * VLAN that the frame may be in. Its tags name it, or the tunnel that it came out of;
 * at the VM's own port, its access port, a frame needs none.
 */
#ifndef XROAM_BPF_GUARD_KEY_H
#define XROAM_BPF_GUARD_KEY_H

#include "vm_table.h"

/* Where a frame's VLAN is known from. */
struct frame_vlan {
	__u16 tag;      /* by its tags; 0: none */
	__u16 segment;  /* out of a tunnel: that of its VMs; 0: none */
	__u8 in_tunnel; /* out of a tunnel, where no port counts */
	__u8 own_port;  /* through the VM's own port */
};

/* The key that it is looked up by; a tag counts before the tunnel. */
static __always_inline __u64 frame_key(__u64 mac, __u32 tag, __u32 segment)
{
	return vm_key(mac, tag ?: segment);
}

static __always_inline int may_be_in_vlan(struct frame_vlan f, __u32 vlan)
{
	if (vlan == f.tag || (f.in_tunnel && vlan == f.segment))
		return 1;
	return f.own_port && !f.in_tunnel && !f.tag;
}

#endif
