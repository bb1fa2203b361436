/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * (address, port, protocol) -> VIP. One cache line of candidates by hash, then
 * the VIP's own line, where the whole key is compared.
 */
#ifndef XROAM_BPF_VIP_H
#define XROAM_BPF_VIP_H

#include <xroam/hash.h>
#include "packet.h"

static __always_inline const struct xr_hash_keys *secret_keys(void)
{
	return &hash_keys;
}

/* addr: its two words; service: port | protocol << 16, as they lie in struct xr_vip. */
static __always_inline int vip_matches(const struct xr_vip *v, __u64 addr0, __u64 addr1,
				       __u32 service)
{
	const __u64 *its = (const void *)v->addr;
	__u32 its_service = *(const __u32 *)&v->port & 0xffffff;

	return its[1] == addr1 && its_service == service && its[0] == addr0;
}

/*
 * Where the first of a bucket that has the tag is another VIP, or a hole: the one that it is,
 * or 0. Of strangers that is one in 65,536, so it is a call. The tag is above the service.
 */
__noinline __u32 vip_behind(__u32 slot, __u64 tag_service, __u64 addr0, __u64 addr1)
{
	struct xr_vip_bucket *b = bpf_map_lookup_elem(&vip_index, &slot);

	if (!b)
		return 0;
	for (int i = 0; i < XR_VIP_WAYS; i++) {
		__u32 way = b->way[i], index = way & 0xffff;
		const struct xr_vip *v;

		if (way >> 16 != tag_service >> 32)
			continue;
		v = bpf_map_lookup_elem(&vips, &index);
		if (v && vip_matches(v, addr0, addr1, tag_service))
			return index;
	}
	return 0;
}

/* The first word of the bucket that has the tag, or 0. A hole is VIP 0, which matches nothing. */
static __always_inline __u32 way_with(const struct xr_vip_bucket *b, __u32 tag)
{
	__u32 way;

#pragma unroll
	for (int i = 0; i < XR_VIP_WAYS; i++) {
		way = b->way[i];
		if (way >> 16 == tag || likely(!way))
			goto found;
	}
	way = 0;
found:
	/* Read here, not before: the compiler would put all eight on the stack. */
	hide_from_compiler(way);
	return way;
}

static __always_inline const struct xr_vip *find_vip(struct packet *p,
						     const struct xr_hash_keys *keys)
{
	const __u64 *addr = (const void *)p->daddr;
	__u32 service = p->ports >> 16 | (__u32)p->proto << 16;
	__u64 h = xr_vip_hash(keys, p->daddr, p->ipv6, service);
	__u32 slot = h & knobs.vip_mask, tag = xr_vip_tag(h), index, way;
	struct xr_vip_bucket *b = bpf_map_lookup_elem(&vip_index, &slot);
	const struct xr_vip *v;

	way = b ? way_with(b, tag) : 0;
	if (!way)
		return NULL;
	index = way & 0xffff;
	v = bpf_map_lookup_elem(&vips, &index);
	if (unlikely(!v || !vip_matches(v, addr[0], addr[1], service))) {
		index = vip_behind(slot, (__u64)tag << 32 | service, addr[0], addr[1]);
		v = index ? bpf_map_lookup_elem(&vips, &index) : NULL;
	}
	p->vip = index;
	return v;
}

#endif
