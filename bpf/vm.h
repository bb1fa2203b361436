/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames and packets for VMs that have moved: on to the new host, by the VM's
 * MAC address or, where hosts are reached by IP, by its IP address.
 *
 * What the hot path does inline is VXLAN and PORT, for frames without a tag;
 * the rest is a call away.
 */
#ifndef XROAM_BPF_VM_H
#define XROAM_BPF_VM_H

#include "decap.h"
#include "echo.h"
#include "forward.h"
#include "guard.h"

/* A verdict and the action that goes with it, as one number. */
#define SENT_SHIFT 8

static __always_inline void trace_vm(__u32 place, __u32 host)
{
	struct xr_trace *t = trace_record();

	if (t) {
		t->vm = place + 1;
		t->host = host;
	}
}

static __always_inline void count_hit(struct xr_vm *vm, __u32 tick,
				      __u32 host, __u32 bytes)
{
	struct xr_counter *c = bpf_map_lookup_elem(&host_stats, &host);

	__sync_fetch_and_add(&vm->hits, 1);
	if (vm->last != tick)
		vm->last = tick;
	if (c)
		count(c, bytes);
}

/*
 * Octets of the whole frame. The length in the IP header tells, without a call,
 * whether some of it lies in further buffers.
 */
static __always_inline __u32 frame_octets(struct xdp_md *ctx, const void *ip,
					  __u32 l3, __be16 proto, __u32 bytes)
{
	const __be16 *w = ip;

	if (likely(proto == bpf_htons(ETH_P_IP))) {
		if (likely(ip + 20 <= end_of(ctx) &&
			   l3 + bpf_ntohs(w[1]) <= bytes))
			return bytes;
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		if (ip + 40 <= end_of(ctx) &&
		    l3 + 40 + bpf_ntohs(w[2]) <= bytes)
			return bytes;
	} else if (bytes < 1024) {
		return bytes;
	}
	return bpf_xdp_get_buff_len(ctx);
}

/* ---- too large ---- */

/* The packet in a frame that does not fit: told to its sender, as for backends. */
__noinline int frame_too_big(struct xdp_md *ctx, __u32 bytes, __u32 mtu)
{
	struct packet *p = scratch_packet();
	__be16 proto = 0;

	if (!p)
		return XR_R_TOO_BIG;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = bytes;
	if (parse_ethernet(ctx, p, &proto))
		return XR_R_TOO_BIG;
	if (proto == bpf_htons(ETH_P_IP)) {
		if (parse_ipv4(ctx, p))
			return XR_R_TOO_BIG;
	} else if (proto != bpf_htons(ETH_P_IPV6) || parse_ipv6(ctx, p)) {
		return XR_R_TOO_BIG;
	}
	return too_big(ctx, p, mtu);
}

/* ---- whole frames ---- */

/* The VNI stands for the segment: the VM's tag does not travel. */
__noinline int remove_tag(struct xdp_md *ctx)
{
	__u32 *to, *from = data_of(ctx), macs[3];

	if ((void *)(from + 4) > end_of(ctx))
		return -1;
	__builtin_memcpy(macs, from, sizeof(macs));
	if (bpf_xdp_adjust_head(ctx, sizeof(struct vlan_tag)))
		return -1;
	to = data_of(ctx);
	if ((void *)(to + 3) > end_of(ctx))
		return -1;
	__builtin_memcpy(to, macs, sizeof(macs));
	return 0;
}

/* What is known of a frame once its Ethernet header was read. */
struct frame {
	__u64 key;		/* VLAN, destination */
	__u32 l3;
	__u32 tag;		/* octets of tags before the packet */
	__be16 proto;
};

/*
 * Outside: DSCP and ECN of the packet inside, and a source port that is the same
 * for all of its flow.
 */
static __always_inline void flow_of(struct packet *p, const void *ip,
				    const void *end, __be16 proto)
{
	const __u8 *octets = ip;
	const __u32 *w = ip;

	if (likely(proto == bpf_htons(ETH_P_IP)) && ip + 24 <= end) {
		p->tos = octets[1];
		p->ports = w[3] ^ w[4];
		if (!(w[1] & bpf_htonl(IP_OFFSET_OR_MF)))
			p->ports ^= w[5];
	} else if (proto == bpf_htons(ETH_P_IPV6) && ip + 44 <= end) {
		p->tos = bpf_ntohl(w[0]) >> 20;
		p->ports = w[5] ^ w[9];
		if (tcp_or_udp(octets[6]))
			p->ports ^= w[10];
	}
}

