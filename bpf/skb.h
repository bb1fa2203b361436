/* SPDX-License-Identifier: GPL-2.0-only */
/* What a frame is, as tc has it: its tags, its addresses, the port it came in by. */
#ifndef XROAM_BPF_SKB_H
#define XROAM_BPF_SKB_H

#include <linux/pkt_cls.h>
#include "bounds.h"
#include "guard_key.h"
#include "parse.h"
#include "vm_state.h"

#define PACKET_OTHERHOST 3                 /* linux/if_packet.h */
#define ETH_P_PROBE      0x88b5            /* local experimental */
#define PROBE_SOURCE     0x020000727802ULL /* 02:78:72:00:00:02 */

static __always_inline int watching(void)
{
	return *(const volatile __u32 *)&vm_control.watching;
}

/*
 * The tags that are still in the frame, behind the one that the kernel has taken
 * out: as read_tags() gives them. 0: too short.
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

/* At its own port, where a frame without a tag is in its VLAN. */
static __always_inline int is_of(__u64 key, const struct xr_vm *vm)
{
	struct frame_vlan f = { .tag = vlan_of_key(key), .own_port = 1 };

	return MAC_OF(key) == MAC_OF(vm->key) && may_be_in_vlan(f, vlan_of_key(vm->key));
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

static __always_inline __u32 is_fabric(__u32 kind)
{
	return kind >= XR_TAP_TUNNEL;
}

#endif
