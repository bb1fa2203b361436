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

#define QUIC_LONG	0x80
#define QUIC_V1		0x00000001
#define QUIC_V2		0x6b3343cf	/* RFC 9369 */
#define QUIC_V2_DRAFT	0x709a50c4	/* its drafts -01 to -04, still spoken */
#define QUIC_DCID_LEN	5	/* octet with the DCID's length */
#define QUIC_LONG_DCID	6	/* octet where it begins */
#define QUIC_SHORT_DCID	1	/* octet where a short header's begins */

/* Type bits belong to a version: Initial is 0 in v1, 1 in v2. */
static __always_inline int is_initial(__u8 b0, __be32 version)
{
	__u8 type = (b0 >> 4) & 3;

	if (version == bpf_htonl(QUIC_V1))
		return type == 0;
	return type == 1 && (version == bpf_htonl(QUIC_V2) ||
			     version == bpf_htonl(QUIC_V2_DRAFT));
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

	if ((void *)(b + 1) > end_of(ctx) || p->payload >= p->payload_end)
		return;
	q->is_long = *b >> 7;
	if (!(*b & QUIC_LONG)) {
		if (p->icmp)
			return;
		q->cid = p->payload + QUIC_SHORT_DCID;
		q->usable = p->payload_end - q->cid;
		return;
	}

	at = p->payload + QUIC_DCID_LEN;
	if ((void *)(b + QUIC_LONG_DCID) > end_of(ctx) || at >= p->payload_end)
		return;
	q->initial = is_initial(b[0], *(__be32 *)(b + 1));
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

#endif
