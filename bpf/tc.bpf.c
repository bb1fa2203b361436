// SPDX-License-Identifier: GPL-2.0-only
/*
 * Beside XDP, on a host that VMs live on: what XDP cannot do, as it cannot clone
 * and does not see what other VMs of the host send.
 *
 *	tap_out		what goes into a VM's port: remembered while its move is
 *			prepared; of what neither an uplink nor a tunnel brought,
 *			copied to the new host in the blackout; sent there alone
 *			once it has moved
 *	tap_in		what comes out of it: on the new host the VM speaks, so
 *			it runs
 *	uplink_in	what the fabric brings for a VM that stands still: copied
 *	uplink_out	what the new host says in the VM's name too early, and the
 *			old one too late; frames for a VM of this host that go back
 *			to where they came from; those that its port, being gone,
 *			did not get
 *	tunnel_in	frames out of a redirect's tunnel, straight into the
 *			port; and copied, as by uplink_in
 *	tunnel_out	the same words as uplink_out, on the VXLAN device
 *	replay		run by user space: one remembered frame to the new host
 *
 * A copy is the original, and the clone is what is delivered: a frame once
 * encapsulated could not be had back, if it is not IP. The clone passes the
 * same hook again, then bridges and routes, and whatever becomes of the port at
 * their end (QEMU takes it away when it is done), it was copied once: so the
 * clone has a mark.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/icmpv6.h>
#include "vm_table.h"
#include "nexthop.h"
#include "forward.h"

#define PUT_INTO_PORT    0x7872            /* "xr", in tc_index */
#define JUST_NOW         2                 /* ticks */
#define PACKET_OTHERHOST 3                 /* linux/if_packet.h */
#define ETH_P_PROBE      0x88b5            /* local experimental */
#define PROBE_SOURCE     0x020000727802ULL /* 02:78:72:00:00:02 */
#define OUTER_MAX                                                                 \
	(sizeof(struct ethhdr) + sizeof(struct ipv6hdr) + sizeof(struct udphdr) + \
	 sizeof(struct vxlan_header))
#define TCP_DOFF    12       /* offset of the octet with TCP's header length */
#define FLOOD_WORDS 16       /* of a frame's beginning, to know it again */
#define FLOOD_NS    50000000 /* within this time */
#define ENODEV      19

/* How a frame gets to a host. */
struct way {
	struct xr_path *path;
	struct xr_nexthop *hop;
	__u32 ifindex;
	__u32 asks; /* the device by which the kernel sends and asks; 0: no need */
	__u32 grow; /* octets the frame becomes longer by */
};

static __always_inline void tally(__u32 reason, __u32 bytes)
{
	struct xr_counter *c = bpf_map_lookup_elem(&reason_stats, &reason);

	if (c)
		count(c, bytes);
}

static __always_inline int watching(void)
{
	return *(const volatile __u32 *)&vm_control.watching;
}

/* ---- what a frame is ---- */

/*
 * The tags that are still in the frame, behind the one that the kernel has taken
 * out: as read_tags() tells them. 0: too short.
 */
__noinline __u64 tags_behind(struct __sk_buff *skb)
{
	__u64 vlan = 0, flags = 0, n = 0;
	__be16 proto = skb->protocol;
	struct vlan_tag tag;

	for (int i = 0; i < MAX_TAGS && is_vlan(proto); i++) {
		__u32 id;

		if (bpf_skb_load_bytes(skb, sizeof(struct ethhdr) + n, &tag, sizeof(tag)))
			return 0;
		id = bpf_ntohs(tag.tci) & 0xfff;
		if (id && vlan)
			flags |= TAGS_DOUBLE;
		vlan = vlan ?: id;
		proto = tag.next;
		n += sizeof(tag);
	}
	if (is_vlan(proto))
		flags |= TAGS_DEEP;
	return flags | n << 32 | vlan << 16 | proto;
}

static __always_inline __u32 front_vlan(const struct __sk_buff *skb)
{
	return skb->vlan_present ? skb->vlan_tci & 0xfff : 0;
}

/* VLAN ID 0 is none; what is behind it counts. */
static __always_inline __u32 vlan_of(struct __sk_buff *skb)
{
	__u32 vlan = front_vlan(skb);

	if (vlan || likely(!is_vlan(skb->protocol)))
		return vlan;
	return TAGS_VLAN(tags_behind(skb));
}

