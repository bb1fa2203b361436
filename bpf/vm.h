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
					 __u32 index, __u32 tag)
{
	const struct xr_path *path = bpf_map_lookup_elem(&paths, &index);
	struct outer o = { .l2 = sizeof(struct ethhdr), .frame = 1 };
	struct xr_nexthop *nh;
	int reason;
	__u32 mtu;

	if (!path)
		return XR_R_NO_ROUTE;
	reason = find_nexthop(ctx, p, index, &nh);
	if (reason)
		return reason;
	trace_way(index, egress_of(ctx, nh));
	/* The overhead counts one Ethernet header, and so do the octets. */
	o.ip_len = p->bytes - tag + path->overhead - sizeof(struct ethhdr);
	mtu = path->mtu ?: nh->mtu;
	if (unlikely(mtu && o.ip_len > mtu))
		return frame_too_big(ctx, p->bytes, mtu - path->overhead);
	if (unlikely(tag) && remove_tag(ctx))
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

/* All that forward() needs to know of a packet; its ports are not a must. */
static __always_inline int parse_any_ip(struct xdp_md *ctx, struct packet *p)
{
	__be16 proto = 0;
	int reason = parse_ethernet(ctx, p, &proto);

	if (reason)
		return reason;
	if (proto == bpf_htons(ETH_P_IP)) {
		reason = parse_ipv4(ctx, p);
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		reason = parse_ipv6(ctx, p);
	} else {
		return XR_R_VM_HERE;
	}
	if (!reason && tcp_or_udp(p->proto))
		parse_ports(ctx, p);
	return reason == XR_R_FRAGMENT || reason == XR_R_EXT_HEADERS ? 0 :
								       reason;
}

/* By IPIP, GUE or to the next router; what is not IP stays. */
__noinline int send_packet(struct xdp_md *ctx, __u32 index)
{
	struct packet *p = scratch_packet();
	int reason;

	if (!p)
		return XR_R_NO_ROUTE;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = ctx->data_end - ctx->data;
	p->sent = XDP_PASS;
	p->path = index;
	reason = parse_any_ip(ctx, p);
	forget();
	trace_packet(p);
	reason = reason ?: forward(ctx, p);
	forget();
	return reason | p->sent << SENT_SHIFT;
}

/* ---- the stage ---- */

/* Deadline or ttl are over: the word says so from now on. Global: rare. */
__noinline int vm_age(__u32 place, __u32 bytes)
{
	struct xr_vm *vm = vm_at(place);
	struct packet p = { .bytes = bytes };
	__u32 tick = now_tick();
	struct vm_news *n = news();
	union vm_word w, to;

	if (!vm || !n)
		return 0;
	w = vm_settle(vm, place, tick, bytes);
	if (w.now.state != XR_VM_MOVED || vm_is_redirected(vm, w, tick) ||
	    w.now.flags & XR_VM_LOOP || !vm->ttl)
		return 0;
	to = w;
	to.now.state = XR_VM_STABLE;
	if (!vm_exchange(vm, w, to))
		return 0;
	note(&p, XR_R_MOVE_EXPIRED);
	__builtin_memset(n, 0, sizeof(*n));
	n->from = w.now.host;
	return tell(XR_R_MOVE_EXPIRED, place + 1);
}

/* The host it is to be sent to; flags 0: it needs no redirection. */
static __always_inline struct xr_host way_of(struct xr_vm *vm, __u32 place,
					     __u32 tick, const struct packet *p,
					     __u32 *index)
{
	struct xr_host none = {}, host;
	union vm_word w = vm_now(vm);

	if (unlikely(w.now.state != XR_VM_MOVED ||
		     !vm_is_redirected(vm, w, tick))) {
		if (w.now.state < XR_VM_PREPARED)
			return none;
		vm_age(place, p->bytes);
		w = vm_now(vm);
		if (!vm_is_redirected(vm, w, tick))
			return none;
	}
	*index = w.now.host;
	host = host_get(w.now.host);
	trace_vm(place, w.now.host);
	return host.flags == XR_HOST_USED ? host : none;
}

/* What is known of a frame once its Ethernet header was read. */
struct frame {
	__u64 key;		/* VLAN, destination */
	__u32 l3;
	__u32 tag;		/* octets of tags before the packet */
	__be16 proto;
};

/* A frame for a VM that is known: the verdict's reason. */
static __always_inline int redirect_frame(struct xdp_md *ctx, struct packet *p,
					  const struct frame *f,
					  struct xr_vm *vm, __u32 place)
{
	__u32 tick = now_tick(), index = 0;
	const struct xr_hash_keys *keys = vm_keys();
	struct xr_host host = way_of(vm, place, tick, p, &index);
	void *frame = data_of(ctx), *end = end_of(ctx);
	struct looks l;
	int reason;

	if (!host.flags || !keys || frame + sizeof(struct ethhdr) > end)
		return XR_R_VM_HERE;
	l = looks_of(frame, octet(frame, f->l3), end, f->proto, keys);
	if (looks_familiar(vm, l.print, tick) && echo(ctx, place, f->l3))
		return XR_R_VM_LOOP;
	p->tos = l.tos;
	p->ports = l.flow;
	p->bytes = frame_octets(ctx, octet_at(ctx, f->l3), f->l3, f->proto,
				p->bytes);
	if (likely(host.method == XR_FORWARD_VXLAN)) {
		reason = send_by_vxlan(ctx, p, host.path, f->tag);
	} else if (host.method == XR_FORWARD_PORT) {
		reason = send_by_port(ctx, p, host.path, f->tag);
	} else {
		reason = send_packet(ctx, host.path);
		p->sent = reason >> SENT_SHIFT;
		reason &= (1 << SENT_SHIFT) - 1;
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
	if (likely(!is_vlan(f->proto)))
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

/* The verdict's reason; 0: for no VM, go on. */
static __always_inline int serve_vms(struct xdp_md *ctx, struct packet *p)
{
	struct frame f = {};
	struct xr_vm *vm;
	__u32 place;
	int reason;

	reason = parse_frame(ctx, p, &f);
	if (unlikely(reason))
		return reason == XR_R_NOT_MOVED ? 0 : reason;
	if (unlikely(is_heard(ctx, f.l3, f.proto))) {
		reason = hear(ctx, 0, 0, 0);
		if (reason)
			return reason;
	}
	if (unlikely(f.key & 1))
		return 0;	/* to many */
	vm = find_vm(f.key, &place);
	if (likely(!vm))
		return 0;
	return redirect_frame(ctx, p, &f, vm, place);
}

#endif
