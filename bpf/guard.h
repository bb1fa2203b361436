/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may claim which MAC and IP address. Only the place a frame came from tells
 * a VM's own word from a stolen one: the port, or the tunnel, of the host where
 * it is or is expected.
 *
 * - A move that was prepared is completed by the VM's first frame from there, at
 *   that very frame.
 * - Without one, `policy moves` says whose announcements move a VM.
 * - A locked VM's MAC and addresses are good at its place alone.
 */
#ifndef XROAM_BPF_GUARD_H
#define XROAM_BPF_GUARD_H

#include "announce.h"
#include "nexthop.h"
#include "vm_table.h"

/* ---- places ---- */

/* Whether what goes to the host leaves by the device this came in by. */
static __always_inline int comes_back_from(struct xdp_md *ctx, __u32 index)
{
	struct xr_nexthop *nh = bpf_map_lookup_elem(&nexthops, &index);

	if (!nh)
		return 0;
	if (!nh->ifindex || (__s32)(nh->until - now_tick()) < 0)
		refresh_nexthop(ctx, index);
	return nh->ifindex && egress_of(ctx, nh) == ingress_of(ctx);
}

/* Whether the claim at hand came from where the host is, another machine. */
__noinline int is_at(struct xdp_md *ctx, __u32 index)
{
	const struct xr_port *port = this_port();
	struct xr_host host = host_get(index);
	struct claim *c = the_claim();
	struct xr_path *path;
	__u32 key = host.path;

	if (!c || !port || host.flags != XR_HOST_USED)
		return 0;
	path = bpf_map_lookup_elem(&paths, &key);
	if (!path)
		return 0;
	if (!c->far && port->host == index)
		return 1;
	if (host.method == XR_FORWARD_PORT || host.method == XR_FORWARD_L2)
		return !c->far && path->ifindex == ingress_of(ctx);
	/* Out of its tunnel, by the way the tunnel takes; or plainly that way. */
	if (c->far && c->far != index)
		return 0;
	return (c->far && port->trusted) || comes_back_from(ctx, key);
}

/*
 * A tunnel's outer source is easily written by others. Where the host is a
 * neighbour, its frames come from its MAC address, which on a network that watches
 * its ports nobody else has; behind a router the network has to see to it.
 */
__noinline int is_forged(struct xdp_md *ctx, __u32 index)
{
	const struct xr_port *port = this_port();
	struct claim *c = the_claim();
	const __u16 *eth = data_of(ctx);
	__u32 key = host_get(index).path;
	struct xr_nexthop *nh = bpf_map_lookup_elem(&nexthops, &key);
	struct xr_path *path = bpf_map_lookup_elem(&paths, &key);

	if (!c || !port || !nh || !path || !c->far || port->trusted ||
	    nh->gateway != xr_address_print(path->daddr))
		return 0;
	return (const void *)(eth + 7) > end_of(ctx) ||
		mac_of(eth + 3) != mac_of((const __u16 *)nh->dmac);
}

/*
 * In another namespace another device has the same number: but no VM is behind it,
 * as far as user space knows, which goes by both.
 */
static __always_inline int is_port_of(struct xdp_md *ctx, const struct xr_vm *vm)
{
	const struct xr_port *port = this_port();

	return vm->tap && vm->tap == ingress_of(ctx) && port && port->own;
}

/* By its own port on this machine, should that be a guarded one. */
static __always_inline int is_by_own_port(struct xdp_md *ctx, __u32 place)
{
	struct xr_vm *vm = vm_at(place);

	return vm && is_port_of(ctx, vm);
}

/* It is on its way to here: whether it runs yet, tc sees behind its port. */
__noinline int is_arriving(struct xdp_md *ctx, __u32 place)
{
	struct xr_vm *vm = vm_at(place);
	union vm_word w;

	if (!vm)
		return 0;
	w = vm_now(vm);
	return vm_under_way(w) && host_get(w.now.next).flags & XR_HOST_LOCAL &&
		is_by_own_port(ctx, place);
}

/* And from where the VM is, or is about to be. */
static __always_inline int is_in_place(struct xdp_md *ctx, __u32 place, __u32 index)
{
	if (host_get(index).flags & XR_HOST_LOCAL)
		return is_by_own_port(ctx, place);
	return is_at(ctx, index) || is_arriving(ctx, place);
}

/* ---- addresses ---- */

/*
 * Whether the VM's binding has the address: the operator's, if he gave any; what
 * was learned binds nobody, and nobody lists link-local ones.
 */