/* The EtherType behind all tags, and where the packet begins. */
static __always_inline __be16 proto_of(struct __sk_buff *skb, __u32 *at)
{
	__u64 tags;

	*at = sizeof(struct ethhdr);
	if (likely(!is_vlan(skb->protocol)))
		return skb->protocol;
	tags = tags_behind(skb);
	*at += TAGS_OCTETS(tags);
	return TAGS_PROTO(tags);
}

/* The MAC at this offset, and the VLAN: as in struct xr_vm. 0: too short. */
static __always_inline __u64 key_at(struct __sk_buff *skb, __u32 off)
{
	__u64 key = 0;

	if (bpf_skb_load_bytes(skb, off, &key, ETH_ALEN))
		return 0;
	return key | (__u64)vlan_of(skb) << 48;
}

#define DESTINATION   0
#define SOURCE        ETH_ALEN
#define MAC_OF(key)   ((key) << 16)
#define IS_GROUP(key) ((key) & 1)

/* A VLAN in another one. */
static __always_inline int is_double(struct __sk_buff *skb)
{
	__u64 tags;

	if (likely(!is_vlan(skb->protocol)))
		return 0;
	tags = tags_behind(skb);
	return !tags || tags & (TAGS_DOUBLE | TAGS_DEEP) || (front_vlan(skb) && TAGS_VLAN(tags));
}

/* A port without a VLAN is the VM's access port, whatever its VLAN is. */
static __always_inline int is_of(__u64 key, const struct xr_vm *vm)
{
	if (key >> 48)
		return key == vm->key;
	return MAC_OF(key) == MAC_OF(vm->key);
}

/* What user space puts into a port to see who reads it (user/local/tap.c). */
static __always_inline int is_probe(struct __sk_buff *skb)
{
	return skb->protocol == bpf_htons(ETH_P_PROBE) &&
		MAC_OF(key_at(skb, SOURCE)) == MAC_OF(PROBE_SOURCE);
}

static __always_inline int is_ip(struct __sk_buff *skb)
{
	__u32 at;
	__be16 proto = proto_of(skb, &at);

	return proto == bpf_htons(ETH_P_IP) || proto == bpf_htons(ETH_P_IPV6);
}

/* ip: where the packet begins. */
static __always_inline int is_icmp6_claim(struct __sk_buff *skb, __u32 ip)
{
	__be32 from[XR_ADDR_WORDS];
	__u8 type;

	if (bpf_skb_load_bytes(skb, ip + sizeof(struct ipv6hdr), &type, sizeof(type)) ||
	    bpf_skb_load_bytes(skb, ip + 8, from, sizeof(from)))
		return 1;
	switch (type) {
	case 131: /* MLD report, done */
	case 132:
	case 133: /* router solicitation */
	case 136: /* neighbour advertisement */
	case 143: /* MLDv2 report */
		return 1;
	case 135: /* duplicate address detection */
		return !(from[0] | from[1] | from[2] | from[3]);
	}
	return 0;
}

/*
 * What a host says by itself when it gets a port with the VM's MAC, or QEMU
 * before the guest runs: no proof that the VM does.
 */
static __always_inline int is_claim(struct __sk_buff *skb)
{
	struct {
		__u8 proto, next;
	} h = {};
	__u32 ip;

	switch (proto_of(skb, &ip)) {
	case bpf_htons(ETH_P_ARP):
	case bpf_htons(ETH_P_RARP):
	case bpf_htons(ETH_P_802_2):
		return 1;
	case bpf_htons(ETH_P_IP):
		bpf_skb_load_bytes(skb, ip + 9, &h.proto, 1);
		return h.proto == IPPROTO_IGMP;
	case bpf_htons(ETH_P_IPV6):
		bpf_skb_load_bytes(skb, ip + 6, &h.proto, 1);
		if (h.proto == IPPROTO_ICMPV6)
			return is_icmp6_claim(skb, ip);
		if (h.proto != IPPROTO_HOPOPTS)
			return 0;
		bpf_skb_load_bytes(skb, ip + sizeof(struct ipv6hdr), &h.next, 1);
		return h.next == IPPROTO_ICMPV6; /* MLD, with its router alert */
	}
	return 0;
}

