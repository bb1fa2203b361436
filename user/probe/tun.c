// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/netns.h"
#include "lib/sockaddr.h"
#include "net/netlink.h"
#include "tun_priv.h"

/* ---- in the namespace ---- */

static int route_all(struct netlink *nl, __u32 ifindex, unsigned char family)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK);
	struct rtmsg *r = mnl_nlmsg_put_extra_header(nlh, sizeof(*r));

	r->rtm_family = family;
	r->rtm_table = RT_TABLE_MAIN;
	r->rtm_protocol = RTPROT_STATIC;
	r->rtm_scope = RT_SCOPE_LINK;
	r->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	return netlink_request(nl, NULL, NULL);
}

/* It is there already: so much the better. */
static int add_address(struct netlink *nl, __u32 ifindex, const __be32 *addr)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_ACK);
	struct ifaddrmsg *a = mnl_nlmsg_put_extra_header(nlh, sizeof(*a));
	int ret;

	a->ifa_family = addr_is_ipv4(addr) ? AF_INET : AF_INET6;
	a->ifa_prefixlen = addr_is_ipv4(addr) ? 32 : 128;
	a->ifa_flags = IFA_F_NODAD;
	a->ifa_index = ifindex;
	netlink_put_addr(nlh, IFA_LOCAL, addr);
	netlink_put_addr(nlh, IFA_ADDRESS, addr);
	ret = netlink_request(nl, NULL, NULL);
	return ret == -EEXIST ? 0 : ret;
}

static int device_up(struct tun *t, struct ifreq *r)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret = 0;

	if (fd < 0)
		return -errno;
	r->ifr_mtu = TUN_MTU;
	if (ioctl(fd, SIOCSIFMTU, r))
		ret = -errno;
	r->ifr_flags = IFF_UP;
	if (!ret && ioctl(fd, SIOCSIFFLAGS, r))
		ret = -errno;
	close(fd);
	t->ifindex = if_nametoindex(r->ifr_name);
	return ret;
}

static int make_device(struct tun *t)
{
	struct ifreq r = { .ifr_name = "probe0", .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct netlink nl;
	int ret;

	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0 || ioctl(t->fd, TUNSETIFF, &r))
		return -errno;
	ret = device_up(t, &r);
	if (ret)
		return ret;
	ret = netlink_open(&nl);
	if (!ret)
		ret = route_all(&nl, t->ifindex, AF_INET);
	/* A machine without IPv6 has none here, either. */
	if (!ret)
		route_all(&nl, t->ifindex, AF_INET6);
	netlink_close(&nl);
	return ret;
}

/* ---- its life ---- */

void tun_close(struct tun *t)
{
	if (t->fd >= 0)
		close(t->fd);
	if (t->netns >= 0)
		close(t->netns);
	*t = TUN_NONE;
}

int tun_open(struct tun *t, struct xr_err *err)
{
	int home = netns_open(), ret;

	*t = TUN_NONE;
	if (home < 0)
		return xr_fail(err, home, "network namespace: %s", strerror(-home));
	if (unshare(CLONE_NEWNET)) {
		ret = -errno;
		close(home);
		return xr_fail(err, ret, "a network namespace for HTTP checks: %s", strerror(-ret));
	}
	t->netns = netns_open();
	ret = t->netns < 0 ? t->netns : make_device(t);
	/* In another one the daemon would look at nothing that is there. */
	if (setns(home, CLONE_NEWNET))
		abort();
	close(home);
	if (!ret)
		return 0;
	tun_close(t);
	return xr_fail(err, ret, "a TUN device for HTTP checks (/dev/net/tun): %s", strerror(-ret));
}

static int make_socket(const struct tun *t, const __be32 *from, __u16 port)
{
	const struct linger at_once = { .l_onoff = 1 };
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_from_addr(&sa, from, htons(port));
	struct netlink nl;
	int on = 1, fd, ret = netlink_open(&nl);

	if (!ret)
		ret = add_address(&nl, t->ifindex, from);
	netlink_close(&nl);
	if (ret)
		return ret;
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Closed, it is forgotten: the port is wanted again. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (!bind(fd, (void *)&sa, len))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

int tun_socket(const struct tun *t, const __be32 *from, __u16 port)
{
	int home = netns_open(), ret;

	if (home < 0)
		return home;
	if (setns(t->netns, CLONE_NEWNET)) {
		ret = -errno;
		close(home);
		return ret;
	}
	ret = make_socket(t, from, port);
	if (setns(home, CLONE_NEWNET))
		abort();
	close(home);
	return ret;
}
