/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames and packets for VMs that have moved: on to the new host, by the VM's
 * MAC address or, where hosts are reached by IP, by its IP address.
 *
 * What the hot path does inline is VXLAN and PORT, for frames without a tag;
 * the rest is a call away.
 */
#ifndef XROAM_BPF_VM_REDIRECT_H
#define XROAM_BPF_VM_REDIRECT_H

#include "bounds.h"
#include "echo.h"
#include "forward.h"
#include "guard.h"

static __always_inline void trace_vm(__u32 vm_index, __u32 host)
{
	struct xr_trace *t = trace_record();

	if (t) {
		t->vm = no_of_index(vm_index);
		t->host = host;
	}
}

static __always_inline void count_hit(struct xr_vm *vm, __u32 tick, __u32 host, __u32 bytes)
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
static __always_inline __u32 frame_octets(struct xdp_md *ctx, const void *ip, __u32 l3,
					  __be16 proto, __u32 bytes)
{
	const __be16 *w = ip;

	if (likely(proto == bpf_htons(ETH_P_IP))) {
		if (likely(ip + 20 <= end_of(ctx) && l3 + bpf_ntohs(w[1]) <= bytes))
			return bytes;
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		if (ip + 40 <= end_of(ctx) && l3 + 40 + bpf_ntohs(w[2]) <= bytes)
			return bytes;
	} else if (bytes < 1024) {
		return bytes;
	}
	return bpf_xdp_get_buff_len(ctx);
}

/* ---- the packet in a frame ---- */

static __always_inline int parse_whole_ip(struct xdp_md *ctx, struct packet *p)
{
	__be16 proto = 0;
	int reason = parse_ethernet(ctx, p, &proto);

	if (reason)
		return reason;
	if (proto == bpf_htons(ETH_P_IP))
		return parse_ipv4(ctx, p);
	return proto == bpf_htons(ETH_P_IPV6) ? parse_ipv6(ctx, p) : XR_R_VM_HERE;
}

/* All that forward() needs to know of a packet; its ports are not a must. */
static __always_inline int parse_any_ip(struct xdp_md *ctx, struct packet *p)
{
	int reason = parse_whole_ip(ctx, p);

	if (!reason && tcp_or_udp(p->proto))
		parse_ports(ctx, p);
	return reason == XR_R_FRAGMENT || reason == XR_R_EXT_HEADERS ? 0 : reason;
}

/* What does not fit is answered to its sender, as for backends. */
__noinline int frame_too_big(struct xdp_md *ctx, __u32 bytes, __u32 mtu)
{
	struct packet *p = scratch_at(IN_HAND);

	if (!p)
		return XR_R_TOO_BIG;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = bytes;
	if (parse_any_ip(ctx, p))
		return XR_R_TOO_BIG;
	return too_big(ctx, p, mtu);
}

/* ---- whole frames ---- */

/* The VNI stands for the segment: the VM's tag does not travel, nor a priority. */
__noinline int remove_tags(struct xdp_md *ctx, __u32 octets)
{
	__u32 *to, *from = data_of(ctx), macs[3];

	if ((void *)(from + 4) > end_of(ctx))
		return -1;
	__builtin_memcpy(macs, from, sizeof(macs));
	if (bpf_xdp_adjust_head(ctx, octets))
		return -1;
	to = data_of(ctx);
	if ((void *)(to + 3) > end_of(ctx))
		return -1;
	__builtin_memcpy(to, macs, sizeof(macs));
	return 0;
}

/* What is known of a frame once its Ethernet header was read. */
struct frame {
	__u64 key; /* VLAN, destination */
	__u32 l3;
	__u32 tag; /* octets of tags before the packet */
	__be16 proto;
};

/*
 * Outside: DSCP and ECN of the packet inside, and a source port that is the same
 * for all of its flow.
 */
static __always_inline void flow_of(struct packet *p, const void *ip, const void *end, __be16 proto)
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
				      const struct xr_path *path, const struct xr_nexthop *nh,
				      struct outer *o)
{
	__u32 egress = egress_of(ctx, nh->ifindex), header;
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

/*
 * 0 with the action in p->sent, or the reason why not. as_it_came: so that an ICMP
 * error may go to its sender if it is too large.
 */
static __always_inline int send_by_vxlan(struct xdp_md *ctx, struct packet *p, __u32 index,
					 const struct frame *f, __u32 tick, int as_it_came)
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
	trace_way(index, egress_of(ctx, nh->ifindex), 0);
	note_egress(egress_of(ctx, nh->ifindex));
	/* The overhead counts one Ethernet header, and so do the octets. */
	o.ip_len = p->bytes - f->tag + path->overhead - sizeof(struct ethhdr);
	mtu = path->mtu;
	if (rarely(mtu && o.ip_len > mtu))
		return as_it_came ? frame_too_big(ctx, p->bytes, mtu - path->overhead)
				  : XR_R_TOO_BIG;
	flow_of(p, octet_at(ctx, f->l3), end_of(ctx), f->proto);
	if (rarely(f->tag) && remove_tags(ctx, f->tag))
		return XR_R_NO_ROOM;
	return wrap_frame(ctx, p, path, nh, &o);
}

