/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A redirect whose own frames come back (the new host's bridge has the VM on
 * its uplink, say) would send them out again and again. Of each redirected VM
 * one frame a second is remembered: a word that frames rarely share, which the
 * hot path compares, and a fingerprint. That others are like it proves nothing,
 * as datagrams may repeat; so after a few the next one goes out with a number of
 * its own where nobody minds: in the IPv4 ID of an unfragmented datagram (RFC
 * 6864 §4.1) or in the IPv6 flow label. Should this very one come back, soon, and
 * many such within the second, then frames go round in a circle.
 *
 * The fingerprint is the whole frame's: cyclic protocols repeat all of it but a
 * counter near the end. Where a frame has no place for a number, one in many that
 * are alike is dropped: what goes in a circle ends so, and of what is only repeated
 * little is lost.
 *
 * Soon, and many: numbers can be guessed, and they are not secret. A VM quotes
 * them in what it says by ICMP (RFC 1812 §4.3.2.3), which hosts say seldom: Linux
 * six times at once, and once a second, to one address. Who hears of each number
 * that way, and sends it again, must not switch the VM's redirect off.
 */
#ifndef XROAM_BPF_ECHO_H
#define XROAM_BPF_ECHO_H

#include "parse.h"
#include "vm_state.h"

#define ECHO_SUSPECT  8    /* frames like the sample before one is numbered */
#define ECHO_TOO_MANY 64   /* where there is no place for a number: drop one */
#define ECHO_NUMBERED 0x80 /* in echoes: the sample is; its returns below */
#define ECHO_PROOF    16
#define ECHO_OVER     0xff /* in echoes: the number did not come back soon */
#define ECHO_SOON     1024 /* hits */

/* In tick 0, too, there is no sample at first. */
#define SAMPLE_TICK(tick) (((tick) + 1) & 0xffff)

/* How much of a packet the word takes (see sample_of()), and the fingerprint. */
#define WORD4  32
#define WORD6  52
#define PRINT4 28
#define PRINT6 48

/*
 * IPv4's ID, then what follows the ports: UDP's checksum and payload, TCP's two
 * numbers, ICMP's sequence. Other protocols have something there, too. 0: short.
 */
static __always_inline __u32 sample_of(const void *ip, const void *end, __be16 proto)
{
	const __u32 *w = ip;

	if (unlikely(proto == bpf_htons(ETH_P_IPV6)))
		return ip + WORD6 <= end ? w[11] ^ w[12] : 0;
	return ip + WORD4 <= end ? w[1] ^ w[6] ^ w[7] : 0;
}

/* The hot path's question; the answer is nearly always no. */
static __always_inline int is_familiar(const struct xr_vm *vm, __u32 word, __u32 tick)
{
	return vm->sample == word || vm->sample_tick != SAMPLE_TICK(tick);
}

/* ---- the rest of a frame, behind what print_of() takes ---- */

#define PIECE  64
#define PIECES 256 /* more than any frame has */

struct piece {
	__u64 word[PIECE / 8];
};

XR_PERCPU(pieces, struct piece, 1);

struct rest {
	struct xdp_md *ctx;
	__u64 key, print;
	__u32 at, len;
};

static long add_piece(__u32 i, void *rest)
{
	struct rest *r = rest;
	__u32 zero = 0;
	struct piece *p = bpf_map_lookup_elem(&pieces, &zero);
	__u64 n = r->len < PIECE ? r->len : PIECE, h = r->print;

	if (!p || !n)
		return 1;
	if (n < PIECE)
		__builtin_memset(p, 0, sizeof(*p));
	n = bound_length(n, 63);
	if (bpf_xdp_load_bytes(r->ctx, r->at, p, n))
		return 1;
#pragma unroll
	for (int w = 0; w < PIECE / 8; w++) {
		h = (h + p->word[w]) * r->key;
		h ^= h >> 29;
	}
	r->print = h;
	r->at += n;
	r->len -= n;
	return 0;
}

