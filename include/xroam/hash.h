/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The keyed hashes that both sides compute: where a VIP sits in vip_index, and
 * the 64-bit hash of a 4-tuple behind the flow table and Maglev.
 *
 * NH (RFC 4418, UMAC): sums of products of 32-bit words, each offset by a
 * secret key word. Two words that an attacker chooses collide with probability
 * 2^-32 for one sum; the 4-tuple uses two independent sums. Words are taken as
 * they lie in the packet, so no byte is swapped on the hot path.
 */
#ifndef XROAM_HASH_H
#define XROAM_HASH_H

#include <xroam/abi.h>

/* a and b are words of the message, k and l key words for this place. */
static inline __attribute__((always_inline)) __u64 xr_nh(__u32 a, __u32 b, __u64 k, __u64 l)
{
	return (__u64)(__u32)(a + (__u32)k) * (__u32)(b + (__u32)l);
}

/* Spreads the entropy of x over all bits (MurmurHash3's finalizer constants). */
static inline __attribute__((always_inline)) __u64 xr_mix64(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ (x >> 33);
}

/*
 * Half of that: enough behind NH, whose sums are as good as random to who does
 * not know the key. The packet waits for it.
 */
static inline __attribute__((always_inline)) __u64 xr_stir64(__u64 x)
{
	x ^= x >> 32;
	x *= 0xff51afd7ed558ccdULL;
	return x ^ (x >> 32);
}

/* An address as in struct xr_vip in 32 bits: of an IPv4 one the very address. */
static inline __attribute__((always_inline)) __u32 xr_address_print(const __be32 *addr)
{
	__u64 high = (__u64)addr[0] << 32 | addr[1];

	if (!high && addr[2] == __builtin_bswap32(0xffff))
		return addr[3];
	return xr_mix64(xr_mix64(high) ^ ((__u64)addr[2] << 32 | addr[3]));
}

#define XR_V4_PREFIX_WORD 0xffff0000U /* ::ffff:0:0/96, word 2, little endian */

/* addr as in struct xr_vip; port_proto: port as in the packet | proto << 16. */
static inline __attribute__((always_inline)) __u64 xr_vip_hash(const struct xr_hash_keys *k,
							       const __be32 *addr, int ipv6,
							       __u32 port_proto)
{
	__u64 h = xr_nh(addr[3], port_proto, k->key[0], k->key[1]);

	if (ipv6) {
		h += xr_nh(addr[0], addr[1], k->key[2], k->key[3]);
		h += xr_nh(addr[2], 0, k->key[4], k->key[5]);
	}
	return xr_stir64(h);
}

/* Of an IPv4 address; one that meets another's costs a look-up, no more. */
static inline __attribute__((always_inline)) __u32 xr_vip_filter_bit(__be32 addr)
{
	return (__u32)(addr * 0x9e3779b1U) >> 17;
}

_Static_assert(XR_VIP_FILTER_WORDS * 64 == 1 << (32 - 17), "xr_vip_filter_bit()");

static inline __attribute__((always_inline)) __u32 xr_vip_tag(__u64 h)
{
	return h >> 48;
}

/*
 * Where a VM sits in mac_index (a = MAC's first four octets, b = its last two |
 * VLAN << 16) and its address in ip_index (see xr_vip_hash).
 */
static inline __attribute__((always_inline)) __u64 xr_vm_hash(const struct xr_hash_keys *k,
							      __u64 key)
{
	return xr_stir64(xr_nh(key, key >> 32, k->key[2], k->key[3]));
}

static inline __attribute__((always_inline)) __u64 xr_vm_ip_hash(const struct xr_hash_keys *k,
								 const __be32 *addr, int ipv6,
								 __u32 vlan)
{
	return xr_vip_hash(k, addr, ipv6, vlan);
}

/* Whose ICMP replies are limited together: below XR_REPLY_GROUPS. Ports as in the packet. */
static inline __attribute__((always_inline)) __u32 xr_reply_group(const struct xr_hash_keys *k,
								  const __be32 *saddr, __u32 ports)
{
	__u64 h = xr_nh(saddr[0] ^ saddr[2], saddr[1] ^ saddr[3], k->key[12], k->key[13]) +
		xr_nh(ports, 0, k->key[14], k->key[15]);

	return xr_stir64(h) % XR_REPLY_GROUPS;
}

/* The first bucket and the second, of n; the tag. */
static inline __attribute__((always_inline)) __u32 xr_tag_bucket1(__u64 h, __u32 n)
{
	return ((h & 0xffffffffU) * n) >> 32;
}

static inline __attribute__((always_inline)) __u32 xr_tag_bucket2(__u64 h, __u32 n)
{
	return xr_tag_bucket1(h * 0x9e3779b97f4a7c15ULL >> 32, n);
}

static inline __attribute__((always_inline)) __u32 xr_tag(__u64 h)
{
	return (h >> 49) + !(h >> 49); /* 15 bits, never 0 */
}

/* ports: source | destination << 16, both as in the packet. */
static inline __attribute__((always_inline)) __u64 xr_flow_hash(const struct xr_hash_keys *k,
								const __be32 *saddr,
								const __be32 *daddr, int ipv6,
								__u32 ports, __u32 proto)
{
	__u64 a = xr_nh(saddr[3], daddr[3], k->key[6], k->key[7]);
	__u64 b = xr_nh(saddr[3], daddr[3], k->key[8], k->key[9]);

	a += xr_nh(ports, proto, k->key[10], k->key[11]);
	b += xr_nh(ports, proto, k->key[12], k->key[13]);
	if (ipv6) {
		a += xr_nh(saddr[0], daddr[0], k->key[9], k->key[6]);
		b += xr_nh(saddr[0], daddr[0], k->key[11], k->key[8]);
		a += xr_nh(saddr[1], daddr[1], k->key[13], k->key[10]);
		b += xr_nh(saddr[1], daddr[1], k->key[14], k->key[12]);
		a += xr_nh(saddr[2], daddr[2], k->key[15], k->key[14]);
		b += xr_nh(saddr[2], daddr[2], k->key[7], k->key[15]);
	}
	return xr_stir64(a ^ (b * 0x9e3779b97f4a7c15ULL));
}

/*
 * What the parts of a flow hash decide; the bucket is h & flow_mask. A tag is
 * never 0, so that no free entry matches.
 */
static inline __attribute__((always_inline)) __u32 xr_flow_tag(__u64 h)
{
	return h >> 32 | 1;
}

static inline __attribute__((always_inline)) __u32 xr_maglev_slot(__u64 h, __u32 slots)
{
	return ((h & 0xffffffffU) * slots) >> 32;
}

#endif
