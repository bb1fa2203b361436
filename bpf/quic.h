/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QUIC's invariants (RFC 8999): where a packet's connection IDs are, and
 * whether the client chose the destination's. Only the first packet of the
 * datagram is looked at: all share their DCID (RFC 9000 §12.2). Of octet 0,
 * only the form bit decides; the fixed bit may be greased (RFC 9287).
 */
#ifndef XROAM_BPF_QUIC_H
#define XROAM_BPF_QUIC_H

#include "parse.h"

#define QUIC_LONG       0x80
#define QUIC_V1         0x00000001
#define QUIC_V2         0x6b3343cf /* RFC 9369 */
#define QUIC_V2_DRAFT   0x709a50c4 /* its drafts -01 to -04, still spoken */
#define QUIC_DCID_LEN   5          /* octet with the DCID's length */
#define QUIC_LONG_DCID  6          /* octet where it begins */
#define QUIC_SHORT_DCID 1          /* octet where a short header's begins */

/* Type bits belong to a version: Initial is 0 in v1, 1 in v2. */
static __always_inline int is_initial(__u8 b0, __be32 version)
{
	__u8 type = (b0 >> 4) & 3;

	if (version == bpf_htonl(QUIC_V1))
		return type == 0;
	return type == 1 && (version == bpf_htonl(QUIC_V2) || version == bpf_htonl(QUIC_V2_DRAFT));
}

/* Where the UDP payload at this offset ends, by the header before it. */
static __always_inline __u32 udp_end(struct xdp_md *ctx, __u32 at)
{
	const struct udphdr *udp = octet_at(ctx, at - sizeof(*udp));

	return (void *)(udp + 1) > end_of(ctx) ? 0 : at - sizeof(*udp) + bpf_ntohs(udp->len);
}

static __always_inline int is_initial_at(struct xdp_md *ctx, __u32 at)
{
	__u8 *b = octet_at(ctx, at);

	return at + QUIC_DCID_LEN < udp_end(ctx, at) &&
		(void *)(b + QUIC_LONG_DCID) <= end_of(ctx) && *b & QUIC_LONG &&
		is_initial(*b, *(__be32 *)(b + 1));
}

/*
 * Finds the connection ID that names the server: the DCID of a packet to it,
 * the SCID of one from it that an ICMP error quotes (short headers have none).
 */
static __always_inline void parse_quic(struct xdp_md *ctx, struct packet *p)
{
	struct quic *q = &p->quic;
	__u8 *b = octet_at(ctx, p->payload);
	__u32 at;

	if (rarely((void *)(b + 1) > end_of(ctx) || p->payload >= p->payload_end))
		return;
	q->is_long = *b >> 7;
	if (!q->is_long) {
		if (p->icmp)
			return;
		q->cid = p->payload + QUIC_SHORT_DCID;
		q->usable = p->payload_end - q->cid;
		return;
	}

	at = p->payload + QUIC_DCID_LEN;
	if ((void *)(b + QUIC_LONG_DCID) > end_of(ctx) || at >= p->payload_end)
		return;
	b += QUIC_DCID_LEN;
	if (unlikely(p->icmp)) {
		at += 1 + *b;
		b += 1 + *b;
		if ((void *)(b + 1) > end_of(ctx) || at >= p->payload_end)
			return;
	}
	if (at + 1 + *b > p->payload_end)
		return;
	q->cid = at + 1;
	q->usable = *b;
}

/* ---- what stands behind the first packet ---- */

#define QUIC_COALESCED 8 /* packets of a datagram that are looked at */
#define QUIC_RETRY_V1  3
#define QUIC_RETRY_V2  0

enum quic_step {
	QUIC_ENDS,    /* nothing behind it that a server would read */
	QUIC_GOES_ON, /* another packet behind it */
	QUIC_OPENS,   /* an Initial, or what may be one */
};

/* What the long header at *at is; moves *at behind the packet. */
static __always_inline enum quic_step quic_step(struct xdp_md *ctx, __u32 *at, __u32 end)
{
	__u8 *b = octet_at(ctx, *at);
	__u32 off = *at, type, retry;
	__be32 version;
	__u64 len;

	if (*at >= end)
		return QUIC_ENDS;
	/* What lies in a further buffer cannot be judged. */
	if ((void *)(b + QUIC_LONG_DCID) > end_of(ctx))
		return QUIC_OPENS;
	if (!(*b & QUIC_LONG))
		return QUIC_ENDS;
	version = *(__be32 *)(b + 1);
	if (is_initial(*b, version))
		return QUIC_OPENS;
	if (!version)
		return QUIC_ENDS; /* RFC 9000 §17.2.1: version negotiation */
	if (version == bpf_htonl(QUIC_V1))
		retry = QUIC_RETRY_V1;
	else if (version == bpf_htonl(QUIC_V2) || version == bpf_htonl(QUIC_V2_DRAFT))
		retry = QUIC_RETRY_V2;
	else
		return QUIC_OPENS; /* of no version that is known here */
	type = (*b >> 4) & 3;
	if (type == retry)
		return QUIC_ENDS;
	/* Handshake and 0-RTT: both IDs, then a length (§17.2). */
	off += QUIC_LONG_DCID + b[QUIC_DCID_LEN];
	b = octet_at(ctx, off);
	if ((void *)(b + 1) > end_of(ctx))
		return QUIC_OPENS;
	off += 1 + *b;
	b = octet_at(ctx, off);
	if ((void *)(b + 8) > end_of(ctx))
		return off + 8 > end ? QUIC_ENDS : QUIC_OPENS;
	/* §16. A length of 4 or 8 octets is beyond any datagram, or could be shorter. */
	len = b[0] & 0x3f;
	switch (b[0] >> 6) {
	case 0:
		off += 1;
		break;
	case 1:
		len = len << 8 | b[1];
		off += 2;
		break;
	case 2:
		len = len << 24 | b[1] << 16 | b[2] << 8 | b[3];
		off += 4;
		break;
	default:
		len = len << 24 | b[1] << 16 | b[2] << 8 | b[3];
		if (len)
			return QUIC_ENDS;
		len = (__u64)b[4] << 24 | b[5] << 16 | b[6] << 8 | b[7];
		off += 8;
	}
	if (off + len >= end)
		return QUIC_ENDS;
	*at = off + len;
	return QUIC_GOES_ON;
}

/*
 * Whether an Initial may stand behind the packets that a datagram begins with: a
 * server throws away those that it cannot read, and goes on (RFC 9000 §12.2). Of
 * the UDP payload at this offset. Global, as few ask: where a limit is set.
 */
__noinline int hides_initial(struct xdp_md *ctx, __u32 at)
{
	__u32 end = udp_end(ctx, at);

	for (int i = 0; i < QUIC_COALESCED; i++) {
		enum quic_step step = quic_step(ctx, &at, end);

		if (step != QUIC_GOES_ON)
			return step == QUIC_OPENS;
	}
	return 1;
}

#endif
