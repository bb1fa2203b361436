// SPDX-License-Identifier: GPL-2.0-only
/* A VM's tap on this machine: counts of what went through it, and frames put into it. */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "local_priv.h"

#define ETH_P_PROBE 0x88b5 /* IEEE 802: local experimental */

/* ---- counts ---- */

static int read_number(const char *tap, const char *what, __u64 *number)
{
	char path[96];
	int got = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", tap, what);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	got = fscanf(f, "%llu", (unsigned long long *)number);
	fclose(f);
	return got == 1 ? 0 : -EIO;
}

/* From the table of all devices of this thread's namespace: columns 10 and 12. */
static int read_table(const char *tap, struct link_counts *c)
{
	unsigned long long read, dropped;
	char line[512], name[20];
	int ret = -ENODEV;
	FILE *f = fopen("/proc/thread-self/net/dev", "re");

	while (f && ret && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %19[^:]: %*u %*u %*u %*u %*u %*u %*u %*u %*u %llu %*u %llu",
			   name, &read, &dropped) != 3 ||
		    strcmp(name, tap))
			continue;
		c->read = read;
		c->dropped = dropped;
		ret = 0;
	}
	if (f)
		fclose(f);
	return ret;
}

int tap_counts(__u32 ifindex, struct link_counts *c)
{
	char tap[IF_NAMESIZE];
	__u64 index;

	if (!if_indextoname(ifindex, tap))
		return -errno;
	/* /sys may be another network namespace's, where the name is another device's. */
	if (!read_number(tap, "ifindex", &index) && index == ifindex &&
	    !read_number(tap, "statistics/tx_packets", &c->read) &&
	    !read_number(tap, "statistics/tx_dropped", &c->dropped))
		return 0;
	return read_table(tap, c);
}

bool tap_takes_gso(const char *tap)
{
	struct ethtool_value v = { .cmd = ETHTOOL_GTSO };
	struct ifreq req = { .ifr_data = (void *)&v };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return true;
	strncpy(req.ifr_name, tap, sizeof(req.ifr_name) - 1);
	ret = ioctl(fd, SIOCETHTOOL, &req);
	close(fd);
	return ret || v.data;
}

/* ---- frames put into it ---- */

/* The process' own network namespace's, and open to its end: see packet_socket(). */
static struct {
	int fd;
	__u64 netns;
} kept = { .fd = -1 };

/*
 * Closing a packet socket takes the kernel some ms: so one is kept. But not one in
 * another namespace than the process', which would not go away while it is open.
 */
static int packet_socket(const struct local *l)
{
	int fd;

	if (l->back < 0 && kept.fd >= 0 && kept.netns == l->info->netns)
		return kept.fd;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (l->back >= 0 || fd < 0)
		return fd;
	/* The process itself has gone to another namespace. */
	if (kept.fd >= 0)
		close(kept.fd);
	kept.fd = fd;
	kept.netns = l->info->netns;
	return fd;
}

void tap_put(const struct local *l, const void *frame, size_t len)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = l->vm->tap,
		.sll_halen = ETH_ALEN,
	};
	int fd;

	if (!l->vm->tap)
		return;
	memcpy(&to.sll_protocol, (const __u8 *)frame + 2 * ETH_ALEN, sizeof(to.sll_protocol));
	fd = packet_socket(l);
	if (fd < 0)
		return;
	sendto(fd, frame, len, 0, (void *)&to, sizeof(to));
	if (fd != kept.fd)
		close(fd);
}

/*
 * A QEMU whose guest stands still reads one frame and keeps it: see unread.c. One that waits
 * for its guest to come reads one, too, and drops it when the guest runs. So it is better
 * that this frame is the first one in its tap.
 */
void tap_probe(const struct local *l)
{
	struct {
		__u8 dst[ETH_ALEN], src[ETH_ALEN];
		__be16 type;
		char text[46];
	} __attribute__((packed)) probe = {
		.src = { 0x02, 0x78, 0x72, 0, 0, 2 },
		.type = htons(ETH_P_PROBE),
		.text = "xroam: nothing to see",
	};

	memcpy(probe.dst, l->mac, ETH_ALEN);
	tap_put(l, &probe, sizeof(probe));
}
