/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <string.h>
#include "packet_priv.h"

/* What stands at octet `at`: a header of n octets, or the program ends. */
static void *header_at(const struct packet *p, size_t at, size_t n, const char *word)
{
	if (at + n > p->len)
		build_fail(word, "a packet of %zu octets has no such header", p->len);
	return (void *)(p->data + at);
}

struct wire_eth *eth_of(const struct packet *p)
{
	return header_at(p, 0, sizeof(struct wire_eth), "eth");
}

/* Where the network header begins, behind VLAN tags, and of which EtherType it is. */
static size_t l3_start(const struct packet *p, __u16 *type)
{
	size_t at = sizeof(struct wire_eth);

	*type = ntohs(eth_of(p)->type);
	while (*type == ETHERTYPE_VLAN || *type == ETHERTYPE_VLANS) {
		const struct wire_vlan *tag = header_at(p, at, sizeof(*tag), "vlan");

		*type = ntohs(tag->type);
		at += sizeof(*tag);
	}
	return at;
}

static void *l3_of(const struct packet *p, __u16 type, size_t n, const char *word)
{
	__u16 is;
	size_t at = l3_start(p, &is);

	if (is != type)
		build_fail(word, "the frame is of EtherType 0x%04x", is);
	return header_at(p, at, n, word);
}

bool packet_is_ip4(const struct packet *p)
{
	__u16 type;

	l3_start(p, &type);
	return type == ETHERTYPE_IP4;
}

struct wire_ip4 *ip4_of(const struct packet *p)
{
	return l3_of(p, ETHERTYPE_IP4, sizeof(struct wire_ip4), "ip4");
}

struct wire_ip6 *ip6_of(const struct packet *p)
{
	return l3_of(p, ETHERTYPE_IP6, sizeof(struct wire_ip6), "ip6");
}

struct wire_arp *arp_of(const struct packet *p)
{
	__u16 type;
	size_t at = l3_start(p, &type);

	if (type != ETHERTYPE_ARP && type != ETHERTYPE_RARP)
		build_fail("arp", "the frame is of EtherType 0x%04x", type);
	return header_at(p, at, sizeof(struct wire_arp), "arp");
}

size_t ip4_header_len(const struct wire_ip4 *ip)
{
	return (ip->version_ihl & 15) * 4;
}

/* The header of protocol proto right behind the IP header; n octets. */
static void *l4_of(const struct packet *p, __u8 proto, size_t n, const char *word)
{
	__u16 type;
	size_t at = l3_start(p, &type);
	__u8 is;

	if (type == ETHERTYPE_IP4) {
		is = ip4_of(p)->proto;
		at += ip4_header_len(ip4_of(p));
	} else {
		is = ip6_of(p)->next;
		at += sizeof(struct wire_ip6);
	}
	if (is != proto)
		build_fail(word, "the IP packet is of protocol %u", is);
	return header_at(p, at, n, word);
}

struct wire_udp *udp_of(const struct packet *p)
{
	return l4_of(p, IPPROTO_UDP, sizeof(struct wire_udp), "udp");
}

struct wire_tcp *tcp_of(const struct packet *p)
{
	return l4_of(p, IPPROTO_TCP, sizeof(struct wire_tcp), "tcp");
}

#define FLOW_LABEL 0xfffff

__u32 ip6_flow_label(const struct wire_ip6 *ip)
{
	return ntohl(ip->version_tc_flow) & FLOW_LABEL;
}

void ip6_set_flow_label(struct wire_ip6 *ip, __u32 label)
{
	ip->version_tc_flow = htonl((ntohl(ip->version_tc_flow) & ~FLOW_LABEL) | label);
}

void ip4_fill_checksum(struct wire_ip4 *ip)
{
	ip->csum = 0;
	ip->csum = htons(~packet_sum16(0, ip, ip4_header_len(ip)));
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
	const struct wire_vxlan *vxlan = (void *)(udp_of(p) + 1);

	return packet_part(p, (__u8 *)(vxlan + 1) - p->data);
}

void packet_tag(struct packet *p, __u16 vlan)
{
	struct wire_eth *eth = eth_of(p);
	struct wire_vlan *tag = (void *)(eth + 1);

	memmove(tag + 1, tag, p->len - sizeof(*eth));
	tag->tci = htons(vlan);
	tag->type = eth->type;
	eth->type = htons(ETHERTYPE_VLAN);
	p->len += sizeof(*tag);
}
