// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <string.h>

#include "frame_priv.h"
#include "lib/addr.h"
#include "lib/hash.h"

#define HOPS 64

/* ---- checksums (RFC 1071) ---- */

static __u64 sum_of(const void *data, size_t len, __u64 sum)
{
	const __u8 *d = data;
	__u16 word;

	for (; len >= 2; len -= 2, d += 2) {
		memcpy(&word, d, sizeof(word));
		sum += word;
	}
	if (len) {
		word = 0;
		memcpy(&word, d, 1);
		sum += word;
	}
	return sum;
}

static __u16 fold(__u64 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* Of the pseudo header and what follows the IP header. */
static __u16 l4_sum(const __u8 *ip, const __u8 *l4, size_t len, __u8 proto)
{
	bool v6 = *ip >> 4 == 6;
	__u64 sum = sum_of(ip + (v6 ? 8 : 12), v6 ? 32 : 8, htons(proto) + htons(len));

	return fold(sum_of(l4, len, sum));
}

void frame_tcp_sum(__u8 *ip, size_t len)
{
	size_t header = *ip >> 4 == 6 ? IPV6_HEADER : (*ip & 15) * 4U;
	__u8 *tcp = ip + header, *check = tcp + offsetof(struct tcphdr, check);
	__u16 sum = 0;

	if (header + sizeof(struct tcphdr) > len)
		return;
	memcpy(check, &sum, sizeof(sum)); /* the frame may be at any address */
	sum = l4_sum(ip, tcp, len - header, IPPROTO_TCP);
	memcpy(check, &sum, sizeof(sum));
}

/* ---- out ---- */

/* The backend's index is where xroam_probe reads it. */
static __u8 *write_ethernet(__u8 *out, __u16 backend, bool v6)
{
	static const __u8 macs[12] = { 2, 'x', 'r', 0, 0, 1, 2, 'x', 'r', 0 };

	memcpy(out, macs, sizeof(macs));
	out[10] = backend >> 8;
	out[11] = backend;
	out[12] = v6 ? ETH_P_IPV6 >> 8 : ETH_P_IP >> 8;
	out[13] = v6 ? ETH_P_IPV6 & 0xff : ETH_P_IP & 0xff;
	return out + FRAME_HEADER;
}

/* Returns where what it carries goes. */
static __u8 *write_ip(__u8 *at, const struct frame_ends *e, __u8 proto, size_t len)
{
	if (addr_is_ipv4(e->to)) {
		struct iphdr ip = {
			.version = 4,
			.ihl = 5,
			.tot_len = htons(sizeof(ip) + len),
			.frag_off = htons(0x4000),
			.ttl = HOPS,
			.protocol = proto,
			.saddr = e->from[3],
			.daddr = e->to[3],
		};

		ip.check = fold(sum_of(&ip, sizeof(ip), 0));
		memcpy(at, &ip, sizeof(ip));
		return at + sizeof(ip);
	}

	struct ipv6hdr ip = {
		.version = 6,
		.payload_len = htons(len),
		.nexthdr = proto,
		.hop_limit = HOPS,
	};

	memcpy(&ip.saddr, e->from, sizeof(ip.saddr));
	memcpy(&ip.daddr, e->to, sizeof(ip.daddr));
	memcpy(at, &ip, sizeof(ip));
	return at + sizeof(ip);
}

static size_t write_tcp(__u8 *out, __u16 backend, const struct frame_ends *e, struct tcphdr *t,
			const __u8 *options, size_t n_options)
{
	__u8 *ip = write_ethernet(out, backend, !addr_is_ipv4(e->to));
	size_t len = sizeof(*t) + n_options;
	__u8 *at = write_ip(ip, e, IPPROTO_TCP, len);

	t->source = e->sport;
	t->dest = e->dport;
	t->doff = len / 4;
	memcpy(at, t, sizeof(*t));
	if (n_options)
		memcpy(at + sizeof(*t), options, n_options);
	frame_tcp_sum(ip, at + len - ip);
	return at + len - out;
}

size_t frame_syn(__u8 *out, __u16 backend, const struct frame_ends *e, __u64 cookie)
{
	static const __u8 mss[] = { 2, 4, 1220 >> 8, 1220 & 0xff };
	struct tcphdr t = { .seq = htonl((__u32)cookie), .syn = 1, .window = htons(1024) };

	return write_tcp(out, backend, e, &t, mss, sizeof(mss));
}

size_t frame_rst(__u8 *out, __u16 backend, const struct frame_ends *e, __u32 seq)
{
	struct tcphdr t = { .seq = htonl(seq), .rst = 1 };

	return write_tcp(out, backend, e, &t, NULL, 0);
}

/* Who has seen neither can guess neither. */
static __u64 other_cid(__u64 cookie)
{
	return xr_mix64(cookie ^ 0x9e3779b97f4a7c15ULL);
}

size_t frame_quic(__u8 *out, __u16 backend, const struct frame_ends *e, __u64 cookie)
{
	struct udphdr udp = { .source = e->sport, .dest = e->dport };
	__u32 version = htonl(((__u32)cookie & 0xf0f0f0f0) | 0x0a0a0a0a);
	__u8 *ip = write_ethernet(out, backend, !addr_is_ipv4(e->to));
	size_t len = sizeof(udp) + QUIC_PROBE;
	__u8 *at = write_ip(ip, e, IPPROTO_UDP, len), *q = at + sizeof(udp);
	__u64 dcid = other_cid(cookie);

	udp.len = htons(len);
	memset(q, 0, QUIC_PROBE);
	*q++ = 0xc0 | (cookie >> 60);
	memcpy(q, &version, sizeof(version));
	q += sizeof(version);
	*q++ = QUIC_CID_LEN;
	memcpy(q, &dcid, QUIC_CID_LEN);
	q += QUIC_CID_LEN;
	*q++ = QUIC_CID_LEN;
	memcpy(q, &cookie, QUIC_CID_LEN);
	memcpy(at, &udp, sizeof(udp));
	udp.check = l4_sum(ip, at, len, IPPROTO_UDP) ?: 0xffff;
	memcpy(at, &udp, sizeof(udp));
	return at + len - out;
}

size_t frame_ip(__u8 *out, __u16 backend, const void *ip, size_t len)
{
	__u8 *at = write_ethernet(out, backend, *(const __u8 *)ip >> 4 == 6);

	memcpy(at, ip, len);
	return FRAME_HEADER + len;
}

/* ---- in ---- */

static void read_tcp(const __u8 *at, size_t len, struct frame_answer *a)
{
	struct tcphdr t;

	if (len < sizeof(t))
		return;
	memcpy(&t, at, sizeof(t));
	a->sport = t.source;
	a->dport = t.dest;
	a->ack = ntohl(t.ack_seq);
	a->cookie = a->ack - 1;
	if (!t.ack || t.fin)
		return;
	if (t.rst)
		a->kind = FRAME_RST;
	else if (t.syn)
		a->kind = FRAME_SYN_ACK;
}

/* Version 0, both CIDs back to front, and at least one version (RFC 9000 §17.2.1). */
static bool is_negotiation(const __u8 *q, size_t kept, size_t len, struct frame_answer *a)
{
	const size_t header = 5 + 2 * (1 + QUIC_CID_LEN);
	__u64 other;
	__u32 version;

	if (kept < header + 4 || len < header + 4 || (len - header) % 4)
		return false;
	memcpy(&version, q + 1, sizeof(version));
	if (!(*q & 0x80) || version || q[5] != QUIC_CID_LEN || q[6 + QUIC_CID_LEN] != QUIC_CID_LEN)
		return false;
	memcpy(&a->cookie, q + 6, QUIC_CID_LEN);
	memcpy(&other, q + 7 + QUIC_CID_LEN, QUIC_CID_LEN);
	return other == other_cid(a->cookie);
}

static void read_udp(const __u8 *at, size_t kept, struct frame_answer *a)
{
	struct udphdr udp;
	size_t len;

	if (kept < sizeof(udp))
		return;
	memcpy(&udp, at, sizeof(udp));
	a->sport = udp.source;
	a->dport = udp.dest;
	len = ntohs(udp.len);
	if (len >= sizeof(udp) &&
	    is_negotiation(at + sizeof(udp), kept - sizeof(udp), len - sizeof(udp), a))
		a->kind = FRAME_VERSIONS;
}

static void map_ipv4(__be32 *to, __be32 from)
{
	to[0] = to[1] = 0;
	to[2] = htonl(0xffff);
	to[3] = from;
}

void frame_read(const __u8 *ip, size_t len, struct frame_answer *a)
{
	size_t header = IPV6_HEADER;
	struct iphdr four;
	__u8 proto;

	memset(a, 0, sizeof(*a));
	if (len < sizeof(four))
		return;
	if (*ip >> 4 == 4) {
		memcpy(&four, ip, sizeof(four));
		header = four.ihl * 4U;
		proto = four.protocol;
		map_ipv4(a->from, four.saddr);
		map_ipv4(a->to, four.daddr);
	} else {
		if (*ip >> 4 != 6 || len < IPV6_HEADER)
			return;
		proto = ip[6];
		memcpy(a->from, ip + 8, sizeof(a->from));
		memcpy(a->to, ip + 24, sizeof(a->to));
	}
	if (header < sizeof(four) || header > len)
		return;
	if (proto == IPPROTO_TCP)
		read_tcp(ip + header, len - header, a);
	else if (proto == IPPROTO_UDP)
		read_udp(ip + header, len - header, a);
}
