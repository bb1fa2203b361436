/* SPDX-License-Identifier: GPL-2.0-only */
/* The way to a host, and the frame in hand onto it: tc's own forward.h. */
#ifndef XROAM_BPF_SKB_WAY_H
#define XROAM_BPF_SKB_WAY_H

#include "forward.h"
#include "nexthop.h"
#include "skb.h"

#define OUTER_MAX                                                                 \
	(sizeof(struct ethhdr) + sizeof(struct ipv6hdr) + sizeof(struct udphdr) + \
	 sizeof(struct vxlan_header))
#define TCP_DOFF 12 /* offset of the octet with TCP's header length */

/* How a frame gets to a host. */
struct way {
	struct xr_path *path;
	struct xr_nexthop *hop;
	__u32 ifindex;
	__u32 neighbour_dev; /* the kernel sends by it, and asks for the neighbour; 0: no need */
	__u32 grow;          /* octets of the outer header: the frame becomes longer by these */
};

/* ---- the way to a host ---- */

/* Global functions are verified once. */
__noinline int refresh_way(struct __sk_buff *skb, __u32 index)
{
	struct xr_nexthop *nh = bpf_map_lookup_elem(&nexthops, &index);

	if (!nh)
		return XR_R_NO_ROUTE;
	/* As if it came from there: where forwarding is on, if anywhere. */
	return refresh(skb, index, routed_by(nh) ?: skb->ifindex);
}

/*
 * A next hop that the kernel does not know, it asks for when it sends the frame
 * itself: nothing is lost. It can where the outer packet is IP's own kind.
 */
static __always_inline int find_hop(struct __sk_buff *skb, struct way *w, __u32 index)
{
	struct fib_query *q = fib_query_record();
	int answer;

	w->hop = bpf_map_lookup_elem(&nexthops, &index);
	if (!w->hop || !q)
		return XR_R_NO_ROUTE;
	if (likely(is_fresh(w->hop, now_tick())))
		return 0;
	answer = refresh_way(skb, index);
	if (answer & NEEDS_NEIGHBOUR && is_ip(skb) && w->path->method != XR_FORWARD_L2) {
		w->neighbour_dev = q->fib.ifindex;
		return 0;
	}
	answer &= NEEDS_NEIGHBOUR - 1;
	return answer == XR_R_FIB || answer == XR_R_FIB_STALE ? 0 : answer;
}

static __always_inline __u32 growth(const struct xr_path *path)
{
	__u32 ip = path->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);

	switch (path->method) {
	case XR_FORWARD_IPIP:
		return ip;
	case XR_FORWARD_GUE:
		return ip + sizeof(struct udphdr);
	case XR_FORWARD_VXLAN:
		return ip + sizeof(struct udphdr) + sizeof(struct vxlan_header) +
			sizeof(struct ethhdr);
	}
	return 0;
}

/*
 * The outer packet's length. Of a GSO frame that is its largest segment as it is: by
 * what the header grows, the payload shrinks (bpf_skb_adjust_room()). Such a frame is
 * TCP's: the kernel makes no room in others.
 */
static __always_inline __u32 outer_length(struct __sk_buff *skb, const struct way *w)
{
	__u32 at = sizeof(struct ethhdr) + sizeof(struct ipv6hdr);
	__u8 first = 0, doff = 0x50;

	if (likely(!skb->gso_size))
		return skb->len - sizeof(struct ethhdr) + w->grow;
	bpf_skb_load_bytes(skb, sizeof(struct ethhdr), &first, 1);
	if (first >> 4 == 4)
		at = sizeof(struct ethhdr) + (first & 15) * 4;
	bpf_skb_load_bytes(skb, at + TCP_DOFF, &doff, 1);
	return at - sizeof(struct ethhdr) + (doff >> 4) * 4 + skb->gso_size;
}

/* 0, or why the frame cannot go there. Changes nothing. */
static __always_inline int find_way(struct __sk_buff *skb, const struct xr_host *host,
				    struct way *w)
{
	__u32 index = host->path, mtu;
	int reason;

	w->path = bpf_map_lookup_elem(&paths, &index);
	if (!index || !w->path || is_double(skb))
		return XR_R_NO_ROUTE;
	w->grow = growth(w->path);
	if (w->path->method == XR_FORWARD_PORT) {
		w->ifindex = w->path->ifindex;
		return w->ifindex ? 0 : XR_R_NO_ROUTE;
	}
	/* The routed methods carry packets, not frames. */
	if (w->path->method != XR_FORWARD_VXLAN && !is_ip(skb))
		return XR_R_NO_ROUTE;
	reason = find_hop(skb, w, index);
	if (reason)
		return reason;
	w->ifindex = w->hop->ifindex;
	mtu = w->path->mtu;
	if (mtu && outer_length(skb, w) > mtu)
		return XR_R_TOO_BIG;
	return 0;
}

/* ---- onto it ---- */

static __always_inline __u64 room_flags(const struct xr_path *path)
{
	__u64 flags = path->ipv6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;

	if (path->method == XR_FORWARD_IPIP)
		return flags;
	flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	if (path->method == XR_FORWARD_VXLAN)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L2(sizeof(struct ethhdr)) |
			BPF_F_ADJ_ROOM_ENCAP_L2_ETH;
	return flags;
}

