// SPDX-License-Identifier: GPL-2.0-only
/*
 * A test run does not put the packet back between repeats: an encapsulating
 * program would soon see nothing but its own output. So the repeated program is
 * a wrapper: it undoes what the last one did, makes the next packet, and
 * tail-calls the program under test. With a program that does nothing in that
 * place it is the floor.
 *
 * Only what the last program changed, and what walks, is written, and each
 * store is as wide as the field: wider ones would make the loads that follow
 * wait for the store buffer, which no packet from a NIC does.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "wrap.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} under_test SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WALK_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct walk_cid);
} cids SEC(".maps");

struct walk walk;
struct clocked clocked;

#define likely(x) __builtin_expect(!!(x), 1)

/* Counts the packet, times the window; gives the packet's number. */
static __always_inline __u64 next_packet(void)
{
	__u64 n = clocked.packets++;

	if (likely(n % WINDOW))
		return n;

	__u64 now = bpf_ktime_get_ns();

	clocked.window[n / WINDOW % WINDOWS] = now - clocked.last;
	clocked.last = now;
	return n;
}

/* The frame as it was: growth undone, MACs and TTL rewritten. */
static __always_inline void *undo(struct xdp_md *ctx, int ipv6)
{
	__u64 len = (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	void *data;

	asm volatile("" : "+r"(len)); /* or the pointers become 32 bits wide */
	if (bpf_xdp_adjust_head(ctx, (int)len - (int)walk.frame_len))
		return NULL;
	data = (void *)(long)ctx->data;
	if (data + 64 > (void *)(long)ctx->data_end)
		return NULL;
	*(__u64 *)data = walk.dmac_smac;
	*(__u32 *)(data + SMAC_REST) = walk.smac_rest;
	*(__u16 *)(data + AT_ETH(h_proto)) = walk.ethertype;
	if (ipv6)
		*(__u16 *)(data + AT_IP6(nexthdr)) = walk.hop6;
	else
		*(__u32 *)(data + AT_IP4(ttl)) = walk.ttl4;
	return data;
}

/* What makes the sum of the addresses and itself what it was for packet 0, whose ID is 0. */
static __always_inline __u16 made_up(__u32 saddr, __u32 daddr)
{
	__u64 sum = (__u64)walk.saddr + walk.daddr + (__u32)~saddr + (__u32)~daddr;

	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline void make(struct xdp_md *ctx, void *data, __u64 n, int ipv6)
{
	__u32 flow = n & walk.mask;
	__u32 saddr = bpf_htonl(bpf_ntohl(walk.saddr) + flow);
	__u32 daddr = walk.daddr;
	void *cid = data + (walk.cid & 0xff);

	if (walk.walk_dmac)
		*(__u64 *)data = walk.dmac_smac | (__u64)bpf_htonl(flow) << 16;
	if (walk.walk_smac)
		*(__u32 *)(data + SMAC_REST) = bpf_htonl(flow);
	if (walk.walk_id)
		*(__u32 *)(data + AT_IP4(id)) = n & 0xffff;
	if (walk.walk_saddr)
		*(__u32 *)(data + (ipv6 ? SADDR6_REST : AT_IP4(saddr))) = saddr;
	if (walk.vips > 1) {
		/* Spread by multiplication, so that no predictor learns it. */
		__u32 from = walk.vip_of_flow ? flow : n;
		__u64 pick = (__u64)(from * 0x9e3779b1) * walk.vips >> 32;

		daddr = bpf_htonl(bpf_ntohl(daddr) + pick);
		*(__u32 *)(data + (ipv6 ? DADDR6_REST : AT_IP4(daddr))) = daddr;
	}
	if (walk.keep_sum && !ipv6) {
		*(__u32 *)(data + AT_IP4(daddr)) = daddr;
		*(__u16 *)(data + AT_IP4(id)) = made_up(saddr, daddr);
	}
	/* Eight octets, for the decoder loads as many; the rest is nonce. */
	if (walk.walk_sid && cid + 20 <= (void *)(long)ctx->data_end)
		*(__u64 *)(cid +
			   1) = bpf_htonl((flow * walk.sid_step & walk.mask) * walk.sid_factor);
	if (walk.walk_cid && cid + 20 <= (void *)(long)ctx->data_end) {
		struct walk_cid *c = bpf_map_lookup_elem(&cids, &flow);

		if (c) {
			*(__u64 *)(cid + 1) = c->word[0];
			*(__u64 *)(cid + 9) = c->word[1];
		}
	}
}

static __always_inline int wrap(struct xdp_md *ctx, int ipv6)
{
	__u64 n = next_packet();
	void *data = undo(ctx, ipv6);

	if (data) {
		make(ctx, data, n, ipv6);
		/*
		 * Ethernet addresses are read in other pieces than they are
		 * written here, for which the loads would wait.
		 */
		if (walk.drain)
			bpf_xdp_adjust_head(ctx, 0);
		bpf_tail_call(ctx, &under_test, 0);
	}
	return XDP_ABORTED;
}

SEC("xdp.frags")
int wrap4(struct xdp_md *ctx)
{
	return wrap(ctx, 0);
}

SEC("xdp.frags")
int wrap6(struct xdp_md *ctx)
{
	return wrap(ctx, 1);
}

/* ---- floors ---- */

SEC("xdp.frags")
int floor_tx(struct xdp_md *ctx)
{
	return XDP_TX;
}

SEC("xdp.frags")
int floor_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* Nothing but the headers: the least that forwarding by IPIP can cost. */
SEC("xdp.frags")
int floor_ipip(struct xdp_md *ctx)
{
	struct ethhdr *eth;
	struct iphdr *ip;
	void *data;
	__u16 len;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip)))
		return XDP_DROP;
	data = (void *)(long)ctx->data;
	eth = data;
	ip = (void *)(eth + 1);
	if ((void *)(ip + 2) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	len = bpf_ntohs(ip[1].tot_len) + sizeof(*ip);
	*(__u64 *)data = 0x0002020202020202;
	*(__u32 *)(data + SMAC_REST) = 0x02020202;
	eth->h_proto = bpf_htons(ETH_P_IP);
	*(__u16 *)ip = bpf_htons(0x4500);
	ip->tot_len = bpf_htons(len);
	*(__u32 *)&ip->id = bpf_htonl(0x4000);
	*(__u16 *)&ip->ttl = 64 | IPPROTO_IPIP << 8;
	ip->saddr = bpf_htonl(0x0a000001);
	ip->daddr = bpf_htonl(0x0a000002);
	__u32 sum = 0x4500 + len + 0x4000 + (64 << 8 | IPPROTO_IPIP) + 0x1403;

	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = bpf_htons(~((sum & 0xffff) + (sum >> 16)));
	return XDP_TX;
}