/* Keyed, too; 0 where there is none. Padding is no part of an IP packet. */
static __always_inline __u32 print_rest(struct xdp_md *ctx, __u32 l3, __be16 proto,
					const struct xr_hash_keys *keys)
{
	const __be16 *w = octet_at(ctx, l3);
	__u32 end = bpf_xdp_get_buff_len(ctx), ends = end;
	struct rest r = { .ctx = ctx, .at = l3 + PRINT4, .key = keys->key[8] | 1 };

	if ((const void *)(w + 3) <= end_of(ctx)) {
		if (proto == bpf_htons(ETH_P_IP)) {
			ends = l3 + bpf_ntohs(w[1]);
		} else if (proto == bpf_htons(ETH_P_IPV6)) {
			ends = l3 + sizeof(struct ipv6hdr) + bpf_ntohs(w[2]);
			r.at = l3 + PRINT6;
		}
	}
	if (ends > end)
		ends = end;
	if (ends <= r.at)
		return 0;
	r.len = ends - r.at;
	bpf_loop(PIECES, add_piece, &r, 0);
	return r.print >> 32;
}

/*
 * A keyed sum of products, without TTL and checksum, which routers change. By odd numbers:
 * by an even one frames that differ in a word's top bits alone would look alike.
 */
static __always_inline __u32 fingerprint(const struct xr_hash_keys *keys, __u64 macs, __u64 a,
					 __u64 b, __u64 c)
{
	return (macs * (keys->key[8] | 1) + a * (keys->key[9] | 1) + b * (keys->key[10] | 1) +
		c * (keys->key[11] | 1)) >>
		32;
}

static __always_inline __u32 print_of(const void *frame, const void *ip, const void *end,
				      __be16 proto, const struct xr_hash_keys *keys)
{
	/* The source's MAC and the EtherType. */
	__u64 macs = (__u64) * (const __u32 *)(frame + 6) << 32 | *(const __u32 *)(frame + 10);
	const __u32 *w = ip;

	if (proto == bpf_htons(ETH_P_IP) && ip + PRINT4 <= end)
		return fingerprint(keys, macs, (__u64)w[0] << 32 | w[1], (__u64)w[3] << 32 | w[4],
				   (__u64)w[5] << 32 | w[6]);
	if (proto == bpf_htons(ETH_P_IPV6) && ip + PRINT6 <= end)
		return fingerprint(keys, macs, (__u64)w[0] << 32 | (w[1] & bpf_htonl(0xffffff00)),
				   (__u64)w[5] << 32 | w[9], (__u64)w[10] << 32 | w[11]);
	if (ip + PRINT4 <= end)
		return fingerprint(keys, macs ^ w[6], (__u64)w[0] << 32 | w[1],
				   (__u64)w[2] << 32 | w[3], (__u64)w[4] << 32 | w[5]);
	return macs ^ macs >> 32 ^ (end - ip);
}

/* A frame, for the functions below. */
struct echo_frame {
	void *frame, *ip, *end;
	__u32 rest;
	__be16 proto;
};

/* Fragments keep theirs: it puts them together again. */
static __always_inline int number_ipv4(__be16 *w)
{
	__u16 was = w[2], is = bpf_get_prandom_u32();

	if (w[3] & bpf_htons(IP_OFFSET_OR_MF))
		return 0;
	is += is == was;
	w[2] = is;
	w[5] = csum_replace(w[5], was, is);
	return 1;
}

static __always_inline int number_frame(const struct echo_frame *f)
{
	if (f->proto == bpf_htons(ETH_P_IP) && f->ip + PRINT4 <= f->end)
		return number_ipv4(f->ip);
	if (f->proto != bpf_htons(ETH_P_IPV6) || f->ip + PRINT6 > f->end)
		return 0;
	*(__be32 *)f->ip ^= bpf_htonl(bpf_get_prandom_u32() & 0xfffff);
	return 1;
}

