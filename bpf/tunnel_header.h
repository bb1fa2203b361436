/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the outer headers of our tunnels have in them: written by forward.h, known
 * again by path_mtu.h and vm_tunnel.h.
 */
#ifndef XROAM_BPF_TUNNEL_HEADER_H
#define XROAM_BPF_TUNNEL_HEADER_H

#include <bpf/bpf_endian.h>
#include <linux/types.h>

#define OUTER_TTL     64
#define IP_DF         0x4000
#define PORT_ENTROPY  0xc000 /* source ports 49152..65535 (RFC 7348 §4.1, RFC 8086) */
#define VXLAN_HAS_VNI 0x08000000

/*
 * A relay is a frame that came here for a VM and goes on to where it is now. Its
 * source is somebody who is not where the tunnel begins, so it proves nothing of
 * his place, and is marked in what no VXLAN end looks at: a source port above those
 * that Linux takes for it, with the ID of a packet that is whole (RFC 6864 §4.1), or
 * the flow label. The ID leaves room for what segmenting adds to it. Flags and
 * reserved octets of the VXLAN header would not do: Linux drops what it does not
 * know there.
 */
#define RELAY_PORT       0xf000
#define RELAY_PORT_BITS  0x0fff
#define RELAY_ID         0x7800
#define RELAY_ID_MASK    0xfc00
#define RELAY_LABEL      0x78000
#define RELAY_LABEL_MASK 0xff000

/* Of an IPv6 header the first two words; what follows it is so long. */
static __always_inline void write_ipv6_words(__be32 *w, __u32 tos, __u32 label, __u32 len,
					     __u32 proto)
{
	w[0] = bpf_htonl(0x60000000 | tos << 20 | label);
	w[1] = bpf_htonl(len << 16 | proto << 8 | OUTER_TTL);
}

struct vxlan_header {
	__be32 flags;
	__be32 vni;
};

#endif
