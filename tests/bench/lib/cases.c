// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bpf.h>
#include <string.h>
#include "cases.h"
#include "frames.h"

static void shot_clear(struct shot *s)
{
	frame_quic_short(s, false, VIP4_BASE, PORT_QUIC, SCENE_CLEAR << 5 | 8);
	s->walk.walk_sid = 1;
	s->walk.sid_step = s->walk.sid_factor = 1;
}

static void shot_mixed(struct shot *s)
{
	shot_clear(s);
	s->walk.sid_step = 0x85ebca6b;
}

static void shot_apart(struct shot *s)
{
	shot_mixed(s);
	s->walk.sid_factor = SCENE_APART;
}

static void shot_single(struct shot *s)
{
	frame_quic_short(s, false, VIP4_BASE, PORT_QUIC, SCENE_SINGLE << 5 | 16);
	s->walk.walk_cid = 1;
}

static void shot_four(struct shot *s)
{
	frame_quic_short(s, false, VIP4_BASE, PORT_QUIC, SCENE_FOUR << 5 | 8);
	s->walk.walk_cid = 1;
}

static void shot_initial(struct shot *s)
{
	frame_quic_initial(s, VIP4_BASE, PORT_QUIC, SCENE_UNROUTABLE);
	s->walk.walk_saddr = 1;
}

static void shot_initial_new(struct shot *s)
{
	frame_quic_initial(s, VIP4_BASE, PORT_QUIC_FLOW, SCENE_UNROUTABLE);
	s->walk.walk_saddr = 1;
}

static void shot_short_hash(struct shot *s)
{
	frame_quic_short(s, false, VIP4_BASE, PORT_QUIC, SCENE_UNROUTABLE);
	s->walk.walk_saddr = 1;
}

static void shot_ack(struct shot *s)
{
	frame_tcp(s, VIP4_BASE, PORT_TCP, TCP_KIND_ACK);
	s->walk.walk_saddr = 1;
}

static void shot_syn(struct shot *s)
{
	frame_tcp(s, VIP4_BASE, PORT_TCP, TCP_KIND_SYN);
	s->walk.walk_saddr = 1;
}

static void shot_other(struct shot *s)
{
	frame_udp(s, OTHER4, PORT_QUIC);
	s->walk.walk_saddr = 1;
}

/* A clear CID whose backend is reached in the given way. */
static void shot_way(struct shot *s, bool ipv6, enum scene_way way)
{
	__u32 sid = __builtin_bswap32(SCENE_WAY_SID(way));

	frame_quic_short(s, ipv6, VIP4_BASE, PORT_QUIC, SCENE_CLEAR << 5 | 8);
	memcpy(s->frame + s->walk.cid + 1, &sid, sizeof(sid));
}

#define SHOT_WAY(name, ipv6, way)               \
	static void shot_##name(struct shot *s) \
	{                                       \
		shot_way(s, ipv6, way);         \
	}
SHOT_WAY(redirect, false, SCENE_REDIRECT)
SHOT_WAY(gue, false, SCENE_GUE)
SHOT_WAY(vxlan, false, SCENE_VXLAN)
SHOT_WAY(l2, false, SCENE_L2)
SHOT_WAY(4in6, false, SCENE_4IN6)
SHOT_WAY(6in6, true, SCENE_6IN6)

static void shot_6in4(struct shot *s)
{
	frame_quic_short(s, true, VIP4_BASE, PORT_QUIC, SCENE_CLEAR << 5 | 8);
}

/* With a VLAN tag, which goes out with it. */
static void shot_tagged(struct shot *s)
{
	static const __u8 tag[] = { 0x81, 0x00, 0x00, 0x07 };

	frame_quic_short(s, false, VIP4_BASE, PORT_QUIC, SCENE_CLEAR << 5 | 8);
	memmove(s->frame + 16, s->frame + 12, s->len - 12);
	memcpy(s->frame + 12, tag, sizeof(tag));
	s->len += sizeof(tag);
}

