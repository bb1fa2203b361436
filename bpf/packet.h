/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the stages know of the packet in hand, and the program's knobs.
 *
 * Offsets rather than pointers: a pointer does not outlive adjust_head.
 */
#ifndef XROAM_BPF_PACKET_H
#define XROAM_BPF_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <xroam/abi.h>
#include "maps.h"

const volatile struct xr_knobs knobs = {};

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#ifndef ETH_P_8021AD
#define ETH_P_8021AD 0x88A8
#endif

#define IP_OFFSET_OR_MF 0x3fff	/* fragment offset and "more fragments" */

struct packet {
	__u32 l3;		/* offset of the IP header */
	__u32 l4;		/* offset of the transport header */
	__u32 end;		/* offset of the first octet after the IP packet */
	__u32 ip_len;		/* octets from the IP header on */
	__u32 payload;		/* offset of the UDP payload (of a quoted one, for ICMP) */
	__u32 payload_end;	/* where it ends */
	__u32 bytes;		/* of the frame, for the counters */
	__u32 ports;		/* source | destination << 16, as in the packet */
	__be32 saddr[XR_ADDR_WORDS];
	__be32 daddr[XR_ADDR_WORDS];
	__u8 ipv6;
	__u8 proto;		/* of the flow: for ICMP, of the quoted packet */
	__u8 tos;
	__u8 vlans;		/* tags before the IP header */
	__u8 icmp;		/* addresses and ports are the quoted packet's, reversed */
	__u8 opens;		/* may open a flow: TCP SYN, QUIC long header, plain UDP */
	__u8 first;		/* this packet alone does not establish the flow */
	__u8 syn;		/* TCP: a new connection */
	__u16 vip;
	__u16 backend;
	__u64 hash;		/* of the 4-tuple; 0: not yet computed */
};

/*
 * Makes the verifier forget what it knows of x, so that it walks the code
 * behind once and not once per value. zero is 0, from a map; mask covers x.
 */
static __always_inline __u64 forget(__u64 x, __u64 zero, __u64 mask)
{
	x += zero;
	asm volatile("" : "+r"(x));
	return x & mask;
}

/*
 * The top bit of x as 0 or 1, and whether x is 0, without a branch, which would
 * double the paths to verify. The compiler must not see where the bit comes
 * from: it would make a mask of it by an arithmetic shift, and there the
 * verifier (6.18) tries both outcomes as it does for a branch.
 */
static __always_inline __u64 top_bit(__u64 x)
{
	asm volatile("%0 >>= 63" : "+r"(x));
	return x;
}

static __always_inline __u64 is_zero(__u64 x)
{
	return top_bit((x - 1) & ~x);
}

/* The second, counted by a timer: clocks cost 18 ns and more, this is a load. */
static __always_inline __u32 now_tick(void)
{
	__u32 zero = 0;
	struct clock_value *c = bpf_map_lookup_elem(&clock, &zero);

	return c ? c->tick : 0;
}

static __always_inline __u32 tcp_or_udp(__u32 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

#endif
