// SPDX-License-Identifier: GPL-2.0-only
/* frame make: a frame, as hex digits. */
#include <arpa/inet.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frame.h"

void bad(const char *what, const char *text)
{
	fprintf(stderr, "frame: %s: %s\n", what, text);
	exit(2);
}

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

/* The sum of the pseudo header; 0: not addresses of one family. */
static uint32_t put_ip(uint8_t *at, const char *from, const char *to, size_t l4_len, size_t *len)
{
	struct ip6_hdr *ip6 = (void *)at;
	struct iphdr *ip = (void *)at;
	uint16_t total = sizeof(*ip) + l4_len;

	if (inet_pton(AF_INET, from, &ip->saddr) == 1 && inet_pton(AF_INET, to, &ip->daddr) == 1) {
		ip->version = 4;
		ip->ihl = 5;
		ip->ttl = 64;
		ip->protocol = IPPROTO_UDP;
		ip->tot_len = htons(total);
		ip->frag_off = htons(0x4000);
		ip->check = fold(add_up(0, ip, sizeof(*ip)));
		*len = sizeof(*ip);
		return add_up(IPPROTO_UDP + l4_len, &ip->saddr, 8);
	}
	memset(at, 0, sizeof(*ip6));
	if (inet_pton(AF_INET6, from, &ip6->ip6_src) != 1 ||
	    inet_pton(AF_INET6, to, &ip6->ip6_dst) != 1)
		return 0;
	ip6->ip6_flow = htonl(6 << 28);
	ip6->ip6_plen = htons(l4_len);
	ip6->ip6_nxt = IPPROTO_UDP;
	ip6->ip6_hlim = 64;
	*len = sizeof(*ip6);
	return add_up(IPPROTO_UDP + l4_len, &ip6->ip6_src, 32);
}

/* @OCTETS: so many in the UDP datagram, room for a number at their end. */
static size_t put_text(uint8_t *at, const char *text)
{
	size_t len = text[0] == '@' ? strtoul(text + 1, NULL, 10) : strlen(text);

	if (len > 8900 || (text[0] == '@' && len < 8))
		bad("8 to 8900 octets", text);
	if (text[0] != '@') {
		memcpy(at, text, len);
		return len;
	}
	memset(at, 'x', len);
	memset(at + len - 8, 0, 4);
	memset(at + len - 4, 0xff, 4);
	return len;
}

static size_t put_udp(uint8_t *l3, char **word)
{
	uint8_t text[MAX_FRAME];
	size_t len = put_text(text, word[3]), ip_len;
	struct udphdr udp = { .source = htons(40000),
			      .dest = htons(atoi(word[2])),
			      .len = htons(sizeof(udp) + len) };
	uint32_t sum = put_ip(l3, word[0], word[1], sizeof(udp) + len, &ip_len);

	if (!sum)
		bad("not two addresses of one family", word[0]);
	sum = add_up(sum, &udp, sizeof(udp));
	udp.check = fold(add_up(sum, text, len));
	memcpy(l3 + ip_len, &udp, sizeof(udp));
	memcpy(l3 + ip_len + sizeof(udp), text, len);
	return ip_len + sizeof(udp) + len;
}

static size_t put_ethernet(uint8_t *at, const char *smac, const char *dmac, const uint16_t *vlan,
			   int n_vlans, bool ipv6)
{
	struct ether_addr *mac;
	uint8_t *start = at;
	uint16_t word[2];
	int i;

	mac = ether_aton(dmac);
	if (!mac)
		bad("not a MAC", dmac);
	memcpy(at, mac, 6);
	mac = ether_aton(smac);
	if (!mac)
		bad("not a MAC", smac);
	memcpy(at + 6, mac, 6);
	at += 12;
	for (i = 0; i < n_vlans; i++, at += 4) {
		word[0] = htons(i + 1 < n_vlans ? ETH_P_8021AD : ETH_P_8021Q);
		word[1] = htons(vlan[i]);
		memcpy(at, word, 4);
	}
	word[0] = htons(ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	memcpy(at, word, 2);
	return at + 2 - start;
}

int do_make(int argc, char **argv)
{
	uint8_t frame[MAX_FRAME] = { 0 }, l3[MAX_FRAME] = { 0 };
	size_t len, l3_len, i;
	uint16_t vlan[2];
	int c, n_vlans = 0;

	while ((c = getopt(argc, argv, "+v:")) != -1) {
		if (c != 'v' || n_vlans == 2)
			return 2;
		vlan[n_vlans++] = atoi(optarg);
	}
	argv += optind;
	if (argc - optind != 7 || strcmp(argv[0], "udp"))
		return 2;
	l3_len = put_udp(l3, argv + 3);
	len = put_ethernet(frame, argv[1], argv[2], vlan, n_vlans, strchr(argv[3], ':'));
	memcpy(frame + len, l3, l3_len);
	len += l3_len;
	/* As a NIC would: what is short is padded. */
	if (len < 60)
		len = 60;
	for (i = 0; i < len; i++)
		printf("%02x", frame[i]);
	putchar('\n');
	return 0;
}
