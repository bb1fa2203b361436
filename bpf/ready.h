/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commonest way, made ready: all that is in front of a packet which goes through an
 * IPIP tunnel, but for its VLAN tag, in one cache line per CPU and path. It is good for a
 * second at most. Then the general way (forward.h) asks for the next hop again, and makes it
 * ready anew; what fits none of this goes that way always.
 *
 * The line is all devices': which one a packet leaves by it tells, but whether
 * that is the one it came in by, each program has to see for itself.
 */
#ifndef XROAM_BPF_READY_H
#define XROAM_BPF_READY_H

#include "nexthop.h"
#include "tunnel_header.h"

static __always_inline struct xr_ready *ready_for(__u32 path)
{
	return bpf_map_lookup_elem(&ready, &path);
}

static __always_inline int is_old(const struct xr_ready *r)
{
	return !(r->mtu | r->mtu6) || is_past(r->until, now_tick());
}

static __always_inline int is_ready(const struct xr_ready *r, const struct packet *p)
{
	return p->vlans <= 1 && !is_past(r->until, now_tick());
}

/* From now on the general way, until that has it ready again. */
static __always_inline void forget_ready(__u32 path)
{
	struct xr_ready *r = ready_for(path);

	if (r)
		r->mtu = r->mtu6 = 0;
}

