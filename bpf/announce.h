/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who a frame says it is from, and whether it is an announcement: the kinds of
 * enum xr_announcement, whole, or why none of them. What is said decides
 * nothing here; guard.h judges it.
 *
 * Read twice over: strictly, for what xroam believes; and for the guard whatever
 * anybody might believe, wrong checksums (which a card may put right later),
 * any length and options in any number among it.
 *
 * Rare frames alone come here: facts are left in a per-CPU record, and each
 * function is global, so that the verifier walks it once.
 */
#ifndef XROAM_BPF_ANNOUNCE_H
#define XROAM_BPF_ANNOUNCE_H

#include "nexthop.h"
#include "parse.h"
#include "vm_table.h"

#define MAC_MASK          0xffffffffffffULL /* of a key */
#define ARP_REQUEST       1
#define ARP_REPLY         2
#define RARP_REQUEST      3 /* what QEMU sends (RFC 903) */
#define ND_ROUTER_SOLICIT 133
#define ND_ROUTER_ADVERT  134
#define ND_SOLICIT        135
#define ND_ADVERTISE      136
#define ND_REDIRECT       137
#define ND_SOURCE_LLADDR  1
#define ND_TARGET_LLADDR  2
#define ND_OPTIONS        32 /* more are not read */
#define NA_SOLICITED      0x40
#define ND_ROOM           256 /* longest ND message that is believed */

enum claim_sort {
	CLAIM_DATA,  /* says nothing but its source MAC */
	CLAIM_SAYS,  /* kind tells what */
	CLAIM_PROBE, /* ARP probe (RFC 5227), DAD: nobody's word yet */
	CLAIM_BAD,   /* an announcement that contradicts itself */
};

#define FAR_STRANGER 0xffff /* some tunnel, of no host that is known */

struct claim {
	__u64 key; /* VLAN, source MAC; as in struct xr_vm */
	__u32 off; /* of the Ethernet header: not 0 in a tunnel */
	__u32 l3;
	__u32 len;   /* of the ICMPv6 message */
	__u32 bytes; /* of the frame, for the counters */
	__u32 place; /* of the VM that is at issue, plus one; 0: none */
	__u16 far;   /* host whose tunnel it came out of; 0: none */
	__be16 proto;
	__u8 sort;   /* enum claim_sort */
	__u8 kind;   /* enum xr_announcement */
	__u8 has_ip; /* ip is whose address the sender says it has */
	__u8 to_one; /* addressed to one station */
	/* For the guard: */
	__u8 has_too;   /* too is another address that it says it has */
	__u8 has_from;  /* from is the source of a packet */
	__u8 tentative; /* ip is asked for, to be had: DAD, ARP probe */
	__u8 unread;    /* it could say more than can be read */
	__u8 quiet;     /* in two VLANs, or unread tags: nothing is believed */
	__u8 foreign;   /* gives a link-layer address that is not its source */
	__u8 part;      /* first fragment of a packet */
	__u8 untagged;  /* its first tag, if any, has no VLAN, or is of 802.1ad */
	__be16 tpid;    /* of its first tag; 0: none */
	__u16 tag;      /* its VLAN by tags */
	__u16 segment;  /* out of a tunnel: its VLAN by VNI */
	__u32 exact;    /* the VM with its VLAN and MAC, plus one; 0: none */
	__u32 who;      /* the locked VM that it is, in its place, plus one */
	__u64 given[2]; /* link-layer addresses that it gives, not its source; 0 */
	__u32 l4;       /* of what find_icmp6() found */
	__be32 ip[XR_ADDR_WORDS] __attribute__((aligned(8)));
	__be32 too[XR_ADDR_WORDS];
	__be32 from[XR_ADDR_WORDS];
	__be32 nd[ND_ROOM / 4] __attribute__((aligned(8))); /* ICMPv6 message, zeros behind */
};

XR_PERCPU(claims, struct claim, 1);

