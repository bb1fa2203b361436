/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP and ICMPv6 errors that come in for a VIP. They quote a packet which the
 * server sent, so addresses and ports are read reversed: the VIP is the quoted
 * source.
 */
#ifndef XROAM_BPF_ICMP_H
#define XROAM_BPF_ICMP_H

#include "parse.h"

#define ICMP_HEADER 8
#define IP_OFFSET   0x1fff

static __always_inline int icmp_is_error(__u32 type, int ipv6)
{
	if (ipv6) /* RFC 4443: unreachable, too big, time exceeded, parameter */
		return type >= 1 && type <= 4;
	return type == 3 || type == 11 || type == 12; /* RFC 792 */
}

/* ICMP's own header; quoted addresses and protocol are read by the caller. */
static __always_inline int parse_error_type(struct xdp_md *ctx, const struct quoted *q)
{
	__u8 *icmp = octet_at(ctx, q->l4);

	if (icmp + ICMP_HEADER > (__u8 *)end_of(ctx) || q->l4 + ICMP_HEADER > q->end)
		return XR_R_MALFORMED_L4;
	return icmp_is_error(icmp[0], q->ipv6) ? 0 : XR_R_NOT_L4;
}

static __always_inline int parse_quoted_ports(struct xdp_md *ctx, struct quoted *q, __u32 at)
{
	__u16 *ports = octet_at(ctx, at);

	if (!tcp_or_udp(q->proto))
		return XR_R_ICMP_OTHER;
	if ((void *)(ports + 4) > end_of(ctx) || at + 8 > q->end)
		return XR_R_MALFORMED_L4;
	q->ports = (__u32)ports[0] << 16 | ports[1];
	q->payload = at + sizeof(struct udphdr);
	return 0;
}

__noinline int parse_quoted4(struct xdp_md *ctx, struct quoted *q)
{
	struct iphdr *ip;
	int reason;

	if (!q)
		return XR_R_MALFORMED_L4;
	q->ipv6 = 0;
	reason = parse_error_type(ctx, q);
	if (reason)
		return reason;
	ip = octet_at(ctx, q->l4 + ICMP_HEADER);
	if ((void *)(ip + 1) > end_of(ctx) || ip->ihl < 5)
		return XR_R_MALFORMED_L4;
	if (ip->frag_off & bpf_htons(IP_OFFSET))
		return XR_R_ICMP_OTHER; /* no first fragment: no ports */
	q->vip[3] = ip->saddr;
	q->client[3] = ip->daddr;
	q->proto = ip->protocol;
	return parse_quoted_ports(ctx, q, q->l4 + ICMP_HEADER + ip->ihl * 4);
}

__noinline int parse_quoted6(struct xdp_md *ctx, struct quoted *q)
{
	struct ipv6hdr *ip;
	int reason;

	if (!q)
		return XR_R_MALFORMED_L4;
	q->ipv6 = 1;
	reason = parse_error_type(ctx, q);
	if (reason)
		return reason;
	ip = octet_at(ctx, q->l4 + ICMP_HEADER);
	if ((void *)(ip + 1) > end_of(ctx))
		return XR_R_MALFORMED_L4;
	__builtin_memcpy(q->vip, &ip->saddr, sizeof(q->vip));
	__builtin_memcpy(q->client, &ip->daddr, sizeof(q->client));
	q->proto = ip->nexthdr;
	return parse_quoted_ports(ctx, q, q->l4 + ICMP_HEADER + sizeof(*ip));
}

/* An error goes to who sent what it quotes. */
static __always_inline int is_to_sender(const struct packet *p)
{
	const struct quoted *q = &p->quoted;

	if (!p->ipv6)
		return q->vip[3] == p->daddr[3];
	return q->vip[3] == p->daddr[3] && q->vip[2] == p->daddr[2] && q->vip[1] == p->daddr[1] &&
		q->vip[0] == p->daddr[0];
}

/* Turns p into the quoted flow, as its client would send it. */
static __always_inline int parse_icmp(struct xdp_md *ctx, struct packet *p)
{
	struct quoted *q = &p->quoted;
	int reason;

	if (p->proto != (p->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return XR_R_NOT_L4;
	q->l4 = p->l4;
	q->end = p->end;
	reason = p->ipv6 ? parse_quoted6(ctx, q) : parse_quoted4(ctx, q);
	if (reason)
		return reason;
	if (!is_to_sender(p))
		return XR_R_ICMP_OTHER;
	p->martian = is_martian(p);
	if (p->ipv6)
		__builtin_memcpy(p->saddr, q->client, sizeof(p->saddr));
	else
		p->saddr[3] = q->client[3];
	p->ports = q->ports;
	p->proto = q->proto;
	p->payload = q->payload & MAX_OFFSET;
	p->payload_end = p->end;
	p->icmp = 1;
	return 0;
}

#endif
