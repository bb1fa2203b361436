/* SPDX-License-Identifier: GPL-2.0-only */
/* VIPs that share a place in the index: each is found, whatever stands before it. */
#include <arpa/inet.h>
#include <xroam/hash.h>
#include "lib/harness.h"
#include "lib/worlds.h"

#define SERVER "backends:\n  - name: a\n    address: 10.1.0.1\n    vips: "
#define ONE    "[\"192.0.2.1:%u/udp\"]\n"
#define TWO    "[\"192.0.2.1:%u/udp\", \"192.0.2.1:%u/udp\"]\n"
#define A_VIP  "  - {address: 192.0.2.1, port: %u, protocol: udp, flow: false}\n"

static __u64 hash_of(__u32 port)
{
	const __be32 addr[] = { 0, 0, htonl(0xffff), htonl(0xc0000201) };

	return xr_vip_hash(world_plane()->hash_keys, addr, 0, htons(port) | IPPROTO_UDP << 16);
}

/* What chooses the bucket, and the tag. */
static __u32 place_of(__u32 port)
{
	__u64 h = hash_of(port);

	return xr_vip_tag(h) << 16 | (h & (world_plane()->vip_buckets - 1));
}

/* The first two ports of one place; with the same secret they are the same in each run. */
static void find_pair(__u32 *one, __u32 *other)
{
	static __u16 seen[1 << 24];

	for (*other = 1; *other < 65536; (*other)++) {
		__u32 place = place_of(*other), at = (place >> 16 << 8 | (place & 0xff));

		assert_true(world_plane()->vip_buckets <= 256);
		if (seen[at]) {
			*one = seen[at];
			return;
		}
		seen[at] = *other;
	}
	fail_msg("no two ports of one place");
}

static void is_served(__u32 port, const char *reason)
{
	struct packet p = packet("eth / ip4 / udp dport=%u / fill 9", port);

	expect_verdict(&p, reason);
}

static void one_tag(void **state)
{
	__u32 one, other;

	world(SECRET "backends: []\n");
	find_pair(&one, &other);
	world(SECRET "vips:\n" A_VIP A_VIP SERVER TWO, one, other, one, other);
	assert_int_equal(place_of(one), place_of(other));
	is_served(one, "hash");
	is_served(other, "hash");
	/* It stands behind a hole. */
	world_apply(SECRET "vips:\n" A_VIP SERVER ONE, other, other);
	is_served(one, "not-vip");
	is_served(other, "hash");
	world_apply(SECRET "vips:\n" A_VIP A_VIP SERVER TWO, other, one, other, one);
	is_served(one, "hash");
	world_apply(SECRET "vips:\n" A_VIP SERVER ONE, one, one);
	is_served(one, "hash");
	is_served(other, "not-vip");
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(one_tag) };

	return harness_main("VIPs", tests, ARRAY_LEN(tests));
}
