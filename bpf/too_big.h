/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet that would be too large once encapsulated: ICMP "fragmentation
 * needed" (RFC 1191 §4) or ICMPv6 "packet too big" (RFC 4443 §3.2) to its sender,
 * in the name of whom it was for, VIP or VM, out of the port it came in by. But
 * the frame is this device's own: no switch shall learn the VM, or whoever else
 * the packet was addressed to, where this node is.
 */
#ifndef XROAM_BPF_TOO_BIG_H
#define XROAM_BPF_TOO_BIG_H

#include "csum.h"
#include "parse.h"
#include "report.h"

/* How much of the packet is quoted: RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c). */
#define QUOTE4       (576 - 20 - 8)
#define QUOTE6       (1280 - 40 - 8)
#define IPV6_MIN_MTU 1280

/* Where the IP header may begin: behind no tag up to two. */
#define L3_LEAST 14
#define L3_MOST  22

struct icmp_reply {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 mtu; /* RFC 1191: low 16 bits; RFC 4443: all 32 */
};

/*
 * At most knobs.reply_rate a second, CPU and group of flows (RFC 1812 §4.3.2.8,
 * RFC 4443 §2.4 (f)). In groups, by a hash that is secret: who sends many, or in
 * the name of many, leaves something for the others. Answers to pings are counted
 * apart from errors.
 */
enum reply_kind { REPLY_ERROR, REPLY_ECHO };

