// SPDX-License-Identifier: GPL-2.0-only
/*
 * Servers without number, for the bench of health checks: answers a SYN, and a QUIC packet
 * of a version that does not exist, in IPIP over IPv4, and keeps no state. A kernel's own
 * server would, and 10,000 probes from eight ports are the same eight connections to it.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SYN_LEN  24 /* with its MSS */
#define CID_LEN  8
#define VERSIONS (5 + 2 * (1 + CID_LEN) + 4)

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline __u32 sum_of(const void *data, int len)
{
	const __u16 *word = data;
	__u32 sum = 0;
	int i;

#pragma unroll
	for (i = 0; i < len / 2; i++)
		sum += word[i];
	return sum;
}

static __always_inline void turn_round(struct iphdr *ip, __u16 len)
{
	__be32 from = ip->saddr;

	ip->saddr = ip->daddr;
	ip->daddr = from;
	ip->ttl = 64;
	ip->tot_len = bpf_htons(sizeof(*ip) + len);
	ip->check = 0;
	ip->check = fold(sum_of(ip, sizeof(*ip)));
}

static __always_inline int answer_syn(struct iphdr *ip, struct tcphdr *t)
{
	__be16 port = t->source;

	if (!t->syn || t->ack)
		return XDP_DROP;
	turn_round(ip, SYN_LEN);
	t->source = t->dest;
	t->dest = port;
	t->ack = 1;
	t->ack_seq = bpf_htonl(bpf_ntohl(t->seq) + 1);
	t->check = 0;
	t->check = fold(sum_of(t, SYN_LEN) + sum_of(&ip->saddr, 8) + bpf_htons(IPPROTO_TCP) +
			bpf_htons(SYN_LEN));
	return XDP_TX;
}

/* Version 0, both connection IDs back to front, and version 1. */
static __always_inline int answer_quic(struct xdp_md *ctx, struct iphdr *ip, struct udphdr *udp)
{
	__u8 *q = (void *)(udp + 1), dcid[CID_LEN];
	__be16 port = udp->source;
	int extra = (void *)(long)ctx->data_end - (void *)(q + VERSIONS);

	if (extra < 0)
		return XDP_DROP;
	turn_round(ip, sizeof(*udp) + VERSIONS);
	udp->source = udp->dest;
	udp->dest = port;
	udp->len = bpf_htons(sizeof(*udp) + VERSIONS);
	udp->check = 0;
	__builtin_memset(q + 1, 0, 4);
	__builtin_memcpy(dcid, q + 6, CID_LEN);
	__builtin_memcpy(q + 6, q + 7 + CID_LEN, CID_LEN);
	__builtin_memcpy(q + 7 + CID_LEN, dcid, CID_LEN);
	__builtin_memset(q + 7 + 2 * CID_LEN, 0, 3);
	q[10 + 2 * CID_LEN] = 1;
	return bpf_xdp_adjust_tail(ctx, -extra) ? XDP_DROP : XDP_TX;
}

SEC("xdp")
int answer(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data, was;
	struct iphdr *ip = data + sizeof(*eth);
	void *l4;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    ip->protocol != IPPROTO_IPIP)
		return XDP_PASS;
	was = *eth;
	if (bpf_xdp_adjust_head(ctx, sizeof(*ip)))
		return XDP_DROP;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	ip = data + sizeof(*eth);
	l4 = ip + 1;
	if (l4 + sizeof(struct tcphdr) > end)
		return XDP_DROP;
	__builtin_memcpy(eth->h_dest, was.h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, was.h_dest, ETH_ALEN);
	eth->h_proto = was.h_proto;
	if (ip->protocol == IPPROTO_UDP && l4 + sizeof(struct udphdr) + VERSIONS <= end)
		return answer_quic(ctx, ip, l4);
	if (ip->protocol == IPPROTO_TCP && l4 + SYN_LEN <= end)
		return answer_syn(ip, l4);
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