/* p->tos and the flow are known; the frame has no tag any more. */
static __always_inline int wrap_frame(struct xdp_md *ctx, struct packet *p,
				      const struct xr_path *path,
				      const struct xr_nexthop *nh,
				      struct outer *o)
{
	__u32 egress = egress_of(ctx, nh), header;
	void *data, *end, *at;

	if (bpf_xdp_adjust_head(ctx, -(int)path->overhead))
		return XR_R_NO_ROOM;
	data = data_of(ctx);
	end = end_of(ctx);
	at = data + sizeof(struct ethhdr);
	if (path->ipv6) {
		header = sizeof(struct ipv6hdr);
		if (at + sizeof(struct ipv6hdr) + 16 > end)
			return XR_R_NO_ROOM;
		write_ethernet(data, end, nh, o->l2, bpf_htons(ETH_P_IPV6));
		write_ipv6(at, path, p, o, IPPROTO_UDP);
	} else {
		header = sizeof(struct iphdr);
		if (at + sizeof(struct iphdr) + 16 > end)
			return XR_R_NO_ROOM;
		write_ethernet(data, end, nh, o->l2, bpf_htons(ETH_P_IP));
		write_ipv4(at, path, p, o, IPPROTO_UDP);
	}
	write_udp(at + header, path, p, o, header);
	write_vxlan(at + header + sizeof(struct udphdr), path, p, o);
	p->sent = egress == ingress_of(ctx) ? XDP_TX : bpf_redirect(egress, 0);
	return 0;
}

/* 0 with the action in p->sent, or the reason why not. */
static __always_inline int send_by_vxlan(struct xdp_md *ctx, struct packet *p,
					 __u32 index, const struct frame *f,
					 __u32 tick)
{
	const struct xr_path *path = bpf_map_lookup_elem(&paths, &index);
	struct outer o = { .l2 = sizeof(struct ethhdr), .frame = 1 };
	struct xr_nexthop *nh;
	int reason;
	__u32 mtu;

	if (!path)
		return XR_R_NO_ROUTE;
	reason = find_nexthop_at(ctx, p, index, &nh, tick);
	if (reason)
		return reason;
	trace_way(index, egress_of(ctx, nh));
	/* The overhead counts one Ethernet header, and so do the octets. */
	o.ip_len = p->bytes - f->tag + path->overhead - sizeof(struct ethhdr);
	mtu = path->mtu ?: nh->mtu;
	if (unlikely(mtu && o.ip_len > mtu))
		return frame_too_big(ctx, p->bytes, mtu - path->overhead);
	flow_of(p, octet_at(ctx, f->l3), end_of(ctx), f->proto);
	if (unlikely(f->tag) && remove_tag(ctx))
		return XR_R_NO_ROOM;
	return wrap_frame(ctx, p, path, nh, &o);
}

static __always_inline int send_by_port(struct xdp_md *ctx, struct packet *p,
					__u32 index, __u32 tag)
{
	const struct xr_path *path = bpf_map_lookup_elem(&paths, &index);

	if (!path || !path->ifindex)
		return XR_R_NO_ROUTE;
	trace_way(index, path->ifindex);
	/* Where it is they sent it back, or never had it: no switch would. */
	if (unlikely(path->ifindex == ingress_of(ctx)))
		return XR_R_VM_LOOP;
	if (unlikely(path->mtu &&
		     p->bytes - tag - sizeof(struct ethhdr) > path->mtu))
		return frame_too_big(ctx, p->bytes, path->mtu);
	p->sent = bpf_redirect(path->ifindex, 0);
	return 0;
}

/* ---- packets ---- */

static __always_inline int parse_whole_ip(struct xdp_md *ctx, struct packet *p)
{
	__be16 proto = 0;
	int reason = parse_ethernet(ctx, p, &proto);

	if (reason)
		return reason;
	if (proto == bpf_htons(ETH_P_IP))
		return parse_ipv4(ctx, p);
	return proto == bpf_htons(ETH_P_IPV6) ? parse_ipv6(ctx, p) :
						XR_R_VM_HERE;
}