struct vxlan {
	__u32 flags;
	__u32 vni;
};

/* The same for a whole frame in VXLAN: the least a redirect can cost. */
SEC("xdp.frags")
int floor_vxlan(struct xdp_md *ctx)
{
	const int outer = sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct udphdr) +
		sizeof(struct vxlan);
	struct ethhdr *eth;
	struct vxlan *vxlan;
	struct udphdr *udp;
	struct iphdr *ip;
	__u64 len;
	__u32 sum;

	if (bpf_xdp_adjust_head(ctx, -outer))
		return XDP_DROP;
	eth = (void *)(long)ctx->data;
	ip = (void *)(eth + 1);
	udp = (void *)(ip + 1);
	vxlan = (void *)(udp + 1);
	if ((void *)(vxlan + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	len = (void *)(long)ctx->data_end - (void *)ip;
	asm volatile("" : "+r"(len));
	*(__u64 *)eth = 0x0002020202020202;
	*(__u32 *)((void *)eth + SMAC_REST) = 0x02020202;
	eth->h_proto = bpf_htons(ETH_P_IP);
	*(__u32 *)ip = bpf_htonl(0x45000000 | len);
	*(__u32 *)&ip->id = bpf_htonl(0x4000);
	*(__u16 *)&ip->ttl = 64 | IPPROTO_UDP << 8;
	ip->saddr = bpf_htonl(0x0a000001);
	ip->daddr = bpf_htonl(0x0a000002);
	sum = 0x4500 + len + 0x4000 + (64 << 8 | IPPROTO_UDP) + 0x1403;
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = bpf_htons(~((sum & 0xffff) + (sum >> 16)));
	udp->source = bpf_htons(50000);
	udp->dest = bpf_htons(4789);
	udp->len = bpf_htons(len - sizeof(*ip));
	udp->check = 0;
	vxlan->flags = bpf_htonl(0x08000000);
	vxlan->vni = bpf_htonl(7 << 8);
	return XDP_TX;
}

/* Out of another port, as it is. */
SEC("xdp.frags")
int floor_port(struct xdp_md *ctx)
{
	return bpf_redirect(2, 0);
}

/* ---- live frames: out of a device, and what comes back by it ---- */

int send_by;
__u64 sunk;

SEC("xdp.frags")
int send(struct xdp_md *ctx)
{
	return bpf_redirect(send_by, 0);
}

SEC("xdp.frags")
int sink(struct xdp_md *ctx)
{
	sunk++;
	return XDP_DROP;
}

/* What the kernel sends by another device ends there. */
SEC("tc")
int sent(struct __sk_buff *skb)
{
	return TC_ACT_SHOT;
}

char _license[] SEC("license") = "GPL";
