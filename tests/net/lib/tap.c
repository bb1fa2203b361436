// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM's end of a tap, which reads when it is told to, and a sender that leaves
 * segments and checksums to its device.
 *
 *	tap open NAME	makes the tap and takes commands on stdin:
 *		read N	takes N frames, each printed in hex; "empty" for none
 *		hold	takes one frame more as soon as there is one, unseen, as
 *			QEMU's virtio-net does when its guest stands still;
 *			"holding" once it waits for it
 *		late MS	the same, but so long after there is one; never asleep till
 *			then, as a QEMU is not that waits for a processor
 *		carrier 0|1	off and on; "done"
 *		end		and the tap, which is not persistent, goes
 *	tap gso DEV DMAC SMAC DADDR SADDR OCTETS SIZE
 *		one TCP frame of OCTETS, to be cut into segments of SIZE
 *	tap sum
 *		of TCP frames in hex on stdin: "segments 5 octets 4000 bad 0"
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_FRAME 65600
#define WAIT_MS   200

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_tap(const char *name)
{
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);

	strncpy(req.ifr_name, name, sizeof(req.ifr_name) - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &req))
		die(name);
	return fd;
}

static int take(int fd, unsigned char *frame)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, WAIT_MS) == 1 ? read(fd, frame, MAX_FRAME) : -1;
}

static void read_some(int fd, int n)
{
	static unsigned char frame[MAX_FRAME];
	int len, i;

	for (; n > 0; n--) {
		len = take(fd, frame);
		if (len < 0)
			printf("empty");
		for (i = 0; i < len; i++)
			printf("%02x", frame[i]);
		printf("\n");
	}
	printf("done\n");
}

static bool has_frame(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void spin(int ms)
{
	struct timespec t, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	end.tv_nsec += ms % 1000 * 1000000L;
	do
		clock_gettime(CLOCK_MONOTONIC, &t);
	while ((t.tv_sec - end.tv_sec) * 1000000000LL + t.tv_nsec < end.tv_nsec);
}

static void obey(int fd, const char *line, bool *holds)
{
	int n;

	if (sscanf(line, "read %d", &n) == 1)
		read_some(fd, n);
	else if (!strncmp(line, "end", 3))
		exit(0);
	else if (sscanf(line, "carrier %d", &n) == 1)
		printf(ioctl(fd, TUNSETCARRIER, &n) ? "no\n" : "done\n");
	else if (!strncmp(line, "hold", 4)) {
		*holds = true;
		printf("holding\n");
	} else if (sscanf(line, "late %d", &n) == 1) {
		*holds = true;
		printf("holding\n");
		while (!has_frame(fd))
			;
		spin(n);
	}
}

/* Waits as QEMU does: in poll, for whatever comes. */
static int serve(const char *name)
{
	static unsigned char frame[MAX_FRAME];
	struct pollfd p[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = open_tap(name) },
	};
	bool holds = false;
	char line[64];

	setbuf(stdout, NULL);
	setbuf(stdin, NULL);
	printf("ready\n");
	for (;;) {
		p[1].events = holds ? POLLIN : 0;
		if (poll(p, 2, -1) < 0)
			die("poll");
		if (p[1].revents & POLLIN) {
			holds = false;
			if (read(p[1].fd, frame, sizeof(frame)) < 0)
				die("hold");
		}
		if (!(p[0].revents & (POLLIN | POLLHUP)))
			continue;
		if (!fgets(line, sizeof(line), stdin))
			return 0;
		obey(p[1].fd, line, &holds);
	}
}

/* ---- gso ---- */

struct packet {
	struct virtio_net_hdr v;
	struct ether_header eth;
	struct iphdr ip;
	struct tcphdr tcp;
	char data[60000];
} __attribute__((packed));

