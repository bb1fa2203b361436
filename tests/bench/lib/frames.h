/* SPDX-License-Identifier: GPL-2.0-only */
/* The packets of the bench. All have 128 octets, whatever the protocol. */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include "harness.h"

#define FRAME_LEN 128

/* VIPs are VIP4_BASE + i and VIP6_PREFIX::i; clients 100.64.0.0 + n. */
#define VIP4_BASE      0xc6120000U /* 198.18.0.0, RFC 2544 */
#define OTHER4         0xc6330001U /* 198.51.0.1: no VIP */
#define CLIENT4        0x64400000U
#define PORT_QUIC      443  /* UDP: CIDs, no flow table */
#define PORT_QUIC_FLOW 8443 /* UDP: CIDs and flow table */
#define PORT_TCP       443

enum tcp_kind { TCP_KIND_SYN, TCP_KIND_ACK };

/* first: octet 0 of the CID; the rest is zero until something walks. */
void frame_quic_short(struct shot *s, bool ipv6, __u32 dst, __u16 port, __u8 first);
/* A v1 Initial, its DCID of 8 octets beginning with first. */
void frame_quic_initial(struct shot *s, __u32 dst, __u16 port, __u8 first);
void frame_tcp(struct shot *s, __u32 dst, __u16 port, enum tcp_kind kind);
/* UDP without anything of QUIC's in it. */
void frame_udp(struct shot *s, __u32 dst, __u16 port);

#endif
