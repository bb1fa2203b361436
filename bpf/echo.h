/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A redirect whose own frames come back (the new host's bridge has the VM on
 * its uplink, say) would send them out again and again. Of each redirected VM
 * one frame a second is remembered by its fingerprint. That others are like it
 * proves nothing, as datagrams may repeat; so after a few the next one goes out
 * with a number of its own where nobody minds: in the IPv4 ID of an unfragmented
 * datagram (RFC 6864 §4.1) or in the IPv6 flow label. Should this very one come
 * back, three times in a row and soon, then frames go round in a circle.
 *
 * Soon, and three times: who guesses numbers needs 2^28 frames.
 */
#ifndef XROAM_BPF_ECHO_H
#define XROAM_BPF_ECHO_H

#include "parse.h"
#include "vm_table.h"

#define ECHO_SUSPECT	8	/* frames like the sample before one is numbered */
#define ECHO_TOO_MANY	64	/* where there is no place for a number: drop */
#define ECHO_NUMBERED	0x80	/* in echoes: the sample is; its returns below */
#define ECHO_PROOF	3
#define ECHO_SOON	1024	/* hits */

/* How much of a packet a fingerprint takes: four octets behind the ports. */
#define LOOK4		28
#define LOOK6		48

struct looks {
	__u32 print;		/* of this frame, without what changes under way */
	__u32 flow;		/* the same for all frames of a flow */
	__u32 tos;
};

/* A keyed sum of products, so that nobody can make two that are alike. */
static __always_inline __u32 fingerprint(const struct xr_hash_keys *keys,
					 __u64 macs, __u64 a, __u64 b, __u64 c)
{
	return (macs * keys->key[8] + a * keys->key[9] + b * keys->key[10] +
		c * keys->key[11]) >> 32;
}

/* Without TTL and checksum, which routers change. */
static __always_inline void looks_of4(struct looks *l, const __u32 *w,
				      const struct xr_hash_keys *keys,
				      __u64 macs)
{
	__u32 ports = w[1] & bpf_htonl(IP_OFFSET_OR_MF) ? 0 : w[5];

	l->flow = w[3] ^ w[4] ^ ports;
	l->tos = ((const __u8 *)w)[1];
	l->print = fingerprint(keys, macs, (__u64)w[0] << 32 | w[1],
			       (__u64)w[3] << 32 | w[4],
			       (__u64)w[5] << 32 | w[6]);
}

static __always_inline void looks_of6(struct looks *l, const __u32 *w,
				      const struct xr_hash_keys *keys,
				      __u64 macs)
{
	__u32 ports = tcp_or_udp(((const __u8 *)w)[6]) ? w[10] : 0;

	l->flow = w[5] ^ w[9] ^ ports;
	l->tos = (bpf_ntohl(w[0]) >> 20) & 0xff;
	l->print = fingerprint(keys, macs, (__u64)w[0] << 32 |
			       (w[1] & bpf_htonl(0xffffff00)),
			       (__u64)w[5] << 32 | w[9],
			       (__u64)w[10] << 32 | w[11]);
}

/* ARP, PPPoE, whatever: as much of it as of an IPv4 packet. */
static __always_inline void looks_of_other(struct looks *l, const __u32 *w,
					   const struct xr_hash_keys *keys,
					   __u64 macs)
{
	l->print = fingerprint(keys, macs ^ w[6], (__u64)w[0] << 32 | w[1],
			       (__u64)w[2] << 32 | w[3],
			       (__u64)w[4] << 32 | w[5]);
}

/* frame: its Ethernet header, whole, and ip what follows, up to end. */
static __always_inline struct looks looks_of(const void *frame, const void *ip,
					     const void *end, __be16 proto,
					     const struct xr_hash_keys *keys)
{
	/* The source's MAC and the EtherType. */
	__u64 macs = (__u64)*(const __u32 *)(frame + 6) << 32 |
		     *(const __u32 *)(frame + 10);
	struct looks l = {};

	if (likely(proto == bpf_htons(ETH_P_IP)) && ip + LOOK4 <= end)
		looks_of4(&l, ip, keys, macs);
	else if (proto == bpf_htons(ETH_P_IPV6) && ip + LOOK6 <= end)
		looks_of6(&l, ip, keys, macs);
	else if (ip + LOOK4 <= end)
		looks_of_other(&l, ip, keys, macs);
	else
		l.print = (macs ^ (end - ip)) * 0x9e3779b97f4a7c15ULL >> 32;
	return l;
}

