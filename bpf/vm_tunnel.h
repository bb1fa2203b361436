/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames and packets that came out of a tunnel: who speaks in them, whether they
 * end here, and that none is ever tunnelled again.
 */
#ifndef XROAM_BPF_VM_TUNNEL_H
#define XROAM_BPF_VM_TUNNEL_H

#include "decap.h"
#include "vm_redirect.h"

/* What is in the tunnel at hand, one per CPU. */
struct tunnelled {
	struct packet outer;
	struct tunnel t; /* IPIP, GUE */
	__u32 frame;     /* VXLAN: offset of the frame inside; or 0 */
	__u32 vm_no;     /* the VM it is for; 0: none */
	__u32 part;      /* the first fragment of it */
	__u16 far, near; /* hosts at its ends; 0: not one of ours */
	__u16 vlan;      /* of the VMs in their segment */
	__u16 relay;     /* sent on by a host that its sender is not at */
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

enum tunnel_search {
	TUNNEL_FOUND = 0,
	NO_TUNNEL = -1,
	TUNNEL_UNREADABLE = -2, /* may be one to here, and hides what is inside */
};

static __always_inline int find_ends(struct tunnelled *t, const struct packet *p, __u32 vni)
{
	struct xr_host host;

	t->far = tunnel_host(p->saddr, vni);
	t->near = tunnel_host(p->daddr, vni);
	host = host_get(t->near);
	t->vlan = host.vlan ?: host_get(t->far).vlan;
	if (!(host.flags & XR_HOST_LOCAL))
		t->near = 0;
	/* What only passes by is not this machine's to judge. */
	return t->near || (t->far && !knobs.local) ? TUNNEL_FOUND : NO_TUNNEL;
}

/* As RELAY_PORT and what follows it say. */
static __always_inline int is_relay(struct xdp_md *ctx, const struct packet *p)
{
	const struct udphdr *udp = octet_at(ctx, p->l4);
	const __be32 *ip = octet_at(ctx, p->l3);

	if ((const void *)(udp + 1) > end_of(ctx) || (const void *)(ip + 2) > end_of(ctx) ||
	    bpf_ntohs(udp->source) < RELAY_PORT)
		return 0;
	if (p->ipv6)
		return (bpf_ntohl(ip[0]) & RELAY_LABEL_MASK) == RELAY_LABEL;
	return (bpf_ntohl(ip[1]) & (RELAY_ID_MASK << 16 | IP_DF)) == (RELAY_ID << 16 | IP_DF);
}

/* Whom the frame inside is for. */
static __always_inline __u32 inner_vm_no(struct xdp_md *ctx, const struct tunnelled *t)
{
	const __u16 *eth = ethernet_at(ctx, t->frame);
	__u64 mac;

	if (!eth)
		return 0;
	mac = mac_of(eth);
	return mac & 1 ? 0 : vm_no_of_key(frame_key(mac, 0, t->vlan));
}

/*
 * The kernel's VXLAN device listens at every address of the machine, and to
 * groups: while VMs are locked, what comes in a known segment is judged
 * wherever it goes.
 */
static __always_inline int find_segment(struct tunnelled *t, __u32 vni)
{
	const __be32 any[XR_ADDR_WORDS] = {};
	__u32 host = vms_locked() ? tunnel_host(any, vni) : 0;

	if (!host)
		return NO_TUNNEL;
	t->near = 0;
	t->vlan = t->vlan ?: host_get(host).vlan;
	return TUNNEL_FOUND;
}

/* at: of the VXLAN header. */
static __always_inline int find_vxlan(struct xdp_md *ctx, struct tunnelled *t,
				      const struct packet *p, __u32 at)
{
	const __be32 *vxlan = octet_at(ctx, at);
	__u32 vni;

	if ((const void *)(vxlan + 2) > end_of(ctx))
		return t->part || bpf_xdp_get_buff_len(ctx) >= at + 8 ? TUNNEL_UNREADABLE
								      : NO_TUNNEL;
	if (!(vxlan[0] & bpf_htonl(VXLAN_HAS_VNI)))
		return NO_TUNNEL;
	t->frame = at + 2 * sizeof(*vxlan);
	vni = bpf_ntohl(vxlan[1]) >> 8;
	if (find_ends(t, p, vni))
		return find_segment(t, vni);
	reload_memory();
	t->relay = is_relay(ctx, p);
	t->vm_no = inner_vm_no(ctx, t);
	return TUNNEL_FOUND;
}

/*
 * Behind a fragment's end comes the next one: what pads a frame there would be read
 * in its place, and only a liar makes one so short.
 */
static __always_inline int is_padded(struct xdp_md *ctx, const struct packet *p)
{
	return bpf_xdp_get_buff_len(ctx) > p->end ? TUNNEL_UNREADABLE : TUNNEL_FOUND;
}

/*
 * Where the transport header is, of a packet that ends in this machine after all:
 * behind any options and headers, in a first fragment. p: as parse_whole_ip()
 * left it. As find_tunnel().
 */
static __always_inline int find_transport(struct xdp_md *ctx, struct tunnelled *t, struct packet *p,
					  int reason)
{
	const struct claim *c = the_claim();
	const __be16 *frag;
	int proto;

	if (!reason || !vms_locked())
		return reason ? NO_TUNNEL : TUNNEL_FOUND;
	if (reason != XR_R_FRAGMENT && reason != XR_R_EXT_HEADERS)
		return NO_TUNNEL;
	if (!p->ipv6) {
		frag = octet_at(ctx, p->l3 + 6);
		if ((const void *)(frag + 1) > end_of(ctx) || *frag & bpf_htons(0x1fff))
			return NO_TUNNEL;
		t->part = 1;
		return is_padded(ctx, p);
	}
	proto = walk_headers(ctx, p->l3);
	if (proto < 0 || !c)
		return proto == HEADERS_UNREADABLE ? TUNNEL_UNREADABLE : NO_TUNNEL;
	p->proto = proto;
	p->l4 = c->l4;
	t->part = c->part;
	if (p->l4 > MAX_OFFSET)
		return TUNNEL_UNREADABLE;
	return t->part ? is_padded(ctx, p) : TUNNEL_FOUND;
}

/* Found: one between hosts of ours, or one of its ends is. */
__noinline int find_tunnel(struct xdp_md *ctx, struct tunnelled *t, __u32 bytes)
{
	struct packet *p;
	struct udphdr *udp;
	int ret;

	if (!t)
		return NO_TUNNEL;
	p = &t->outer;
	__builtin_memset(t, 0, sizeof(*t));
	p->bytes = bytes;
	ret = find_transport(ctx, t, p, parse_whole_ip(ctx, p));
	if (ret)
		return ret;
	reload_memory();
	udp = octet_at(ctx, p->l4);
	if (p->proto == IPPROTO_UDP && (void *)(udp + 1) <= end_of(ctx) &&
	    udp->dest == knobs.vxlan_port)
		return find_vxlan(ctx, t, p, p->l4 + sizeof(*udp));
	if (t->part || parse_tunnel(ctx, p, &t->t, knobs.gue_port, 0))
		return NO_TUNNEL;
	return find_ends(t, p, 0);
}

/*
 * Tunnelled to here, though it is somewhere else: never tunnelled again. Unless
 * it is on its way to this very machine: then this is what it will find here.
 */
static __always_inline int is_chained(__u32 vm_no, __u32 bytes)
{
	struct xr_vm *vm = vm_of_no(vm_no);
	union vm_state_word w;
	__u32 index;

	if (!vm || !way_of(vm, index_of_no(vm_no), now_tick(), bytes, &index).flags)
		return 0;
	w = vm_now(vm);
	return !vm_under_way(w) || !(host_get(w.now.next).flags & XR_HOST_LOCAL);
}

/* What is inside goes on to the kernel's device. */
static __always_inline __u64 leave_vxlan(const struct tunnelled *t)
{
	if (!t->vm_no || !is_chained(t->vm_no, t->outer.bytes))
		return 0;
	return pack_verdict(XR_R_VM_CHAIN, 0, t->vm_no);
}

/*
 * A VM that is coming, or came just now, has no route to it yet: in a frame with
 * its own MAC the tc program at this device knows its packets, and puts them into
 * its tap. Not out of a VLAN: what came in there, its device's routes decide.
 */
static __always_inline int to_coming_vm(struct xdp_md *ctx, const struct packet *p, __u32 vm_index)
{
	struct xr_vm *vm = vm_at(vm_index);
	__u16 *eth = ethernet_at(ctx, 0);
	union vm_state_word w;
	__u32 host;

	if (!vm || p->vlans || !eth)
		return 0;
	w = vm_now(vm);
	host = vm_under_way(w) ? w.now.next : w.now.host;
	if (!vm->tap || !(host_get(host).flags & XR_HOST_LOCAL) ||
	    !(vm_under_way(w) || vm_is_redirected(vm, w, now_tick())))
		return 0;
	write_mac(eth, vm->key);
	return 0;
}

/*
 * A VM's packet by IPIP or GUE to this host: ends here, so that no device need.
 * Nobody else's: this is no open tunnel. Nor from everybody: what is inside passes
 * whatever stands between strangers and the VM.
 */
static __always_inline __u64 leave_ip_tunnel(struct xdp_md *ctx, const struct tunnelled *at)
{
	const struct packet *p = &at->outer;
	const struct tunnel *t = &at->t;
	__be32 addr[XR_ADDR_WORDS];
	__u32 vm_no, reason;

	if (inner_dst(ctx, t, addr))
		return 0;
	vm_no = vm_no_of_addr(addr);
	if (!vm_no)
		return 0;
	if (is_chained(vm_no, p->bytes))
		return pack_verdict(XR_R_VM_CHAIN, 0, vm_no);
	if (!at->far && knobs.tunnels != XR_TUNNELS_ANY)
		return pack_verdict(XR_R_OTHER_TUNNEL, 0, vm_no);
	reason = check_inner(ctx, t) ?: check_udp_sum(ctx, p, t) ?:
		 mark_inner(ctx, p, t) ?: strip(ctx, p, t) ?:
		 to_coming_vm(ctx, p, index_of_no(vm_no)) ?: (int)t->reason;
	return pack_verdict(reason, 0, vm_no);
}

/* The tunnel ends here. */
__noinline __u64 leave_tunnel(struct xdp_md *ctx, const struct tunnelled *t)
{
	if (!t)
		return 0;
	return t->frame ? leave_vxlan(t) : leave_ip_tunnel(ctx, t);
}

/*
 * Who says what in the frame inside; as hear(). A relay to a VM was judged where it came in:
 * it moves nobody, and nobody is accused for it. What is marked as one but for no
 * VM that is known here moves nobody either.
 */
static __always_inline __u64 hear_tunnel(struct xdp_md *ctx, const struct tunnelled *t, __u32 bytes)
{
	if (t->relay && t->far && t->vm_no) {
		note_bytes(bytes, XR_R_RELAYED);
		return 0;
	}
	return hear(ctx, t->frame, t->relay || !t->far ? FAR_STRANGER : t->far, t->vlan);
}

/* This machine takes up what has this destination. */
static __always_inline int is_taken_up(struct xdp_md *ctx, const struct claim *c)
{
	const __u16 *eth = ethernet_at(ctx, c->off);
	__u64 dst;

	if (!eth)
		return 1;
	dst = mac_of(eth);
	return dst & 1 || is_protected(XR_PROTECTED_MAC, &dst, ETH_ALEN);
}

/*
 * Whether the frame that was heard just now, out of a tunnel, is one more for this
 * machine: its bridge would bring it up to the very same device, which listens at
 * every address. Of a fragment nothing is known but what its first one says.
 */
__noinline int hides_tunnel(struct xdp_md *ctx, const struct tunnelled *t)
{
	__be32 addr[XR_ADDR_WORDS] = { 0, 0, bpf_htonl(0xffff), 0 };
	const __be32 any[XR_ADDR_WORDS] = {};
	struct claim *c = the_claim();
	struct udphdr udp;
	__be32 vxlan[2];
	const __u8 *ip;
	__u32 l4, vni;
	int part = 0;

	if (!c || !t)
		return 0;
	ip = octet_at(ctx, c->l3);
	if (c->proto == bpf_htons(ETH_P_IP)) {
		if (ip + sizeof(struct iphdr) > (const __u8 *)end_of(ctx))
			return t->part;
		if (ip[9] != IPPROTO_UDP || *(const __be16 *)(ip + 6) & bpf_htons(0x1fff))
			return 0;
		part = *(const __be16 *)(ip + 6) & bpf_htons(IP_OFFSET_OR_MF);
		l4 = c->l3 + (ip[0] & 15) * 4;
		addr[3] = *(const __be32 *)(ip + 16);
	} else if (c->proto == bpf_htons(ETH_P_IPV6)) {
		if (walk_headers(ctx, c->l3) != IPPROTO_UDP)
			return 0;
		part = c->part;
		l4 = c->l4;
		ip = octet_at(ctx, c->l3);
		if (ip + sizeof(struct ipv6hdr) > (const __u8 *)end_of(ctx))
			return 0;
		__builtin_memcpy(addr, ip + 24, sizeof(addr));
	} else {
		return 0;
	}
	if (bpf_xdp_load_bytes(ctx, l4, &udp, sizeof(udp)))
		return t->part;
	if (udp.dest != knobs.vxlan_port)
		return 0;
	/* Behind a fragment of it there may be padding. */
	if (part)
		return is_taken_up(ctx, c);
	if (bpf_xdp_load_bytes(ctx, l4 + sizeof(udp), vxlan, sizeof(vxlan)))
		return t->part && is_taken_up(ctx, c);
	vni = bpf_ntohl(vxlan[1]) >> 8;
	return (tunnel_host(any, vni) && is_taken_up(ctx, c)) ||
		host_get(tunnel_host(addr, vni)).flags & XR_HOST_LOCAL;
}

/* The verdict, or reason 0 to go on. Keeps its own stack small. */
__noinline __u64 serve_tunnel(struct xdp_md *ctx, __u32 bytes)
{
	struct tunnelled *t = the_tunnel();
	__u64 heard;
	int found;

	if (!t)
		return 0;
	found = find_tunnel(ctx, t, bytes);
	if (found != TUNNEL_FOUND)
		return found == TUNNEL_UNREADABLE && vms_locked() ? XR_R_GUARD_UNREAD : 0;
	reload_memory();
	if (t->frame) {
		heard = hear_tunnel(ctx, t, bytes);
		if (reason_of(heard))
			return heard;
		if (!(t->relay && t->far && t->vm_no) && vms_locked() && hides_tunnel(ctx, t))
			return pack_verdict(XR_R_GUARD_UNREAD, 0, vm_no_of(heard));
	}
	return t->near && !t->part ? leave_tunnel(ctx, t) : 0;
}

/* At a glance; who looks closer is a call away. */
static __always_inline int may_be_tunnel(struct xdp_md *ctx, const struct frame *f)
{
	const __u8 *ip = octet_at(ctx, f->l3);
	const __be16 *dport;
	__u32 proto;

	if (likely(f->proto == bpf_htons(ETH_P_IP))) {
		if (ip + 24 > (const __u8 *)end_of(ctx))
			return 0;
		proto = ip[9];
		dport = (const __be16 *)(ip + 22);
		/* Options hide the port. */
		if (unlikely(ip[0] != 0x45))
			return proto == IPPROTO_UDP;
	} else if (f->proto == bpf_htons(ETH_P_IPV6)) {
		if (ip + 44 > (const __u8 *)end_of(ctx))
			return 0;
		proto = ip[6];
		dport = (const __be16 *)(ip + 42);
	} else {
		return 0;
	}
	if (proto == IPPROTO_UDP)
		return *dport == knobs.vxlan_port || *dport == knobs.gue_port;
	if (f->proto == bpf_htons(ETH_P_IPV6) && is_extension(proto))
		return 1;
	return proto == IPPROTO_IPIP || proto == IPPROTO_IPV6;
}

#endif
