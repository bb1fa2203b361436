/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commonest way, made ready: all that is in front of a plain IPv4 packet which
 * goes through an IPIP tunnel over IPv4, in one cache line per CPU and path. It is good for a
 * second at most. Then the general way (forward.h) asks for the next hop again, and
 * makes it ready anew; what fits none of this goes that way always.
 *
 * The line is all devices': which one a packet leaves by it tells, but whether
 * that is the one it came in by, each program has to see for itself.
 */
#ifndef XROAM_BPF_READY_H
#define XROAM_BPF_READY_H

#include "nexthop.h"
#include "tunnel_header.h"

#define READY_OVERHEAD sizeof(struct iphdr)

static __always_inline struct xr_ready *ready_for(__u32 path)
{
	return bpf_map_lookup_elem(&ready, &path);
}

static __always_inline int is_old(const struct xr_ready *r)
{
	return !r->mtu || is_past(r->until, now_tick());
}

/* For an IPv4 packet. */
static __always_inline int is_ready(const struct xr_ready *r, const struct packet *p)
{
	return p->l3 == sizeof(struct ethhdr) && p->ip_len + READY_OVERHEAD <= r->mtu &&
		!is_past(r->until, now_tick());
}

/* From now on the general way, until that has it ready again. */
static __always_inline void forget_ready(__u32 path)
{
	struct xr_ready *r = ready_for(path);

	if (r)
		r->mtu = 0;
}

static __always_inline __u64 fold16(__u64 sum)
{
	return (sum & 0xffff) + (sum >> 16);
}

/* Unless it is: where the path is such a one, and its next hop is known. */
__noinline int make_ready(__u32 index)
{
	struct xr_nexthop *nh = bpf_map_lookup_elem(&nexthops, &index);
	struct xr_path *path = bpf_map_lookup_elem(&paths, &index);
	struct xr_ready *r = ready_for(index);
	__u32 until = now_tick() + 1;
	__u64 sum;

	if (!nh || !path || !r || !is_old(r))
		return 0;
	r->mtu = 0;
	if (path->method != XR_FORWARD_IPIP || path->ipv6 || !nh->ifindex)
		return 0;
	copy_macs(r->macs, nh->dmac);
	r->ifindex = nh->ifindex;
	r->until = is_past(nh->until, until) ? nh->until : until;
	r->word[0] = bpf_htonl(0x45000000);
	/* Atomic, so the ID may be anything (RFC 6864). */
	r->word[1] = bpf_htonl(IP_DF);
	r->word[2] = bpf_htonl(OUTER_TTL << 24 | IPPROTO_IPIP << 16);
	r->word[3] = path->saddr[3];
	r->word[4] = path->daddr[3];
	r->source_mask = bpf_htonl((1ULL << (path->source_bits & 31)) - 1);
	sum = (__u64)r->word[1] + r->word[2] + r->word[3] + r->word[4];
	r->sum = fold16(fold16(fold16(sum)));
	r->mtu = path->mtu ?: 0xffff;
	return 0;
}

/* The outer header's words, from those that are the same for all packets. */
static __always_inline void write_ready(__be32 *w, const struct xr_ready *r, const struct packet *p)
{
	__be32 source = r->word[3];
	__u64 sum = r->sum;

	if (r->source_mask) {
		__be32 bits = bpf_htonl(entropy_of(p)) & r->source_mask;

		source |= bits;
		sum = fold16(fold16(sum + bits));
	}
	w[0] = r->word[0] | (__u32)p->tos << 8 | (__u32)bpf_htons(p->ip_len + READY_OVERHEAD) << 16;
	w[1] = r->word[1];
	w[2] = r->word[2] | ~(__u32)fold16(fold16(sum + w[0])) << 16;
	w[3] = source;
	w[4] = r->word[4];
}

#define NOT_READY (-1)

/* 0: sent, as forward() says; a reason; or NOT_READY, and nothing was touched. */
static __always_inline int send_ready(struct xdp_md *ctx, struct packet *p,
				      const struct xr_ready *r)
{
	void *data = data_of(ctx);
	struct iphdr *inner = data + sizeof(struct ethhdr);
	__be32 *outer;

	if ((void *)(inner + 1) > end_of(ctx) || inner->ttl <= 1)
		return NOT_READY;
	if (bpf_xdp_adjust_head(ctx, -(int)READY_OVERHEAD))
		return XR_R_NO_ROOM;
	data = data_of(ctx);
	outer = data + sizeof(struct ethhdr);
	inner = (void *)outer + READY_OVERHEAD;
	if ((void *)(inner + 1) > end_of(ctx))
		return XR_R_NO_ROOM;
	decrement_ipv4(inner);
	copy_macs(data, r->macs);
	*(__be16 *)(data + 2 * ETH_ALEN) = bpf_htons(ETH_P_IP);
	write_ready(outer, r, p);
	p->egress = egress_of(ctx, r->ifindex);
	p->sent = XDP_TX;
	if (p->egress != ingress_of(ctx))
		p->sent = bpf_redirect(p->egress, 0);
	return 0;
}

#endif
