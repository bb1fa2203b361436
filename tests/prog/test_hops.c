/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which notices of neighbours make the daemon look at next hops anew: those that tell
 * something new of a neighbour that packets go by.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include "lib/harness.h"
#include "user/host/hops.h"
#include "user/net/netlink.h"

#define WORLD                                                        \
	"vips:\n  - {address: 192.0.2.1, port: 80, protocol: tcp}\n" \
	"backends:\n  - {name: b, vips: [\"192.0.2.1:80/tcp\"], address: 10.3.0.1}\n"

static struct hops *hops;
static const __be32 gateway[] = { 0, 0, 0xffff0000, 0x0900010a };
static const __be32 neighbour[] = { 0, 0, 0xffff0000, 0x0800010a };
static const __u8 same[] = { 2, 0, 0, 0, 1, 9 }, other[] = { 2, 0, 0, 0, 1, 1 };

/* No new look is due, for a notice of the gateway; afterwards all is known again. */
static bool is_left_alone(const __be32 *addr, const __u8 *mac)
{
	bool touched;

	hops_touch(hops, ifindex_of("in"), addr, mac);
	touched = hops_touched(hops);
	hops_refresh(hops, 1000);
	assert_false(hops_touched(hops));
	return !touched;
}

static void begin(void)
{
	world(WORLD);
	hops = hops_new(world_plane());
	assert_non_null(hops);
	hops_touch_all(hops);
	assert_false(hops_refresh(hops, 1000));
}

static void of_whom_packets_go_by(void **state)
{
	begin();
	assert_true(is_left_alone(gateway, same));
	assert_false(is_left_alone(gateway, other));
	assert_false(is_left_alone(gateway, NULL));
	assert_true(is_left_alone(gateway, same));
	assert_true(is_left_alone(neighbour, NULL));
	hops_free(hops);
}

/* The MAC is learned from what the kernel has, not from the notice. */
static void of_a_mac_that_changed(void **state)
{
	begin();
	shell("ip neigh change 10.1.0.9 lladdr 02:00:00:00:01:01 dev in");
	assert_false(is_left_alone(gateway, other));
	assert_true(is_left_alone(gateway, other));
	assert_false(is_left_alone(gateway, same));
	hops_free(hops);
}

/* Backends come, and get other addresses, while the daemon runs. */
static void of_one_that_came_later(void **state)
{
	begin();
	shell("ip neigh change 10.1.0.9 lladdr 02:00:00:00:01:01 dev in");
	hops_touch_all(hops);
	hops_refresh(hops, 1000);
	world_apply(WORLD "  - {name: c, vips: [\"192.0.2.1:80/tcp\"], address: 10.1.0.8}\n");
	assert_false(is_left_alone(gateway, other));
	assert_true(is_left_alone(gateway, other));
	assert_false(is_left_alone(neighbour, NULL));
	world_apply("vips:\n  - {address: 192.0.2.1, port: 80, protocol: tcp}\n"
		    "backends:\n  - {name: b, vips: [\"192.0.2.1:80/tcp\"], address: 10.1.0.8}\n");
	assert_false(is_left_alone(gateway, other));
	assert_false(is_left_alone(neighbour, NULL));
	assert_true(is_left_alone(gateway, NULL));
	hops_free(hops);
}

/* The port of the bridge may be another. */
static void by_a_bridge(void **state)
{
	shell("ip link add bridge0 type bridge");
	shell("ip addr add 10.9.0.254/24 dev bridge0");
	shell("ip link set bridge0 up");
	shell("ip neigh add 10.9.0.1 lladdr 02:00:00:00:01:09 dev bridge0 nud permanent");
	world("vips:\n  - {address: 192.0.2.1, port: 80, protocol: tcp}\n"
	      "backends:\n  - {name: b, vips: [\"192.0.2.1:80/tcp\"], address: 10.9.0.1}\n");
	hops = hops_new(world_plane());
	hops_touch_all(hops);
	assert_false(hops_refresh(hops, 1000));
	hops_touch(hops, ifindex_of("bridge0"),
		   (const __be32[]){ 0, 0, 0xffff0000, htonl(0x0a090001) }, same);
	assert_true(hops_touched(hops));
	hops_free(hops);
	shell("ip link del bridge0");
}

static const struct nlmsghdr *notice(__u16 neighbour_state, __u32 flags, size_t len)
{
	static char buf[512];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(memset(buf, 0, sizeof(buf)));
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	nlh->nlmsg_type = RTM_NEWNEIGH;
	ndm->ndm_state = neighbour_state;
	if (len)
		mnl_attr_put(nlh, NDA_LLADDR, len, same);
	mnl_attr_put_u32(nlh, XR_NDA_FLAGS_EXT, flags);
	return nlh;
}

static void with_a_mac(void **state)
{
	assert_memory_equal(netlink_neigh_mac(notice(NUD_REACHABLE, 0, 6)), same, 6);
	assert_memory_equal(netlink_neigh_mac(notice(NUD_PROBE, 0, 6)), same, 6);
	assert_null(netlink_neigh_mac(notice(NUD_FAILED, 0, 6)));
	assert_null(netlink_neigh_mac(notice(NUD_REACHABLE, 0, 0)));
	assert_null(netlink_neigh_mac(notice(NUD_REACHABLE, 0, 4)));
}

static void that_is_kept(void **state)
{
	assert_true(netlink_neigh_is_kept(notice(NUD_REACHABLE, NTF_EXT_MANAGED, 6)));
	assert_true(netlink_neigh_is_kept(notice(NUD_PERMANENT, 0, 6)));
	assert_false(netlink_neigh_is_kept(notice(NUD_REACHABLE, 0, 6)));
	assert_false(netlink_neigh_is_kept(notice(NUD_REACHABLE, NTF_EXT_MANAGED << 1, 6)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_whom_packets_go_by),
		TEST(of_a_mac_that_changed),
		TEST(of_one_that_came_later),
		TEST(by_a_bridge),
		TEST(with_a_mac),
		TEST(that_is_kept),
	};

	return harness_main("hops", tests, ARRAY_LEN(tests));
}