static __always_inline int is_bound(__u32 place, const __be32 *ip)
{
	const struct xr_vm_info *info = bpf_map_lookup_elem(&vm_info, &place);
	int given = 0;

	if (!info || is_link_local(ip))
		return 1;
	for (int i = 0; i < XR_VM_ADDRS; i++) {
		const __be32 *a = info->addr[i];

		if (!(a[0] | a[1] | a[2] | a[3]) || info->learned & (1U << i))
			continue;
		if (same_addr(a, ip))
			return 1;
		given = 1;
	}
	return !given;
}

/* Loopback, and what is reserved: nobody learns it (vm_bad_addr() in user space). */
static __always_inline int is_nobodys(const __be32 *ip)
{
	__u32 first = bpf_ntohl(ip[3]) >> 24;

	if (ip[0] | ip[1])
		return 0;
	if (ip[2] == bpf_htonl(0xffff))
		return first == 127 || !first;
	return !ip[2] && ip[3] == bpf_htonl(1);
}

/* A place is left to learn an address that the VM says it has. */
static __always_inline int is_news(__u32 place, const __be32 *ip)
{
	const struct xr_vm_info *info = bpf_map_lookup_elem(&vm_info, &place);
	int room = 0;

	if (!info || is_link_local(ip) || is_nobodys(ip))
		return 0;
	for (int i = 0; i < XR_VM_ADDRS; i++) {
		const __be32 *a = info->addr[i];

		if (same_addr(a, ip))
			return 0;
		room |= !(a[0] | a[1] | a[2] | a[3]);
	}
	return room;
}

/* ---- telling ---- */

static __always_inline void note_bytes(__u32 bytes, __u32 reason)
{
	struct packet p = { .bytes = bytes };

	note(&p, reason);
}

#define NOTHING_CHANGED 0x10000

/*
 * Counts and tells what became of the claim at hand. place: of the VM, plus one,
 * or 0; from: where it was, or that nothing changed. What a VM says it has anew is
 * for the daemon, too, which alone can see to it that it is no news any more.
 */
__noinline int say(__u32 reason, __u32 place, __u32 from)
{
	struct claim *c = the_claim();
	struct vm_news *n = news();

	if (!c || !n)
		return 0;
	note_bytes(c->bytes, reason);
	n->key = c->key;
	__builtin_memcpy(n->ip, c->ip, sizeof(n->ip));
	n->follow = reason == XR_R_ANNOUNCEMENT;
	n->most = from != NOTHING_CHANGED ? 0 : n->follow ? XR_VM_ADDRS : 1;
	n->from = n->most ? 0 : from;
	n->announcement = c->kind;
	return tell(reason, place);
}

static __always_inline void count_spoofed(__u32 place)
{
	struct xr_vm_info *info = bpf_map_lookup_elem(&vm_info, &place);

	if (info && !knobs.trace)
		__sync_fetch_and_add(&info->spoofed, 1);
}

/* ---- moves ---- */

/* Prepared, and here it speaks from where it was expected. */
__noinline int activate(__u32 place)
{
	struct claim *c = the_claim();
	__u32 from = c ? vm_complete(place) : 0;

	if (!from)
		return 0;
	if (c->sort == CLAIM_SAYS)
		note_bytes(c->bytes, XR_R_ANNOUNCEMENT);
	return say(XR_R_ACTIVATED, place + 1, from - 1);
}

/* RFC 7432 §15.1: who moves too often stays where the operator's word put it. */
__noinline int move_by_word(__u32 place, __u32 host)
{
	struct claim *c = the_claim();
	struct xr_vm *vm = vm_at(place);
	__u32 tick = now_tick(), moves, frozen;
	union vm_word w, to;

	if (!c || !vm)
		return 0;
	to = w = vm_now(vm);
	moves = vm->flap_moves + 1;
	if (tick - vm->flap_since >= knobs.flap_seconds)
		moves = 1;
	frozen = moves > knobs.flap_moves;
	to.now.host = frozen ? w.now.home : host;
	to.now.state = XR_VM_MOVED;
	to.now.flags &= ~XR_VM_LOOP;
	if (frozen)
		to.now.flags |= XR_VM_FROZEN;
	if (vm_under_way(w) || !vm_take(vm, w, to, vm->ttl ?: knobs.vm_ttl))
		return 0;
	count_move(place);
	vm->flap_moves = moves;
	if (moves == 1)
		vm->flap_since = tick;
	if (frozen)
		note_bytes(c->bytes, XR_R_ANNOUNCEMENT);
	return say(frozen ? XR_R_FROZEN : XR_R_ANNOUNCEMENT, place + 1, w.now.host);
}