/* Where it came in by: XR_TAP_UPLINK, XR_TAP_TUNNEL, a place plus one, or 0. */
static __always_inline __u32 port_kind(__u32 ifindex)
{
	__u32 *value = bpf_map_lookup_elem(&taps, &ifindex);

	return value ? *value : 0;
}

static __always_inline __u32 is_fabric(__u32 kind)
{
	return kind >= XR_TAP_TUNNEL;
}

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
	struct question *q = the_question();
	int said;

	w->hop = bpf_map_lookup_elem(&nexthops, &index);
	if (!w->hop || !q)
		return XR_R_NO_ROUTE;
	if (likely(is_fresh(w->hop, now_tick())))
		return 0;
	said = refresh_way(skb, index);
	if (said & SHOULD_ASK && is_ip(skb) && w->path->method != XR_FORWARD_L2) {
		w->asks = q->fib.ifindex;
		return 0;
	}
	said &= SHOULD_ASK - 1;
	return said == XR_R_FIB || said == XR_R_FIB_STALE ? 0 : said;
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
 * The outer packet's length; of a GSO frame, that of its largest segment: what
 * it grows by, its payload shrinks by (bpf_skb_adjust_room).
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

/* Ethernet, IP, UDP, VXLAN: as many as the method has. The length. */
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
	struct packet *p = scratch_packet();
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
	p->ports = bpf_get_hash_recalc(skb);
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

/* Of a frame that is ready. */
static __always_inline int leave(const struct way *w)
{
	if (unlikely(w->asks))
		return bpf_redirect_neigh(w->asks, NULL, 0, 0);
	return bpf_redirect(w->ifindex, 0);
}

/* ---- copies ---- */

/*
 * A number of this instance's, in the frame's tc_index: nothing on the way looks
 * at it, or changes it but a classifier that somebody else put there.
 */
static __always_inline __u32 copied_mark(void)
{
	return (__u16)hash_keys.key[0] | 1;
}

static __always_inline int is_copied(const struct __sk_buff *skb)
{
	return skb->tc_index && skb->tc_index == copied_mark();
}

static __always_inline struct xr_vm_info *info_of(__u32 place)
{
	return bpf_map_lookup_elem(&vm_info, &place);
}

/* What becomes of the clone. */
enum clone {
	CLONE_OUT, /* out of the port that the frame leaves by */
	CLONE_IN,  /* in again where the frame came in */
	NO_CLONE,  /* there is nothing to deliver it to */
};

/* -ENOMEM alone says that there was no clone: a full queue takes none, either. */
static __always_inline long deliver_clone(struct __sk_buff *skb, enum clone clone)
{
	__u32 was = skb->tc_index;
	long err;

	if (clone == NO_CLONE)
		return 0;
	skb->tc_index = copied_mark();
	err = bpf_clone_redirect(skb, skb->ifindex, clone == CLONE_IN ? BPF_F_INGRESS : 0);
	skb->tc_index = was;
	return err;
}

/*
 * A clone goes on, the frame itself to the new host. What cannot be copied is
 * delivered all the same.
 */
__noinline int copy(struct __sk_buff *skb, __u32 place, __u32 next, enum clone clone)
{
	struct xr_host host = host_get(next);
	struct xr_vm_info *info = info_of(place);
	__u32 bytes = skb->len;
	struct way w = {};

	if (!info || find_way(skb, &host, &w))
		goto failed;
	/* Back to whoever sent it: no switch would. */
	if (w.path->method == XR_FORWARD_PORT && w.ifindex == skb->ifindex)
		goto failed;
	if (deliver_clone(skb, clone) == -12 /* ENOMEM */)
		goto failed;
	if (put_on(skb, &w)) {
		tally(XR_R_COPY_FAILED, bytes);
		return TC_ACT_SHOT;
	}
	tally(XR_R_COPIED, bytes);
	__sync_fetch_and_add(&info->copied, 1);
	return leave(&w);
failed:
	tally(XR_R_COPY_FAILED, bytes);
	return TC_ACT_UNSPEC;
}

/*
 * For a VM that has left: to its new host, and nowhere else. otherwise: what to
 * do where there is no way to it.
 */
