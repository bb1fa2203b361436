/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs, found by (VLAN, MAC) and by address.
 *
 * A miss reads 16 octets of mac_index and no more, so that it costs the same
 * with a million VMs as with ten: eight tags are compared at once, each in its
 * lane of two words. (include/xroam/abi.h: struct xr_tag_bucket)
 */
#ifndef XROAM_BPF_VM_TABLE_H
#define XROAM_BPF_VM_TABLE_H

#include <xroam/hash.h>
#include "report.h"

#define EVERY_LANE 0x0001000100010001ULL
#define LANE_TAGS  (EVERY_LANE * (XR_TAG_SPILL - 1))
#define LANE_TOPS  (EVERY_LANE * XR_TAG_SPILL)

/*
 * Bit 16 * k + 8 * j for lane k of word j where it holds the tag. A tag has 15
 * bits: subtracted from the lane's top bit, only zero leaves that bit set.
 */
static __always_inline __u64 tags_like(const struct xr_tag_bucket *b, __u32 tag, __u64 *spill)
{
	const volatile __u64 *w = (const void *)b->tag;
	__u64 low = w[0], high = w[1], want = tag * EVERY_LANE;

	*spill = low & XR_TAG_SPILL;
	low = (LANE_TOPS - ((low & LANE_TAGS) ^ want)) & LANE_TOPS;
	high = (LANE_TOPS - ((high & LANE_TAGS) ^ want)) & LANE_TOPS;
	return low >> 15 | high >> 7;
}

/*
 * The lane of the lowest bit: a multiplication by a lone bit is a shift, and
 * brings this bit's lane, k + 4 * j, to the top.
 */
#define LANE_AT(k, j) ((__u64)((k) + 4 * (j)) << (61 - 16 * (k) - 8 * (j)))
#define LANES                                                                            \
	(LANE_AT(1, 0) | LANE_AT(2, 0) | LANE_AT(3, 0) | LANE_AT(0, 1) | LANE_AT(1, 1) | \
	 LANE_AT(2, 1) | LANE_AT(3, 1))

static __always_inline __u32 first_lane(__u64 lanes)
{
	return (lanes & -lanes) * LANES >> 61;
}

/* What is in a bucket of a key. */
struct tagged {
	__u64 lanes; /* those that look like it: see tags_like() */
	__u64 spill; /* not 0: some keys of this bucket sit in their second one */
};

/* 0: neither. */
static __always_inline int tagged_in(void *index, const __u32 *bucket, __u64 hash, struct tagged *t)
{
	struct xr_tag_bucket *b = bpf_map_lookup_elem(index, bucket);

	if (rarely(!b))
		return 0;
	t->lanes = tags_like(b, xr_tag(hash), &t->spill);
	return (t->lanes | t->spill) != 0;
}

/* index: mac_index or ip_index, which has so many buckets. *bucket: where it looked. */
static __always_inline int first_bucket(void *index, __u64 hash, __u32 buckets, __u32 *bucket,
					struct tagged *t)
{
	*bucket = xr_tag_bucket1(hash, buckets);
	return tagged_in(index, bucket, hash, t);
}

static __always_inline int second_bucket(void *index, __u64 hash, __u32 buckets, __u32 *bucket,
					 struct tagged *t)
{
	*bucket = xr_tag_bucket2(hash, buckets);
	return tagged_in(index, bucket, hash, t);
}

/* ---- by MAC ---- */

/* As in struct xr_vm: VLAN << 48 | MAC, its first octet lowest. */
static __always_inline __u64 vm_key(__u64 mac, __u32 vlan)
{
	return mac | (__u64)vlan << 48;
}

static __always_inline __u32 vlan_of_key(__u64 key)
{
	return key >> 48;
}

static __always_inline struct xr_vm *vm_at(__u32 vm_index)
{
	return bpf_map_lookup_elem(&vms, &vm_index);
}

/* An index as a number, of which 0 is none. As user/lib/index.h has them. */
static __always_inline __u32 no_of_index(__u32 index)
{
	return index + 1;
}

static __always_inline __u32 index_of_no(__u32 no)
{
	return no - 1;
}

static __always_inline struct xr_vm *vm_of_no(__u32 vm_no)
{
	return vm_no ? vm_at(index_of_no(vm_no)) : NULL;
}

static __always_inline const struct xr_hash_keys *vm_keys(void)
{
	return &hash_keys;
}

/* Its number, if it is one of the lanes that look like it. */
static __always_inline __u32 vm_among(__u32 bucket, __u64 lanes, __u64 key)
{
	for (int i = 0; i < XR_TAG_LANES && lanes; i++) {
		__u32 vm_index = bucket * XR_TAG_LANES + first_lane(lanes);
		struct xr_vm *vm = vm_at(vm_index);

		if (vm && vm->key == key)
			return no_of_index(vm_index);
		lanes &= lanes - 1;
	}
	return 0;
}

/* Of the VM with the key, or 0. Global: verified once. */
__noinline __u32 vm_no_of_key(__u64 key)
{
	__u64 h = xr_vm_hash(vm_keys(), key);
	__u32 bucket, vm_no;
	struct tagged t;

	if (!first_bucket(&mac_index, h, knobs.mac_buckets, &bucket, &t))
		return 0;
	vm_no = vm_among(bucket, t.lanes, key);
	if (vm_no || !t.spill || !second_bucket(&mac_index, h, knobs.mac_buckets, &bucket, &t))
		return vm_no;
	return vm_among(bucket, t.lanes, key);
}