/* All that forward() needs to know of a packet; its ports are not a must. */
static __always_inline int parse_any_ip(struct xdp_md *ctx, struct packet *p)
{
	int reason = parse_whole_ip(ctx, p);

	if (!reason && tcp_or_udp(p->proto))
		parse_ports(ctx, p);
	return reason == XR_R_FRAGMENT || reason == XR_R_EXT_HEADERS ? 0 :
								       reason;
}

/*
 * By IPIP, GUE or to the next router; what is not IP stays. untag: the tag is
 * that of the VM's segment, which the way to its host is not in.
 */
__noinline int send_packet(struct xdp_md *ctx, __u32 index, int untag)
{
	struct packet *p = other_packet();
	int reason;

	if (!p)
		return XR_R_NO_ROUTE;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = ctx->data_end - ctx->data;
	p->sent = XDP_PASS;
	p->path = index;
	reason = parse_any_ip(ctx, p);
	forget();
	if (untag)
		p->vlans = 0;
	reason = reason ?: forward(ctx, p, 0);
	forget();
	return reason | p->sent << SENT_SHIFT;
}

/* ---- the stage ---- */

/* The host it is to be sent to; flags 0: it needs no redirection. */
static __always_inline struct xr_host way_of(struct xr_vm *vm, __u32 place,
					     __u32 tick, __u32 bytes,
					     __u32 *index)
{
	struct xr_host none = {}, host;
	union vm_word w = vm_now(vm);

	if (unlikely(w.now.state != XR_VM_MOVED ||
		     !vm_is_redirected(vm, w, tick))) {
		if (w.now.state < XR_VM_PREPARED)
			return none;
		vm_age(place, bytes);
		w = vm_now(vm);
		if (!vm_is_redirected(vm, w, tick))
			return none;
	}
	*index = w.now.host;
	host = host_get(w.now.host);
	trace_vm(place, w.now.host);
	return host.flags == XR_HOST_USED ? host : none;
}

/*
 * The redirect is off because its frames came back; what user space wrote into
 * the kernel's tables would send them round all the same, until it is taken away.
 */
__noinline int kernel_would_loop(__u32 place)
{
	const struct xr_vm_info *info = bpf_map_lookup_elem(&vm_info, &place);

	return info && info->kernel & (XR_KERNEL_FDB | XR_KERNEL_BRIDGE);
}

/* A frame for a VM that is known: the verdict's reason. */
static __always_inline int redirect_frame(struct xdp_md *ctx, struct packet *p,
					  const struct xr_hash_keys *keys,
					  const struct frame *f,
					  struct xr_vm *vm, __u32 place)
{
	__u32 tick = now_tick(), index = 0;
	struct xr_host host = way_of(vm, place, tick, p->bytes, &index);
	int reason;

	p->vm = place + 1;
	if (!host.flags)
		return unlikely(vm_now(vm).now.flags & XR_VM_LOOP) &&
				       kernel_would_loop(place) ?
			       XR_R_VM_LOOP :
			       XR_R_VM_HERE;
	if (is_familiar(vm, word_of(octet_at(ctx, f->l3), end_of(ctx),
				    f->proto), tick) &&
	    echo(ctx, place, f->l3))
		return XR_R_VM_LOOP;
	p->bytes = frame_octets(ctx, octet_at(ctx, f->l3), f->l3, f->proto,
				p->bytes);
	if (likely(host.method == XR_FORWARD_VXLAN)) {
		reason = send_by_vxlan(ctx, p, host.path, f, tick);
	} else if (host.method == XR_FORWARD_PORT) {
		reason = send_by_port(ctx, p, host.path, f->tag);
	} else {
		reason = send_packet(ctx, host.path, 1);
		p->sent = reason >> SENT_SHIFT;
		reason &= REASONS - 1;
	}
	if (reason)
		return reason;
	count_hit(vm, tick, index, p->bytes);
	return XR_R_MOVED;
}

/* 0, or why no VM is looked for. */
static __always_inline int parse_frame(struct xdp_md *ctx, struct packet *p,
				       struct frame *f)
{
	const void *frame = data_of(ctx), *end = end_of(ctx);

	if (frame + sizeof(struct ethhdr) > end)
		return XR_R_MALFORMED_L2;
	f->key = *(const __u64 *)frame & 0xffffffffffffULL;
	f->proto = *(const __be16 *)(frame + 2 * ETH_ALEN);
	f->l3 = sizeof(struct ethhdr);
	f->tag = 0;
	if (likely(f->proto == bpf_htons(ETH_P_IP)) || !is_vlan(f->proto))
		return 0;
	const struct vlan_tag *tag = frame + sizeof(struct ethhdr);

