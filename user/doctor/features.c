// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's features as "ethtool -k" and "ethtool -l" have them, and what its driver can do
 * with XDP (netdev.yaml of the kernel, since 6.3).
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor_priv.h"

/* The kernel's names; several make one where any of them is on. */
static const struct {
	const char *kernel;
	enum feature_name name;
} kernel_names[] = {
	{ "tx-checksum-ipv4", FEATURE_TX_CHECKSUM },
	{ "tx-checksum-ip-generic", FEATURE_TX_CHECKSUM },
	{ "tx-checksum-ipv6", FEATURE_TX_CHECKSUM },
	{ "tx-vlan-hw-insert", FEATURE_TX_VLAN },
	{ "rx-vlan-hw-parse", FEATURE_RX_VLAN },
	{ "rx-lro", FEATURE_LRO },
	{ "rx-gro", FEATURE_GRO },
	{ "rx-gro-hw", FEATURE_GRO_HW },
};

static int ask(int fd, const char *dev, void *what)
{
	struct ifreq req = { .ifr_data = what };

	strncpy(req.ifr_name, dev, sizeof(req.ifr_name) - 1);
	return ioctl(fd, SIOCETHTOOL, &req) ? -errno : 0;
}

static void take(struct features *f, const char *kernel, bool on, bool fixed)
{
	enum feature now = !on ? FEATURE_OFF : fixed ? FEATURE_ON_FIXED : FEATURE_ON;
	size_t i;

	for (i = 0; i < sizeof(kernel_names) / sizeof(kernel_names[0]); i++)
		if (!strcmp(kernel_names[i].kernel, kernel) && f->is[kernel_names[i].name] < now)
			f->is[kernel_names[i].name] = now;
}

static int read_flags(int fd, const char *dev, struct features *f)
{
	/* The number comes behind it. */
	union {
		struct ethtool_sset_info head;
		__u32 room[sizeof(struct ethtool_sset_info) / sizeof(__u32) + 1];
	} count = { .head = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES } };
	struct ethtool_gstrings *names = NULL;
	struct ethtool_gfeatures *is = NULL;
	int ret = ask(fd, dev, &count);
	__u32 n = count.room[sizeof(count.head) / sizeof(__u32)], blocks, i;

	if (ret)
		return ret;
	blocks = (n + 31) / 32;
	names = calloc(1, sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);
	is = calloc(1, sizeof(*is) + blocks * sizeof(is->features[0]));
	ret = names && is ? 0 : -ENOMEM;
	if (!ret) {
		names->cmd = ETHTOOL_GSTRINGS;
		names->string_set = ETH_SS_FEATURES;
		names->len = n;
		is->cmd = ETHTOOL_GFEATURES;
		is->size = blocks;
		ret = ask(fd, dev, names);
		ret = ret ? ret : ask(fd, dev, is);
	}
	for (i = 0; !ret && i < n && i < names->len && i / 32 < is->size; i++) {
		const struct ethtool_get_features_block *b = &is->features[i / 32];
		char name[ETH_GSTRING_LEN + 1] = "";

		memcpy(name, names->data + i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
		take(f, name, b->active >> i % 32 & 1,
		     b->never_changed >> i % 32 & 1 || !(b->available >> i % 32 & 1));
	}
	free(names);
	free(is);
	return ret;
}

static void read_channels(int fd, const char *dev, struct features *f)
{
	struct ethtool_channels c = { .cmd = ETHTOOL_GCHANNELS };

	if (ask(fd, dev, &c))
		return;
	f->combined = c.max_combined;
	f->rx = c.rx_count + c.combined_count;
	f->rx_most = c.max_rx + c.max_combined;
	f->tx = c.tx_count + c.combined_count;
}

/* A file of lines "rx-vlan-hw-parse on", "rx 1", "rx-most 8", "xdp 7", in place of the device. */
static bool read_test(const char *dev, struct features *f, __u64 *xdp)
{
	char path[64], at[MACHINE_PATH], line[96], name[64], value[16];
	FILE *file;

	snprintf(path, sizeof(path), "/ethtool/%s", dev);
	machine_path(path, at);
	file = strcmp(path, at) ? fopen(at, "re") : NULL;
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %15s", name, value) != 2)
			continue;
		if (xdp && !strcmp(name, "xdp"))
			*xdp = strtoull(value, NULL, 0);
		else if (f && !strcmp(name, "rx"))
			f->rx = atoi(value);
		else if (f && !strcmp(name, "rx-most"))
			f->rx_most = atoi(value);
		else if (f && !strcmp(name, "error"))
			f->error = -atoi(value);
		else if (f)
			take(f, name, !strcmp(value, "on"), false);
	}
	fclose(file);
	return true;
}

void features_read(const char *dev, struct features *f)
{
	int fd;

	memset(f, 0, sizeof(*f));
	if (read_test(dev, f, NULL))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		f->error = -errno;
		return;
	}
	f->error = read_flags(fd, dev, f);
	read_channels(fd, dev, f);
	close(fd);
}

/* ---- what the driver can do with XDP ---- */

#define NETDEV_CMD_DEV_GET        1
#define NETDEV_A_DEV_IFINDEX      1
#define NETDEV_A_DEV_XDP_FEATURES 3

static int on_family(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
			*(__u16 *)ctx = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

static int on_features(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(a) == NETDEV_A_DEV_XDP_FEATURES)
			*(__u64 *)ctx = mnl_attr_get_u64(a);
	return MNL_CB_OK;
}

static struct nlmsghdr *generic_message(struct netlink *nl, __u16 family, __u8 command)
{
	struct nlmsghdr *nlh = netlink_message(nl, family, 0);
	struct genlmsghdr *head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));

	head->cmd = command;
	head->version = 1;
	return nlh;
}

int xdp_features_read(const char *dev, __u32 ifindex, __u64 *acts)
{
	struct netlink nl = { 0 };
	__u16 family = 0;
	int ret;

	*acts = 0;
	if (read_test(dev, NULL, acts))
		return 0;
	nl.sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!nl.sock)
		return -errno;
	ret = mnl_socket_bind(nl.sock, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
	if (!ret) {
		mnl_attr_put_strz(generic_message(&nl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY),
				  CTRL_ATTR_FAMILY_NAME, "netdev");
		ret = netlink_request(&nl, on_family, &family);
	}
	if (!ret) {
		mnl_attr_put_u32(generic_message(&nl, family, NETDEV_CMD_DEV_GET),
				 NETDEV_A_DEV_IFINDEX, ifindex);
		ret = netlink_request(&nl, on_features, acts);
	}
	netlink_close(&nl);
	return ret;
}