/*
 * Room for the outer header. For IP the kernel is told of the tunnel, so that
 * checksums left to the device and the segments of a GSO frame are right inside;
 * frames of other kinds have neither. *moved: the Ethernet header did not stay with
 * what it belongs to.
 */
static __always_inline int make_room(struct __sk_buff *skb, const struct way *w, int *moved)
{
	*moved = 1;
	if (is_ip(skb) && !bpf_skb_adjust_room(skb, w->grow, BPF_ADJ_ROOM_MAC, room_flags(w->path)))
		return 0;
	*moved = 0;
	if (w->path->method != XR_FORWARD_VXLAN || skb->gso_size)
		return XR_R_NO_ROOM;
	return bpf_skb_change_head(skb, w->grow, 0) ? XR_R_NO_ROOM : 0;
}

static __always_inline __u8 inner_tos(struct __sk_buff *skb)
{
	__u8 h[2] = {};

	if (!is_ip(skb) || bpf_skb_load_bytes(skb, sizeof(struct ethhdr), h, sizeof(h)))
		return 0;
	return h[0] >> 4 == 6 ? h[0] << 4 | h[1] >> 4 : h[1];
}

/*
 * Ethernet, IP, UDP, VXLAN: as many as the method has. The length. p: not parsed, but
 * with what forward.h's functions read of a packet; see put_on().
 */
static __always_inline __u32 build_outer(struct __sk_buff *skb, const struct way *w, __u8 *at,
					 const struct packet *p)
{
	const struct xr_path *path = w->path;
	struct outer o = {
		.ip_len = skb->len - sizeof(struct ethhdr),
		.frame = path->method == XR_FORWARD_VXLAN,
	};
	__u32 proto = IPPROTO_UDP, len = sizeof(struct ethhdr), ip;
	struct ethhdr *eth = (void *)at;

	if (path->method == XR_FORWARD_IPIP)
		proto = p->ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	__builtin_memcpy(eth, w->hop->dmac, 2 * ETH_ALEN);
	eth->h_proto = path->ipv6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	if (path->ipv6) {
		ip = sizeof(struct ipv6hdr);
		write_ipv6(at + len, path, p, &o, proto);
	} else {
		ip = sizeof(struct iphdr);
		write_ipv4(at + len, path, p, &o, proto);
	}
	if (path->method == XR_FORWARD_IPIP)
		return len + ip;
	write_udp(at + len + ip, path, p, &o, ip);
	len += ip + sizeof(struct udphdr);
	if (path->method == XR_FORWARD_VXLAN) {
		struct vxlan_header *v = (void *)(at + len);

		v->flags = bpf_htonl(VXLAN_HAS_VNI);
		v->vni = bpf_htonl(path->vni << 8);
		len += sizeof(*v);
	}
	return len;
}

static __always_inline int pop_tags(struct __sk_buff *skb)
{
	for (int i = 0; i <= MAX_TAGS; i++) {
		if (!skb->vlan_present && !is_vlan(skb->protocol))
			return 0;
		if (bpf_skb_vlan_pop(skb))
			return -1;
	}
	return -1;
}

/* 0: the frame in hand may leave by w->ifindex. */
static __always_inline int put_on(struct __sk_buff *skb, const struct way *w)
{
	struct packet *p = scratch_at(IN_HAND);
	__u8 room[OUTER_MAX + 2] __attribute__((aligned(8)));
	__u8 *outer = room + 2; /* aligns what follows the Ethernet header */
	struct ethhdr eth;
	int reason, moved = 0;
	__u32 len;

	if (!p)
		return XR_R_NO_ROOM;
	if (w->path->method == XR_FORWARD_PORT)
		return 0;
	if (!w->hop)
		return XR_R_NO_ROUTE; /* only for the verifier: find_way() found it */
	/* The VNI says which segment; tags would only hide it. */
	if (pop_tags(skb))
		return XR_R_NO_ROOM;
	if (w->path->method == XR_FORWARD_L2)
		return bpf_skb_store_bytes(skb, 0, w->hop->dmac, 2 * ETH_ALEN, 0) ? XR_R_NO_ROOM
										  : 0;
	__builtin_memset(p, 0, sizeof(*p));
	p->ports = bpf_get_hash_recalc(skb); /* for entropy_of() */
	p->tos = inner_tos(skb);
	p->ipv6 = skb->protocol == bpf_htons(ETH_P_IPV6);
	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return XR_R_NO_ROOM;
	reason = make_room(skb, w, &moved);
	if (reason)
		return reason;
	len = build_outer(skb, w, outer, p);
	if (len > OUTER_MAX || len < sizeof(eth) || bpf_skb_store_bytes(skb, 0, outer, len, 0))
		return XR_R_NO_ROOM;
	if (moved && w->path->method == XR_FORWARD_VXLAN)
		return bpf_skb_store_bytes(skb, len, &eth, sizeof(eth), 0) ? XR_R_NO_ROOM : 0;
	return 0;
}

/* The frame is ready: what the program returns for it. */
static __always_inline int leave(const struct way *w)
{
	if (unlikely(w->neighbour_dev))
		return bpf_redirect_neigh(w->neighbour_dev, NULL, 0, 0);
	return bpf_redirect(w->ifindex, 0);
}

#endif