__noinline int take_away(struct __sk_buff *skb, __u32 place, __u32 to, int otherwise)
{
	struct xr_counter *c = bpf_map_lookup_elem(&host_stats, &to);
	struct xr_host host = host_get(to);
	struct xr_vm *vm = vm_at(place);
	__u32 bytes = skb->len;
	struct way w = {};
	int reason;

	if (!vm)
		return TC_ACT_UNSPEC;
	reason = find_way(skb, &host, &w);
	if (reason && otherwise == TC_ACT_UNSPEC)
		return TC_ACT_UNSPEC;
	if (!reason)
		reason = put_on(skb, &w);
	if (reason) {
		tally(reason, bytes);
		return TC_ACT_SHOT;
	}
	vm->last = now_tick();
	__sync_fetch_and_add(&vm->hits, 1);
	if (c)
		count(c, bytes);
	tally(XR_R_MOVED, bytes);
	return leave(&w);
}

/* ---- the ring ---- */

/* Frames that the port's reader will count for this one. */
static __always_inline __u32 reads_of(const struct __sk_buff *skb, const struct xr_ring *ring)
{
	if (!(ring->flags & XR_RING_SEGMENTS) || skb->gso_segs < 2)
		return 1;
	return skb->gso_segs;
}

/*
 * The frame's octets, and how many; 0: not to be kept. The compiler would make
 * one comparison of the two, of which 6.1's verifier learns no bounds.
 */
static __always_inline __u32 keep(struct __sk_buff *skb, __u8 *to)
{
	__u64 len = skb->len;

	if (len > XR_RING_OCTETS || skb->gso_size)
		return 0;
	asm volatile("" : "+r"(len));
	if (len < sizeof(struct ethhdr) || bpf_skb_load_bytes(skb, 0, to, len))
		return 0;
	return len;
}

/* Numbered as they go in; the number is written last (an exchange: in order). */
__noinline int remember(struct __sk_buff *skb, __u32 ring_index)
{
	struct xr_ring *ring = bpf_map_lookup_elem(&rings, &ring_index);
	struct xr_ring_frame *f;
	__u32 reads, at;
	__u64 last;

	if (!ring)
		return 0;
	reads = reads_of(skb, ring);
	last = __sync_fetch_and_add(&ring->entered, reads) + reads - 1;
	at = ring_index * XR_RING_FRAMES + last % XR_RING_FRAMES;
	f = bpf_map_lookup_elem(&ring_frames, &at);
	if (!f)
		return 0;
	__sync_lock_test_and_set(&f->number, 0);
	f->len = keep(skb, f->octet);
	if (!f->len)
		__sync_fetch_and_add(&ring->too_large, 1);
	__sync_lock_test_and_set(&f->number, last + 1);
	return 0;
}

/* ---- a VM's port ---- */

static __always_inline int is_local(__u32 host)
{
	return host_get(host).flags & XR_HOST_LOCAL;
}

/* It stands still here, on its way to another machine. */
static __always_inline int is_leaving(union vm_word w)
{
	return w.now.state == XR_VM_BLACKOUT && is_local(w.now.host) && !is_local(w.now.next);
}

/* The last frame that was copied as it went out, one per CPU. */
struct flood {
	__u64 print;
	__u64 when;
	__u32 ifindex;
};

XR_PERCPU(floods, struct flood, 1);

static __always_inline __u64 print_of(struct __sk_buff *skb)
{
	__u64 h = skb->len, word;
	__u32 i;

	for (i = 0; i < FLOOD_WORDS; i++) {
		if (bpf_skb_load_bytes(skb, i * sizeof(word), &word, sizeof(word)))
			break;
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
	}
	return h;
}

/*
 * A bridge that does not know where the VM is gives the frame to all its ports,
 * one after the other: it is to be copied once, at whichever comes first. 1: it
 * was, by another port.
 */
__noinline int had_just_now(struct __sk_buff *skb)
{
	__u64 print = print_of(skb), now = bpf_ktime_get_ns();
	__u32 zero = 0;
	struct flood *f = bpf_map_lookup_elem(&floods, &zero);
	int again;

	if (!f)
		return 0;
	again = f->print == print && f->ifindex != skb->ifindex && now - f->when < FLOOD_NS;
	if (!again) {
		f->print = print;
		f->ifindex = skb->ifindex;
		f->when = now;
	}
	return again;
}