static __always_inline struct claim *the_claim(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&claims, &zero);
}

/* ---- ARP and RARP ---- */

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

static __always_inline __u64 mac_of(const __u16 *mac)
{
	return mac[0] | (__u64)mac[1] << 16 | (__u64)mac[2] << 32;
}

static __always_inline __u32 addr_of(const __be16 *addr)
{
	return addr[0] | (__u32)addr[1] << 16;
}

static __always_inline void claim_ipv4(struct claim *c, __be32 addr)
{
	c->ip[0] = c->ip[1] = 0;
	c->ip[2] = bpf_htonl(0xffff);
	c->ip[3] = addr;
	c->has_ip = 1;
}

/* ---- locked VMs, by MAC ---- */

static __always_inline __u32 vms_locked(void)
{
	return *(const volatile __u32 *)&vm_control.locked;
}

static __always_inline const struct xr_port *this_port(void)
{
	__u32 slot = knobs.dev_slot;

	return bpf_map_lookup_elem(&ports, &slot);
}

/* Whether the frame at hand may be in the VM's segment: by the switch's key. */
__noinline int may_be_in_segment(struct xdp_md *ctx, __u32 place)
{
	const struct xr_port *port = this_port();
	struct claim *c = the_claim();
	struct xr_vm *vm = vm_at(place);
	__u32 vlan;

	if (!c || !vm || !port)
		return 1;
	vlan = vm->key >> 48;
	if (vlan == c->tag || (c->off && vlan == c->segment))
		return 1;
	if (c->off)
		return 0;
	/* At its own port it needs no tag. */
	if (vm->tap && vm->tap == ingress_of(ctx) && !c->tag)
		return 1;
	switch (port->sw) {
	case XR_SWITCH_MACS:
		return !vlan || !port->pvid || vlan == port->pvid;
	case XR_SWITCH_VLANS:
		/* Tags that it does not know are none. */
		if (c->untagged || c->tpid != port->tpid)
			return !vlan || vlan == port->pvid;
		return !vlan && !c->exact;
	case XR_SWITCH_NONE:
		/* Where VMs of a VLAN have ports, this may be another one. */
		return !c->tag && !c->exact && vm->tap;
	default:
		return !c->tag && !c->exact;
	}
}

static __always_inline int is_locked(__u32 place)
{
	struct xr_vm *vm = place ? vm_at(place - 1) : NULL;

	return vm && vm_now(vm).now.flags & XR_VM_LOCK;
}

/*
 * A locked VM, plus one, that has this MAC in a segment where the frame at hand may
 * be; from the ith of an element on.
 */
static __always_inline __u32 nth_locked(struct xdp_md *ctx, const struct xr_locked *l, __u32 i,
					__u64 mac)
{
	__u32 place = l->place[i];
	struct xr_vm *vm = place ? vm_at(place - 1) : NULL;

	if (!vm || (vm->key & MAC_MASK) != mac || !is_locked(place) ||
	    !may_be_in_segment(ctx, place - 1))
		return 0;
	return place;
}

/* The first of them, plus one; XR_MAX_VMS + 1: there are too many to tell. */
__noinline __u32 locked_vm(struct xdp_md *ctx, __u64 mac)
{
	const struct xr_locked *l;

	mac &= MAC_MASK;
	l = bpf_map_lookup_elem(&locked_macs, &mac);
	if (!l)
		return 0;
	for (int i = 0; i < XR_LOCKED_SAME; i++) {
		__u32 place = nth_locked(ctx, l, i, mac);

		if (place)
			return place;
	}
	return l->more ? XR_MAX_VMS + 1 : 0;
}

/* A link-layer address that the sender gives beside the frame's source. */
static __always_inline void claim_mac(struct claim *c, __u64 mac)
{
	if (mac == (c->key & MAC_MASK))
		return;
	c->foreign = 1;
	if (!c->given[0] || c->given[0] == mac)
		c->given[0] = mac;
	else if (!c->given[1] || c->given[1] == mac)
		c->given[1] = mac;
	else
		c->unread = 1;
}