static __always_inline int may_reply(const struct packet *p, enum reply_kind kind)
{
	__u32 group = xr_reply_group(&hash_keys, p->saddr, p->ports) + kind * XR_REPLY_GROUPS;
	__u32 now = now_tick();
	struct xr_reply_gate *g;

	g = bpf_map_lookup_elem(&reply_gate, &group);
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

/* Back to where it came from, from here; the tags, if any, stay with the frame. */
static __always_inline void turn_ethernet(void *to, const void *from, __u32 l3)
{
	__u32 words[6], slot = knobs.dev_slot;
	const struct xr_port *port = bpf_map_lookup_elem(&ports, &slot);
	__u64 mac = port ? port->mac : 0;

	__builtin_memcpy(words, from, 12);
	__builtin_memcpy(to, (__u8 *)words + 6, 6);
	if (mac)
		__builtin_memcpy(to + 6, &mac, 6);
	else
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

/*
 * The frame becomes Ethernet header, room for an IP header and an ICMP one, and the
 * first octets of the packet: where the new IP header goes, or NULL.
 */
static __always_inline void *open_reply(struct xdp_md *ctx, __u32 l3, __u32 ip_header, __u32 quote)
{
	const __u32 headers = ip_header + sizeof(struct icmp_reply);
	void *data, *ip;

	if (l3 < L3_LEAST || l3 > L3_MOST || resize(ctx, l3 + quote, headers))
		return NULL;
	data = data_of(ctx);
	ip = data + l3;
	/* In this order: clang drops the first check where it comes second. */
	if (data + headers + L3_MOST > end_of(ctx) || ip + headers + quote > end_of(ctx))
		return NULL;
	turn_ethernet(data, data + headers, l3);
	return ip;
}

__noinline int reply_v4(struct xdp_md *ctx, __u32 l3, __u32 mtu)
{
	struct iphdr *ip = open_reply(ctx, l3, sizeof(*ip), QUOTE4), *was;
	struct icmp_reply *icmp = (void *)(ip + 1);

	if (!ip)
		return -1;
	was = (void *)(icmp + 1);
	*icmp = (struct icmp_reply){ .type = 3, .code = 4, .mtu = bpf_htonl(mtu & 0xffff) };
	icmp->checksum = csum_fold(csum_message((void *)icmp, QUOTE4 + sizeof(*icmp), 0));
	*ip = (struct iphdr){ .version = 4,
			      .ihl = 5,
			      .ttl = 64,
			      .protocol = IPPROTO_ICMP,
			      .tot_len = bpf_htons(QUOTE4 + sizeof(*ip) + sizeof(*icmp)),
			      .saddr = was->daddr,
			      .daddr = was->saddr };
	ip->check = csum_fold(csum_message((void *)ip, sizeof(*ip), 0));
	return 0;
}

__noinline int reply_v6(struct xdp_md *ctx, __u32 l3, __u32 mtu)
{
	const __u32 len = QUOTE6 + sizeof(struct icmp_reply);
	struct ipv6hdr *ip = open_reply(ctx, l3, sizeof(*ip), QUOTE6), *was;
	struct icmp_reply *icmp = (void *)(ip + 1);
	__u64 sum;

	if (!ip)
		return -1;
	was = (void *)(icmp + 1);
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

/* ---- whether ---- */

#define REDIRECT6 137 /* the one ICMPv6 error among the others' types */

static __always_inline int is_icmp4_error(__u8 type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* Of any size: what the packet says of itself is read here, fragments' too. */
static __always_inline int may_answer4(struct xdp_md *ctx, __u32 l3)
{
	struct iphdr *ip = octet_at(ctx, l3);
	__u8 *from, *to, *icmp;

	if ((void *)(ip + 1) > end_of(ctx))
		return 0;
	from = (__u8 *)&ip->saddr;
	to = (__u8 *)&ip->daddr;
	if (ip->frag_off & bpf_htons(0x1fff) || to[0] >= 224 || !from[0] || from[0] == 127 ||
	    from[0] >= 224)
		return 0;
	if (ip->protocol != IPPROTO_ICMP)
		return 1;
	icmp = octet_at(ctx, l3 + ip->ihl * 4);
	return icmp + 1 <= (__u8 *)end_of(ctx) && !is_icmp4_error(*icmp);
}

XR_PERCPU(answer_walk, struct ext_walk, 1); /* the stack is short */

/*
 * Where the upper protocol cannot be found it might be an error. RFC 4443 §2.4
 * (e.3) would let a multicast packet be answered, but in the name of nobody that
 * is here.
 */
static __always_inline int may_answer6(struct xdp_md *ctx, __u32 l3)
{
	struct ipv6hdr *ip = octet_at(ctx, l3);
	const __u32 *from;
	struct ext_walk *w;
	__u32 zero = 0;
	__u8 *h;
	int why;

	w = bpf_map_lookup_elem(&answer_walk, &zero);
	if (!w || (void *)(ip + 1) > end_of(ctx))
		return 0;
	from = (const __u32 *)&ip->saddr;
	if (ip->daddr.s6_addr[0] == 0xff || ip->saddr.s6_addr[0] == 0xff ||
	    !(from[0] | from[1] | from[2]))
		return 0;
	w->l4 = l3 + sizeof(*ip);
	w->proto = ip->nexthdr;
	why = skip_extensions(ctx, w);
	if (why == XR_R_FRAGMENT && w->l4 <= MAX_OFFSET) {
		h = octet_at(ctx, w->l4);
		if (h + 8 > (__u8 *)end_of(ctx) || *(__be16 *)(h + 2) & bpf_htons(0xfff8))
			return 0;
		w->proto = h[0];
		w->l4 += 8;
		why = skip_extensions(ctx, w);
	}
	if (why || w->l4 > MAX_OFFSET)
		return 0;
	if (w->proto != IPPROTO_ICMPV6)
		return 1;
	h = octet_at(ctx, w->l4);
	return h + 1 <= (__u8 *)end_of(ctx) && *h >= 128 && *h != REDIRECT6;
}

/*
 * No error about an error, nor about a later fragment, nor for what many got, nor
 * to a source that is no single host (RFC 1122 §3.2.2, RFC 1812 §4.3.2.7, RFC 4443
 * §2.4 (e)).
 */
__noinline int may_answer(struct xdp_md *ctx, __u32 l3, __u32 ipv6)
{
	const __u16 *eth = ethernet_at(ctx, 0);

	/* From one station to one. */
	if (!eth || (eth[0] | eth[ETH_SOURCE]) & bpf_htons(0x0100))
		return 0;
	return ipv6 ? may_answer6(ctx, l3) : may_answer4(ctx, l3);
}

/* The verdict's reason. mtu: of the way to the backend, less the overhead. */
static __always_inline int too_big(struct xdp_md *ctx, struct packet *p, __u32 mtu)
{
	__u32 l3 = p->l3, ipv6 = p->ipv6;

	/* Below IPv6's minimum there is nothing the sender could do about it. */
	if (knobs.too_big == XR_TOO_BIG_DROP || (ipv6 && mtu < IPV6_MIN_MTU) ||
	    !may_answer(ctx, l3, ipv6))
		return XR_R_TOO_BIG;
	if (!may_reply(p, REPLY_ERROR)) {
		note(p, XR_R_REPLY_LIMIT);
		return XR_R_TOO_BIG;
	}
	if (ipv6 ? reply_v6(ctx, l3, mtu) : reply_v4(ctx, l3, mtu))
		return XR_R_TOO_BIG;
	return XR_R_TOO_BIG_REPLY;
}

#endif