SEC("tc")
int xroam_tap_out(struct __sk_buff *skb)
{
	__u32 kind = port_kind(skb->ifindex), place = kind - 1, tick;
	union vm_word w;
	struct xr_vm *vm;
	__u64 to;

	/* Behind the port the mark means nothing. */
	if (is_copied(skb)) {
		skb->tc_index = 0;
		return TC_ACT_UNSPEC;
	}
	if (!kind || is_fabric(kind))
		return TC_ACT_UNSPEC;
	vm = vm_at(place);
	if (!vm)
		return TC_ACT_UNSPEC;
	tick = now_tick();
	w = vm_settle(vm, place, tick, skb->len);
	to = key_at(skb, DESTINATION);
	if (!is_local(w.now.host)) {
		if (vm_is_redirected(vm, w, tick) && is_of(to, vm) &&
		    !(vm_under_way(w) && is_local(w.now.next)) && !had_just_now(skb))
			return take_away(skb, place, w.now.host, TC_ACT_SHOT);
		return TC_ACT_UNSPEC;
	}
	if (!vm_under_way(w) || is_local(w.now.next) || is_probe(skb))
		return TC_ACT_UNSPEC;
	if (w.now.state == XR_VM_BLACKOUT)
		return is_of(to, vm) && !had_just_now(skb) ? copy(skb, place, w.now.next, CLONE_OUT)
							   : TC_ACT_UNSPEC;
	if (vm->ring)
		remember(skb, vm->ring - 1);
	return TC_ACT_UNSPEC;
}

/* The VM's own frame completes its move here. */
static __always_inline void activate(__u32 place, __u32 bytes)
{
	__u32 from = vm_complete(place);
	struct vm_news *n = news();

	if (!from || !n)
		return;
	tally(XR_R_ACTIVATED, bytes);
	__builtin_memset(n, 0, sizeof(*n));
	n->from = from - 1;
	tell(XR_R_ACTIVATED, place + 1);
}

/* It is on its way to this machine. */
static __always_inline int is_coming(union vm_word w)
{
	return vm_under_way(w) && !is_local(w.now.host) && is_local(w.now.next);
}

SEC("tc")
int xroam_tap_in(struct __sk_buff *skb)
{
	__u32 kind = port_kind(skb->ifindex), place = kind - 1;
	union vm_word w;
	struct xr_vm *vm;

	if (!watching() || !kind || is_fabric(kind))
		return TC_ACT_UNSPEC;
	vm = vm_at(place);
	if (!vm || vm->tap != skb->ifindex)
		return TC_ACT_UNSPEC;
	w = vm_settle(vm, place, now_tick(), skb->len);
	if (is_coming(w) && is_of(key_at(skb, SOURCE), vm) && !is_claim(skb))
		activate(place, skb->len);
	return TC_ACT_UNSPEC;
}

/* ---- into a port ---- */

/*
 * Once. Whatever a port is wired to, a frame that comes back by it must not go
 * round for ever: a macvtap's own bridge returned one five million times in two
 * seconds. tc_index stays with a frame through devices, bridges and namespaces,
 * and nothing reads it any more (the kernel's tcindex and dsmark are gone); the
 * mark is the operator's, and is lost between namespaces. A program of others
 * that answers TC_ACT_OK clears it.
 */
static __always_inline int was_put(const struct __sk_buff *skb)
{
	return skb->tc_index == PUT_INTO_PORT;
}

static __always_inline int put_into(struct __sk_buff *skb, __u32 port)
{
	/* A copied one's mark says as much, and ends at the port. */
	if (!is_copied(skb))
		skb->tc_index = PUT_INTO_PORT;
	return bpf_redirect(port, 0);
}

/* ---- an uplink ---- */

/*
 * A VM that came just now: neither the bridge nor the kernel's routes need know
 * yet that it is behind its port. One that is only coming gets what XDP took out
 * of a tunnel and addressed to its own MAC.
 */
