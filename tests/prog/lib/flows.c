/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <xroam/hash.h>
#include "flows.h"

#define CLIENT 0x0a000001 /* 10.0.0.1, as the packet texts have it */
#define VIP4   0xc0000201 /* 192.0.2.1 */

static __u64 hash_of(int sport)
{
	__be32 saddr[4] = { 0, 0, htonl(0xffff), htonl(CLIENT) };
	__be32 daddr[4] = { 0, 0, htonl(0xffff), htonl(VIP4) };

	return xr_flow_hash(world_plane()->hash_keys, saddr, daddr, 0,
			    htons(sport) | (__u32)htons(443) << 16, IPPROTO_TCP);
}

__u32 flow_bucket_of(int sport)
{
	return hash_of(sport) & (world_plane()->flow_buckets - 1);
}

__u32 flow_tag_of(int sport)
{
	return xr_flow_tag(hash_of(sport));
}

struct xr_flow *flow_entry_of(int sport)
{
	struct xr_flow_bucket *b = &world_plane()->flows[flow_bucket_of(sport)];
	__u32 tag = flow_tag_of(sport);

	for (int i = 0; i < XR_FLOW_WAYS; i++)
		if (b->way[i].backend && b->way[i].tag == tag)
			return &b->way[i];
	return NULL;
}

struct result flow_packet(int sport, const char *flags)
{
	return run_text("eth / ip4 / tcp sport=%d %s", sport, flags);
}

__u32 flow_later(__u32 seconds)
{
	world_set_tick(world_tick() + seconds);
	return world_tick();
}
