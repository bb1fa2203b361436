/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Headers as they are on the wire. Their fields have the names that the texts of
 * packet.h give them, where one octet or more is a field's own. All are packed,
 * for a header may stand at any octet; all numbers are in network order.
 */
#ifndef XR_TEST_WIRE_H
#define XR_TEST_WIRE_H

#include <linux/types.h>

#define WIRE struct __attribute__((packed))

WIRE wire_eth
{
	__u8 dst[6], src[6];
	__be16 type;
};

/* Behind the addresses and a TPID, which stands where eth's type would. */
WIRE wire_vlan
{
	__be16 tci; /* pcp, drop eligible, ID */
	__be16 type;
};

WIRE wire_ip4
{
	__u8 version_ihl; /* four bits each; ihl in words */
	__u8 tos;
	__be16 len, id;
	__be16 off; /* df, mf, and the offset in units of eight octets */
	__u8 ttl, proto;
	__be16 csum;
	__u8 src[4], dst[4];
	__u8 opts[];
};

WIRE wire_ip6
{
	__be32 version_tc_flow; /* 4, 8, 20 bits */
	__be16 len;
	__u8 next, hlim;
	__u8 src[16], dst[16];
};

/* Extension headers but the fragment header: len is in units of 8 octets, AH's of 4. */
WIRE wire_ext
{
	__u8 next, len;
	__u8 data[];
};

WIRE wire_frag
{
	__u8 next, reserved;
	__be16 off; /* in octets; the lower bits are reserved, and mf */
	__be32 id;
};

WIRE wire_ah
{
	__u8 next, len;
	__be16 reserved;
	__u8 data[];
};

WIRE wire_udp
{
	__be16 sport, dport, len, csum;
};

WIRE wire_tcp
{
	__be16 sport, dport;
	__be32 seq, ack;
	__u8 off; /* in words; the upper four bits */
	__u8 flags;
	__be16 win, csum, urgent;
	__u8 opts[];
};

WIRE wire_icmp
{
	__u8 type, code;
	__be16 csum;
	__be32 rest;
	__u8 quote[];
};

WIRE wire_arp
{
	__be16 htype, ptype;
	__u8 hlen, plen;
	__be16 op;
	__u8 sha[6], sip[4], tha[6], tip[4];
};

/* RFC 4861 §4.3, §4.4: up to the target, and one option of a link-layer address. */
WIRE wire_nd
{
	__u8 type, code;
	__be16 csum;
	__u8 flags; /* router, solicited, override */
	__u8 reserved[3];
	__u8 target[16];
};
WIRE wire_nd_option
{
	__u8 option, olen;
	__u8 lla[6];
};

WIRE wire_gue
{
	__u8 version_hlen; /* version, ctrl; hlen in words: 2, 1, 5 bits */
	__u8 proto;
	__be16 flags;
	__u8 data[];
};

WIRE wire_vxlan
{
	__u8 flags, reserved[3];
	__be32 vni; /* the upper 24 bits */
};

/* RFC 8999: what every version has before the IDs; dcid, then slen, scid follow. */
WIRE wire_quic_long
{
	__u8 first;
	__be32 version;
	__u8 dlen;
	__u8 dcid[];
};
WIRE wire_quic_short
{
	__u8 first;
	__u8 dcid[];
};

#define ETHERTYPE_IP4   0x0800
#define ETHERTYPE_ARP   0x0806
#define ETHERTYPE_RARP  0x8035
#define ETHERTYPE_VLAN  0x8100
#define ETHERTYPE_VLANS 0x88a8 /* 802.1ad */
#define ETHERTYPE_IP6   0x86dd

#endif