static __always_inline int send_by_port(struct xdp_md *ctx, struct packet *p, __u32 index,
					__u32 tag, int as_it_came)
{
	const struct xr_path *path = bpf_map_lookup_elem(&paths, &index);

	if (!path || !path->ifindex)
		return XR_R_NO_ROUTE;
	trace_way(index, path->ifindex, 0);
	note_egress(path->ifindex);
	/* Where it is they sent it back, or never had it: no switch would. */
	if (rarely(path->ifindex == ingress_of(ctx)))
		return XR_R_VM_LOOP;
	if (rarely(path->mtu && p->bytes - tag - sizeof(struct ethhdr) > path->mtu))
		return as_it_came ? frame_too_big(ctx, p->bytes, path->mtu) : XR_R_TOO_BIG;
	p->sent = bpf_redirect(path->ifindex, 0);
	return 0;
}

/* ---- packets ---- */

/*
 * By IPIP, GUE or to the next router; what is not IP stays. untag: the tag is
 * that of the VM's segment, which the way to its host is not in. The verdict,
 * without a VM: reason 0 if it is sent.
 */
__noinline __u64 send_by_ip(struct xdp_md *ctx, __u32 index, int untag)
{
	const union backend_word way = { .backend.path = index };
	struct packet *p = scratch_at(SENT_AS_IP);
	int reason;

	if (!p)
		return XR_R_NO_ROUTE;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = ctx->data_end - ctx->data;
	p->sent = XDP_PASS;
	p->its = way.word;
	reason = parse_any_ip(ctx, p);
	reload_memory();
	if (untag)
		p->vlans = 0;
	reason = reason ?: forward(ctx, p, 0);
	reload_memory();
	return pack_verdict(reason, p->sent, 0);
}

__noinline int note_sent_packet(void)
{
	const struct packet *p = scratch_at(SENT_AS_IP);

	return p ? store_egress(p->egress) : 0;
}

/* The stack of the former has no room for this. */
static __always_inline __u64 send_packet(struct xdp_md *ctx, __u32 index, int untag)
{
	__u64 sent = send_by_ip(ctx, index, untag);

	if (are_bounds_kept())
		note_sent_packet();
	return sent;
}

/* ---- by MAC ---- */

/* The host it is to be sent to; flags 0: it needs no redirection. */
static __always_inline struct xr_host way_of(struct xr_vm *vm, __u32 vm_index, __u32 tick,
					     __u32 bytes, __u32 *index)
{
	struct xr_host none = {}, host;
	union vm_state_word w = vm_now(vm);

	if (rarely(w.now.state != XR_VM_MOVED || !vm_is_redirected(vm, w, tick))) {
		if (w.now.state < XR_VM_PREPARED)
			return none;
		vm_age(vm_index, bytes);
		w = vm_now(vm);
		if (!vm_is_redirected(vm, w, tick))
			return none;
	}
	*index = w.now.host;
	host = host_get(w.now.host);
	trace_vm(vm_index, w.now.host);
	return host.flags == XR_HOST_USED ? host : none;
}

/*
 * The redirect is off because its frames came back; what user space wrote into
 * the kernel's tables would send them round all the same, until it is taken away.
 */
__noinline int kernel_would_loop(__u32 vm_index)
{
	const struct xr_vm_info *info = bpf_map_lookup_elem(&vm_info, &vm_index);

	return info && info->kernel & (XR_KERNEL_FDB | XR_KERNEL_BRIDGE);
}

/* A frame for a VM that is known: the verdict's reason. */
static __always_inline int redirect_frame(struct xdp_md *ctx, struct packet *p,
					  const struct xr_hash_keys *keys, const struct frame *f,
					  struct xr_vm *vm, __u32 vm_index)
{
	__u32 tick = now_tick(), index = 0;
	struct xr_host host = way_of(vm, vm_index, tick, p->bytes, &index);
	__u64 sent;
	int reason;

