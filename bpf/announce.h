/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who a frame says it is from, and whether it is an announcement: the kinds of
 * enum xr_announcement, whole, or why none of them. Nothing is
 * decided here; guard.h judges it.
 *
 * Read twice over: strictly, for what xroam believes; and for the guard whatever
 * anybody might believe, wrong checksums (which a card may put right later),
 * any length and options in any number among it.
 */
#ifndef XROAM_BPF_ANNOUNCE_H
#define XROAM_BPF_ANNOUNCE_H

#include "arp.h"
#include "nd.h"

#define MAC_RESERVED 0x0000c28001ULL /* 01:80:c2:00:00:0X, first octet lowest */

static __always_inline int is_reserved(__u64 mac)
{
	return (mac & 0xf0ffffffffffULL) == MAC_RESERVED;
}

/* The source of a packet, where it is IP. */
static __always_inline void read_source(struct xdp_md *ctx, struct claim *c)
{
	const __be32 *ip = octet_at(ctx, c->l3);

	if (c->proto == bpf_htons(ETH_P_IP)) {
		if (ip + 5 > (const __be32 *)end_of(ctx))
			return;
		c->from[0] = c->from[1] = 0;
		c->from[2] = bpf_htonl(0xffff);
		c->from[3] = ip[3];
		c->has_from = ip[3] != 0;
	} else if (c->proto == bpf_htons(ETH_P_IPV6)) {
		if (ip + 10 > (const __be32 *)end_of(ctx))
			return;
		__builtin_memcpy(c->from, ip + 2, sizeof(c->from));
		c->has_from = !!(c->from[0] | c->from[1] | c->from[2] | c->from[3]);
	}
}

/* Which VLANs the frame may be in, and what is behind its tags. */
static __always_inline void read_vlans(struct xdp_md *ctx, struct claim *c, __u32 off,
				       __u32 segment)
{
	__u64 tags;

	c->tag = 0;
	c->tpid = 0;
	c->untagged = 1;
	c->segment = segment;
	c->quiet = 0;
	if (is_vlan(c->proto)) {
		tags = read_tags(ctx, off);
		c->tpid = c->proto;
		c->tag = TAGS_VLAN(tags);
		c->untagged = !!(tags & TAGS_PRIORITY);
		c->quiet = !tags || tags & (TAGS_DOUBLE | TAGS_DEEP);
		if (!tags || tags & TAGS_DEEP || TAGS_OCTETS(tags) > 2 * sizeof(struct vlan_tag))
			c->unread = 1;
		c->proto = TAGS_PROTO(tags);
		c->l3 += TAGS_OCTETS(tags);
	}
	c->key = frame_key(c->key, c->tag, segment);
}

#define LLC_SNAP       0xaaaa
#define ETH_P_LLC_LONG 0x8870 /* instead of a length */

/*
 * RFC 1042, and 802.1H's bridges: an EtherType behind a length. Linux takes no IP
 * so, Windows does. An announcement in that form moves nobody.
 */
static __always_inline void read_llc(struct xdp_md *ctx, struct claim *c)
{
	const __be16 *llc = octet_at(ctx, c->l3);

	if ((bpf_ntohs(c->proto) >= ETH_P_802_3_MIN && c->proto != bpf_htons(ETH_P_LLC_LONG)) ||
	    (const void *)(llc + 4) > end_of(ctx) || llc[0] != LLC_SNAP ||
	    llc[1] != bpf_htons(0x0300) || (llc[2] && llc[2] != bpf_htons(0x00f8)))
		return;
	c->proto = llc[3];
	c->l3 += 4 * sizeof(*llc);
	c->quiet |= c->proto == bpf_htons(ETH_P_ARP) || c->proto == bpf_htons(ETH_P_RARP) ||
		c->proto == bpf_htons(ETH_P_IPV6);
	c->unread |= is_vlan(c->proto);
}

/*
 * Reads the frame at off of what came in, out of host far's tunnel if that is
 * not 0; its VMs' frames carry no tag there, but belong to vlan. 0: see
 * the_claim(); else there is nothing to judge.
 */
__noinline int read_claim(struct xdp_md *ctx, __u32 off, __u32 far, __u32 vlan)
{
	struct claim *c = the_claim();
	const __u16 *eth;
	__u64 dst, src;

	if (!c || off > MAX_OFFSET)
		return -1;
	eth = ethernet_at(ctx, off);
	if (!eth)
		return -1;
	dst = mac_of(eth);
	src = mac_of(eth + ETH_SOURCE);
	c->proto = eth[ETH_TYPE];
	c->l3 = off + sizeof(struct ethhdr);
	c->key = src;
	c->off = off;
	c->far = far;
	c->bytes = ctx->data_end - ctx->data;
	c->kind = XR_ANNOUNCED_NOT;
	c->vm_no = c->exact = c->who = 0;
	c->given[0] = c->given[1] = 0;
	c->has_ip = c->has_too = c->has_from = 0;
	c->tentative = c->unread = c->foreign = c->part = 0;
	c->to_one = !(dst & 1);
	__builtin_memset(c->ip, 0, sizeof(c->ip));
	read_vlans(ctx, c, off, vlan & 0xfff);
	reload_memory();
	read_llc(ctx, c);
	if (!(src & 1))
		c->exact = vm_no_of_key(c->key);
	reload_memory();
	read_source(ctx, c);
	reload_memory();

	c->sort = CLAIM_DATA;
	if (c->proto == bpf_htons(ETH_P_ARP) || c->proto == bpf_htons(ETH_P_RARP))
		c->sort = read_any_arp(ctx);
	else if (c->proto == bpf_htons(ETH_P_IPV6))
		c->sort = read_nd(ctx);
	if (c->sort == CLAIM_ANNOUNCES && (!src || src & 1 || is_reserved(dst)))
		c->sort = CLAIM_BAD;
	return 0;
}

#endif
