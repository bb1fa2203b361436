/* SPDX-License-Identifier: GPL-2.0-only */
/*
 *	wire PREFIX NODE/DEV...
 *
 * What these devices of the namespaces PREFIX-NODE hand over is as on a wire: sums filled in,
 * tags in the frame. It is "ethtool -K DEV tx-checksumming off txvlan off" of each, by one
 * process for all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int ethtool(int fd, const char *dev, struct ethtool_value *v)
{
	struct ifreq r = { .ifr_data = (void *)v };

	strncpy(r.ifr_name, dev, sizeof(r.ifr_name) - 1);
	return ioctl(fd, SIOCETHTOOL, &r);
}

static int set_wire(const char *dev)
{
	struct ethtool_value sums = { .cmd = ETHTOOL_STXCSUM }, flags = { .cmd = ETHTOOL_GFLAGS };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret = fd < 0 || ethtool(fd, dev, &sums) || ethtool(fd, dev, &flags);

	flags.cmd = ETHTOOL_SFLAGS;
	flags.data &= ~ETH_FLAG_TXVLAN;
	ret = ret || ethtool(fd, dev, &flags);
	if (fd >= 0)
		close(fd);
	return ret;
}

/* PLACE is NODE/DEV. */
static int set_there(const char *prefix, const char *place)
{
	int node_len = strcspn(place, "/"), fd, ret;
	char ns[128];

	if (!place[node_len]) {
		errno = EINVAL;
		return -1;
	}
	snprintf(ns, sizeof(ns), "/run/netns/%s-%.*s", prefix, node_len, place);
	fd = open(ns, O_RDONLY | O_CLOEXEC);
	ret = fd < 0 || setns(fd, CLONE_NEWNET) || set_wire(place + node_len + 1);
	if (fd >= 0)
		close(fd);
	return ret;
}

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (set_there(argv[1], argv[i])) {
			perror(argv[i]);
			return 1;
		}
	}
	return 0;
}