/*
 * The same for the hot path: nearly always there is no such tag, or the first
 * that looks like it is it. At a table's limit one bucket in fifty has spilled.
 */
static __always_inline struct xr_vm *find_vm_by(const struct xr_hash_keys *keys, __u64 key,
						__u32 *vm_index)
{
	struct xr_vm *vm;
	struct tagged t;
	__u32 bucket;

	if (likely(!first_bucket(&mac_index, xr_vm_hash(keys, key), knobs.mac_buckets, &bucket,
				 &t)))
		return NULL;
	*vm_index = bucket * XR_TAG_LANES + first_lane(t.lanes);
	vm = vm_at(*vm_index);
	if (likely(vm && t.lanes && vm->key == key))
		return vm;
	*vm_index = vm_no_of_key(key) - 1;
	return vm_at(*vm_index); /* none: past the end of the table */
}

/* The VM, if it is known, that a backend is tied to. */
static __always_inline __u32 backend_vm_no(__u32 backend)
{
	const struct xr_backend_info *b = bpf_map_lookup_elem(&backend_info, &backend);

	if (!b)
		return 0;
	return vm_no_of_key(vm_key(mac_of((const __u16 *)b->vm_mac), b->vm_vlan));
}

static __always_inline struct xr_vm *backend_vm(__u32 backend)
{
	__u32 vm_no = backend_vm_no(backend);

	return vm_of_no(vm_no);
}

static __always_inline struct xr_vm *find_vm(__u64 key, __u32 *vm_index)
{
	return find_vm_by(vm_keys(), key, vm_index);
}

/* ---- by address ---- */

static __always_inline int same_addr(const __be32 *a, const __be32 *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]));
}

/* Who has an address: in the VLAN that is looked for; in another; whether several do. */
struct ip_owner {
	__u32 in, else_;
	__u32 shared;
};

static __always_inline void ip_among(__u32 bucket, __u64 lanes, const __be32 *addr, __u32 vlan,
				     struct ip_owner *o)
{
	for (int i = 0; i < XR_TAG_LANES && lanes; i++) {
		__u32 vm_index = bucket * XR_TAG_LANES + first_lane(lanes);
		struct xr_vm_ip *ip = bpf_map_lookup_elem(&vm_ips, &vm_index);

		lanes &= lanes - 1;
		if (!ip || !same_addr(ip->addr, addr))
			continue;
		if (ip->vlan == vlan) {
			o->in = ip->vm + 1;
			return;
		}
		if (!ip->vlan || !(vlan | ip->shared))
			o->else_ = ip->vm + 1;
		o->shared |= ip->shared;
	}
}

static __always_inline void ip_owner_by(__u64 h, const __be32 *addr, __u32 vlan, struct ip_owner *o)
{
	struct tagged t;
	__u32 bucket;

	if (!first_bucket(&ip_index, h, knobs.ip_buckets, &bucket, &t))
		return;
	ip_among(bucket, t.lanes, addr, vlan, o);
	if (!o->in && t.spill && second_bucket(&ip_index, h, knobs.ip_buckets, &bucket, &t))
		ip_among(bucket, t.lanes, addr, vlan, o);
}

static __always_inline __u64 ip_hash(const struct xr_hash_keys *keys, const __be32 *addr,
				     __u32 vlan)
{
	int ipv6 = addr[0] | addr[1] | (addr[2] ^ bpf_htonl(0xffff));

	return xr_vm_ip_hash(keys, addr, ipv6, vlan);
}

/*
 * The number of the VM that has the address, or 0. In its segment, or
 * without a VLAN: where there are none, or packets come routed. Without a tag (vlan
 * 0) the segment is not known, and it is whoever has it alone. Of those that several
 * have, one may be found only by the VLAN, too. a, b: the address, in words. Global:
 * verified once.
 */
__noinline __u32 vm_no_having(__u64 a, __u64 b, __u32 vlan)
{
	__be32 addr[XR_ADDR_WORDS] __attribute__((aligned(8))) = { a, a >> 32, b, b >> 32 };
	const struct xr_hash_keys *keys = vm_keys();
	struct ip_owner o = {};

	for (int i = 0; i < 2; i++) {
		ip_owner_by(ip_hash(keys, addr, i ? vlan : 0), addr, vlan, &o);
		if (o.in || !vlan || likely(!o.shared))
			break;
	}
	return o.in ?: o.else_;
}

static __always_inline __u32 vm_no_of_addr_in(const __be32 *addr, __u32 vlan)
{
	const __u64 *w = (const void *)addr;

	return vm_no_having(w[0], w[1], vlan);
}

static __always_inline __u32 vm_no_of_addr(const __be32 *addr)
{
	return vm_no_of_addr_in(addr, 0);
}

/* Never routed (RFC 4291 §2.5.6): each link has its own, of the same name. */
static __always_inline int is_link_local(const __be32 *addr)
{
	return (addr[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

/* Whether the index may have it: what the hot path checks before it calls. */
static __always_inline int addr_may_be_vm(const struct xr_hash_keys *keys, const __be32 *addr,
					  int ipv6)
{
	struct tagged t;
	__u32 bucket;

	return first_bucket(&ip_index, xr_vm_ip_hash(keys, addr, ipv6, 0), knobs.ip_buckets,
			    &bucket, &t);
}

#endif
