/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP "fragmentation needed" and ICMPv6 "packet too big" about a tunnel packet
 * of ours: the way to its far end is narrower than its route has it (RFC 2003 §5.1,
 * RFC 1191, RFC 8201). The sender of a packet that is too large gets an error then, as
 * where the MTU is configured. Anybody can send such an error, so what it quotes
 * must be what was sent; it is believed for a while, only ever makes the MTU less,
 * and not less than any link must carry.
 */
#ifndef XROAM_BPF_PATH_MTU_H
#define XROAM_BPF_PATH_MTU_H

#include "csum.h"
#include "nexthop.h"
#include "parse.h"
#include "ready.h"
#include "tunnel_header.h"

#define MTU_MIN4     576
#define MTU_MIN6     1280 /* a smaller one is not believed (RFC 8201 §4) */
#define ERROR_HEADER 8

/* What the error quotes. */
struct too_long {
	struct xr_outer_key key;
	__be32 from[XR_ADDR_WORDS]; /* who sent the error */
	__be32 to[XR_ADDR_WORDS];   /* whom the error is for */
	__be32 saddr[XR_ADDR_WORDS];
	__u32 length;
	__u32 mtu;
};

XR_PERCPU(too_longs, struct too_long, 1);

/* No router sends an error to many, or from an address that no host has. */
static __always_inline int is_to_one(struct xdp_md *ctx)
{
	const __u8 *eth = data_of(ctx);

	return (void *)(eth + 1) <= end_of(ctx) && !(*eth & 1);
}

static __always_inline int is_written_id(__u32 id)
{
	id &= RELAY_ID_MASK; /* less what segmenting on the way adds */
	return !id || id == RELAY_ID;
}

/* RFC 1191 §7.1: for routers that give no MTU. */
static __always_inline __u32 plateau_below(__u32 length)
{
	if (length > 8166)
		return 8166;
	if (length > 4352)
		return 4352;
	if (length > 2002)
		return 2002;
	if (length > 1492)
		return 1492;
	return length > 1006 ? 1006 : MTU_MIN4;
}

/* at: of what follows the quoted IP header. 0: a tunnel's. */
static __always_inline int read_tunnel(struct xdp_md *ctx, struct too_long *t, __u32 at,
				       __u32 proto)
{
	__be16 *udp = octet_at(ctx, at);
	__be32 *vxlan = octet_at(ctx, at + sizeof(struct udphdr));

	t->key.vni = 0;
	t->key.dport = 0;
	/* Every router quotes as much as that, at least (RFC 792). */
	if ((void *)(udp + 4) > end_of(ctx))
		return -1;
	if (proto == IPPROTO_IPIP || proto == IPPROTO_IPV6)
		return 0;
	if (proto != IPPROTO_UDP || (bpf_ntohs(udp[0]) & PORT_ENTROPY) != PORT_ENTROPY)
		return -1;
	t->key.dport = udp[1];
	/* As of VXLAN, if it is: GUE here has no header of its own. */
	if ((void *)(vxlan + 2) <= end_of(ctx) && vxlan[0] == bpf_htonl(VXLAN_HAS_VNI))
		t->key.vni = bpf_ntohl(vxlan[1]) >> 8;
	return 0;
}

static __always_inline int read_error4(struct xdp_md *ctx, struct too_long *t, __u32 l3, __u32 l4)
{
	const __be32 mapped = bpf_htonl(0xffff);
	__be32 *outer = octet_at(ctx, l3);
	__u8 *icmp = octet_at(ctx, l4);
	__be32 *ip = octet_at(ctx, l4 + ERROR_HEADER);

	if ((void *)(outer + 5) > end_of(ctx) || (void *)icmp + ERROR_HEADER > end_of(ctx) ||
	    (void *)(ip + 5) > end_of(ctx))
		return -1;
	if (icmp[0] != 3 || icmp[1] != 4 || *(__u8 *)ip != 0x45 ||
	    (ip[1] & bpf_htonl(0xffff)) != bpf_htonl(IP_DF) ||
	    !is_written_id(bpf_ntohl(ip[1]) >> 16) || is_martian4(outer[3]))
		return -1;
	t->length = bpf_ntohl(ip[0]) & 0xffff;
	t->mtu = icmp[6] << 8 | icmp[7];
	if (!t->mtu)
		t->mtu = plateau_below(t->length);
	if (t->mtu < MTU_MIN4)
		t->mtu = MTU_MIN4;
	t->from[0] = t->to[0] = t->saddr[0] = t->key.addr[0] = 0;
	t->from[1] = t->to[1] = t->saddr[1] = t->key.addr[1] = 0;
	t->from[2] = t->to[2] = t->saddr[2] = t->key.addr[2] = mapped;
	t->from[3] = outer[3];
	t->to[3] = outer[4];
	t->saddr[3] = ip[3];
	t->key.addr[3] = ip[4];
	return read_tunnel(ctx, t, l4 + ERROR_HEADER + 20, bpf_ntohl(ip[2]) >> 16 & 0xff);
}