	if ((const void *)(tag + 1) > end)
		return XR_R_MALFORMED_L2;
	f->key |= (__u64)(bpf_ntohs(tag->tci) & 0xfff) << 48;
	f->proto = tag->next;
	f->tag = sizeof(*tag);
	f->l3 += sizeof(*tag);
	if (!is_vlan(f->proto))
		return 0;
	note(p, XR_R_QINQ);
	return XR_R_NOT_MOVED;
}

/* Whom a drop's event names. */
static __always_inline void blame(__u32 place)
{
	struct claim *c = the_claim();

	if (c)
		c->place = place;
}

static __always_inline __u32 blamed(void)
{
	struct claim *c = the_claim();

	return c ? c->place : 0;
}

/* ---- by address ---- */

static __always_inline int is_by_ip(struct xr_host host)
{
	return host.method != XR_FORWARD_VXLAN &&
	       host.method != XR_FORWARD_PORT;
}

/*
 * A packet whose address may be a VM's, once routed to here. The verdict and its
 * action, or 0 to go on.
 */
__noinline int redirect_by_ip(struct xdp_md *ctx, __u32 bytes)
{
	struct packet *p = other_packet();
	__u32 place, index = 0, tick = now_tick();
	struct xr_host host;
	struct xr_vm *vm;
	int sent;

	if (!p)
		return 0;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = bytes;
	if (parse_any_ip(ctx, p))
		return 0;
	forget();
	place = vm_of_addr(p->daddr);
	vm = place ? vm_at(place - 1) : NULL;
	if (!vm)
		return 0;
	blame(place);
	host = way_of(vm, place - 1, tick, bytes, &index);
	if (!host.flags || !is_by_ip(host))
		return knobs.vips ? 0 : XR_R_VM_HERE;

	if (is_familiar(vm, word_of(octet_at(ctx, p->l3), end_of(ctx),
				    p->ipv6 ? bpf_htons(ETH_P_IPV6) :
					      bpf_htons(ETH_P_IP)), tick) &&
	    echo(ctx, place - 1, p->l3))
		return XR_R_VM_LOOP;
	sent = send_packet(ctx, host.path, 0);
	if (sent & (REASONS - 1))
		return sent;
	count_hit(vm, tick, index, bytes);
	return sent | XR_R_MOVED_IP;
}

static __always_inline int may_be_by_ip(struct xdp_md *ctx,
					const struct frame *f,
					const struct xr_hash_keys *keys)
{
	const __be32 *ip = octet_at(ctx, f->l3), *end = end_of(ctx);
	__be32 addr[XR_ADDR_WORDS] = {};

	if (f->proto == bpf_htons(ETH_P_IP) && ip + 5 <= end) {
		addr[3] = ip[4];
		return addr_may_be_vm(keys, addr, 0);
	}
	if (f->proto != bpf_htons(ETH_P_IPV6) || ip + 10 > end)
		return 0;
	__builtin_memcpy(addr, ip + 6, sizeof(addr));
	return addr_may_be_vm(keys, addr, 1);
}

/* ---- out of tunnels ---- */

/* What is in the tunnel at hand, one per CPU. */
struct tunnelled {
	struct tunnel t;	/* IPIP, GUE */
	__u32 frame;		/* VXLAN: offset of the frame inside; or 0 */
	__u16 far, near;	/* hosts at its ends; 0: not one of ours */
	__u16 vlan;		/* of the VMs in their segment */
};

XR_PERCPU(tunnels, struct tunnelled, 1);

static __always_inline struct tunnelled *the_tunnel(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&tunnels, &zero);
}

static __always_inline __u32 tunnel_host(const __be32 *addr, __u32 vni)
{
	struct xr_tunnel_key key = { .vni = vni };
	__u32 *host;

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	host = bpf_map_lookup_elem(&tunnel_hosts, &key);
	return host ? *host : 0;
}

static __always_inline int find_ends(struct tunnelled *t,
				     const struct packet *p, __u32 vni)
{
	struct xr_host host;

	t->far = tunnel_host(p->saddr, vni);
	t->near = tunnel_host(p->daddr, vni);
	host = host_get(t->near);
	t->vlan = host.vlan ?: host_get(t->far).vlan;
	if (!(host.flags & XR_HOST_LOCAL))
		t->near = 0;
	/* What only passes by is not this machine's to judge. */
	return t->near || (t->far && !knobs.local) ? 0 : -1;
}

