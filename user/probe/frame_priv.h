/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets of health checks, made and read; plain memory. */
#ifndef XR_PROBE_FRAME_PRIV_H
#define XR_PROBE_FRAME_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <xroam/abi.h>

#define FRAME_MOST   2048
#define FRAME_HEADER 14 /* Ethernet's */
#define QUIC_PROBE   1200
#define QUIC_CID_LEN 8
#define IPV4_HEADER  20
#define IPV6_HEADER  40

/* Both addresses are of one family; IPv4 as in struct xr_vip. */
struct frame_ends {
	const __be32 *from, *to;
	__be16 sport, dport;
};

/*
 * The frame for xroam_probe: to that backend. They return its length.
 *
 * cookie: what only an answer can know. Of TCP the sequence number is its lower half;
 * of QUIC it is the source connection ID, and the destination's follows from it.
 */
size_t frame_syn(__u8 *out, __u16 backend, const struct frame_ends *e, __u64 cookie);
size_t frame_rst(__u8 *out, __u16 backend, const struct frame_ends *e, __u32 seq);
/* A long header of a version that does not exist (RFC 9000 §6.3, §15). */
size_t frame_quic(__u8 *out, __u16 backend, const struct frame_ends *e, __u64 cookie);
/* An IP packet that somebody else made; len as it says itself. */
size_t frame_ip(__u8 *out, __u16 backend, const void *ip, size_t len);

enum frame_kind {
	FRAME_OTHER,
	FRAME_SYN_ACK,
	FRAME_RST,     /* a SYN was refused (RFC 9293 §3.10.7.3) */
	FRAME_VERSIONS /* QUIC: Version Negotiation (RFC 9000 §17.2.1) */
};

struct frame_answer {
	enum frame_kind kind;
	__be32 from[XR_ADDR_WORDS], to[XR_ADDR_WORDS];
	__be16 sport, dport;
	__u64 cookie; /* of TCP its lower half */
	__u32 ack;    /* TCP */
};

/* An IP packet as it came, of which len octets were kept. */
void frame_read(const __u8 *ip, size_t len, struct frame_answer *a);

/* Sets the checksum of an IP packet's TCP header; ip: whole. */
void frame_tcp_sum(__u8 *ip, size_t len);

#endif