static __always_inline __u32 print_frame(const struct echo_frame *f,
					 const struct xr_hash_keys *keys)
{
	return print_of(f->frame, f->ip, f->end, f->proto, keys) ^ f->rest;
}

static __always_inline void take_sample(struct xr_vm *vm, const struct echo_frame *f,
					const struct xr_hash_keys *keys)
{
	vm->sample = sample_of(f->ip, f->end, f->proto);
	vm->print = print_frame(f, keys);
	vm->mark = vm->hits;
}

/* Proved: the VM is not redirected until somebody says anew where it is. */
static __always_inline int disable_redirect(struct xr_vm *vm, __u32 vm_index)
{
	union vm_state_word w = vm_now(vm), to = w;
	struct vm_news *n;

	to.now.flags |= XR_VM_LOOP;
	if (to.word == w.word || !vm_exchange(vm, w, to))
		return 0;
	n = no_news();
	if (!n)
		return 0;
	n->from = w.now.host;
	return post_vm_event(n, XR_R_VM_LOOP, no_of_index(vm_index));
}

/* The numbered one came back. */
static __always_inline int echo_numbered(struct xr_vm *vm, __u32 vm_index,
					 const struct echo_frame *f,
					 const struct xr_hash_keys *keys)
{
	__u32 seen = vm->echoes + 1;

	if (seen >= (ECHO_NUMBERED | ECHO_PROOF)) {
		disable_redirect(vm, vm_index);
		return XR_R_VM_LOOP;
	}
	vm->echoes = seen;
	if (number_frame(f))
		take_sample(vm, f, keys);
	return 0;
}

static __always_inline int echo_frame(struct xr_vm *vm, __u32 vm_index, const struct echo_frame *f,
				      const struct xr_hash_keys *keys)
{
	__u32 seen = vm->echoes, tick = SAMPLE_TICK(now_tick());

	if (vm->sample_tick != tick) {
		vm->sample_tick = tick;
		vm->echoes = 0;
		take_sample(vm, f, keys);
		return 0;
	}
	/* Before the fingerprint: guesses count, whatever they look like. */
	if (seen & ECHO_NUMBERED && (__u16)((__u16)vm->hits - vm->mark) > ECHO_SOON)
		vm->echoes = seen = ECHO_OVER;
	if (seen == ECHO_OVER || vm->print != print_frame(f, keys))
		return 0;
	if (seen & ECHO_NUMBERED)
		return echo_numbered(vm, vm_index, f, keys);
	if (seen >= ECHO_TOO_MANY) {
		vm->echoes = 0;
		return XR_R_VM_LOOP;
	}
	vm->echoes = ++seen;
	if (seen >= ECHO_SUSPECT && number_frame(f)) {
		take_sample(vm, f, keys);
		vm->echoes = ECHO_NUMBERED;
	}
	return 0;
}

/*
 * A frame that is familiar; the packet in it begins at l3. 0: it goes its way,
 * maybe with a number; or the reason to drop it.
 */
__noinline int echo(struct xdp_md *ctx, __u32 vm_index, __u32 l3)
{
	const struct xr_hash_keys *keys = vm_keys();
	struct xr_vm *vm = vm_at(vm_index);
	const __be16 *at = octet_at(ctx, l3 - 2);
	struct echo_frame f = {};

	if (!vm || !keys || (const void *)(at + 1) > end_of(ctx))
		return 0;
	f.proto = *at;
	f.rest = print_rest(ctx, l3, f.proto, keys);
	f.frame = data_of(ctx);
	f.ip = octet_at(ctx, l3);
	f.end = end_of(ctx);
	if (f.frame + sizeof(struct ethhdr) > f.end)
		return 0;
	return echo_frame(vm, vm_index, &f, keys);
}

#endif
