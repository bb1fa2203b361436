/* SPDX-License-Identifier: GPL-2.0-only */
/* ARP and RARP: the address that the sender claims. */
#ifndef XROAM_BPF_ARP_H
#define XROAM_BPF_ARP_H

#include "claim.h"

#define ARP_REQUEST  1
#define ARP_REPLY    2
#define RARP_REQUEST 3 /* what QEMU sends (RFC 903) */

struct arp {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_len;
	__u8 protocol_len;
	__be16 op;
	__u16 sha[3];
	__be16 spa[2]; /* at 14: no word may be read here */
	__u16 tha[3];
	__be16 tpa[2];
};

_Static_assert(sizeof(struct arp) == 28, "RFC 826");

static __always_inline __u32 addr_of(const __be16 *addr)
{
	return addr[0] | (__u32)addr[1] << 16;
}

/* A gateway's address, or this machine's: whom the VM asks or answers. */
static __always_inline int is_gateway(__be32 addr)
{
	__be32 mapped[XR_ADDR_WORDS] = { 0, 0, bpf_htonl(0xffff), addr };

	return is_protected(XR_PROTECTED_IP, mapped, sizeof(mapped));
}

static __always_inline int read_rarp(struct claim *c, const struct arp *a)
{
	if (a->op != bpf_htons(RARP_REQUEST) || mac_of(a->sha) != mac_of(a->tha))
		return CLAIM_BAD;
	c->kind = XR_RARP;
	return CLAIM_ANNOUNCES;
}

/* Multicast, reserved and broadcast are nobody's own. */
static __always_inline int is_one_ipv4(__be32 addr)
{
	return addr && bpf_ntohl(addr) < 0xe0000000;
}

static __always_inline int read_arp(struct claim *c, const struct arp *a)
{
	__be32 sender = addr_of(a->spa), target = addr_of(a->tpa);

	if (c->tentative)
		return CLAIM_PROBE;
	if (!is_one_ipv4(sender))
		return CLAIM_BAD;
	if (a->op == bpf_htons(ARP_REQUEST)) {
		c->kind = sender == target   ? XR_GARP_REQUEST
			: is_gateway(target) ? XR_ARP_GATEWAY
					     : XR_ARP_OTHER;
	} else if (a->op == bpf_htons(ARP_REPLY)) {
		c->kind = sender == target || !c->to_one ? XR_GARP_REPLY
			: is_gateway(target)             ? XR_REPLY_GATEWAY
							 : XR_REPLY_OTHER;
	} else {
		return CLAIM_BAD;
	}
	return CLAIM_ANNOUNCES;
}

/* RFC 5227 §2.1.1: who probes, too, is a conflict. */
static __always_inline void claim_arp(struct claim *c, const struct arp *a)
{
	if (addr_of(a->spa)) {
		claim_ipv4(c, addr_of(a->spa));
	} else if (a->op == bpf_htons(ARP_REQUEST)) {
		claim_ipv4(c, addr_of(a->tpa));
		c->tentative = 1;
	}
}

/*
 * Linux believes an ARP sender that is not the Ethernet source, and one of IEEE
 * 802's hardware type; xroam does not, but the address it claims is one all the
 * same.
 */
__noinline int read_any_arp(struct xdp_md *ctx)
{
	struct claim *c = the_claim();
	const struct arp *a;

	if (!c)
		return CLAIM_DATA;
	a = octet_at(ctx, c->l3);
	if ((const void *)(a + 1) > end_of(ctx)) {
		c->unread = 1;
		return CLAIM_BAD;
	}
	if (c->proto == bpf_htons(ETH_P_ARP))
		claim_arp(c, a);
	claim_mac(c, mac_of(a->sha));
	if (a->hardware != bpf_htons(1) || a->protocol != bpf_htons(ETH_P_IP) ||
	    a->hardware_len != ETH_ALEN || a->protocol_len != 4 ||
	    mac_of(a->sha) != (c->key & MAC_MASK))
		return CLAIM_BAD;
	if (c->proto == bpf_htons(ETH_P_RARP))
		return read_rarp(c, a);
	return read_arp(c, a);
}

#endif
