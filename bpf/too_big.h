/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet that would be too large once encapsulated: ICMP "fragmentation
 * needed" (RFC 1191 §4) or ICMPv6 "packet too big" (RFC 4443 §3.2) to the
 * client, in the VIP's name, out of the port it came in by.
 */
#ifndef XROAM_BPF_TOO_BIG_H
#define XROAM_BPF_TOO_BIG_H

#include "csum.h"
#include "parse.h"
#include "report.h"

/* How much of the packet is quoted: RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c). */
#define QUOTE4 (576 - 20 - 8)
#define QUOTE6 (1280 - 40 - 8)
#define IPV6_MIN_MTU 1280

struct icmp_reply {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 mtu;		/* RFC 1191: low 16 bits; RFC 4443: all 32 */
};

/* At most knobs.reply_rate a second and CPU (RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f)). */
static __always_inline int may_reply(void)
{
	__u32 zero = 0, now = now_tick();
	struct xr_reply_gate *g = bpf_map_lookup_elem(&reply_gate, &zero);

	if (!g)
		return 0;
	if (g->tick != now) {
		g->tick = now;
		g->sent = 0;
	}
	if (g->sent >= knobs.reply_rate)
		return 0;
	g->sent++;
	return 1;
}

/* Sum of the ICMP message: a fixed length, in steps the helper accepts. */
static __always_inline __u64 csum_message(__u8 *m, __u32 len, __u64 sum)
{
	__u32 at = 0;

	for (; at + CSUM_STEP <= len; at += CSUM_STEP)
		sum = bpf_csum_diff(NULL, 0, (void *)(m + at), CSUM_STEP, sum);
	if (at < len)
		sum = bpf_csum_diff(NULL, 0, (void *)(m + at), len - at, sum);
	return sum;
}

/* Swaps the MAC addresses; the tags, if any, stay with the frame. */
static __always_inline void turn_ethernet(void *to, const void *from, __u32 l3)
{
	__u32 words[6];

	__builtin_memcpy(words, from, 12);
	__builtin_memcpy(to, (__u8 *)words + 6, 6);
	__builtin_memcpy(to + 6, words, 6);
	if (l3 == 14) {
		__builtin_memcpy(to + 12, from + 12, 2);
	} else if (l3 == 18) {
		__builtin_memcpy(words, from + 12, 6);
		__builtin_memcpy(to + 12, words, 6);
	} else {
		__builtin_memcpy(words, from + 12, 10);
		__builtin_memcpy(to + 12, words, 10);
	}
}

/* Cuts the frame to keep octets and makes room for the new headers. */
static __always_inline int resize(struct xdp_md *ctx, __u32 keep, __u32 headers)
{
	__u32 bytes = bpf_xdp_get_buff_len(ctx);

	if (bytes < keep || bpf_xdp_adjust_tail(ctx, (int)keep - (int)bytes))
		return -1;
	return bpf_xdp_adjust_head(ctx, -(int)headers);
}

__noinline int reply_v4(struct xdp_md *ctx, __u32 l3, __u32 mtu)
{
	const __u32 headers = sizeof(struct iphdr) + sizeof(struct icmp_reply);
	struct icmp_reply *icmp;
	struct iphdr *ip, *was;
	void *data;

	if (l3 < 14 || l3 > 22 || resize(ctx, l3 + QUOTE4, headers))
		return -1;
	data = data_of(ctx);
	ip = data + l3;
	icmp = (void *)(ip + 1);
	was = (void *)(icmp + 1);
	/* In this order: clang drops the first check where it comes second. */
	if (data + headers + 22 > end_of(ctx) ||
	    (void *)was + QUOTE4 > end_of(ctx))
		return -1;
	turn_ethernet(data, data + headers, l3);

	*icmp = (struct icmp_reply){ .type = 3, .code = 4,
				     .mtu = bpf_htonl(mtu & 0xffff) };
	icmp->checksum = csum_fold(
		csum_message((void *)icmp, QUOTE4 + sizeof(*icmp), 0));
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64,
			      .protocol = IPPROTO_ICMP,
			      .tot_len = bpf_htons(QUOTE4 + headers),
			      .saddr = was->daddr, .daddr = was->saddr };
	ip->check = csum_fold(csum_message((void *)ip, sizeof(*ip), 0));
	return 0;
}

__noinline int reply_v6(struct xdp_md *ctx, __u32 l3, __u32 mtu)
{
	const __u32 headers = sizeof(struct ipv6hdr) + sizeof(struct icmp_reply);
	const __u32 len = QUOTE6 + sizeof(struct icmp_reply);
	struct icmp_reply *icmp;
	struct ipv6hdr *ip, *was;
	__u64 sum;
	void *data;

	if (l3 < 14 || l3 > 22 || resize(ctx, l3 + QUOTE6, headers))
		return -1;
	data = data_of(ctx);
	ip = data + l3;
	icmp = (void *)(ip + 1);
	was = (void *)(icmp + 1);
	/* In this order: clang drops the first check where it comes second. */
	if (data + headers + 22 > end_of(ctx) ||
	    (void *)was + QUOTE6 > end_of(ctx))
		return -1;
	turn_ethernet(data, data + headers, l3);

	*(__be32 *)ip = bpf_htonl(0x60000000);
	ip->payload_len = bpf_htons(len);
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = 64;
	__builtin_memcpy(&ip->saddr, &was->daddr, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &was->saddr, sizeof(ip->daddr));
	*icmp = (struct icmp_reply){ .type = 2, .mtu = bpf_htonl(mtu) };
	/* RFC 8200 §8.1: the pseudo-header is part of the sum. */
	sum = bpf_csum_diff(NULL, 0, (void *)&ip->saddr, 32, 0);
	sum += bpf_htonl(len);
	sum += bpf_htonl(IPPROTO_ICMPV6);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	icmp->checksum = csum_fold(csum_message((void *)icmp, len, sum));
	return 0;
}

/*
 * No error for what came by broadcast, nor to a source that is no single host
 * (RFC 1122 §3.2.2, RFC 4443 §2.4 (e)).
 */
static __always_inline int may_answer(struct xdp_md *ctx,
				      const struct packet *p)
{
	const __u8 *eth = data_of(ctx), *from = (const __u8 *)p->saddr;

	if ((void *)(eth + 1) > end_of(ctx) || eth[0] & 1)
		return 0;
	if (p->ipv6)
		return from[0] != 0xff && (p->saddr[0] | p->saddr[1] |
					   p->saddr[2]);
	return from[12] && from[12] != 127 && from[12] < 224;
}

/* The verdict's reason. mtu: of the way to the backend, less the overhead. */
static __always_inline int too_big(struct xdp_md *ctx, struct packet *p,
				   __u32 mtu)
{
	/* Below IPv6's minimum there is nothing the client could do about it. */
	if (knobs.too_big == XR_TOO_BIG_DROP || p->icmp ||
	    (p->ipv6 && mtu < IPV6_MIN_MTU) || !may_answer(ctx, p))
		return XR_R_TOO_BIG;
	if (!may_reply()) {
		note(p, XR_R_REPLY_LIMIT);
		return XR_R_TOO_BIG;
	}
	if (p->ipv6 ? reply_v6(ctx, p->l3, mtu) : reply_v4(ctx, p->l3, mtu))
		return XR_R_TOO_BIG;
	return XR_R_TOO_BIG_REPLY;
}

#endif
