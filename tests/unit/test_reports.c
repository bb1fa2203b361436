/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reports of the kernel's that were more than a socket keeps: whoever is told so reads all anew,
 * and hears of whatever changes from then on. And a list that changes while it is read: who is
 * told so can read it again.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/unit.h"
#include "user/net/links.h"
#include "user/net/netlink.h"

static int control;

static void set_mtu(int mtu)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_mtu = mtu };

	assert_int_equal(ioctl(control, SIOCSIFMTU, &r), 0);
}

/* The last that was reported. */
static int keep_mtu(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct ifinfomsg))
		if (mnl_attr_get_type(a) == IFLA_MTU)
			*(int *)ctx = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static void told_of_what_comes_after_a_loss(void **state)
{
	static const int groups[] = { RTNLGRP_LINK };
	struct mnl_socket *nl;
	int room = 4096, i, mtu = 0, fd;
	bool lost = false;

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	control = socket(AF_INET, SOCK_DGRAM, 0);
	nl = netlink_subscribe(groups, 1);
	assert_non_null(nl);
	fd = mnl_socket_get_fd(nl);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
	for (i = 0; i < 64; i++)
		set_mtu(2000 + i);
	for (i = 0; i < 8 && !lost; i++)
		lost = netlink_reports(fd, keep_mtu, &mtu);
	assert_true(lost);
	/* Here its owner reads all. */
	set_mtu(3000);
	for (i = 0; i < 8; i++)
		assert_false(netlink_reports(fd, keep_mtu, &mtu));
	assert_int_equal(mtu, 3000);
	mnl_socket_close(nl);
}

#define DEVICES 64 /* their list is read in several parts */

static void add_bridge(int i)
{
	char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "b%d", i);
	assert_int_equal(ioctl(control, SIOCBRADDBR, name), 0);
}

/* One more as the first is listed. */
static int add_another(const struct nlmsghdr *nlh, void *seen)
{
	(void)nlh;
	if (!(*(int *)seen)++)
		add_bridge(DEVICES);
	return MNL_CB_OK;
}

static void list_changes_while_it_is_read(void **state)
{
	struct links links = { 0 };
	struct netlink nl = { 0 };
	int i, seen = 0;

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	control = socket(AF_INET, SOCK_DGRAM, 0);
	for (i = 0; i < DEVICES; i++)
		add_bridge(i);
	assert_int_equal(netlink_open(&nl), 0);
	mnl_nlmsg_put_extra_header(netlink_message(&nl, RTM_GETLINK, NLM_F_DUMP),
				   sizeof(struct ifinfomsg));
	assert_int_equal(netlink_request(&nl, add_another, &seen), -EINTR);
	assert_true(seen >= DEVICES);
	/* Nothing of it is in the way of the next question. */
	assert_int_equal(links_read(&nl, &links), 0);
	assert_int_equal(links.n, 1 + DEVICES + 1);
	links_free(&links);
	netlink_close(&nl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_of_what_comes_after_a_loss),
		cmocka_unit_test(list_changes_while_it_is_read),
	};

	if (lacks_root())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("reports", tests, NULL, NULL);
}
