/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets from text, so that a test shows what it sends and what it expects.
 *
 *   eth / vlan 5 / ip4 src=10.0.0.1 dst=192.0.2.1 tos=2 df / udp sport=1000
 *   dport=443 / quic short dcid=0720b1 / fill 100
 *
 * Layers are parted by " / ", outermost first. Lengths, checksums and "next
 * protocol" fields follow from what is inside; KEY=VALUE overrides any of them.
 * Numbers are decimal or 0x...; lengths also +N or -N, off the right value by
 * that much; csum=bad is any wrong one. HEX is octets, two digits each.
 *
 *   eth      src= dst= type=
 *   vlan ID  pcp= tpid= type=
 *   ip4      src= dst= ttl= tos= id= df mf off=(octets) proto= len= csum= ihl=
 *            version= opts=HEX
 *   ip6      src= dst= hlim= tc= flow= len= next= version=
 *   hopopts dstopts routing
 *            next= len=(the field) data=HEX (6, 14, 22 ... octets)
 *   frag     off=(octets) mf id= next= res=(two reserved bits)
 *   ah       next= len=(the field) data=HEX (8, 12, 16 ... octets)
 *   udp      sport= dport= len= csum=
 *   tcp      sport= dport= seq= ack= win= off=(words) csum= opts=HEX
 *            and the flags fin syn rst psh ack urg
 *   icmp4 icmp6
 *            type= code= mtu= rest=(second word) csum=; the packet an error
 *            quotes stands in parentheses after it
 *   arp rarp op= sha= sip= tha= tip= htype= ptype= hlen= plen=; sha, and in rarp
 *            tha, is the Ethernet source
 *   na ns    target= lla= olen= option= type= code= csum= and the words router
 *            solicited override; bare: no link-layer address, which is the
 *            Ethernet source otherwise
 *   gue      variant 0: proto= hlen= ctrl flags= data=HEX. Variant 1 has no
 *            header: udp dport=6080 / ip4 ...
 *   vxlan VNI  flags=
 *   quic long  type=initial|0rtt|handshake|retry version=1|2|0x... dcid=HEX
 *            scid=HEX dlen= slen= fixed= low=(low four bits)
 *   quic short dcid=HEX fixed= low=(low six bits)
 *   hex HEX, fill N (01 02 03 ...), zero N
 *   pad N    octets behind the packet, counted by no length (Ethernet padding)
 *   cut N    what is there ends after N octets (-N: N octets early), although
 *            the lengths say otherwise
 *
 * A mistake in the text aborts the program and says where.
 */
#ifndef XR_TEST_PACKET_H
#define XR_TEST_PACKET_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>
#include "wire.h"

#define PACKET_MAX    4096
#define PACKET_LAYERS 48

struct packet {
	size_t len;
	__u8 data[PACKET_MAX];
	/* where each layer begins, for packet_diff() */
	int layers;
	struct packet_layer {
		char word[10];
		__u16 start;
	} layer[PACKET_LAYERS];
};

/* The text is a printf format. */
struct packet packet(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
struct packet packet_v(const char *fmt, va_list ap);

/* Octets as they are, up to max of them. */
struct packet packet_raw(const void *data, size_t len);

/* Where the nth (from 0) layer of that name begins; aborts when there is none. */
size_t packet_find(const struct packet *p, const char *word, int nth);

/*
 * The headers of a frame by name, however it was made: its Ethernet header; the
 * IP header or the ARP or RARP behind that and its VLAN tags; the UDP or TCP header right behind
 * that one. They point into the packet and may be written to. Each aborts where the
 * packet has no such header.
 */
struct wire_eth *eth_of(const struct packet *p);
struct wire_ip4 *ip4_of(const struct packet *p);
struct wire_ip6 *ip6_of(const struct packet *p);
struct wire_arp *arp_of(const struct packet *p);
struct wire_udp *udp_of(const struct packet *p);
struct wire_tcp *tcp_of(const struct packet *p);

bool packet_is_ip4(const struct packet *p);

/* The 20 bits, in host order. */
__u32 ip6_flow_label(const struct wire_ip6 *ip);
void ip6_set_flow_label(struct wire_ip6 *ip, __u32 label);

/* The sum of 16-bit words in network order, added to sum and folded to 16 bits. */
__u32 packet_sum16(__u32 sum, const void *octets, size_t n);

/* Octets of the header with its options; and makes its checksum right. */
size_t ip4_header_len(const struct wire_ip4 *ip);
void ip4_fill_checksum(struct wire_ip4 *ip);

/* A packet's octets from one on. */
struct packet packet_part(const struct packet *p, size_t at);

/* The IP packet in a frame; the frame in the VXLAN packet in a frame. */
struct packet packet_in_eth(const struct packet *p);
struct packet packet_in_vxlan(const struct packet *p);

/* Puts a frame into a VLAN: a tag of 802.1Q, the outermost. */
void packet_tag(struct packet *p, __u16 vlan);

bool packet_equal(const struct packet *a, const struct packet *b);

/* Says where and how got differs from want, naming want's layers and fields. */
void packet_diff(FILE *to, const struct packet *want, const struct packet *got);

/* A line per 16 octets, each begun with lead. */
void packet_dump(FILE *to, const char *lead, const struct packet *p);

#endif