static unsigned int add_up(const void *data, size_t len, unsigned int sum)
{
	const unsigned char *d = data;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += d[i] << 8 | d[i + 1];
	if (i < len)
		sum += d[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void fill(struct packet *p, char **arg)
{
	int octets = atoi(arg[4]), size = atoi(arg[5]), i;

	p->v.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	p->v.gso_type = octets > size ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_NONE;
	p->v.gso_size = octets > size ? size : 0;
	p->v.hdr_len = sizeof(p->eth) + sizeof(p->ip) + sizeof(p->tcp);
	p->v.csum_start = sizeof(p->eth) + sizeof(p->ip);
	p->v.csum_offset = offsetof(struct tcphdr, check);
	memcpy(p->eth.ether_dhost, ether_aton(arg[0]), 6);
	memcpy(p->eth.ether_shost, ether_aton(arg[1]), 6);
	p->eth.ether_type = htons(ETHERTYPE_IP);
	p->ip.version = 4;
	p->ip.ihl = 5;
	p->ip.tot_len = htons(sizeof(p->ip) + sizeof(p->tcp) + octets);
	p->ip.frag_off = htons(IP_DF);
	p->ip.ttl = 64;
	p->ip.protocol = IPPROTO_TCP;
	inet_pton(AF_INET, arg[2], &p->ip.daddr);
	inet_pton(AF_INET, arg[3], &p->ip.saddr);
	p->ip.check = htons(~add_up(&p->ip, sizeof(p->ip), 0));
	p->tcp.source = htons(40000);
	p->tcp.dest = htons(9);
	p->tcp.doff = 5;
	p->tcp.ack = 1;
	/* The device adds the rest. */
	p->tcp.check = htons(add_up(&p->ip.saddr, 8, IPPROTO_TCP + sizeof(p->tcp) + octets));
	for (i = 0; i < octets; i++)
		p->data[i] = i;
}

static int send_gso(char **arg)
{
	static struct packet p;
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE_IP),
		.sll_ifindex = if_nametoindex(arg[0]),
		.sll_halen = 6,
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;
	size_t len;

	fill(&p, arg + 1);
	len = sizeof(p) - sizeof(p.data) + atoi(arg[5]);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    sendto(fd, &p, len, 0, (void *)&to, sizeof(to)) < 0)
		die(arg[0]);
	return 0;
}

/* ---- sum ---- */

static size_t from_hex(const char *hex, unsigned char *to, size_t max)
{
	unsigned int octet;
	size_t n = 0;

	for (; n < max && sscanf(hex, "%2x", &octet) == 1; hex += 2)
		to[n++] = octet;
	return n;
}

static int sum_up(void)
{
	static char line[2 * MAX_FRAME];
	static unsigned char frame[MAX_FRAME];
	int segments = 0, octets = 0, bad = 0;

	while (fgets(line, sizeof(line), stdin)) {
		const struct iphdr *ip = (void *)(frame + 14);
		int len, headers;

		memset(frame, 0, sizeof(frame));
		if (from_hex(line, frame, sizeof(frame)) < 54)
			continue;
		headers = ip->ihl * 4 + 20;
		len = ntohs(ip->tot_len) - ip->ihl * 4;
		segments++;
		octets += ntohs(ip->tot_len) - headers;
		bad += add_up(frame + 14, ip->ihl * 4, 0) != 0xffff ||
			add_up(frame + 14 + ip->ihl * 4, len,
			       add_up(&ip->saddr, 8, IPPROTO_TCP + len)) != 0xffff;
	}
	printf("segments %d octets %d bad %d\n", segments, octets, bad);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "open"))
		return serve(argv[2]);
	if (argc == 9 && !strcmp(argv[1], "gso"))
		return send_gso(argv + 2);
	if (argc == 2 && !strcmp(argv[1], "sum"))
		return sum_up();
	fprintf(stderr,
		"usage: tap open NAME | tap sum | tap gso DEV DMAC SMAC DADDR SADDR OCTETS SIZE\n");
	return 2;
}