/* As fast as IPv4 without a tag, but for so many ns. */
#define LIKE_CLEAR .reason = XR_R_CID, .action = XDP_TX, .target = 10, .over_clear = true

const struct bench_case bench_cases[BENCH_CASES] = {
	{ .name = "quic-clear",
	  .shot = shot_clear,
	  .walks = OF_SIDS,
	  .cid = SCENE_CLEAR,
	  .reason = XR_R_CID,
	  .action = XDP_TX,
	  .target = 45,
	  .vips = true },
	{ .name = "quic-clear-mixed",
	  .shot = shot_mixed,
	  .walks = OF_SIDS,
	  .cid = SCENE_CLEAR,
	  .reason = XR_R_CID,
	  .action = XDP_TX,
	  .target = 45 },
	{ .name = "quic-clear-apart",
	  .shot = shot_apart,
	  .walks = OF_SIDS,
	  .cid = SCENE_CLEAR,
	  .reason = XR_R_CID,
	  .action = XDP_TX,
	  .target = 45,
	  .apart = true },
	{ .name = "quic-single",
	  .shot = shot_single,
	  .walks = OF_SIDS,
	  .cid = SCENE_SINGLE,
	  .reason = XR_R_CID,
	  .action = XDP_TX,
	  .target = 60,
	  .over_clear = true,
	  .vips = true },
	{ .name = "quic-four",
	  .shot = shot_four,
	  .walks = OF_SIDS,
	  .cid = SCENE_FOUR,
	  .reason = XR_R_CID,
	  .action = XDP_TX,
	  .target = 170,
	  .over_clear = true,
	  .vips = true },
	{ .name = "initial-maglev",
	  .shot = shot_initial,
	  .walks = OF_TUPLES,
	  .reason = XR_R_HASH,
	  .action = XDP_TX,
	  .target = 45,
	  .vips = true },
	{ .name = "short-maglev",
	  .shot = shot_short_hash,
	  .walks = OF_TUPLES,
	  .reason = XR_R_HASH,
	  .action = XDP_TX,
	  .target = 45,
	  .vips = true },
	{ .name = "tcp-flow",
	  .shot = shot_ack,
	  .walks = OF_FLOWS,
	  .reason = XR_R_FLOW,
	  .action = XDP_TX,
	  .target = 45,
	  .vips = true },
	{ .name = "tcp-syn-new",
	  .shot = shot_syn,
	  .walks = OF_NEW_FLOWS,
	  .reason = XR_R_HASH,
	  .action = XDP_TX,
	  .target = 80,
	  .vips = true },
	{ .name = "initial-new",
	  .shot = shot_initial_new,
	  .walks = OF_NEW_FLOWS,
	  .reason = XR_R_HASH,
	  .action = XDP_TX,
	  .target = 80,
	  .vips = true },
	{ .name = "not-ours",
	  .shot = shot_other,
	  .walks = OF_TUPLES,
	  .reason = XR_R_NOT_VIP,
	  .action = XDP_PASS,
	  .target = 12 },
	{ .name = "clear-redirect",
	  .shot = shot_redirect,
	  .reason = XR_R_CID,
	  .action = XDP_REDIRECT },
	{ .name = "clear-4in6", .shot = shot_4in6, LIKE_CLEAR },
	{ .name = "clear-6in4", .shot = shot_6in4, LIKE_CLEAR },
	{ .name = "clear-6in6", .shot = shot_6in6, LIKE_CLEAR },
	{ .name = "clear-tagged", .shot = shot_tagged, LIKE_CLEAR },
	{ .name = "clear-gue", .shot = shot_gue, .reason = XR_R_CID, .action = XDP_TX },
	{ .name = "clear-vxlan", .shot = shot_vxlan, .reason = XR_R_CID, .action = XDP_TX },
	{ .name = "clear-l2", .shot = shot_l2, .reason = XR_R_CID, .action = XDP_TX },
};
