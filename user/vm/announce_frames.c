// SPDX-License-Identifier: GPL-2.0-only
/* The frames that announce where a VM is. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <string.h>

#include "announce.h"
#include "lib/text.h"

#define ARP_REQUEST 1
#define ARP_REPLY   2

struct arp {
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 op;
	__u8 sha[6];
	__u8 spa[4];
	__u8 tha[6];
	__u8 tpa[4];
} __attribute__((packed));

/* RFC 4861 §4.4, with one option: target link-layer address. */
struct advertisement {
	struct ip6_hdr ip;
	struct nd_neighbor_advert na;
	__u8 option, option_len;
	__u8 mac[6];
} __attribute__((packed));

_Static_assert(sizeof(struct arp) == 28, "ARP");
_Static_assert(sizeof(struct advertisement) == 72, "NA");
_Static_assert(ETH_HLEN + 4 + sizeof(struct advertisement) <= ANNOUNCE_FRAME, "ANNOUNCE_FRAME");

struct frame {
	__u8 octet[ANNOUNCE_FRAME];
	size_t len;
};

struct announcement {
	const __u8 *mac;
	__u16 vlan;
	void (*each)(void *ctx, const void *frame, size_t len);
	void *ctx;
	int n;
};

static void put(struct frame *f, const void *octets, size_t len)
{
	memcpy(f->octet + f->len, octets, len);
	f->len += len;
}

static void put16(struct frame *f, __u16 value)
{
	__be16 be = htons(value);

	put(f, &be, sizeof(be));
}

static void begin_frame(struct frame *f, const struct announcement *t, const __u8 to[6],
			__u16 protocol)
{
	memset(f, 0, sizeof(*f));
	put(f, to, 6);
	put(f, t->mac, 6);
	if (t->vlan) {
		put16(f, ETH_P_8021Q);
		put16(f, t->vlan);
	}
	put16(f, protocol);
}

/* Padded by hand: a raw socket sends what it is given. */
static void end_frame(struct frame *f, struct announcement *t)
{
	if (f->len < ETH_ZLEN)
		f->len = ETH_ZLEN;
	t->each(t->ctx, f->octet, f->len);
	t->n++;
}

/* tha: the target's MAC; NULL: not known, the frame is broadcast. */
static void add_arp(struct announcement *t, __u16 op, const __be32 *sender, const __u8 *tha,
		    const __be32 *target)
{
	static const __u8 all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct arp arp = {
		.hardware = htons(1),
		.protocol = htons(ETH_P_IP),
		.hardware_len = 6,
		.protocol_len = 4,
		.op = htons(op),
	};
	struct frame f;

	memcpy(arp.sha, t->mac, 6);
	memcpy(arp.spa, &sender[3], 4);
	if (tha)
		memcpy(arp.tha, tha, 6);
	memcpy(arp.tpa, &target[3], 4);
	begin_frame(&f, t, tha ? tha : all, ETH_P_ARP);
	put(&f, &arp, sizeof(arp));
	end_frame(&f, t);
}

static __be16 icmp6_sum(const struct advertisement *a)
{
	const __u8 *octet = (const __u8 *)&a->ip.ip6_src;
	__u32 sum = ntohs(a->ip.ip6_plen) + IPPROTO_ICMPV6;
	size_t i, len = sizeof(*a) - offsetof(struct advertisement, ip.ip6_src);

	/* Both addresses of the pseudo header, and the message behind them. */
	for (i = 0; i < len; i += 2)
		sum += octet[i] << 8 | octet[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static void add_na(struct announcement *t, const __be32 *addr)
{
	static const __u8 all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	struct advertisement a = {
		.ip.ip6_flow = htonl(6U << 28),
		.ip.ip6_plen = htons(sizeof(a) - sizeof(a.ip)),
		.ip.ip6_nxt = IPPROTO_ICMPV6,
		.ip.ip6_hlim = 255,
		.na.nd_na_type = ND_NEIGHBOR_ADVERT,
		.na.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE,
		.option = ND_OPT_TARGET_LINKADDR,
		.option_len = 1,
	};
	struct frame f;

	memcpy(&a.ip.ip6_src, addr, 16);
	a.ip.ip6_dst.s6_addr[0] = 0xff;
	a.ip.ip6_dst.s6_addr[1] = 0x02;
	a.ip.ip6_dst.s6_addr[15] = 1;
	memcpy(&a.na.nd_na_target, addr, 16);
	memcpy(a.mac, t->mac, 6);
	a.na.nd_na_cksum = icmp6_sum(&a);
	begin_frame(&f, t, all_nodes, ETH_P_IPV6);
	put(&f, &a, sizeof(a));
	end_frame(&f, t);
}

/* One of these kinds is accepted by every gateway: see announce.h. */
static void add_ipv4(struct announcement *t, const __be32 *addr, const struct xr_gateway *gateways,
		     int n)
{
	int i;

	add_arp(t, ARP_REQUEST, addr, NULL, addr);
	for (i = 0; i < n; i++) {
		const struct xr_gateway *g = &gateways[i];

		if (!g->used || g->vlan != t->vlan || !addr_is_ipv4(g->addr))
			continue;
		add_arp(t, ARP_REQUEST, addr, NULL, g->addr);
		if (g->has_mac)
			add_arp(t, ARP_REPLY, addr, g->mac, g->addr);
	}
}

int announce_frames(const __u8 mac[6], __u16 vlan, const __be32 (*addr)[XR_ADDR_WORDS], int n_addrs,
		    const struct xr_gateway *gateways, int n_gateways,
		    void (*each)(void *ctx, const void *frame, size_t len), void *ctx)
{
	struct announcement t = { .mac = mac, .vlan = vlan, .each = each, .ctx = ctx };
	int i;

	for (i = 0; i < n_addrs; i++) {
		if (addr_is_zero(addr[i]))
			continue;
		if (addr_is_ipv4(addr[i]))
			add_ipv4(&t, addr[i], gateways, n_gateways);
		else
			add_na(&t, addr[i]);
	}
	return t.n;
}
