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
#include "verifier.h"

const volatile struct xr_knobs knobs = {};

/* 1 in objects whose programs tell of a packet what they found in it. */
#ifndef TRACES
#define TRACES 0
#endif

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#ifndef ETH_P_8021AD
#define ETH_P_8021AD 0x88A8
#endif

#define IP_OFFSET_OR_MF 0x3fff /* fragment offset and "more fragments" */

/*
 * flow_flags: what a packet is in its flow. In one octet, as each one of its own would take
 * eight of the stack; TCP's flags stand where its header has them.
 */
#define IS_FIN   0x01
#define IS_SYN   0x02 /* a new connection */
#define IS_RST   0x04
#define IS_BARE  0x08 /* TCP: no payload */
#define IS_LONG  0x10 /* QUIC: long header */
#define IS_SHORT 0x20 /* QUIC: short header */

#define IS_END (IS_FIN | IS_RST)
/* Alone it does not establish the flow; it may not open one. */
#define IS_FIRST    (IS_SYN | IS_END | IS_LONG)
#define IS_NO_ENTRY (IS_RST | IS_SHORT)

#define ASTRAY_DOWN (1U << 3) /* the connection ID names a server that is down */

struct packet {
	__u32 l3;          /* offset of the IP header */
	__u32 l4;          /* offset of the transport header */
	__u32 end;         /* offset of the first octet after the IP packet */
	__u32 ip_len;      /* octets from the IP header on */
	__u32 payload;     /* offset of the UDP payload (of a quoted one, for ICMP) */
	__u32 payload_end; /* where it ends */
	__u32 bytes;       /* of the frame, for the counters */
	__u32 ports;       /* source | destination << 16, as in the packet */
	__u32 udp_len;     /* as in the packet; what follows the ports in TCP */
	__be32 saddr[XR_ADDR_WORDS] __attribute__((aligned(8)));
	__be32 daddr[XR_ADDR_WORDS];
	__u8 ipv6;
	__u8 proto; /* of the flow: for ICMP, of the quoted packet */
	__u8 tos;
	__u8 vlans;      /* tags before the IP header */
	__u8 icmp;       /* addresses and ports are the quoted packet's, reversed */
	__u8 flow_flags; /* IS_* */
	__u8 group;      /* came by link-layer broadcast or multicast */
	__u8 martian;    /* its source is none: see is_martian() */
	__u16 vip;
	__u16 backend;
	__u64 its;    /* union backend_word: what the backend was when it was chosen */
	__u32 vm;     /* its number, for a drop's event; 0: none */
	__u32 reason; /* enum xr_reason, as far as is known */
	__u32 sent;   /* XDP_TX or XDP_REDIRECT, once forwarded */
	__u32 egress; /* and the device it leaves by */
	__u64 hash;   /* of the 4-tuple */
	struct quic {
		__u32 cid;    /* offset of the connection ID */
		__u32 usable; /* octets there are for it; 0: none */
		__u8 is_long;
		__u8 top; /* of the connection ID's octet 0: three bits; and ASTRAY_DOWN */
	} quic;
	struct quoted {    /* what an ICMP error quotes */
		__u32 l4;  /* offset of ICMP in, of the quoted header out */
		__u32 end; /* of the frame's IP packet */
		__u32 payload;
		__be32 client[XR_ADDR_WORDS];
		__be32 vip[XR_ADDR_WORDS];
		__u32 ports; /* client's | VIP's << 16 */
		__u32 proto;
		__u32 ipv6;
	} quoted;
};

/*
 * Plain packets (parse_plain()) live on the stack, where what is constant for
 * them folds away. All others live here, one per CPU, as XDP runs with softirqs
 * off: of what is read from a map the verifier knows nothing but its size, so
 * it walks the stages once and not once per kind of packet.
 */
enum scratch {
	IN_HAND,    /* the packet that came in, and its verdict */
	IN_FRAME,   /* what a stage reads in the frame for itself */
	SENT_AS_IP, /* what send_packet() sends, which a stage calls that has read one */
	SCRATCHES,
};

XR_PERCPU(scratch, struct packet, SCRATCHES);

static __always_inline struct packet *scratch_at(__u32 which)
{
	return bpf_map_lookup_elem(&scratch, &which);
}

union backend_word {
	struct xr_backend backend;
	__u64 word;
};

/* Kept as one word, and its parts taken out where they are asked for. */
static __always_inline struct xr_backend backend_of(const struct packet *p)
{
	union backend_word w = { .word = p->its };

	return w.backend;
}

/* Whether the backend is a VM: see follow(). */
static __always_inline int is_tied(const struct packet *p)
{
	return backend_of(p).flags & XR_BACKEND_VM;
}

static __always_inline int is_limited(const struct packet *p)
{
	return backend_of(p).flags & XR_BACKEND_LIMITED;
}

/* Spreads flows over ECMP; the keyed hash, which a CID hit has not, is no need. */
static __always_inline __u32 entropy_of(const struct packet *p)
{
	__u32 x = p->ports ^ p->saddr[3] ^ p->saddr[1];

	return (x * 0x9e3779b97f4a7c15ULL) >> 32;
}

/* Two addresses, in words: memcpy would go octet by octet. */
static __always_inline void copy_macs(void *to, const void *from)
{
	*(__u64 *)to = *(const __u64 *)from;
	*(__u32 *)(to + 8) = *(const __u32 *)(from + 8);
}

#define MAC_MASK 0xffffffffffffULL /* of a VM's key */

static __always_inline __u64 mac_of(const __u16 *mac)
{
	return mac[0] | (__u64)mac[1] << 16 | (__u64)mac[2] << 32;
}

/* From mac_of() or a VM's key. */
static __always_inline void write_mac(__u16 *to, __u64 mac)
{
	to[0] = mac;
	to[1] = mac >> 16;
	to[2] = mac >> 32;
}

/* A checksum when one word of what it covers changes (RFC 1624). */
static __always_inline __u16 csum_replace(__u16 check, __u16 was, __u16 is)
{
	__u32 sum = (__u16)~check + (__u16)~was + is;

	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/* RFC 1624: the checksum changes as the word with the TTL does. */
static __always_inline void decrement_ipv4(struct iphdr *ip)
{
	__u32 sum = ip->check + bpf_htons(0x0100);

	ip->ttl--;
	ip->check = sum + (sum >= 0xffff);
}

/* The second, counted by a timer: clocks cost 18 ns and more, this is a load. */
static __always_inline __u32 now_tick(void)
{
	return *(volatile __u32 *)&second.tick;
}

/* Ticks wrap, and another CPU may have seen the next one already: hence signed. */
static __always_inline int is_past(__u32 tick, __u32 now)
{
	return (__s32)(now - tick) > 0;
}

/* By a bit of a mask: compares would make two paths for the verifier. */
static __always_inline __u32 tcp_or_udp(__u64 proto)
{
	const __u64 mask = 1ULL << IPPROTO_TCP | 1ULL << IPPROTO_UDP;

	return proto < 64 && mask >> (proto & 63) & 1;
}

#endif