	p->vm = no_of_index(vm_index);
	if (!host.flags)
		return rarely(vm_now(vm).now.flags & XR_VM_LOOP) && kernel_would_loop(vm_index)
			? XR_R_VM_LOOP
			: XR_R_VM_HERE;
	if (is_familiar(vm, sample_of(octet_at(ctx, f->l3), end_of(ctx), f->proto), tick) &&
	    echo(ctx, vm_index, f->l3))
		return XR_R_VM_LOOP;
	p->bytes = frame_octets(ctx, octet_at(ctx, f->l3), f->l3, f->proto, p->bytes);
	if (likely(host.method == XR_FORWARD_VXLAN)) {
		reason = send_by_vxlan(ctx, p, host.path, f, tick, 1);
	} else if (host.method == XR_FORWARD_PORT) {
		reason = send_by_port(ctx, p, host.path, f->tag, 1);
	} else {
		sent = send_packet(ctx, host.path, 1);
		p->sent = action_of(sent);
		reason = reason_of(sent);
	}
	if (reason)
		return reason;
	count_hit(vm, tick, index, p->bytes);
	return XR_R_MOVED;
}

/* More than one tag: in one VLAN or none it is like any other frame. */
static __always_inline int parse_tags(struct xdp_md *ctx, struct packet *p, struct frame *f)
{
	__u64 tags = read_tags(ctx, 0);

	if (!tags)
		return XR_R_MALFORMED_L2;
	if (tags & (TAGS_DOUBLE | TAGS_DEEP)) {
		note(p, XR_R_QINQ);
		return XR_R_NOT_MOVED;
	}
	f->key = (f->key & MAC_MASK) | (__u64)TAGS_VLAN(tags) << 48;
	f->proto = TAGS_PROTO(tags);
	f->tag = TAGS_OCTETS(tags);
	f->l3 = sizeof(struct ethhdr) + f->tag;
	return 0;
}

/* 0, or why no VM is looked for. */
static __always_inline int parse_frame(struct xdp_md *ctx, struct packet *p, struct frame *f)
{
	const void *frame = data_of(ctx), *end = end_of(ctx);

	if (frame + sizeof(struct ethhdr) > end)
		return XR_R_MALFORMED_L2;
	f->key = *(const __u64 *)frame & MAC_MASK;
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
	return rarely(is_vlan(f->proto)) ? parse_tags(ctx, p, f) : 0;
}

/* ---- by address ---- */

static __always_inline int is_by_ip(struct xr_host host)
{
	return host.method != XR_FORWARD_VXLAN && host.method != XR_FORWARD_PORT;
}

/*
 * A packet whose address may be a VM's, once routed to here. The verdict, or reason
 * 0 to go on. p: room for what is in the frame. vlan: the frame's; another tenant's
 * VM may have the address there.
 */
__noinline __u64 redirect_by_ip(struct xdp_md *ctx, struct packet *p, __u32 bytes, __u32 vlan)
{
	__u32 vm_no, index = 0, tick = now_tick();
	struct xr_host host;
	struct xr_vm *vm;
	__u64 sent;

	if (!p)
		return 0;
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = bytes;
	if (parse_any_ip(ctx, p) || is_link_local(p->daddr))
		return 0;
	reload_memory();
	vm_no = vm_no_of_addr_in(p->daddr, vlan);
	vm = vm_of_no(vm_no);
	if (!vm)
		return 0;
	host = way_of(vm, index_of_no(vm_no), tick, bytes, &index);
	if (!host.flags || !is_by_ip(host))
		return pack_verdict(knobs.vips ? 0 : XR_R_VM_HERE, 0, vm_no);
	/* Here a router's vm_no is taken, and no router forwards such. */
	if (rarely(is_martian(p)))
		return pack_verdict(XR_R_MARTIAN, 0, vm_no);

	if (is_familiar(vm,
			sample_of(octet_at(ctx, p->l3), end_of(ctx),
				  p->ipv6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP)),
			tick) &&
	    echo(ctx, index_of_no(vm_no), p->l3))
		return pack_verdict(XR_R_VM_LOOP, 0, vm_no);
	sent = send_packet(ctx, host.path, 0);
	if (reason_of(sent))
		return pack_verdict(reason_of(sent), action_of(sent), vm_no);
	count_hit(vm, tick, index, bytes);
	return pack_verdict(XR_R_MOVED_IP, action_of(sent), vm_no);
}

static __always_inline int may_be_by_ip(struct xdp_md *ctx, const struct frame *f,
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

#endif