/* RFC 1624. Fragments keep theirs: it puts them together again. */
static __always_inline int number_ipv4(__be16 *w)
{
	__u16 was = w[2], is = bpf_get_prandom_u32();
	__u32 sum;

	if (w[3] & bpf_htons(IP_OFFSET_OR_MF))
		return 0;
	is += is == was;
	sum = (__u16)~w[5] + (__u16)~was + is;
	sum = (sum & 0xffff) + (sum >> 16);
	w[2] = is;
	w[5] = ~(sum + (sum >> 16));
	return 1;
}

/* Numbers the packet at l3 and remembers what it looks like now. */
static __always_inline int number_frame(struct xdp_md *ctx, struct xr_vm *vm,
					__u32 l3)
{
	const struct xr_hash_keys *keys = vm_keys();
	void *frame = data_of(ctx), *end = end_of(ctx);
	void *ip = octet(frame, l3);
	__be16 *proto = octet(frame, l3 - 2);

	if (!keys || frame + sizeof(struct ethhdr) > end ||
	    (void *)(proto + 1) > end || ip + LOOK4 > end)
		return 0;
	if (*proto == bpf_htons(ETH_P_IP)) {
		if (!number_ipv4(ip))
			return 0;
	} else if (*proto == bpf_htons(ETH_P_IPV6) && ip + LOOK6 <= end) {
		*(__be32 *)ip ^= bpf_htonl(bpf_get_prandom_u32() & 0xfffff);
	} else {
		return 0;
	}
	vm->sample = looks_of(frame, ip, end, *proto, keys).print;
	vm->mark = vm->hits;
	return 1;
}

/* Proved: the VM is not redirected until somebody says anew where it is. */
static __always_inline int disable_redirect(struct xr_vm *vm, __u32 place)
{
	union vm_word w = vm_now(vm), to = w;
	struct vm_news *n = news();

	to.now.flags |= XR_VM_LOOP;
	if (!n || to.word == w.word || !vm_exchange(vm, w, to))
		return 0;
	__builtin_memset(n, 0, sizeof(*n));
	n->from = w.now.host;
	return tell(XR_R_VM_LOOP, place + 1);
}

/*
 * A frame for the VM that looks like its sample; the packet in it begins at l3.
 * 0: goes on its way, maybe with a number; or the reason to drop it.
 */
__noinline int echo(struct xdp_md *ctx, __u32 place, __u32 l3)
{
	struct xr_vm *vm = vm_at(place);
	__u32 seen;

	if (!vm)
		return 0;
	seen = vm->echoes;
	if (seen & ECHO_NUMBERED) {
		if ((__u32)vm->hits - vm->mark > ECHO_SOON)
			return 0;
		seen++;
		if (seen >= (ECHO_NUMBERED | ECHO_PROOF)) {
			disable_redirect(vm, place);
			return XR_R_VM_LOOP;
		}
		vm->echoes = seen;
		number_frame(ctx, vm, l3);
		return 0;
	}
	if (seen >= ECHO_TOO_MANY)
		return XR_R_VM_LOOP;
	vm->echoes = ++seen;
	if (seen >= ECHO_SUSPECT && number_frame(ctx, vm, l3))
		vm->echoes = ECHO_NUMBERED;
	return 0;
}

/* Nearly free where nothing repeats. echoes last: another CPU may be here. */
static __always_inline int looks_familiar(struct xr_vm *vm, __u32 print,
					  __u32 tick)
{
	/* One more than the tick: in tick 0, too, there is no sample at first. */
	if (unlikely(vm->sample_tick != tick + 1)) {
		vm->sample = print;
		vm->sample_tick = tick + 1;
		vm->echoes = 0;
		return 0;
	}
	return unlikely(vm->sample == print);
}

#endif