static __always_inline int read_error6(struct xdp_md *ctx, struct too_long *t, __u32 l3, __u32 l4)
{
	struct ipv6hdr *outer = octet_at(ctx, l3);
	__be32 *icmp = octet_at(ctx, l4);
	struct ipv6hdr *ip = octet_at(ctx, l4 + ERROR_HEADER);

	if ((void *)(outer + 1) > end_of(ctx) || (void *)(icmp + 2) > end_of(ctx) ||
	    (void *)(ip + 1) > end_of(ctx))
		return -1;
	if (*(__u8 *)icmp != 2 || *(__u8 *)ip >> 4 != 6 || is_martian6((__be32 *)outer + 2))
		return -1;
	t->length = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	t->mtu = bpf_ntohl(icmp[1]);
	if (t->mtu < MTU_MIN6)
		return -1;
	__builtin_memcpy(t->from, &outer->saddr, sizeof(t->from));
	__builtin_memcpy(t->to, &outer->daddr, sizeof(t->to));
	__builtin_memcpy(t->saddr, &ip->saddr, sizeof(t->saddr));
	__builtin_memcpy(t->key.addr, &ip->daddr, sizeof(t->key.addr));
	return read_tunnel(ctx, t, l4 + ERROR_HEADER + sizeof(*ip), ip->nexthdr);
}

/* Whether its checksum is right: else it is not what a router sent. */
static __always_inline int is_whole(struct xdp_md *ctx, __u32 l3, __u32 l4, int ipv6)
{
	const __be32 *ip = octet_at(ctx, l3);
	__u64 sum = 0;
	__u32 end;

	if ((void *)(ip + 5) > end_of(ctx))
		return 0;
	if (!ipv6)
		return is_sum_right(ctx, l4, l3 + (bpf_ntohl(ip[0]) & 0xffff), 0);
	if ((void *)(ip + 10) > end_of(ctx))
		return 0;
	end = l3 + sizeof(struct ipv6hdr) + (bpf_ntohl(ip[1]) >> 16);
	for (int i = 2; i < 10; i++)
		sum += ip[i];
	sum += bpf_htonl(end - l4);
	sum += bpf_htonl(IPPROTO_ICMPV6);
	return is_sum_right(ctx, l4, end, sum);
}

/* We could have sent it, by this path. */
static __always_inline int is_ours(const struct too_long *t, const struct xr_path *path)
{
	__be32 varies = bpf_htonl((1ULL << (path->source_bits & 31)) - 1);
	const __be32 *a = t->saddr, *b = path->saddr, *to = t->to;

	if ((a[0] ^ to[0]) | (a[1] ^ to[1]) | (a[2] ^ to[2]) | (a[3] ^ to[3]))
		return 0;
	if ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | ((a[3] ^ b[3]) & ~varies))
		return 0;
	return path->overhead && path->dport == t->key.dport && t->length > t->mtu &&
		(!path->mtu || t->length <= path->mtu);
}

/*
 * Of an ICMP or ICMPv6 message at l4, in a packet at l3. 1: something was
 * learned. At most one thing a second and far end.
 */
__noinline int learn_mtu(struct xdp_md *ctx, __u32 l3, __u32 l4, int ipv6)
{
	/* One key for two maps: room on the stack is what is short here. */
	__u32 key = 0, until = now_tick() + XR_MTU_AGE;
	struct too_long *t = bpf_map_lookup_elem(&too_longs, &key);
	struct xr_outer *o;
	struct xr_path *path;
	int i;

	if (!t || l3 > MAX_OFFSET / 2 || l4 > MAX_OFFSET / 2 || !is_to_one(ctx) ||
	    (ipv6 ? read_error6(ctx, t, l3, l4) : read_error4(ctx, t, l3, l4)))
		return 0;
	t->key.reserved = 0;
	o = bpf_map_lookup_elem(&outers, &t->key);
	if (!o || o->now.until == until)
		return 0;
	key = o->path;
	path = bpf_map_lookup_elem(&paths, &key);
	if (!path || !is_ours(t, path) || !is_whole(ctx, l3, l4, ipv6))
		return 0;
	o->now = (struct xr_outer_mtu){ .mtu = t->mtu, .until = until };
	path->mtu = t->mtu;
	forget_ready(key);
	for (i = 0; i < XR_ADDR_WORDS; i++)
		o->from[i] = t->from[i];
	return 1;
}

#endif