/* Whose port, or tunnel, this is, if the policy lets it move VMs; or 0. */
static __always_inline __u32 believed_host(struct xdp_md *ctx, const struct claim *c)
{
	const struct xr_port *port = this_port();
	__u32 index;

	if (knobs.moves == XR_MOVES_EXPECTED || !port ||
	    (knobs.moves == XR_MOVES_PORTS && !port->trusted))
		return 0;
	index = c->far ?: port->host;
	return index && host_get(index).flags == XR_HOST_USED ? index : 0;
}

/* It says what it may say, where it may; maybe an address that is new. */
static __always_inline int confirm(const struct claim *c, __u32 place, union vm_word w)
{
	if (c->sort != CLAIM_SAYS)
		return 0;
	if (c->has_ip && w.now.state == XR_VM_MOVED && !(w.now.flags & XR_VM_LOCK) &&
	    is_news(place, c->ip))
		return say(XR_R_ANNOUNCEMENT, place + 1, NOTHING_CHANGED);
	note_bytes(c->bytes, XR_R_ANNOUNCEMENT);
	return 0;
}

/* What a VM's frame means for where it is. */
__noinline int believe(struct xdp_md *ctx, __u32 place)
{
	struct claim *c = the_claim();
	struct xr_vm *vm = vm_at(place);
	union vm_word w;
	__u32 host;

	if (!c || !vm)
		return 0;
	vm_age(place, c->bytes);
	w = vm_now(vm);
	if (is_arriving(ctx, place))
		return 0;
	if (is_in_place(ctx, place, w.now.host))
		return confirm(c, place, w);
	if (vm_under_way(w) && c->sort != CLAIM_PROBE && is_at(ctx, w.now.next) &&
	    !is_forged(ctx, w.now.next))
		return activate(place);
	if (c->sort != CLAIM_SAYS)
		return 0;
	host = believed_host(ctx, c);
	if (host && !vm_under_way(w) && !(w.now.flags & XR_VM_FROZEN))
		return move_by_word(place, host);
	count_spoofed(place);
	return say(XR_R_SPOOFED, place + 1, NOTHING_CHANGED);
}

/* ---- what is refused ---- */

/*
 * Nobody's VM: a gateway and this machine say what they like in forms that serve
 * no other purpose; nobody else says it in their name.
 */
static __always_inline int is_gratuitous(const struct claim *c)
{
	return c->kind <= XR_RARP || c->kind == XR_UNSOLICITED_NA;
}

/* What routers share, by prefix: VRRP (RFC 9568 §7.3), HSRP of all versions. */
static __always_inline int is_virtual_router(__u64 mac)
{
	__u32 three = mac & 0xffffff, four = mac, last = mac >> 24;

	return (three == 0x5e0000 && ((last & 0xffff) == 0x0100 || (last & 0xffff) == 0x0200)) ||
		(four == 0x070c0000 && (mac >> 32 & 0xff) == 0xac) ||
		(four == 0x9f0c0000 && (mac >> 36 & 0xf) == 0xf) ||
		(four == 0xa0730500 && (mac >> 36 & 0xf) == 0);
}

static __always_inline int is_protected_mac(__u64 mac)
{
	return is_virtual_router(mac) || is_protected(XR_PROTECTED_MAC, &mac, ETH_ALEN);
}

__noinline int claims_protected(__u32 place)
{
	struct claim *c = the_claim();
	int mac_is, ip_is;
	__u64 mac;

	if (!c)
		return 0;
	mac = c->key & MAC_MASK;
	mac_is = is_protected_mac(mac);
	ip_is = c->has_ip && is_protected(XR_PROTECTED_IP, c->ip, sizeof(c->ip));
	return place ? mac_is || ip_is : !mac_is && ip_is;
}

/* What the claim at hand says against itself, or against what is known. */
static __always_inline int is_refused(const struct claim *c, __u32 place, __u32 owner)
{
	if (c->sort != CLAIM_SAYS)
		return c->sort == CLAIM_BAD;
	if (place && c->has_ip && ((owner && owner != place) || !is_bound(place - 1, c->ip)))
		return 1;
	return (place || is_gratuitous(c)) && claims_protected(place);
}

/* ---- the guard ---- */