static __always_inline int to_port(struct __sk_buff *skb, const struct xr_vm *vm, union vm_word w)
{
	__u32 host = vm_under_way(w) ? w.now.next : w.now.host;
	__u32 method = host_get(host).method;
	int by_ip = method == XR_FORWARD_IPIP || method == XR_FORWARD_GUE;
	__u32 tick = now_tick();

	if (!is_local(host) || vlan_of(skb) || was_put(skb))
		return TC_ACT_UNSPEC;
	if (vm_under_way(w)
		    ? by_ip
		    : vm_is_redirected(vm, w, tick) && (by_ip || tick - vm->last <= JUST_NOW))
		return put_into(skb, vm->tap);
	return TC_ACT_UNSPEC;
}

/*
 * What XDP let pass just before the word said that the VM has left: the port that
 * would have sent it on may be gone.
 */
static __always_inline int has_left(const struct xr_vm *vm, union vm_word w)
{
	return w.now.state == XR_VM_MOVED && !is_local(w.now.host) &&
		vm_is_redirected(vm, w, now_tick());
}

/* The VM's port is there. */
static __always_inline int has_port(struct __sk_buff *skb, const struct xr_vm *vm)
{
	__u32 mtu = 0;

	return vm->tap && bpf_check_mtu(skb, vm->tap, &mtu, 0, 0) != -ENODEV;
}

static __always_inline __u32 place_by_ip(struct __sk_buff *skb)
{
	__be32 addr[XR_ADDR_WORDS] = { 0, 0, bpf_htonl(0xffff), 0 };
	__u32 at = sizeof(struct ethhdr);

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, at + 16, &addr[3], 4))
			return 0;
	} else if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
		   bpf_skb_load_bytes(skb, at + 24, addr, sizeof(addr))) {
		return 0;
	}
	return is_link_local(addr) ? 0 : vm_of_addr(addr);
}

/*
 * Routed to this host, for a VM that is routed to its new one. With its port goes
 * the route: what the kernel would find instead leads back.
 */
