/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a frame says of who sent it: facts, left in a record per CPU by those who
 * read it (arp.h, nd.h, announce.h), for guard.h, which judges them.
 *
 * Rare frames alone come here: each function is global, so that the verifier walks
 * it once.
 */
#ifndef XROAM_BPF_CLAIM_H
#define XROAM_BPF_CLAIM_H

#include "guard_key.h"
#include "nexthop.h"
#include "parse.h"
#include "vm_state.h"

#define ND_ROOM 256 /* longest ND message that is believed */

enum claim_sort {
	CLAIM_DATA,      /* nothing but its source MAC */
	CLAIM_ANNOUNCES, /* kind tells what */
	CLAIM_PROBE,     /* ARP probe (RFC 5227), DAD: nobody has the address yet */
	CLAIM_BAD,       /* an announcement that contradicts itself */
};

#define FAR_STRANGER 0xffff /* some tunnel, of no host that is known */

struct claim {
	__u64 key; /* VLAN, source MAC; as in struct xr_vm */
	__u32 off; /* of the Ethernet header: not 0 in a tunnel */
	__u32 l3;
	__u32 len;   /* of the ICMPv6 message */
	__u32 bytes; /* of the frame, for the counters */
	__u32 vm_no; /* the VM that is at issue; 0: none */
	__u16 far;   /* host whose tunnel it came out of; 0: none */
	__be16 proto;
	__u8 sort;   /* enum claim_sort */
	__u8 kind;   /* enum xr_announcement */
	__u8 has_ip; /* ip: the address that the sender claims */
	__u8 to_one; /* addressed to one station */
	/* For the guard: */
	__u8 has_too;   /* too: another one that it claims */
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
	__u32 exact;    /* number of the VM with its VLAN and MAC; 0: none */
	__u32 who;      /* number of the locked VM that it is, where that may be */
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

static __always_inline void claim_ipv4(struct claim *c, __be32 addr)
{
	c->ip[0] = c->ip[1] = 0;
	c->ip[2] = bpf_htonl(0xffff);
	c->ip[3] = addr;
	c->has_ip = 1;
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

#endif
