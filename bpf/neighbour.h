/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XDP cannot ask for a neighbour. The kernel does when it has a packet to
 * forward, so once a second one packet of a path whose next hop it does not know
 * is given to it as just that: a header addressed to the path's far end, with
 * nothing inside that anybody would answer. The packet itself is lost; without
 * its next hop it would be anyway.
 */
#ifndef XROAM_BPF_NEIGHBOUR_H
#define XROAM_BPF_NEIGHBOUR_H

#include "parse.h"

#define REQUEST_TTL 64
/* host unreachable: errors are never answered (RFC 1122 §3.2.2) */
#define REQUEST_ICMP   0x03010000
#define NO_NEXT_HEADER 59 /* RFC 8200 §4.7 */

/* The checksum of an IPv4 header without options, of which it is 0 so far. */
static __always_inline __u32 header_sum(const __be32 *w)
{
	__u64 sum = (__u64)w[0] + w[1] + w[2] + w[3] + w[4];

	/* Of five words: three folds will do. */
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(__u32)sum << 16;
}

/* The device that the route names, and that smac is of. */
static __always_inline __u32 routed_by(const struct xr_nexthop *nh)
{
	return nh->bridge ?: nh->ifindex;
}

/* Once a second and path, whichever CPU comes first. */
static __always_inline int may_request(struct xr_path *path)
{
	__u16 now = now_tick() + 1;

	if (path->asked == now)
		return 0;
	path->asked = now;
	return 1;
}

/*
 * The far end's own address is a source that the kernel's reverse path filter
 * accepts at the device which leads there, and that the far end itself drops.
 * Elsewhere the client's is accepted, as it came in here.
 */
static __always_inline void write_request4(__be32 *w, const struct xr_path *path, __be32 client)
{
	w[0] = bpf_htonl(0x45000000 | (sizeof(struct iphdr) + 8));
	w[1] = 0;
	w[2] = bpf_htonl(REQUEST_TTL << 24 | IPPROTO_ICMP << 16);
	w[3] = client ?: path->daddr[3];
	w[4] = path->daddr[3];
	w[2] |= header_sum(w);
	w[5] = bpf_htonl(REQUEST_ICMP | (__u16) ~(REQUEST_ICMP >> 16));
	w[6] = 0;
}

static __always_inline void write_request6(__be32 *w, const struct xr_path *path)
{
	w[0] = bpf_htonl(0x60000000);
	w[1] = bpf_htonl(NO_NEXT_HEADER << 8 | REQUEST_TTL);
	__builtin_memcpy(&w[2], path->daddr, sizeof(path->daddr));
	__builtin_memcpy(&w[6], path->daddr, sizeof(path->daddr));
}

/*
 * Turns the frame in hand, which came in by `in`, into the request; the reason.
 * home: the next hop is behind that device, too.
 */
static __always_inline int become_request(struct xdp_md *ctx, __u32 index, __u32 in, int home)
{
	struct xr_nexthop *nh = bpf_map_lookup_elem(&nexthops, &index);
	const struct xr_path *path = bpf_map_lookup_elem(&paths, &index);
	__u32 len = sizeof(struct ethhdr), *eth = data_of(ctx);
	__be32 client = 0;
	__be16 *proto;

	if (!nh || !path || (void *)eth + 34 > end_of(ctx))
		return XR_R_NO_NEIGHBOUR;
	proto = (void *)eth + 2 * ETH_ALEN;
	if (!home && *proto == bpf_htons(ETH_P_IP))
		__builtin_memcpy(&client, (void *)eth + 26, sizeof(client));
	len += path->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr) + 8;
	if (bpf_xdp_adjust_tail(ctx, (int)len - (int)bpf_xdp_get_buff_len(ctx)))
		return XR_R_NO_NEIGHBOUR;
	eth = data_of(ctx);
	proto = (void *)eth + 2 * ETH_ALEN;
	if ((void *)eth + sizeof(struct ethhdr) + 28 > end_of(ctx))
		return XR_R_NO_NEIGHBOUR;
	/* To this machine, as what is for a VM is not. */
	if (home && routed_by(nh) == in)
		__builtin_memcpy(eth, nh->smac, ETH_ALEN);
	if (!path->ipv6) {
		*proto = bpf_htons(ETH_P_IP);
		write_request4((void *)(proto + 1), path, client);
		return XR_R_ASKED;
	}
	if ((void *)eth + sizeof(struct ethhdr) + sizeof(struct ipv6hdr) > end_of(ctx))
		return XR_R_NO_NEIGHBOUR;
	*proto = bpf_htons(ETH_P_IPV6);
	write_request6((void *)(proto + 1), path);
	return XR_R_ASKED;
}

#endif