/* at: of the VXLAN header. */
static __always_inline int look_into_vxlan(struct xdp_md *ctx,
					   struct tunnelled *t,
					   const struct packet *p, __u32 at)
{
	const __be32 *vxlan = octet_at(ctx, at);

	if ((const void *)(vxlan + 2) > end_of(ctx) ||
	    !(vxlan[0] & bpf_htonl(VXLAN_HAS_VNI)))
		return -1;
	t->frame = at + 2 * sizeof(*vxlan);
	return find_ends(t, p, bpf_ntohl(vxlan[1]) >> 8);
}

/* 0: one between hosts of ours, or one of its ends is; see the_tunnel(). */
__noinline int look_into_tunnel(struct xdp_md *ctx, __u32 bytes)
{
	struct packet *p = other_packet();
	struct tunnelled *t = the_tunnel();
	struct udphdr *udp;

	if (!p || !t)
		return -1;
	__builtin_memset(p, 0, sizeof(*p));
	__builtin_memset(t, 0, sizeof(*t));
	p->bytes = bytes;
	if (parse_whole_ip(ctx, p))
		return -1;
	forget();
	udp = octet_at(ctx, p->l4);
	if (p->proto == IPPROTO_UDP && (void *)(udp + 1) <= end_of(ctx) &&
	    udp->dest == knobs.vxlan_port)
		return look_into_vxlan(ctx, t, p, p->l4 + sizeof(*udp));
	return parse_tunnel(ctx, p, &t->t, knobs.gue_port, 0) ?
		       -1 : find_ends(t, p, 0);
}

/*
 * Tunnelled to here, though it is somewhere else: never tunnelled again. Unless
 * it is on its way to this very machine: then this is what it will find here.
 */
static __always_inline int is_chained(__u32 place, __u32 bytes)
{
	struct xr_vm *vm = place ? vm_at(place - 1) : NULL;
	union vm_word w;
	__u32 index;

	if (!vm || !way_of(vm, place - 1, now_tick(), bytes, &index).flags)
		return 0;
	w = vm_now(vm);
	return !vm_under_way(w) ||
	       !(host_get(w.now.next).flags & XR_HOST_LOCAL);
}

/* What is inside goes on to the kernel's device. */
static __always_inline int leave_vxlan(struct xdp_md *ctx, struct packet *p,
				       const struct tunnelled *t)
{
	const __u16 *eth = octet_at(ctx, t->frame);
	__u32 place;
	__u64 key;

	if ((const void *)(eth + 7) > end_of(ctx))
		return 0;
	key = mac_of(eth);
	if (key & 1)
		return 0;
	place = vm_place(key | (__u64)t->vlan << 48);
	blame(place);
	return is_chained(place, p->bytes) ? XR_R_VM_CHAIN : 0;
}

/*
 * A VM that is coming, or came just now, has no route to it yet: in a frame with
 * its own MAC the tc program at this device knows its packets, and puts them into
 * its tap.
 */
static __always_inline int to_coming_vm(struct xdp_md *ctx, __u32 place)
{
	struct xr_vm *vm = vm_at(place);
	__u16 *eth = data_of(ctx);
	union vm_word w;
	__u32 host;

	if (!vm || (void *)(eth + 7) > end_of(ctx))
		return 0;
	w = vm_now(vm);
	host = vm_under_way(w) ? w.now.next : w.now.host;
	if (!vm->tap || !(host_get(host).flags & XR_HOST_LOCAL) ||
	    !(vm_under_way(w) || vm_is_redirected(vm, w, now_tick())))
		return 0;
	eth[0] = vm->key;
	eth[1] = vm->key >> 16;
	eth[2] = vm->key >> 32;
	return 0;
}

/*
 * A VM's packet by IPIP or GUE to this host: ends here, so that no device need.
 * Nobody else's: this is no open tunnel.
 */
