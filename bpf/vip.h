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

/* service: port | protocol << 16, as they lie in struct xr_vip. */
static __always_inline int vip_matches(const struct xr_vip *v, const struct packet *p,
				       __u32 service)
{
	const __u64 *its = (const void *)v->addr, *ours = (const void *)p->daddr;
	__u32 its_service = *(const __u32 *)&v->port & 0xffffff;

	return its[1] == ours[1] && its_service == service && its[0] == ours[0];
}

static __always_inline const struct xr_vip *find_vip(struct packet *p,
						     const struct xr_hash_keys *keys)
{
	__u32 service = p->ports >> 16 | (__u32)p->proto << 16;
	__u64 h = xr_vip_hash(keys, p->daddr, p->ipv6, service);
	__u32 slot = h & knobs.vip_mask, tag = xr_vip_tag(h);
	struct xr_vip_bucket *b = bpf_map_lookup_elem(&vip_index, &slot);

	if (!b)
		return NULL;
#pragma unroll
	for (int i = 0; i < XR_VIP_WAYS; i++) {
		__u32 way = b->way[i], index;
		const struct xr_vip *v;

		/* A hole is VIP 0, which matches nothing. */
		if (likely(way >> 16 != tag)) {
			if (likely(!way))
				break;
			continue;
		}
		/* Read here, not before: the compiler would put all eight on the stack. */
		hide_from_compiler(way);
		index = way & 0xffff;
		v = bpf_map_lookup_elem(&vips, &index);
		if (v && vip_matches(v, p, service)) {
			p->vip = index;
			return v;
		}
	}
	return NULL;
}

#endif
