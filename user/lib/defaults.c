// SPDX-License-Identifier: GPL-2.0-only
#include <linux/rtnetlink.h>
#include "defaults.h"

const struct xr_limits xr_default_limits = {
#define X(name, value, least, most) .name = value,
	XR_LIMITS(X)
#undef X
};

__u32 xr_default_sid_pages(__u32 server_ids)
{
	__u32 n = (server_ids + XR_SID_PAGE - 1) / XR_SID_PAGE;

	return n < 65535 ? n : 65535;
}

const struct xr_policy xr_default_policy = {
	.too_big = XR_TOO_BIG_REPLY,
	.down = XR_DOWN_DROP,
	.flow_idle = 300,
	.reply_rate = 100,
	/* 0.0.0.0/0, ::/0: the node's own, to which errors come back */
	.source_bits = 32,
	.source6_bits = 128,
	.moves = XR_MOVES_EXPECTED,
	.announce_rate = 10,
	.flap_moves = 5,
	.flap_seconds = 180,
	.vm_ttl = 300,
	.prepare_timeout = 300,
	.blackout_timeout = 10,
	.vip_other = XR_VIP_OTHER_DROP,
	.vip_echo = 1,
	.vip_route = 1,
	.vip_table = RT_TABLE_MAIN,
	.vip_hold = 3,
	.health_rate = 10000,
	.health_flaps = 5,
	.health_flap_seconds = 120,
};