static __always_inline int leave_ip_tunnel(struct xdp_md *ctx,
					   struct packet *p,
					   const struct tunnel *t)
{
	__be32 addr[XR_ADDR_WORDS] = { 0, 0, bpf_htonl(0xffff), 0 };
	__be32 *ip = octet_at(ctx, t->inner);
	__u32 place;

	if (check_inner(ctx, p, t))
		return 0;
	if (t->inner_ipv6) {
		if (ip + 10 > (__be32 *)end_of(ctx))
			return 0;
		__builtin_memcpy(addr, ip + 6, sizeof(addr));
	} else {
		if (ip + 5 > (__be32 *)end_of(ctx))
			return 0;
		addr[3] = ip[4];
	}
	place = vm_of_addr(addr);
	if (!place)
		return 0;
	blame(place);
	if (is_chained(place, p->bytes))
		return XR_R_VM_CHAIN;
	return strip(ctx, t) ?: to_coming_vm(ctx, place - 1) ?: (int)t->reason;
}

/* The tunnel at hand ends here. */
__noinline int leave_tunnel(struct xdp_md *ctx)
{
	struct packet *p = other_packet();
	struct tunnelled *t = the_tunnel();

	if (!p || !t)
		return 0;
	return t->frame ? leave_vxlan(ctx, p, t) :
			  leave_ip_tunnel(ctx, p, &t->t);
}

/* The verdict's reason, or 0 to go on. Keeps its own stack small. */
__noinline int serve_tunnel(struct xdp_md *ctx, __u32 bytes)
{
	struct tunnelled *t = the_tunnel();
	int reason;

	if (!t || look_into_tunnel(ctx, bytes))
		return 0;
	forget();
	if (t->frame) {
		reason = hear(ctx, t->frame, t->far ?: FAR_STRANGER, t->vlan);
		if (reason)
			return reason;
	}
	return t->near ? leave_tunnel(ctx) : 0;
}

/* At a glance; who looks closer is a call away. */
static __always_inline int may_be_tunnel(struct xdp_md *ctx,
					 const struct frame *f)
{
	const __u8 *ip = octet_at(ctx, f->l3);
	const __be16 *dport;
	__u32 proto;

	if (ip + 44 > (const __u8 *)end_of(ctx))
		return 0;
	if (likely(f->proto == bpf_htons(ETH_P_IP))) {
		proto = ip[9];
		dport = (const __be16 *)(ip + 22);
	} else if (f->proto == bpf_htons(ETH_P_IPV6)) {
		proto = ip[6];
		dport = (const __be16 *)(ip + 42);
	} else {
		return 0;
	}
	if (proto == IPPROTO_UDP)
		return *dport == knobs.vxlan_port || *dport == knobs.gue_port;
	return proto == IPPROTO_IPIP || proto == IPPROTO_IPV6;
}

/* ---- the stage ---- */

/* While VMs are expected or locked: an IPv4 packet only says its source's MAC. */
static __always_inline int may_say(struct xdp_md *ctx, const struct frame *f)
{
	const __u16 *eth = data_of(ctx);

	if ((const void *)(eth + 7) > end_of(ctx) ||
	    f->proto != bpf_htons(ETH_P_IP))
		return 1;
	return vm_place(mac_of(eth + 3) | (f->key & ~MAC_MASK)) != 0;
}

/* For explain: what is in the frame, whatever becomes of it. */
__noinline int trace_frame(struct xdp_md *ctx)
{
	struct packet *p = other_packet();

	if (!p)
		return 0;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = ctx->data_end - ctx->data;
	parse_any_ip(ctx, p);
	forget();
	trace_packet(p);
	return 0;
}

/* The verdict's reason; 0: for no VM, go on. */
static __always_inline int serve_frame(struct xdp_md *ctx, struct packet *p,
				       const struct xr_hash_keys *keys,
				       const struct frame *f)
{
	__u64 attention;
	struct xr_vm *vm;
	__u32 place;
	int reason;

	if (knobs.trace)
		trace_frame(ctx);
	attention = vm_attention();
	if (unlikely((attention && may_say(ctx, f)) ||
		     is_heard(ctx, f->l3, f->proto))) {
		reason = hear(ctx, 0, 0, 0);
		if (reason) {
			p->vm = blamed();
			return reason;
		}
	}
	/* What is addressed to many has no VM's address. */
	vm = find_vm_by(keys, f->key, &place);
	if (unlikely(vm))
		return redirect_frame(ctx, p, keys, f, vm, place);

	if ((knobs.local || knobs.by_ip) && unlikely(f->key & 1))
		return 0;
	if ((knobs.local || knobs.moves != XR_MOVES_EXPECTED || attention) &&
	    unlikely(may_be_tunnel(ctx, f))) {
		reason = serve_tunnel(ctx, p->bytes);
		if (reason) {
			p->vm = blamed();
			return reason;
		}
	}
	if (knobs.by_ip && unlikely(may_be_by_ip(ctx, f, keys))) {
		p->bytes = frame_octets(ctx, octet_at(ctx, f->l3), f->l3,
					f->proto, p->bytes);
		reason = redirect_by_ip(ctx, p->bytes);
		p->vm = blamed();
		p->sent = reason >> SENT_SHIFT;
		return reason & (REASONS - 1);
	}
	if (!knobs.vips)
		p->bytes = frame_octets(ctx, octet_at(ctx, f->l3), f->l3,
					f->proto, p->bytes);
	return 0;
}

