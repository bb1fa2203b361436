/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way to a backend: outer header, next hop, out of this device or another.
 * Inside a tunnel the client's packet is as it came, but for its TTL (RFC 2003
 * §3.1). DSCP and ECN are copied outside (RFC 2983, RFC 6040).
 */
#ifndef XROAM_BPF_FORWARD_H
#define XROAM_BPF_FORWARD_H

#include "nexthop.h"
#include "parse.h"
#include "ready.h"
#include "too_big.h"
#include "tunnel_header.h"
#include "vm_state.h"

/* Everything about the outer header that is known before it is written. */
struct outer {
	__u32 l2;     /* length of the Ethernet header and tags kept */
	__u32 ip_len; /* of the outer packet */
	__u32 frame;  /* 1: VXLAN round a frame that has its own MACs: a relay */
};

static __always_inline int decrement_ttl(struct xdp_md *ctx, const struct packet *p)
{
	void *ip = octet_at(ctx, p->l3);

	if (p->ipv6) {
		struct ipv6hdr *six = ip;

		if ((void *)(six + 1) > end_of(ctx))
			return XR_R_MALFORMED_IP;
		if (six->hop_limit <= 1)
			return XR_R_TTL_EXPIRED;
		six->hop_limit--;
	} else {
		struct iphdr *four = ip;

		if ((void *)(four + 1) > end_of(ctx))
			return XR_R_MALFORMED_IP;
		if (four->ttl <= 1)
			return XR_R_TTL_EXPIRED;
		decrement_ipv4(four);
	}
	return 0;
}

static __always_inline void write_ipv4(void *at, const struct xr_path *path, const struct packet *p,
				       const struct outer *o, __u32 proto)
{
	__be32 *w = at;

	w[0] = bpf_htonl(0x45000000 | p->tos << 16 | o->ip_len);
	/* Atomic, so the ID may be anything (RFC 6864). */
	w[1] = bpf_htonl((o->frame ? RELAY_ID << 16 : 0) | IP_DF);
	w[2] = bpf_htonl(OUTER_TTL << 24 | proto << 16);
	w[3] = path->saddr[3];
	if (path->source_bits)
		w[3] |= bpf_htonl(entropy_of(p) & ((1ULL << (path->source_bits & 31)) - 1));
	w[4] = path->daddr[3];
	w[2] |= header_sum(w);
}

static __always_inline void write_ipv6(void *at, const struct xr_path *path, const struct packet *p,
				       const struct outer *o, __u32 proto)
{
	__be32 *w = at;
	__be32 mask = bpf_htonl((1ULL << (path->source_bits & 31)) - 1);
	__u32 label = entropy_of(p) & 0xfffff;

	if (o->frame)
		label = RELAY_LABEL | (label & ~RELAY_LABEL_MASK);
	/* RFC 6438: the flow label carries the entropy. */
	write_ipv6_words(w, p->tos, label, o->ip_len - sizeof(struct ipv6hdr), proto);
	__builtin_memcpy(&w[2], path->saddr, sizeof(path->saddr));
	w[5] |= bpf_htonl(entropy_of(p)) & mask;
	__builtin_memcpy(&w[6], path->daddr, sizeof(path->daddr));
}

/*
 * The checksum is zero: allowed over IPv4, and for tunnels over IPv6 (RFC
 * 6935); what is inside has its own.
 */
static __always_inline void write_udp(void *at, const struct xr_path *path, const struct packet *p,
				      const struct outer *o, __u32 ip_header)
{
	struct udphdr *udp = at;
	__u32 port = PORT_ENTROPY | (entropy_of(p) & 0x3fff);

	if (o->frame)
		port = RELAY_PORT | (port & RELAY_PORT_BITS);
	udp->source = bpf_htons(port);
	udp->dest = path->dport;
	udp->len = bpf_htons(o->ip_len - ip_header);
	udp->check = 0;
}

_Static_assert(__builtin_offsetof(struct xr_path, inner_dmac) % 8 == 0, "copy_macs()");

static __always_inline void write_vxlan(void *at, const struct xr_path *path,
					const struct packet *p, const struct outer *o)
{
	struct vxlan_header *v = at;
	struct ethhdr *eth = (void *)(v + 1);

	v->flags = bpf_htonl(VXLAN_HAS_VNI);
	v->vni = bpf_htonl(path->vni << 8);
	if (o->frame)
		return;
	copy_macs(eth, path->inner_dmac);
	eth->h_proto = p->ipv6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
}

/* Writes everything after the Ethernet header; at has path->overhead octets. */
static __always_inline int write_outer(void *at, const void *end, const struct xr_path *path,
				       const struct packet *p, const struct outer *o)
{
	__u32 proto = IPPROTO_UDP, header;

	if (path->method == XR_FORWARD_IPIP)
		proto = p->ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	if (path->ipv6) {
		header = sizeof(struct ipv6hdr);
		if (at + header > end)
			return XR_R_NO_ROOM;
		write_ipv6(at, path, p, o, proto);
	} else {
		header = sizeof(struct iphdr);
		if (at + header > end)
			return XR_R_NO_ROOM;
		write_ipv4(at, path, p, o, proto);
	}
	if (path->method == XR_FORWARD_IPIP)
		return 0;

	at += header;
	if (at + sizeof(struct udphdr) > end)
		return XR_R_NO_ROOM;
	write_udp(at, path, p, o, header);
	if (path->method == XR_FORWARD_GUE)
		return 0;

	at += sizeof(struct udphdr);
	if (at + sizeof(struct vxlan_header) + sizeof(struct ethhdr) > end)
		return XR_R_NO_ROOM;
	write_vxlan(at, path, p, o);
	return 0;
}

