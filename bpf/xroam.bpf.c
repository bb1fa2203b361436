// SPDX-License-Identifier: GPL-2.0-only
/*
 * The load-balancer node. A packet's way: parse, VIP, steer, forward; what is
 * not for a VIP goes to the kernel untouched.
 *
 * The way is written once and compiled twice, for IPv4 and for IPv6: a packet
 * pays for nothing that its kind never needs.
 */
#include "icmp.h"
#include "steer.h"
#include "forward.h"

/* The rest of the transport header, once the packet is known to be ours. */
static __always_inline int parse_transport(struct xdp_md *ctx, struct packet *p)
{
	if (p->icmp)
		return 0;
	return p->proto == IPPROTO_TCP ? parse_tcp(ctx, p) : parse_udp(ctx, p);
}

/*
 * From here on TCP, UDP and ICMP, tagged or not, whole or in several buffers,
 * are one path to the verifier.
 */
static __always_inline void forget_headers(struct packet *p, __u64 zero)
{
	p->proto = forget(p->proto, zero, 0xff);
	p->vlans = forget(p->vlans, zero, 3);
	p->icmp = forget(p->icmp, zero, 1);
	p->l3 = forget(p->l3, zero, 0x1f);
	p->l4 = forget(p->l4, zero, MAX_OFFSET);
	p->end = forget(p->end, zero, 0x1ffff);
	p->ip_len = forget(p->ip_len, zero, 0xffff);
	p->payload = forget(p->payload, zero, MAX_OFFSET);
	p->payload_end = forget(p->payload_end, zero, 0x1ffff);
}

static __always_inline void forget_transport(struct packet *p, __u64 zero)
{
	p->proto = forget(p->proto, zero, 0xff);
	p->icmp = forget(p->icmp, zero, 1);
	p->opens = forget(p->opens, zero, 1);
	p->first = forget(p->first, zero, 1);
	p->syn = forget(p->syn, zero, 1);
	p->payload = forget(p->payload, zero, MAX_OFFSET);
	p->payload_end = forget(p->payload_end, zero, 0x1ffff);
}

/* From the ports on: a packet for a VIP goes to its backend. */
static __always_inline int serve(struct xdp_md *ctx, struct packet *p,
				 const struct xr_hash_keys *keys, int *sent)
{
	const struct xr_vip *vip;
	int reason;

	forget_headers(p, keys->zero);
	vip = find_vip(p, keys);
	if (!vip)
		return p->icmp ? XR_R_ICMP_OTHER : XR_R_NOT_VIP;
	reason = parse_transport(ctx, p);
	if (reason)
		return reason;
	forget_transport(p, keys->zero);
	count_vip(p);
	reason = steer(ctx, p, vip, keys);
	if (kind_of(reason) != XR_KIND_TX)
		return reason;
	return forward(ctx, p, sent) ?: count_backend(p, reason);
}

static __always_inline int handle_ip(struct xdp_md *ctx, struct packet *p,
				     const struct xr_hash_keys *keys, int *sent)
{
	int reason = p->ipv6 ? parse_ipv6(ctx, p) : parse_ipv4(ctx, p);

	if (!reason)
		reason = likely(tcp_or_udp(p->proto)) ? parse_ports(ctx, p) :
							parse_icmp(ctx, p);
	return reason ?: serve(ctx, p, keys, sent);
}

SEC("xdp.frags")
int xroam_node(struct xdp_md *ctx)
{
	const struct xr_hash_keys *keys = secret_keys();
	struct packet p = { .bytes = ctx->data_end - ctx->data };
	int reason, sent = XDP_PASS;
	__be16 proto = 0;

	if (!keys)
		return XDP_PASS;
	reason = parse_ethernet(ctx, &p, &proto);
	if (!reason && proto == bpf_htons(ETH_P_IP)) {
		reason = handle_ip(ctx, &p, keys, &sent);
	} else if (!reason && proto == bpf_htons(ETH_P_IPV6)) {
		p.ipv6 = 1;
		reason = handle_ip(ctx, &p, keys, &sent);
	} else if (!reason) {
		reason = XR_R_NOT_IP;
	}
	return verdict(&p, forget(reason, keys->zero, REASONS - 1), sent);
}

/* The timer's callback: a second has passed. */
static int clock_tick(void *map, __u32 *key, struct clock_value *c)
{
	c->tick++;
	bpf_timer_start(&c->timer, 1000000000, 0);
	return 0;
}

/* Run by user space when it makes an instance, and again after a reload. */
SEC("syscall")
int start_clock(void *unused)
{
	const __u32 monotonic = 1;
	__u32 zero = 0;
	struct clock_value *c = bpf_map_lookup_elem(&clock, &zero);

	if (!c)
		return -1;
	bpf_timer_init(&c->timer, &clock, monotonic); /* -EBUSY: it has one */
	bpf_timer_set_callback(&c->timer, clock_tick);
	return bpf_timer_start(&c->timer, 1000000000, 0);
}

/* Puts one of user space's own events into the ring. */
SEC("syscall")
int emit_event(struct xr_event *said)
{
	struct xr_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return -1;
	__builtin_memcpy(e, said, sizeof(*e));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
