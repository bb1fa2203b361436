// SPDX-License-Identifier: GPL-2.0-only
/* Addresses, sockets, time and other small things. */
#include "quic.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define SOCKET_BUFFER (8 << 20)

void xq_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

int xq_addr_parse(union xq_addr *a, const char *host, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, host, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(port);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(port);
		return 0;
	}
	return -EINVAL;
}

socklen_t xq_addr_len(const union xq_addr *a)
{
	return a->sa.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

bool xq_addr_eq(const union xq_addr *a, const union xq_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_port == b->in.sin_port &&
			a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return a->in6.sin6_port == b->in6.sin6_port &&
		!memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16);
}

const char *xq_addr_text(const union xq_addr *a, char buf[64])
{
	char host[INET6_ADDRSTRLEN];

	if (a->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof(host));
		snprintf(buf, 64, "%s:%u", host, ntohs(a->in.sin_port));
	} else {
		inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof(host));
		snprintf(buf, 64, "[%s]:%u", host, ntohs(a->in6.sin6_port));
	}
	return buf;
}

/* The LB counts on it: no datagram may be fragmented (RFC 9000 section 14). */
static void dont_fragment(int fd, int family)
{
	int probe;

	if (family == AF_INET) {
		probe = IP_PMTUDISC_PROBE;
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe));
	} else {
		probe = IPV6_PMTUDISC_PROBE;
		setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof(probe));
	}
}

int xq_socket(const char *local, uint16_t port, union xq_addr *bound)
{
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 2], *dev;
	int fd, one = 1, size = SOCKET_BUFFER;
	socklen_t len = sizeof(*bound);

	snprintf(host, sizeof(host), "%s", local);
	dev = strchr(host, '%');
	if (dev)
		*dev++ = '\0';
	if (xq_addr_parse(bound, host, port))
		xq_die("%s: not an IPv4 or IPv6 address", local);
	fd = socket(bound->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (dev && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, strlen(dev) + 1))
		goto err;
	/* A client's address may be put on its device after it starts. */
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	if (bound->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	dont_fragment(fd, bound->sa.sa_family);
	if (bind(fd, &bound->sa, xq_addr_len(bound)) || getsockname(fd, &bound->sa, &len))
		goto err;
	return fd;
err:
	one = errno;
	close(fd);
	return -one;
}

uint64_t xq_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

void xq_random(void *buf, size_t len)
{
	if (getrandom(buf, len, 0) != (ssize_t)len)
		abort();
}

uint64_t xq_number(const char *text, const char *what)
{
	char *end;
	double n = strtod(text, &end);

	switch (*end) {
	case 'K':
		n *= 1e3;
		end++;
		break;
	case 'M':
		n *= 1e6;
		end++;
		break;
	case 'G':
		n *= 1e9;
		end++;
		break;
	}
	if (end == text || *end || n < 0)
		xq_die("%s %s: not a number", what, text);
	return (uint64_t)n;
}

int xq_hex(uint8_t *out, size_t max, const char *hex)
{
	size_t n = strlen(hex);
	unsigned int octet;

	if (n % 2 || n / 2 > max || strspn(hex, "0123456789abcdefABCDEF") != n)
		return -1;
	for (size_t i = 0; i < n / 2; i++) {
		sscanf(hex + 2 * i, "%2x", &octet);
		out[i] = octet;
	}
	return n / 2;
}

int xq_recv(int fd, struct xq_batch *b)
{
	struct mmsghdr msg[XQ_BATCH];
	struct iovec iov[XQ_BATCH];
	int n;

	memset(msg, 0, sizeof(msg));
	for (int i = 0; i < XQ_BATCH; i++) {
		iov[i].iov_base = b->pkt[i].data;
		iov[i].iov_len = sizeof(b->pkt[i].data);
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
		msg[i].msg_hdr.msg_name = &b->pkt[i].from;
		msg[i].msg_hdr.msg_namelen = sizeof(b->pkt[i].from);
	}
	n = recvmmsg(fd, msg, XQ_BATCH, MSG_DONTWAIT, NULL);
	b->n = n > 0 ? n : 0;
	for (int i = 0; i < b->n; i++)
		b->pkt[i].len = msg[i].msg_len;
	return b->n;
}

int xq_send(int fd, const union xq_addr *to, const uint8_t *data, size_t len)
{
	ssize_t n;

	do
		n = sendto(fd, data, len, MSG_DONTWAIT, &to->sa, xq_addr_len(to));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}