static __always_inline int is_protected(__u32 kind, const void *octets, __u32 len)
{
	struct xr_protected key = { .kind = kind };

	__builtin_memcpy(key.octet, octets, len);
	return bpf_map_lookup_elem(&protected, &key) != NULL;
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
	return CLAIM_SAYS;
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
	return CLAIM_SAYS;
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

/* ---- neighbour discovery ---- */

/* Copies the message, so that what follows reads memory of a known size. */
static __always_inline int copy_nd(struct xdp_md *ctx, struct claim *c, __u32 at)
{
	__u64 len = c->len;

	__builtin_memset(c->nd, 0, sizeof(c->nd));
	if (len < 24 || len > ND_ROOM)
		return -1;
	/* 6.1 learns no lower bound from a comparison with 0. */
	len--;
	asm volatile("%0 &= 255" : "+r"(len));
	len++;
	return bpf_xdp_load_bytes(ctx, at, c->nd, len);
}

/*
 * Every link-layer address it gives: Linux takes the first of two, others may
 * take the last. RFC 4861 §4.6: options are eights of octets. at: of the first
 * option; end: of the message. Whatever cannot be read is told.
 */
__noinline int read_options(struct xdp_md *ctx, __u32 at, __u32 end)
{
	struct claim *c = the_claim();
	__u16 o[4] __attribute__((aligned(8)));

	if (!c)
		return -1;
	for (int i = 0; i < ND_OPTIONS && at < end; i++) {
		const __u8 *octets = (const __u8 *)o;
		__u32 len;

		if (bpf_xdp_load_bytes(ctx, at, o, sizeof(o)))
			goto unread;
		len = octets[1] * 8;
		if (!len || at + len > end)
			goto unread;
		if (octets[0] == ND_SOURCE_LLADDR || octets[0] == ND_TARGET_LLADDR)
			claim_mac(c, mac_of(o + 1));
		at += len;
	}
	if (at == end)
		return 0;
unread:
	c->unread = 1;
	return -1;
}

static __always_inline int is_one_ipv6(const __be32 *addr)
{
	return (addr[0] | addr[1] | addr[2] | addr[3]) && *(const __u8 *)addr != 0xff;
}

/* Zero folds to 0xffff: the sum over message and pseudo-header of RFC 8200 §8.1. */
static __always_inline int sum_is_right(struct claim *c, const struct ipv6hdr *ip)
{
	__be32 addrs[8];
	__u64 sum;

	__builtin_memcpy(addrs, &ip->saddr, sizeof(addrs));
	sum = bpf_csum_diff(NULL, 0, addrs, sizeof(addrs), 0);
	sum = bpf_csum_diff(NULL, 0, c->nd, sizeof(c->nd), sum);
	sum = (sum & 0xffffffff) + bpf_htonl(c->len);
	sum += bpf_htonl(IPPROTO_ICMPV6);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/*
 * RFC 4861 §7.1.2. An advertisement that was asked for and goes to who asked tells
 * nothing new; nobody asks for all.
 */
static __always_inline int read_advert(struct claim *c, const struct ipv6hdr *ip)
{
	const __u8 *m = (const __u8 *)c->nd;
	int solicited = m[4] & NA_SOLICITED;
	int to_many = ip->daddr.s6_addr[0] == 0xff;

	if (!is_one_ipv6(c->ip) || m[1] || (solicited && to_many) || c->foreign)
		return CLAIM_BAD;
	if (solicited)
		return CLAIM_DATA;
	c->kind = XR_UNSOLICITED_NA;
	return CLAIM_SAYS;
}

/* A bit for each header that tells of a next one by its first octet. */
static __always_inline int is_extension(__u64 proto)
{
	const __u64 low = 1ULL << IPPROTO_HOPOPTS | 1ULL << IPPROTO_ROUTING |
		1ULL << IPPROTO_FRAGMENT | 1ULL << IPPROTO_AH | 1ULL << IPPROTO_DSTOPTS;

	return (proto < 64 && low >> (proto & 63) & 1) || proto == IPPROTO_MH ||
		proto == IPPROTO_HIP || proto == IPPROTO_SHIM6;
}

/*
 * Walks over the headers of the IPv6 packet at l3: the protocol, and in c->l4 where
 * it begins; -1: nothing can begin here, it is a later fragment; -2: cannot be
 * read.
 */
__noinline int walk_headers(struct xdp_md *ctx, __u32 l3)
{
	struct claim *c = the_claim();
	const struct ipv6hdr *ip = octet_at(ctx, l3);
	__u32 proto, end, at = l3 + sizeof(*ip);

	if (!c || (const void *)(ip + 1) > end_of(ctx))
		return -2;
	c->part = 0;
	proto = ip->nexthdr;
	end = at + bpf_ntohs(ip->payload_len);
	for (int i = 0; i < MAX_EXT_HEADERS && is_extension(proto); i++) {
		const __u8 *h = octet_at(ctx, at);

		if (at > MAX_OFFSET || h + 8 > (const __u8 *)end_of(ctx))
			return -2;
		if (proto == IPPROTO_FRAGMENT) {
			__be16 where = *(const __be16 *)(h + 2);

			if (where & bpf_htons(0xfff8))
				return -1;
			if (where & bpf_htons(1))
				c->part = 1;
			at += 8;
		} else {
			at += proto == IPPROTO_AH ? (h[1] + 2) * 4 : (h[1] + 1) * 8;
		}
		proto = h[0];
	}
	if (is_extension(proto) || at > MAX_OFFSET)
		return -2;
	/* Whatever pads the first fragment, the header begins in the second. */
	if (c->part && at + 8 > end)
		return -2;
	c->l4 = at;
	return proto;
}

/* Octets before the options of a message; 0: none of neighbour discovery. */
static __always_inline __u32 nd_fixed(__u32 type)
{
	switch (type) {
	case ND_ROUTER_SOLICIT:
		return 8;
	case ND_ROUTER_ADVERT:
		return 16;
	case ND_SOLICIT:
	case ND_ADVERTISE:
		return 24;
	case ND_REDIRECT:
		return 40;
	}
	return 0;
}

/*
 * Whose addresses it uses: its source; the target of an advertisement, of a
 * redirect, and, from nowhere, of a solicitation: DAD (RFC 4862 §5.4), in which
 * who does the same denies the address to its owner (RFC 3756 §4.1.3).
 */
static __always_inline void claim_nd(struct claim *c, __u32 type, const struct ipv6hdr *ip,
				     const __be32 *target)
{
	__builtin_memcpy(c->ip, &ip->saddr, sizeof(c->ip));
	c->has_ip = !!(c->ip[0] | c->ip[1] | c->ip[2] | c->ip[3]);
	if (type == ND_ROUTER_SOLICIT || type == ND_ROUTER_ADVERT)
		return;
	if (type == ND_SOLICIT) {
		if (c->has_ip)
			return;
		c->tentative = 1;
	}
	__builtin_memcpy(c->too, c->ip, sizeof(c->too));
	c->has_too = c->has_ip;
	__builtin_memcpy(c->ip, target, sizeof(c->ip));
	c->has_ip = 1;
}

__noinline int read_nd(struct xdp_md *ctx)
{
	struct claim *c = the_claim();
	__u32 type, fixed, left;
	const struct ipv6hdr *ip;
	__be32 target[XR_ADDR_WORDS];
	const __u8 *icmp;
	int proto, hbh;

	if (!c)
		return CLAIM_DATA;
	proto = walk_headers(ctx, c->l3);
	if (proto == -2)
		c->unread = 1;
	if (proto != IPPROTO_ICMPV6 || c->l4 > MAX_OFFSET)
		return CLAIM_DATA;
	icmp = octet_at(ctx, c->l4);
	if (icmp + 1 > (const __u8 *)end_of(ctx)) {
		c->unread = 1;
		return CLAIM_DATA;
	}
	type = *icmp;
	fixed = nd_fixed(type);
	if (!fixed)
		return CLAIM_DATA;
	ip = octet_at(ctx, c->l3);
	if ((const void *)(ip + 1) > end_of(ctx))
		return CLAIM_DATA;
	/* ND is never routed: its hop limit is still the largest there is. */
	if (ip->hop_limit != 255)
		return type == ND_ADVERTISE ? CLAIM_BAD : CLAIM_DATA;

	left = bpf_ntohs(ip->payload_len);
	hbh = ip->nexthdr == IPPROTO_HOPOPTS;
	/* Without a length, and with such a header, it goes on to the end. */
	c->len = left || !hbh ? c->l3 + sizeof(*ip) + left - c->l4
			      : (__u32)bpf_xdp_get_buff_len(ctx) - c->l4;
	__builtin_memset(target, 0, sizeof(target));
	if (fixed >= 24 && bpf_xdp_load_bytes(ctx, c->l4 + 8, target, sizeof(target)))
		c->unread = 1;
	ip = octet_at(ctx, c->l3);
	if ((const void *)(ip + 1) > end_of(ctx))
		return CLAIM_DATA;
	claim_nd(c, type, ip, target);
	if (c->len < fixed || c->part)
		c->unread = 1;
	else
		read_options(ctx, c->l4 + fixed, c->l4 + c->len);
	if (type == ND_SOLICIT)
		return c->tentative ? CLAIM_PROBE : CLAIM_DATA;
	if (type != ND_ADVERTISE)
		return CLAIM_DATA;

	ip = octet_at(ctx, c->l3);
	if ((const void *)(ip + 1) > end_of(ctx))
		return CLAIM_BAD;
	/* As long as SEND (RFC 3971) makes them: judged, but not believed. */
	if (!c->unread && c->len > ND_ROOM)
		return CLAIM_DATA;
	if (c->unread || copy_nd(ctx, c, c->l4) || !sum_is_right(c, ip))
		return CLAIM_BAD;
	return read_advert(c, ip);
}

/* ---- any frame ---- */

#define MAC_RESERVED 0x0000c28001ULL /* 01:80:c2:00:00:0X, first octet lowest */

static __always_inline int is_reserved(__u64 mac)
{
	return (mac & 0xf0ffffffffffULL) == MAC_RESERVED;
}

/* The source of a packet, where it is IP. */
static __always_inline void read_source(struct xdp_md *ctx, struct claim *c)
{
	const __be32 *ip = octet_at(ctx, c->l3);

	if (c->proto == bpf_htons(ETH_P_IP)) {
		if (ip + 5 > (const __be32 *)end_of(ctx))
			return;
		c->from[0] = c->from[1] = 0;
		c->from[2] = bpf_htonl(0xffff);
		c->from[3] = ip[3];
		c->has_from = ip[3] != 0;
	} else if (c->proto == bpf_htons(ETH_P_IPV6)) {
		if (ip + 10 > (const __be32 *)end_of(ctx))
			return;
		__builtin_memcpy(c->from, ip + 2, sizeof(c->from));
		c->has_from = !!(c->from[0] | c->from[1] | c->from[2] | c->from[3]);
	}
}

/* Which VLANs the frame may be in, and what is behind its tags. */
static __always_inline void read_vlans(struct xdp_md *ctx, struct claim *c, __u32 off,
				       __u32 segment)
{
	__u64 tags;

	c->tag = 0;
	c->tpid = 0;
	c->untagged = 1;
	c->segment = segment;
	c->quiet = 0;
	if (is_vlan(c->proto)) {
		tags = read_tags(ctx, off);
		c->tpid = c->proto;
		c->tag = TAGS_VLAN(tags);
		c->untagged = !!(tags & TAGS_PRIORITY);
		c->quiet = !tags || tags & (TAGS_DOUBLE | TAGS_DEEP);
		if (!tags || tags & TAGS_DEEP || TAGS_OCTETS(tags) > 2 * sizeof(struct vlan_tag))
			c->unread = 1;
		c->proto = TAGS_PROTO(tags);
		c->l3 += TAGS_OCTETS(tags);
	}
	c->key |= (__u64)(c->tag ?: segment) << 48;
}

#define LLC_SNAP       0xaaaa
#define ETH_P_LLC_LONG 0x8870 /* instead of a length */

/*
 * RFC 1042, and 802.1H's bridges: an EtherType behind a length. Linux takes no IP
 * so, Windows does. What is said there moves nobody.
 */
static __always_inline void read_llc(struct xdp_md *ctx, struct claim *c)
{
	const __be16 *llc = octet_at(ctx, c->l3);

	if ((bpf_ntohs(c->proto) >= ETH_P_802_3_MIN && c->proto != bpf_htons(ETH_P_LLC_LONG)) ||
	    (const void *)(llc + 4) > end_of(ctx) || llc[0] != LLC_SNAP ||
	    llc[1] != bpf_htons(0x0300) || (llc[2] && llc[2] != bpf_htons(0x00f8)))
		return;
	c->proto = llc[3];
	c->l3 += 4 * sizeof(*llc);
	c->quiet |= c->proto == bpf_htons(ETH_P_ARP) || c->proto == bpf_htons(ETH_P_RARP) ||
		c->proto == bpf_htons(ETH_P_IPV6);
	c->unread |= is_vlan(c->proto);
}

/*
 * Reads the frame at off of what came in, out of host far's tunnel if that is
 * not 0; its VMs' frames carry no tag there, but belong to vlan. 0: see
 * the_claim(); else there is nothing to judge.
 */
__noinline int read_claim(struct xdp_md *ctx, __u32 off, __u32 far, __u32 vlan)
{
	struct claim *c = the_claim();
	const __u16 *eth;
	__u64 dst, src;

	if (!c || off > MAX_OFFSET)
		return -1;
	eth = octet_at(ctx, off);
	if ((const void *)(eth + 7) > end_of(ctx))
		return -1;
	dst = mac_of(eth);
	src = mac_of(eth + 3);
	c->proto = eth[6];
	c->l3 = off + sizeof(struct ethhdr);
	c->key = src;
	c->off = off;
	c->far = far;
	c->bytes = ctx->data_end - ctx->data;
	c->kind = XR_ANNOUNCED_NOT;
	c->place = c->exact = c->who = 0;
	c->given[0] = c->given[1] = 0;
	c->has_ip = c->has_too = c->has_from = 0;
	c->tentative = c->unread = c->foreign = c->part = 0;
	c->to_one = !(dst & 1);
	__builtin_memset(c->ip, 0, sizeof(c->ip));
	read_vlans(ctx, c, off, vlan & 0xfff);
	forget();
	read_llc(ctx, c);
	if (!(src & 1))
		c->exact = vm_place(c->key);
	forget();
	read_source(ctx, c);
	forget();

	c->sort = CLAIM_DATA;
	if (c->proto == bpf_htons(ETH_P_ARP) || c->proto == bpf_htons(ETH_P_RARP))
		c->sort = read_any_arp(ctx);
	else if (c->proto == bpf_htons(ETH_P_IPV6))
		c->sort = read_nd(ctx);
	if (c->sort == CLAIM_SAYS && (!src || src & 1 || is_reserved(dst)))
		c->sort = CLAIM_BAD;
	return 0;
}

#endif