/*
 * The way is written once and compiled twice: for IPv4 without a tag, where most
 * of it is constant, and for every other frame.
 */
static __always_inline int serve_vms(struct xdp_md *ctx, struct packet *p,
				     const struct xr_hash_keys *keys)
{
	const void *frame = data_of(ctx);
	const __u32 l3 = sizeof(struct ethhdr);
	struct frame any = {};
	int reason;

	if (likely(frame + l3 + WORD4 <= end_of(ctx)) &&
	    likely(*(const __be16 *)(frame + 2 * ETH_ALEN) ==
		   bpf_htons(ETH_P_IP))) {
		const struct frame plain = {
			.key = *(const __u64 *)frame & MAC_MASK,
			.l3 = l3,
			.proto = bpf_htons(ETH_P_IP),
		};

		return serve_frame(ctx, p, keys, &plain);
	}
	reason = parse_frame(ctx, p, &any);
	if (reason)
		return reason == XR_R_NOT_MOVED ? 0 : reason;
	return serve_frame(ctx, p, keys, &any);
}

/* ---- backends that are VMs ---- */

/* As send_packet(), of a whole frame that was built here, for the VM. */
__noinline int send_frame(struct xdp_md *ctx, __u32 place)
{
	struct packet *p = other_packet();
	struct xr_vm *vm = vm_at(place);
	struct frame f = {};
	struct xr_host host;
	__u16 *eth;
	int reason;

	if (!vm || !p)
		return 0;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = bpf_xdp_get_buff_len(ctx);
	host = host_get(vm_now(vm).now.host);
	eth = data_of(ctx);
	if (parse_frame(ctx, p, &f) || (void *)(eth + 7) > end_of(ctx))
		return 0;
	/* The first hop may have been a router: in its segment the VM is not. */
	eth[0] = vm->key;
	eth[1] = vm->key >> 16;
	eth[2] = vm->key >> 32;
	if (host.method == XR_FORWARD_VXLAN)
		reason = send_by_vxlan(ctx, p, host.path, &f, now_tick());
	else
		reason = send_by_port(ctx, p, host.path, f.tag);
	if (reason == XR_R_VM_LOOP)
		return XDP_TX << SENT_SHIFT;	/* client and VM behind one port */
	if (reason)
		return reason == XR_R_TOO_BIG_REPLY ? XR_R_TOO_BIG : reason;
	return p->sent << SENT_SHIFT;
}

/*
 * The packet built for a backend, on to where its VM is now. 0: it goes as it
 * was built.
 */
__noinline int follow(struct xdp_md *ctx, __u32 backend)
{
	__u32 place = backend_vm_place(backend), index = 0, tick = now_tick();
	struct xr_vm *vm = place ? vm_at(place - 1) : NULL;
	__u32 bytes = ctx->data_end - ctx->data;
	struct xr_host host;
	int sent;

	if (!vm)
		return 0;
	host = way_of(vm, place - 1, tick, bytes, &index);
	if (!host.flags)
		return 0;
	sent = is_by_ip(host) ? send_packet(ctx, host.path, 0) :
				send_frame(ctx, place - 1);
	if (!(sent & (REASONS - 1)))
		count_hit(vm, tick, index, bytes);
	return sent;
}

static __always_inline int follow_vm(struct xdp_md *ctx, struct packet *p)
{
	int sent = follow(ctx, p->backend);

	if (sent >> SENT_SHIFT)
		p->sent = sent >> SENT_SHIFT;
	return sent & (REASONS - 1);
}

#endif