/* The machine is where it is, or where it goes: the port is its own. */
static __always_inline int is_own_port(struct xdp_md *ctx, const struct xr_vm *vm)
{
	union vm_word w = vm_now(vm);

	return is_port_of(ctx, vm) &&
		(host_get(w.now.host).flags | host_get(w.now.next).flags) & XR_HOST_LOCAL;
}

/* The port of a locked VM is for it alone, or for those that share it. */
__noinline int guard_port(struct xdp_md *ctx)
{
	const struct xr_port *port = this_port();
	struct claim *c = the_claim();
	struct xr_vm *vm;
	__u32 speaker;

	if (!c || !port || !port->own || c->off || !is_locked(port->own))
		return 0;
	vm = vm_at(port->own - 1);
	if (!vm || !is_own_port(ctx, vm))
		return 0;
	speaker = c->who ?: c->exact;
	vm = speaker ? vm_at(speaker - 1) : NULL;
	if (vm && vm->tap == ingress_of(ctx))
		return 0;
	c->place = port->own;
	return XR_R_GUARD_MAC;
}

/* Each locked VM whose MAC this is, must be where it came from. */
__noinline int guard_source(struct xdp_md *ctx)
{
	const struct xr_port *port = this_port();
	struct claim *c = the_claim();
	const struct xr_locked *l;
	__u64 mac;

	if (!c || !port)
		return 0;
	mac = c->key & MAC_MASK;
	l = bpf_map_lookup_elem(&locked_macs, &mac);
	if (!l)
		return guard_port(ctx);
	for (int i = 0; i < XR_LOCKED_SAME; i++) {
		__u32 place = nth_locked(ctx, l, i, mac);
		struct xr_vm *vm = place ? vm_at(place - 1) : NULL;

		if (!vm)
			continue;
		c->place = place;
		if (!is_in_place(ctx, place - 1, vm_now(vm).now.host))
			return XR_R_GUARD_MAC;
		c->who = c->who ?: place;
	}
	/* The one whose MAC and VLAN these are is not among them, it may be. */
	if (l->more && c->exact && is_locked(c->exact)) {
		struct xr_vm *vm = vm_at(c->exact - 1);

		if (vm && !is_in_place(ctx, c->exact - 1, vm_now(vm).now.host))
			return XR_R_GUARD_MAC;
		c->who = c->who ?: c->exact;
	}
	if (l->more && port->sw == XR_SWITCH_MACS && !c->off)
		return XR_R_GUARD_MAC;
	return guard_port(ctx);
}

/* RFC 4291 appendix A: the MAC address that a link-local address was made of. */
static __always_inline __u64 eui64_mac(const __be32 *ip)
{
	const __u8 *o = (const __u8 *)ip;

	if (o[11] != 0xff || o[12] != 0xfe)
		return 0;
	return (__u64)(o[8] ^ 2) | (__u64)o[9] << 8 | (__u64)o[10] << 16 | (__u64)o[13] << 24 |
		(__u64)o[14] << 32 | (__u64)o[15] << 40;
}

/* Nobody lists link-local addresses; by their making some are somebody's. */
static __always_inline int is_anothers_link_local(struct xdp_md *ctx, const struct claim *c,
						  const __be32 *ip)
{
	__u64 mac;

	if (!is_link_local(ip))
		return 0;
	mac = eui64_mac(ip);
	if (!mac || mac == (c->key & MAC_MASK))
		return 0;
	return locked_vm(ctx, mac) || (c->who && is_protected_mac(mac));
}

enum { SAYS_IP, SAYS_TOO, USES }; /* c->ip, c->too, c->from */

/*
 * The segments that the frame at hand may be in: its own, the port's, that of the
 * VM whose port it is; and none, by which is found who has an address alone.
 */
#define SEGMENTS 4

static __always_inline __u32 nth_segment(const struct claim *c, int i)
{
	const struct xr_port *port = this_port();
	struct xr_vm *vm;

	if (!i)
		return c->key >> 48;
	if (c->off || !port)
		return 0;
	if (i == 1)
		return port->pvid;
	vm = i == 2 && port->own ? vm_at(port->own - 1) : NULL;
	return vm ? vm->key >> 48 : 0;
}

