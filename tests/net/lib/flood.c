// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets nobody answers for, from sources that do not exist:
 *
 *	flood [-n PACKETS] [-r PER_SECOND] [-s SOURCE/PREFIX] [-c CID]
 *	      syn|initial|short ADDRESS PORT
 *
 * syn: TCP connection requests; initial: QUIC Initials with a random DCID (or
 * CID, in hex); short: QUIC short headers, likewise. IPv4. Each packet comes
 * from a random address under SOURCE/PREFIX and a random port.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define INITIAL_LEN 1200
#define SHORT_LEN   60
#define BATCH       32
#define MAX_CID     20

enum kind { SYN, INITIAL, SHORT };

static struct {
	uint64_t packets, rate;
	uint32_t net, mask; /* host byte order */
	struct in_addr to;
	uint16_t port;
	enum kind kind;
	uint8_t cid[MAX_CID];
	int cid_len;
} opt = { .packets = 10000, .net = 0xc6120000, .mask = 0xfffe0000 };

static void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t random64(void)
{
	static uint64_t state;
	uint64_t z;

	if (!state && getrandom(&state, sizeof(state), 0) != sizeof(state))
		die("getrandom");
	z = (state += 0x9e3779b97f4a7c15ULL);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static void random_fill(uint8_t *at, size_t len)
{
	uint64_t word;

	for (; len; len -= len < 8 ? len : 8, at += 8) {
		word = random64();
		memcpy(at, &word, len < 8 ? len : 8);
	}
}

static uint32_t sum_words(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;

	for (; len > 1; len -= 2, p += 2)
		sum += p[0] << 8 | p[1];
	return len ? sum + (p[0] << 8) : sum;
}

/* Of the pseudo header and what follows it. */
static uint16_t l4_sum(const struct iphdr *ip, const void *l4, size_t len)
{
	uint32_t sum = sum_words(&ip->saddr, 8, ip->protocol + len);

	sum = sum_words(l4, len, sum);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static size_t make_syn(const struct iphdr *ip, struct tcphdr *tcp)
{
	memset(tcp, 0, sizeof(*tcp));
	tcp->source = htons(1024 + random64() % 64000);
	tcp->dest = htons(opt.port);
	tcp->seq = random64();
	tcp->doff = sizeof(*tcp) / 4;
	tcp->syn = 1;
	tcp->window = htons(64240);
	tcp->check = l4_sum(ip, tcp, sizeof(*tcp));
	return sizeof(*tcp);
}

static size_t make_quic(const struct iphdr *ip, struct udphdr *udp)
{
	size_t len = opt.kind == INITIAL ? INITIAL_LEN : SHORT_LEN;
	size_t cid_len = opt.cid_len ? (size_t)opt.cid_len : 16;
	uint8_t *p = (uint8_t *)(udp + 1), *cid = p + 1;

	random_fill(p, len);
	if (opt.kind == INITIAL) {
		p[0] = 0xc0 | (p[0] & 0x0f);
		memcpy(p + 1, "\0\0\0\1", 4); /* QUIC v1 */
		p[5] = cid_len;
		cid = p + 6;
		p[6 + cid_len] = 8;     /* SCID */
		p[6 + cid_len + 9] = 0; /* no token */
	} else {
		p[0] = 0x40 | (p[0] & 0x3f);
	}
	if (opt.cid_len)
		memcpy(cid, opt.cid, cid_len);
	udp->source = htons(1024 + random64() % 64000);
	udp->dest = htons(opt.port);
	udp->len = htons(sizeof(*udp) + len);
	udp->check = 0;
	udp->check = l4_sum(ip, udp, sizeof(*udp) + len);
	return sizeof(*udp) + len;
}

static size_t make(uint8_t *buf)
{
	struct iphdr *ip = (struct iphdr *)buf;
	size_t len;

	memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->frag_off = htons(IP_DF);
	ip->protocol = opt.kind == SYN ? IPPROTO_TCP : IPPROTO_UDP;
	ip->saddr = htonl(opt.net | (random64() & ~opt.mask));
	ip->daddr = opt.to.s_addr;
	if (opt.kind == SYN)
		len = make_syn(ip, (struct tcphdr *)(ip + 1));
	else
		len = make_quic(ip, (struct udphdr *)(ip + 1));
	ip->tot_len = htons(sizeof(*ip) + len);
	return sizeof(*ip) + len; /* the kernel fills in the checksum */
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

static uint64_t flood(int fd)
{
	static uint8_t buf[BATCH][2048];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = opt.to };
	uint64_t start = now_us(), sent = 0, due;
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	int n, i;

	memset(msg, 0, sizeof(msg));
	while (sent < opt.packets) {
		for (i = 0; i < BATCH && sent + i < opt.packets; i++) {
			iov[i].iov_base = buf[i];
			iov[i].iov_len = make(buf[i]);
			msg[i].msg_hdr.msg_iov = &iov[i];
			msg[i].msg_hdr.msg_iovlen = 1;
			msg[i].msg_hdr.msg_name = &to;
			msg[i].msg_hdr.msg_namelen = sizeof(to);
		}
		n = sendmmsg(fd, msg, i, 0);
		if (n < 0 && errno != ENOBUFS && errno != EAGAIN)
			die("sendmmsg");
		if (n > 0)
			sent += n;
		if (!opt.rate)
			continue;
		due = start + sent * 1000000 / opt.rate;
		if (due > now_us())
			usleep(due - now_us());
	}
	return sent;
}

static bool parse_source(char *text)
{
	char *slash = strchr(text, '/');
	struct in_addr net;
	int bits = 32;

	if (slash) {
		*slash++ = '\0';
		bits = atoi(slash);
	}
	if (inet_pton(AF_INET, text, &net) != 1 || bits < 1 || bits > 32)
		return false;
	opt.mask = ~0U << (32 - bits);
	opt.net = ntohl(net.s_addr) & opt.mask;
	return true;
}

static bool parse_cid(const char *hex)
{
	unsigned int octet;

	for (; *hex; hex += 2) {
		if (opt.cid_len == MAX_CID || sscanf(hex, "%2x", &octet) != 1)
			return false;
		opt.cid[opt.cid_len++] = octet;
	}
	return true;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: flood [-n PACKETS] [-r PER_SECOND] [-s "
		"SOURCE/PREFIX] [-c CID]\n"
		"             syn|initial|short ADDRESS PORT\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = { "syn", "initial", "short" };
	int c, fd, one = 1, size = 8 << 20;
	bool good = true;

	while ((c = getopt(argc, argv, "n:r:s:c:")) != -1) {
		switch (c) {
		case 'n':
			opt.packets = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			opt.rate = strtoull(optarg, NULL, 0);
			break;
		case 's':
			good = good && parse_source(optarg);
			break;
		case 'c':
			good = good && parse_cid(optarg);
			break;
		default:
			return usage();
		}
	}
	if (!good || argc - optind != 3 || inet_pton(AF_INET, argv[optind + 1], &opt.to) != 1)
		return usage();
	for (c = 0; c < 3 && strcmp(argv[optind], kinds[c]); c++)
		;
	if (c == 3)
		return usage();
	opt.kind = c;
	opt.port = atoi(argv[optind + 2]);

	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0)
		die("raw socket");
	setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	printf("sent %llu\n", (unsigned long long)flood(fd));
	return 0;
}
