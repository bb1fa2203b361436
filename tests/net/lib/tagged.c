// SPDX-License-Identifier: GPL-2.0-only
/*
 * One IPv4 UDP datagram in a frame with one or two VLAN tags, out of DEV to
 * MAC: what no socket would send where the kernel has no VLAN devices.
 *
 *	tagged DEV MAC TAG... SOURCE DESTINATION PORT TEXT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "tagged: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* RFC 1071; sum is what came before. */
static uint32_t add_up(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i < len; i++)
		sum += i & 1 ? p[i] : p[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum & 0xffff);
}

/* IPv4 header and the sum of the pseudo header; l4 is len octets long. */
static uint32_t put_ip(struct iphdr *ip, uint32_t saddr, uint32_t daddr,
		       uint8_t proto, size_t len)
{
	uint16_t ip_len = sizeof(*ip) + len;

	*ip = (struct iphdr){.version = 4,
			     .ihl = 5,
			     .ttl = 64,
			     .protocol = proto,
			     .tot_len = htons(ip_len),
			     .frag_off = htons(0x4000),
			     .saddr = saddr,
			     .daddr = daddr};
	ip->check = fold(add_up(0, ip, sizeof(*ip)));
	return add_up(proto + len, &ip->saddr, 8);
}

static size_t put_udp(struct iphdr *ip, uint32_t saddr, uint32_t daddr,
		      uint16_t sport, uint16_t dport, const void *data,
		      size_t len)
{
	struct udphdr *udp = (void *)(ip + 1);
	uint32_t sum;

	*udp = (struct udphdr){.source = htons(sport),
			       .dest = htons(dport),
			       .len = htons(sizeof(*udp) + len)};
	memcpy(udp + 1, data, len);
	sum = put_ip(ip, saddr, daddr, IPPROTO_UDP, sizeof(*udp) + len);
	udp->check = fold(add_up(sum, udp, sizeof(*udp) + len));
	return sizeof(*ip) + sizeof(*udp) + len;
}

static int send_frame(int argc, char **argv)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_halen = 6};
	uint8_t frame[1600] __attribute__((aligned(4))) = {0};
	const char *dev = argv[0], *mac = argv[1], *text = argv[argc - 1];
	/* The IP header stays aligned; tags grow towards the front. */
	uint8_t *l3 = frame + 64, *at = l3;
	uint16_t type = htons(ETH_P_IP);
	struct in_addr from, to;
	struct ether_addr *dmac = ether_aton(mac);
	int fd = socket(AF_PACKET, SOCK_RAW, 0), i;
	size_t len;

	if (fd < 0)
		die("packet socket");
	ll.sll_ifindex = if_nametoindex(dev);
	if (!ll.sll_ifindex || !dmac ||
	    inet_pton(AF_INET, argv[argc - 4], &from) != 1 ||
	    inet_pton(AF_INET, argv[argc - 3], &to) != 1) {
		fprintf(stderr, "tagged: bad device or address\n");
		return 2;
	}
	len = put_udp((void *)l3, from.s_addr, to.s_addr, 40000,
		      atoi(argv[argc - 2]), text, strlen(text));
	/* Innermost tag last on the line, so first here. */
	for (i = argc - 5; i >= 2; i--) {
		uint16_t tci = htons(atoi(argv[i]));

		at -= 4;
		memcpy(at, &tci, 2);
		memcpy(at + 2, &type, 2);
		type = htons(i == 2 && argc == 8 ? ETH_P_8021AD : ETH_P_8021Q);
	}
	at -= 14;
	memcpy(at, dmac, 6);
	memcpy(at + 6, "\x02\0\0\0\0\x01", 6);
	memcpy(at + 12, &type, 2);
	len += l3 - at;
	if (sendto(fd, at, len, 0, (struct sockaddr *)&ll, sizeof(ll)) !=
	    (ssize_t)len)
		die("sendto");
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	/* one or two tags */
	if (argc == 8 || argc == 9)
		return send_frame(argc - 1, argv + 1);
	fprintf(stderr,
		"usage: tagged DEV MAC TAG... SOURCE DESTINATION PORT TEXT\n");
	return 2;
}
