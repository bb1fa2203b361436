/* SPDX-License-Identifier: GPL-2.0-only */
/* What the wrapper programs and the harness share. */
#ifndef BENCH_WRAP_H
#define BENCH_WRAP_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/types.h>
#include <stddef.h>

/* Where fields stand in a frame without tags. */
#define AT_ETH(field) offsetof(struct ethhdr, field)
#define AT_IP4(field) (ETH_HLEN + offsetof(struct iphdr, field))
#define AT_IP6(field) (ETH_HLEN + offsetof(struct ipv6hdr, field))
/* The last four octets of an address. */
#define SMAC_REST   (AT_ETH(h_source) + 2)
#define SADDR6_REST (AT_IP6(saddr) + 12)
#define DADDR6_REST (AT_IP6(daddr) + 12)

#define WINDOW  4096 /* packets between two looks at the clock */
#define WINDOWS 256  /* of them remembered */

#define WALK_MAX (1U << 20)

/* A CID's octets behind octet 0, made beforehand: AES is not the wrapper's. */
struct walk_cid {
	__u64 word[2];
};

/* How the wrapper makes the next packet; constant during a run. */
struct walk {
	/* Headers as they were before the program under test changed them. */
	__u64 dmac_smac; /* Ethernet: the destination and two octets of the source */
	__u32 smac_rest;
	__u16 ethertype;
	__u16 hop6; /* IPv6: next header, hop limit */
	__u32 ttl4; /* IPv4: TTL, protocol, checksum */
	__u32 frame_len;

	__u32 mask;       /* 2^k - 1: different flows, or server IDs */
	__u32 vips;       /* different VIPs */
	__u32 saddr;      /* network order: of flow 0 (IPv6: last word) */
	__u32 daddr;      /* of VIP 0 */
	__u32 sid_step;   /* 1: server IDs come in their order; another odd number: in none */
	__u32 sid_factor; /* what they are multiplied by */
	__u32 cid;        /* offset of the CID; 0: leave the payload alone */
	__u8 walk_saddr;  /* source address += flow */
	__u8 walk_sid;    /* server ID in clear, 32 bits, of the flow */
	__u8 walk_cid;    /* CID from the array */
	__u8 vip_of_flow; /* the VIP follows from the flow, else it is any */
	__u8 walk_dmac;   /* destination MAC: its last four octets = flow */
	__u8 walk_smac;   /* source MAC likewise */
	__u8 walk_id;     /* IPv4 ID = the packet's number */
	__u8 keep_sum; /* for the kernel: destination as it was, IPv4 ID so that the sum is right */
	__u8 drain;    /* wait until what was written is in the cache */
};

/* The clock, read every WINDOW packets inside the run. */
struct clocked {
	__u64 packets;
	__u64 last;
	__u64 window[WINDOWS]; /* ns */
};

#endif