__noinline int serve_routed(struct __sk_buff *skb)
{
	__u32 place = place_by_ip(skb) - 1, method, vlan;
	struct xr_vm *vm = vm_at(place);
	union vm_word w;

	if (!vm)
		return TC_ACT_UNSPEC;
	/* In another VLAN it is another tenant's. */
	vlan = vlan_of(skb);
	if (vlan && vm->key >> 48 && vm->key >> 48 != vlan)
		return TC_ACT_UNSPEC;
	w = vm_settle(vm, place, now_tick(), skb->len);
	method = host_get(is_leaving(w) ? w.now.next : w.now.host).method;
	if (method == XR_FORWARD_VXLAN || method == XR_FORWARD_PORT)
		return TC_ACT_UNSPEC;
	if (is_leaving(w))
		return copy(skb, place, w.now.next, has_port(skb, vm) ? CLONE_IN : NO_CLONE);
	if (has_left(vm, w))
		return take_away(skb, place, w.now.host, TC_ACT_UNSPEC);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int xroam_uplink_in(struct __sk_buff *skb)
{
	union vm_word w;
	struct xr_vm *vm;
	__u32 place;
	__u64 key;

	if (is_copied(skb))
		return TC_ACT_UNSPEC;
	if (skb->pkt_type != PACKET_OTHERHOST && !watching())
		return TC_ACT_UNSPEC;
	key = key_at(skb, DESTINATION);
	if (IS_GROUP(key))
		return TC_ACT_UNSPEC;
	vm = find_vm(key, &place);
	if (!vm)
		return watching() ? serve_routed(skb) : TC_ACT_UNSPEC;
	w = vm_settle(vm, place, now_tick(), skb->len);
	if (is_leaving(w))
		return copy(skb, place, w.now.next, CLONE_IN);
	if (has_left(vm, w))
		return take_away(skb, place, w.now.host, TC_ACT_UNSPEC);
	return vm->tap ? to_port(skb, vm, w) : TC_ACT_UNSPEC;
}

static __always_inline int refuse(struct __sk_buff *skb, __u32 place, __u32 reason)
{
	struct vm_news *n = news();

	tally(reason, skb->len);
	if (n) {
		__builtin_memset(n, 0, sizeof(*n));
		n->most = 1;
		tell(reason, place + 1);
	}
	return TC_ACT_SHOT;
}

/*
 * A VXLAN device's VNI is the segment: its frames have no tag, but its VMs may
 * have a VLAN.
 */
static __always_inline struct xr_vm *find_inner(struct __sk_buff *skb, __u32 off, __u32 *place)
{
	__u64 key = key_at(skb, off);
	__u32 vlan = port_kind(skb->ifindex) & 0xfff;
	struct xr_vm *vm = NULL;

	if (!key || IS_GROUP(key))
		return NULL;
	if (vlan && !(key >> 48))
		vm = find_vm(key | (__u64)vlan << 48, place);
	return vm ?: find_vm(key, place);
}

/* ---- what is said here in the name of a VM that is not ---- */

/* At a glance: all that is_claim() looks for, and little else. */
static __always_inline int may_be_claim(const struct __sk_buff *skb)
{
	const __u8 *ip = (const __u8 *)(long)skb->data + sizeof(struct ethhdr);
	const __u8 *end = (const __u8 *)(long)skb->data_end;

	if (ip + 10 > end)
		return 1;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return ip[9] == IPPROTO_IGMP;
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return ip[6] == IPPROTO_ICMPV6 || ip[6] == IPPROTO_HOPOPTS;
	return 1;
}

/*
 * It is on its way here: said by it, or in its name. By its own port it has passed
 * tap_in as a rule, and is here; a neighbour's is none of its words. Where nobody
 * knows its port nothing is proved, but its frames go their way.
 */
static __always_inline int is_too_early(struct __sk_buff *skb, const struct xr_vm *vm, __u32 place)
{
	__u32 from = skb->ingress_ifindex;

	if (!from || is_claim(skb) || (vm->tap && vm->tap != from))
		return 1;
	if (vm->tap)
		activate(place, skb->len);
	return 0;
}

/*
 * It has left, and its old place speaks on: a QEMU that ends, a stack at its port.
 * Nobody shall believe that. Its data goes its way: what still runs here, whatever
 * this node was told, is not cut off. Nor is what the daemon says of where it is.
 */
static __always_inline int is_too_late(struct __sk_buff *skb, const struct xr_vm *vm,
				       union vm_word w)
{
	__u32 from = skb->ingress_ifindex, index;
	const struct xr_path *path;

	if (is_local(w.now.host) || !vm_is_redirected(vm, w, now_tick()) || !is_claim(skb) ||
	    (!from && skb->mark == XR_MARK_ANNOUNCED))
		return 0;
	/* Its new host is behind that port. */
	index = host_get(w.now.host).path;
	path = bpf_map_lookup_elem(&paths, &index);
	return !from || !path || path->ifindex != from;
}

/* 1: not to be sent. */
__noinline int is_misplaced(struct __sk_buff *skb)
{
	__u32 from = skb->ingress_ifindex, place, reason;
	union vm_word w;
	struct xr_vm *vm = find_inner(skb, SOURCE, &place);

	if (!vm)
		return 0;
	w = vm_settle(vm, place, now_tick(), skb->len);
	/* What comes from the fabric is the VM itself, where it is. */
	if (from && is_fabric(port_kind(from)))
		return 0;
	if (is_coming(w))
		reason = is_too_early(skb, vm, place) ? XR_R_PREMATURE : 0;
	else
		reason = is_too_late(skb, vm, w) ? XR_R_OUTDATED : 0;
	if (reason)
		refuse(skb, place, reason);
	return reason != 0;
}

static __always_inline int is_out_of_turn(struct __sk_buff *skb)
{
	return (watching() || may_be_claim(skb)) && is_misplaced(skb);
}

SEC("tc")
int xroam_tunnel_out(struct __sk_buff *skb)
{
	return is_out_of_turn(skb) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/*
 * What the port of a VM that stands still here, or has just left, should have got
 * from this host's own VMs: it is gone, or the bridge does not know it. Where the
 * fabric believes the VM to be, nobody would take it. Once user space has told
 * the kernel's own tables, they know better.
 */
static __always_inline int is_astray(__u32 place, union vm_word w)
{
	const struct xr_vm_info *info = info_of(place);

	if (is_leaving(w)) /* a copy by a port may be leaving just now */
		return host_get(w.now.next).method != XR_FORWARD_PORT;
	return info && w.now.state == XR_VM_MOVED && !is_local(w.now.host) &&
		w.now.host != info->host && is_local(info->host) &&
		host_get(w.now.host).method != XR_FORWARD_PORT;
}

static __always_inline int send_astray(struct __sk_buff *skb, const struct xr_vm *vm, __u32 place,
				       union vm_word w)
{
	if (!is_leaving(w) && !vm_is_redirected(vm, w, now_tick()))
		return TC_ACT_UNSPEC;
	if (had_just_now(skb))
		return TC_ACT_SHOT;
	return is_leaving(w) ? copy(skb, place, w.now.next, NO_CLONE)
			     : take_away(skb, place, w.now.host, TC_ACT_UNSPEC);
}

/*
 * Split horizon. A bridge that still has the VM's MAC on its uplink would send
 * what came for it straight back. What this host's own VMs send may leave: they,
 * not xroam, may be right about where it is.
 */
static __always_inline int goes_back(struct __sk_buff *skb, union vm_word w)
{
	__u32 kind = port_kind(skb->ingress_ifindex);

	if (!skb->ingress_ifindex || !is_fabric(kind))
		return 0;
	if (is_coming(w) ? kind == XR_TAP_UPLINK : !is_local(w.now.host) || vm_under_way(w))
		return 0;
	/* A VM's own port may be a guarded one; it leads to no fabric. */
	return is_fabric(port_kind(skb->ifindex));
}

/* For a VM that is known, and leaves by the uplink. */
__noinline int leaves_for_vm(struct __sk_buff *skb)
{
	__u64 key = key_at(skb, DESTINATION);
	union vm_word w;
	struct xr_vm *vm;
	__u32 place;

	if (IS_GROUP(key))
		return TC_ACT_UNSPEC;
	vm = find_vm(key, &place);
	if (!vm)
		return TC_ACT_UNSPEC;
	w = vm_settle(vm, place, now_tick(), skb->len);
	if (is_astray(place, w))
		return send_astray(skb, vm, place, w);
	return goes_back(skb, w) ? refuse(skb, place, XR_R_VM_LOOP) : TC_ACT_UNSPEC;
}

SEC("tc")
int xroam_uplink_out(struct __sk_buff *skb)
{
	/* A clone that found no port. */
	if (is_copied(skb) || is_out_of_turn(skb))
		return TC_ACT_SHOT;
	if (watching() || skb->ingress_ifindex)
		return leaves_for_vm(skb);
	return TC_ACT_UNSPEC;
}

/* ---- a VXLAN device ---- */

SEC("tc")
int xroam_tunnel_in(struct __sk_buff *skb)
{
	__u32 place, tick = now_tick();
	struct xr_vm *vm = find_inner(skb, DESTINATION, &place);
	union vm_word w;
	int local;

	if (!vm)
		return TC_ACT_UNSPEC;
	w = vm_settle(vm, place, tick, skb->len);
	if (is_leaving(w) && !is_copied(skb))
		return copy(skb, place, w.now.next, CLONE_IN);
	local = is_coming(w) || is_local(w.now.host);
	if (!local)
		return vm_is_redirected(vm, w, tick) ? refuse(skb, place, XR_R_VM_CHAIN)
						     : TC_ACT_UNSPEC;
	/*
	 * The bridge may not have learned yet that it is here. Later it knows
	 * better than a port written down long ago.
	 */
	if (vm->tap && (vm_under_way(w) || vm_is_redirected(vm, w, tick)) && !was_put(skb))
		return put_into(skb, vm->tap);
	return TC_ACT_UNSPEC;
}

/* ---- user space ---- */

/* cb[0]: the host the frame goes to. 0: sent. */
SEC("tc")
int xroam_replay(struct __sk_buff *skb)
{
	struct xr_host host = host_get(skb->cb[0]);
	__u32 bytes = skb->len;
	struct way w = {};
	int reason;

	skb->cb[0] = 0;
	reason = find_way(skb, &host, &w);
	if (!reason)
		reason = put_on(skb, &w);
	if (reason)
		return reason;
	if (!w.ifindex)
		return XR_R_NO_NEIGHBOUR;
	if (bpf_clone_redirect(skb, w.ifindex, 0))
		return XR_R_NO_ROUTE;
	tally(XR_R_REPLAYED, bytes);
	return 0;
}

char _license[] SEC("license") = "GPL";