static __always_inline __u64 fold16(__u64 sum)
{
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline void ready_ipv4(struct xr_ready *r, const struct xr_path *path)
{
	__u64 sum;

	r->word[0] = bpf_htonl(0x45000000);
	/* Atomic, so the ID may be anything (RFC 6864). */
	r->word[1] = bpf_htonl(IP_DF);
	r->word[2] = bpf_htonl(OUTER_TTL << 24 | IPPROTO_IPIP << 16);
	r->word[3] = path->saddr[3];
	r->word[4] = path->daddr[3];
	sum = (__u64)r->word[1] + r->word[2] + r->word[3] + r->word[4];
	r->sum = fold16(fold16(fold16(sum)));
	r->mtu = path->mtu ?: 0xffff;
}

static __always_inline void ready_ipv6(struct xr_ready *r, const struct xr_path *path)
{
	__builtin_memcpy(r->saddr, path->saddr, sizeof(r->saddr));
	__builtin_memcpy(r->daddr, path->daddr, sizeof(r->daddr));
	r->mtu6 = path->mtu ?: 0xffff;
}

/* Unless it is: where the path is such a one, and its next hop is known. */
__noinline int make_ready(__u32 index)
{
	struct xr_nexthop *nh = bpf_map_lookup_elem(&nexthops, &index);
	struct xr_path *path = bpf_map_lookup_elem(&paths, &index);
	struct xr_ready *r = ready_for(index);
	__u32 until = now_tick() + 1;

	if (!nh || !path || !r || !is_old(r))
		return 0;
	r->mtu = r->mtu6 = 0;
	if (path->method != XR_FORWARD_IPIP || !nh->ifindex)
		return 0;
	copy_macs(r->macs, nh->dmac);
	r->ifindex = nh->ifindex;
	r->until = is_past(nh->until, until) ? nh->until : until;
	r->source_mask = bpf_htonl((1ULL << (path->source_bits & 31)) - 1);
	if (path->ipv6)
		ready_ipv6(r, path);
	else
		ready_ipv4(r, path);
	return 0;
}

/* The outer header's words, from those that are the same for all packets. */
static __always_inline void write_ready_ipv4(__be32 *w, const struct xr_ready *r,
					     const struct packet *p)
{
	/* word[2] has it of an IPv4 packet. */
	__be32 proto = p->ipv6 ? bpf_htonl((IPPROTO_IPV6 - IPPROTO_IPIP) << 16) : 0;
	__be32 source = r->word[3];
	__u64 sum = (__u64)r->sum + proto;

	if (r->source_mask) {
		__be32 bits = bpf_htonl(entropy_of(p)) & r->source_mask;

		source |= bits;
		sum = fold16(fold16(sum + bits));
	}
	w[0] = r->word[0] | (__u32)p->tos << 8 |
		(__u32)bpf_htons(p->ip_len + sizeof(struct iphdr)) << 16;
	w[1] = r->word[1];
	w[2] = (r->word[2] + proto) | ~(__u32)fold16(fold16(sum + w[0])) << 16;
	w[3] = source;
	w[4] = r->word[4];
}

static __always_inline void write_ready_ipv6(__be32 *w, const struct xr_ready *r,
					     const struct packet *p)
{
	__u32 proto = p->ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	__be32 bits = bpf_htonl(entropy_of(p)) & r->source_mask;

	write_ipv6_words(w, p->tos, entropy_of(p) & 0xfffff, p->ip_len, proto);
	__builtin_memcpy(&w[2], r->saddr, sizeof(r->saddr));
	w[5] |= bits;
	__builtin_memcpy(&w[6], r->daddr, sizeof(r->daddr));
}

/* 1: it has one less; 0: none to spare, or it is cut off. */
static __always_inline int take_hop(struct xdp_md *ctx, const struct packet *p)
{
	void *ip = octet_at(ctx, p->l3);

	if (p->ipv6) {
		struct ipv6hdr *six = ip;

		if ((void *)(six + 1) > end_of(ctx) || six->hop_limit <= 1)
			return 0;
		six->hop_limit--;
	} else {
		struct iphdr *four = ip;

		if ((void *)(four + 1) > end_of(ctx) || four->ttl <= 1)
			return 0;
		decrement_ipv4(four);
	}
	return 1;
}

/* With its EtherType; never 0 where there is one. */
static __always_inline __u32 first_tag(struct xdp_md *ctx)
{
	const __u32 *tag = data_of(ctx) + 2 * ETH_ALEN;

	return (const void *)(tag + 1) > end_of(ctx) ? 0 : *tag;
}

#define NOT_READY (-1)

/* The tag that a frame came with stays when it leaves by the same device. */
static __always_inline int send_with(struct xdp_md *ctx, struct packet *p, const struct xr_ready *r,
				     __u32 overhead)
{
	__be16 outer = overhead == sizeof(struct ipv6hdr) ? bpf_htons(ETH_P_IPV6)
							  : bpf_htons(ETH_P_IP);
	int longer = overhead;
	__u32 tag = 0;
	void *data;

	if (!take_hop(ctx, p))
		return NOT_READY;
	if (p->vlans && egress_of(ctx, r->ifindex) == ingress_of(ctx))
		tag = first_tag(ctx);
	else if (p->vlans)
		longer -= sizeof(tag);
	if (rarely(bpf_xdp_adjust_head(ctx, -longer)))
		return XR_R_NO_ROOM;
	data = data_of(ctx);
	if (rarely(data + sizeof(struct ethhdr) + sizeof(tag) + overhead > end_of(ctx)))
		return XR_R_NO_ROOM;
	copy_macs(data, r->macs);
	if (tag) {
		*(__u32 *)(data + 2 * ETH_ALEN) = tag;
		data += sizeof(tag);
	}
	*(__be16 *)(data + 2 * ETH_ALEN) = outer;
	data += sizeof(struct ethhdr);
	if (overhead == sizeof(struct ipv6hdr))
		write_ready_ipv6(data, r, p);
	else
		write_ready_ipv4(data, r, p);
	p->egress = egress_of(ctx, r->ifindex);
	p->sent = XDP_TX;
	if (p->egress != ingress_of(ctx))
		p->sent = bpf_redirect(p->egress, 0);
	return 0;
}

/* 0: sent, as forward() says; a reason; or NOT_READY, and nothing was touched. */
static __always_inline int send_ready(struct xdp_md *ctx, struct packet *p,
				      const struct xr_ready *r)
{
	if (p->ip_len + sizeof(struct iphdr) <= r->mtu)
		return send_with(ctx, p, r, sizeof(struct iphdr));
	if (p->ip_len + sizeof(struct ipv6hdr) <= r->mtu6)
		return send_with(ctx, p, r, sizeof(struct ipv6hdr));
	return NOT_READY;
}

#endif