/*
 * The tags a frame came with stay when it leaves by the same device: copies
 * count of them from where they are now, `from` octets behind their new place.
 * Rare, and global, so that the verifier walks on once.
 */
__noinline int keep_tags(struct xdp_md *ctx, __u32 from, __u32 count)
{
	__u32 *to = data_of(ctx) + 2 * ETH_ALEN;
	__u32 *tag = octet_at(ctx, from + 2 * ETH_ALEN);

	if ((void *)(to + 2) > end_of(ctx) || (void *)(tag + 2) > end_of(ctx))
		return XR_R_NO_ROOM;
	to[0] = tag[0];
	if (count > 1)
		to[1] = tag[1];
	return 0;
}

/* l2: the header's length, tags included. */
static __always_inline int write_ethernet(void *data, const void *end, const struct xr_nexthop *nh,
					  __u32 l2, __be16 proto)
{
	__be16 *type = octet(data, l2 - sizeof(*type));

	if (data + sizeof(struct ethhdr) > end || (void *)(type + 1) > end)
		return XR_R_NO_ROOM;
	copy_macs(data, nh->dmac);
	*type = proto;
	return 0;
}

/*
 * A frame that already has the address which l2 would write: the switch did not
 * know it and flooded the frame, and sent on it would be flooded again, back and
 * forth between two nodes until its TTL is used up.
 */
__noinline int is_flooded(struct xdp_md *ctx, __u32 index)
{
	struct xr_nexthop *nh = bpf_map_lookup_elem(&nexthops, &index);
	const __u64 *to = data_of(ctx);

	return nh && (void *)(to + 1) <= end_of(ctx) && !((*to ^ *(const __u64 *)nh->dmac) << 16);
}

_Static_assert(XDP_REDIRECT == XDP_TX + 1, "forward() computes the action");

static __always_inline void trace_way(__u32 path, __u32 ifindex, __u32 flags)
{
	struct xr_trace *t = trace_record();

	if (t) {
		t->path = path;
		t->ifindex = ifindex;
		t->flags |= flags;
	}
}

/*
 * A backend that is a VM has moved: its packets get another header, for which
 * there must be room. Returns what the first one's path takes then.
 */
__noinline __u32 mtu_to_vm(__u32 backend, __u32 mtu)
{
	struct xr_vm *vm = backend_vm(backend);
	struct xr_path *path;
	struct xr_host host;
	__u32 second;

	if (!vm || !vm_is_redirected(vm, vm_now(vm), now_tick()))
		return mtu;
	host = host_get(vm_now(vm).now.host);
	path = bpf_map_lookup_elem(&paths, &host.path);
	if (!path || host.flags != XR_HOST_USED)
		return mtu;
	second = path->mtu;
	if (!second || second < path->overhead)
		return mtu;
	second -= path->overhead;
	return mtu && mtu < second ? mtu : second;
}

/*
 * Sends the packet by the path of its backend. Returns 0 with the XDP action in p->sent, or the
 * reason why not. tied: to p->backend, which is a VM.
 */
static __always_inline int forward(struct xdp_md *ctx, struct packet *p, __u32 tied)
{
	__u32 index = backend_of(p).path, mtu;
	struct xr_ready *r = ready_for(index);
	struct xr_nexthop *nh;
	struct xr_path *path;
	__u32 hairpin, egress;
	void *data, *end;
	struct outer o = {};
	int reason, ipv6;

	if (r && !tied && is_ready(r, p)) {
		reason = send_ready(ctx, p, r);
		if (likely(reason != NOT_READY)) {
			trace_way(index, p->egress, XR_TRACE_CACHED);
			return reason;
		}
	}
	path = bpf_map_lookup_elem(&paths, &index);
	if (!path)
		return XR_R_NO_ROUTE;
	reason = find_nexthop(ctx, p, index, &nh);
	if (reason)
		return reason;
	if (path->method == XR_FORWARD_IPIP)
		make_ready(index);
	egress = egress_of(ctx, nh->ifindex);
	trace_way(index, egress, 0);
	p->egress = egress;
	if (unlikely(!path->overhead) && is_flooded(ctx, index))
		return XR_R_FLOODED;

	o.ip_len = p->ip_len + path->overhead;
	mtu = path->mtu;
	if (unlikely(tied))
		mtu = mtu_to_vm(p->backend, mtu);
	if (unlikely(mtu && o.ip_len > mtu))
		return too_big(ctx, p, mtu - path->overhead);

	hairpin = is_zero(egress ^ ingress_of(ctx));
	p->sent = XDP_REDIRECT - hairpin;
	o.l2 = sizeof(struct ethhdr) + hairpin * p->vlans * 4;
	reason = decrement_ttl(ctx, p);
	if (reason)
		return reason;
	if (bpf_xdp_adjust_head(ctx, (int)p->l3 - (int)(o.l2 + path->overhead)))
		return XR_R_NO_ROOM;

	if (unlikely(o.l2 > sizeof(struct ethhdr)))
		keep_tags(ctx, path->overhead, p->vlans);
	data = data_of(ctx);
	end = end_of(ctx);
	ipv6 = path->overhead ? path->ipv6 : p->ipv6;
	reason = write_ethernet(data, end, nh, o.l2,
				ipv6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP));
	if (!reason && path->overhead)
		reason = write_outer(octet(data, o.l2), end, path, p, &o);
	if (reason)
		return reason;
	if (p->sent == XDP_REDIRECT)
		p->sent = bpf_redirect(egress, 0);
	return 0;
}

#endif