/* An address that the frame at hand says is its sender's, or uses as its own. */
__noinline int guard_address(struct xdp_md *ctx, int which)
{
	struct claim *c = the_claim();
	const __be32 *ip;
	__u32 owner;

	if (!c)
		return 0;
	ip = which == SAYS_IP ? c->ip : which == SAYS_TOO ? c->too : c->from;
	for (int i = 0; i < SEGMENTS; i++) {
		__u32 vlan = nth_segment(c, i);

		if (!vlan && i != SEGMENTS - 1)
			continue;
		owner = vm_of_addr_in(ip, vlan);
		if (owner && owner != c->who && is_locked(owner) &&
		    may_be_in_segment(ctx, owner - 1)) {
			c->place = c->place ?: owner;
			return XR_R_GUARD_IP;
		}
	}
	if (is_anothers_link_local(ctx, c, ip))
		return XR_R_GUARD_IP;
	if (!c->who)
		return 0;
	if (is_protected(XR_PROTECTED_IP, ip, sizeof(c->ip)))
		return XR_R_GUARD_IP;
	if (!(which == SAYS_IP && c->tentative) && !is_bound(c->who - 1, ip))
		return XR_R_GUARD_IP;
	return 0;
}

/* What it uses counts at its own port: elsewhere it may be a router's. */
static __always_inline int uses_address(struct xdp_md *ctx, const struct claim *c)
{
	struct xr_vm *vm = c->who && c->has_from && !c->off ? vm_at(c->who - 1) : NULL;

	return vm && is_own_port(ctx, vm);
}

/*
 * Whose may the frame at hand claim to be, by the key that the switch will use;
 * and whose its addresses? The reason to drop it, or 0.
 */
static __always_inline int guard(struct xdp_md *ctx)
{
	struct claim *c = the_claim();
	int reason = guard_source(ctx);

	if (!c || reason)
		return reason;
	if (c->has_ip && guard_address(ctx, SAYS_IP))
		return XR_R_GUARD_IP;
	if (c->has_too && guard_address(ctx, SAYS_TOO))
		return XR_R_GUARD_IP;
	if (uses_address(ctx, c) && guard_address(ctx, USES))
		return XR_R_GUARD_IP;
	if ((c->given[0] && locked_vm(ctx, c->given[0])) ||
	    (c->given[1] && locked_vm(ctx, c->given[1])))
		return XR_R_GUARD_MAC;
	if (c->who && (c->foreign || c->sort == CLAIM_BAD))
		return XR_R_GUARD_IP;
	return c->unread ? XR_R_GUARD_UNREAD : 0;
}

/* ---- hearing ---- */

static __always_inline void trace_claim(const struct claim *c)
{
	struct xr_trace *t = trace_record();

	if (t)
		t->announcement = c->kind;
}

/*
 * Hears what the frame at off says (see read_claim()). 0: it goes its way; or
 * the reason to drop it.
 */
__noinline int hear(struct xdp_md *ctx, __u32 off, __u32 far, __u32 vlan)
{
	struct claim *c = the_claim();
	__u32 place, owner = 0;

	if (read_claim(ctx, off, far, vlan) || !c)
		return off && vms_locked() ? XR_R_GUARD_UNREAD : 0;
	forget();
	trace_claim(c);
	place = c->place = c->exact;
	if (c->has_ip)
		owner = vm_of_addr_in(c->ip, c->key >> 48);
	if (c->quiet)
		;
	else if (is_refused(c, place, owner))
		say(XR_R_ANNOUNCEMENT_BAD, place, NOTHING_CHANGED);
	else if (place)
		believe(ctx, place - 1);
	return vms_locked() ? guard(ctx) : 0;
}

/* ---- which frames are heard ---- */

#define ND_TYPE_AT 40 /* of an ICMPv6 type, in the packet */

/* Not 0 while VMs are expected or locked: then any frame is. */
static __always_inline __u64 vm_attention(void)
{
	return *(const volatile __u64 *)&vm_control;
}

/* ARP, RARP and advertisements always. */
static __always_inline int is_heard(struct xdp_md *ctx, __u32 l3, __be16 proto)
{
	const __u8 *ip;

	if (likely(proto == bpf_htons(ETH_P_IP)))
		return 0;
	if (proto != bpf_htons(ETH_P_IPV6))
		return proto == bpf_htons(ETH_P_ARP) || proto == bpf_htons(ETH_P_RARP);
	ip = octet_at(ctx, l3);
	return ip + ND_TYPE_AT + 1 <= (const __u8 *)end_of(ctx) && ip[6] == IPPROTO_ICMPV6 &&
		ip[ND_TYPE_AT] == ND_ADVERTISE;
}

#endif
