// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <string.h>
#include "frames.h"

static const __u8 client6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0xff };
static const __u8 vip6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0x99 };

static __u16 ip_sum(const struct iphdr *ip)
{
	const __u16 *w = (const __u16 *)ip;
	__u32 sum = 0;

	for (size_t i = 0; i < sizeof(*ip) / 2; i++)
		sum += w[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

/* Ethernet and IP; gives where the transport header goes. */
static void *start(struct shot *s, bool ipv6, __u32 dst, __u8 proto)
{
	struct ethhdr *eth = (void *)s->frame;
	struct ipv6hdr *ip6 = (void *)(eth + 1);
	struct iphdr *ip = (void *)(eth + 1);

	memset(s, 0, sizeof(*s));
	s->len = FRAME_LEN;
	s->ipv6 = ipv6;
	s->walk.vips = 1;
	memcpy(eth->h_dest, "\x02\0\0\0\0\x01", ETH_ALEN);
	memcpy(eth->h_source, "\x02\0\0\0\0\x02", ETH_ALEN);
	eth->h_proto = htons(ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	if (ipv6) {
		ip6->version = 6;
		ip6->payload_len = htons(FRAME_LEN - sizeof(*eth) - sizeof(*ip6));
		ip6->nexthdr = proto;
		ip6->hop_limit = 64;
		memcpy(&ip6->saddr, client6, sizeof(client6));
		memcpy(&ip6->daddr, vip6, sizeof(vip6));
		ip6->daddr.s6_addr32[3] = htonl(dst);
		return ip6 + 1;
	}
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = htons(FRAME_LEN - sizeof(*eth));
	ip->frag_off = htons(0x4000);
	ip->ttl = 64;
	ip->protocol = proto;
	ip->saddr = htonl(CLIENT4);
	ip->daddr = htonl(dst);
	ip->check = ip_sum(ip);
	return ip + 1;
}

static void *udp(struct shot *s, bool ipv6, __u32 dst, __u16 port)
{
	struct udphdr *udp = start(s, ipv6, dst, IPPROTO_UDP);

	udp->source = htons(40000);
	udp->dest = htons(port);
	udp->len = htons(s->frame + s->len - (__u8 *)udp);
	return udp + 1;
}

void frame_udp(struct shot *s, __u32 dst, __u16 port)
{
	memset(udp(s, false, dst, port), 0x3f, 16);
}

void frame_quic_short(struct shot *s, bool ipv6, __u32 dst, __u16 port, __u8 first)
{
	__u8 *quic = udp(s, ipv6, dst, port);

	quic[0] = 0x40;
	quic[1] = first;
	s->walk.cid = quic + 1 - s->frame;
}

void frame_quic_initial(struct shot *s, __u32 dst, __u16 port, __u8 first)
{
	__u8 *quic = udp(s, false, dst, port);

	quic[0] = 0xc0;
	quic[4] = 1; /* version 1 */
	quic[5] = 8; /* DCID length */
	quic[6] = first;
	s->walk.cid = quic + 6 - s->frame;
}

void frame_tcp(struct shot *s, __u32 dst, __u16 port, enum tcp_kind kind)
{
	struct tcphdr *tcp = start(s, false, dst, IPPROTO_TCP);

	tcp->source = htons(40000);
	tcp->dest = htons(port);
	tcp->doff = 5;
	tcp->syn = kind == TCP_KIND_SYN;
	tcp->ack = kind == TCP_KIND_ACK;
}
