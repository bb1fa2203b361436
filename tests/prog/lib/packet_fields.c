/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <string.h>
#include "packet_priv.h"

#define VXLAN_HEADER_LEN 8 /* octets, RFC 7348 §5 */

/* A tag of 802.1Q or 802.1ad, behind the Ethernet addresses and its own TPID. */
struct tag {
	__be16 tci;
	__be16 inside; /* what follows: an EtherType or the next tag's TPID */
};

/* What stands at octet `at`: a header of n octets, or the program ends. */
static void *header_at(const struct packet *p, size_t at, size_t n, const char *word)
{
	if (at + n > p->len)
		build_fail(word, "a packet of %zu octets has no such header", p->len);
	return (void *)(p->data + at);
}

struct ethhdr *eth_of(const struct packet *p)
{
	return header_at(p, 0, sizeof(struct ethhdr), "eth");
}

/* Where the network header begins, and of which EtherType it is. */
static size_t l3_start(const struct packet *p, __u16 *type)
{
	size_t at = sizeof(struct ethhdr);

	*type = ntohs(eth_of(p)->h_proto);
	while (*type == ETH_P_8021Q || *type == ETH_P_8021AD) {
		const struct tag *t = header_at(p, at, sizeof(*t), "vlan");

		*type = ntohs(t->inside);
		at += sizeof(*t);
	}
	return at;
}

bool packet_is_ip4(const struct packet *p)
{
	__u16 type;

	l3_start(p, &type);
	return type == ETH_P_IP;
}

struct iphdr *ip4_of(const struct packet *p)
{
	__u16 type;
	size_t at = l3_start(p, &type);

	if (type != ETH_P_IP)
		build_fail("ip4", "the packet is of EtherType 0x%04x", type);
	return header_at(p, at, sizeof(struct iphdr), "ip4");
}

struct ipv6hdr *ip6_of(const struct packet *p)
{
	__u16 type;
	size_t at = l3_start(p, &type);

	if (type != ETH_P_IPV6)
		build_fail("ip6", "the packet is of EtherType 0x%04x", type);
	return header_at(p, at, sizeof(struct ipv6hdr), "ip6");
}

/* The header of protocol proto right behind the IP header; n octets. */
static void *l4_of(const struct packet *p, __u8 proto, size_t n, const char *word)
{
	__u16 type;
	size_t at = l3_start(p, &type);
	__u8 is;

	if (type == ETH_P_IP) {
		is = ip4_of(p)->protocol;
		at += ip4_of(p)->ihl * 4;
	} else {
		is = ip6_of(p)->nexthdr;
		at += sizeof(struct ipv6hdr);
	}
	if (is != proto)
		build_fail(word, "the IP packet is of protocol %u", is);
	return header_at(p, at, n, word);
}

struct udphdr *udp_of(const struct packet *p)
{
	return l4_of(p, IPPROTO_UDP, sizeof(struct udphdr), "udp");
}

struct tcphdr *tcp_of(const struct packet *p)
{
	return l4_of(p, IPPROTO_TCP, sizeof(struct tcphdr), "tcp");
}

__u32 ip6_flow_label(const struct ipv6hdr *ip)
{
	return (ip->flow_lbl[0] & 15) << 16 | ip->flow_lbl[1] << 8 | ip->flow_lbl[2];
}

void ip6_set_flow_label(struct ipv6hdr *ip, __u32 label)
{
	ip->flow_lbl[0] = (ip->flow_lbl[0] & 0xf0) | (label >> 16 & 15);
	ip->flow_lbl[1] = label >> 8;
	ip->flow_lbl[2] = label;
}

void ip4_fill_checksum(struct iphdr *ip)
{
	ip->check = 0;
	ip->check = htons(~packet_sum16(0, (__u8 *)ip, ip->ihl * 4));
}

struct packet packet_part(const struct packet *p, size_t at)
{
	if (at > p->len)
		build_fail("(part)", "the packet has only %zu octets", p->len);
	return packet_raw(p->data + at, p->len - at);
}

struct packet packet_in_eth(const struct packet *p)
{
	__u16 type;

	return packet_part(p, l3_start(p, &type));
}

struct packet packet_in_vxlan(const struct packet *p)
{
	const __u8 *vxlan = (__u8 *)(udp_of(p) + 1);

	return packet_part(p, vxlan + VXLAN_HEADER_LEN - p->data);
}

void packet_tag(struct packet *p, __u16 vlan)
{
	struct ethhdr *eth = eth_of(p);
	struct tag *t = (struct tag *)(eth + 1);

	memmove(t + 1, t, p->len - sizeof(*eth));
	t->tci = htons(vlan);
	t->inside = eth->h_proto;
	eth->h_proto = htons(ETH_P_8021Q);
	p->len += sizeof(*t);
}
