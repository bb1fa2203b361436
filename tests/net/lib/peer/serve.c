// SPDX-License-Identifier: GPL-2.0-only
/* peer serve: answers each request with its name, over TCP and UDP. */
#include "peer.h"

enum kind { LISTENER, DATAGRAM, STREAM };

/* What epoll watches. A stream answers one request after the other. */
struct conn {
	enum kind kind;
	int fd;
	struct request req;
	size_t got; /* octets of req read */
	uint32_t up_left;
	struct answer ans;
	size_t ans_left, down_left;
};

static void watch(int ep, struct conn *c, uint32_t events, int op)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (epoll_ctl(ep, op, c->fd, &ev))
		die("epoll_ctl");
}

static void serve_port(int ep, int type, uint16_t port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct conn *c = calloc(1, sizeof(*c));
	int one = 1, zero = 0, room = 8 << 20;

	if (!c)
		die("calloc");
	c->kind = type == SOCK_STREAM ? LISTENER : DATAGRAM;
	c->fd = socket(AF_INET6, type | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		die("socket");
	setsockopt(c->fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(c->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	/* Many flows may ask in the same instant. */
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(c->fd, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	if (type == SOCK_STREAM && listen(c->fd, 4096))
		die("listen");
	watch(ep, c, EPOLLIN, EPOLL_CTL_ADD);
}

static void serve_datagrams(struct conn *c, const char *name)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} ctl;
	struct sockaddr_in6 from;
	static char buf[65536];
	struct iovec iov;
	struct msghdr m = {
		.msg_name = &from, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl
	};
	struct request req;
	struct answer ans;
	ssize_t n;

	for (;;) {
		iov = (struct iovec){ buf, sizeof(buf) };
		m.msg_namelen = sizeof(from);
		m.msg_controllen = sizeof(ctl);
		n = recvmsg(c->fd, &m, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < (ssize_t)sizeof(req))
			continue; /* an ICMP error, or not ours */
		memcpy(&req, buf, sizeof(req));
		memset(&ans, 0, sizeof(ans));
		strncpy(ans.name, name, NAME_LEN - 1);
		ans.seq = req.seq;
		ans.down = req.down;
		memcpy(buf, &ans, sizeof(ans));
		iov.iov_len = sizeof(ans) + (req.down < 60000 ? req.down : 0);
		/*
		 * The same pktinfo sends: from the address that was asked, but
		 * by whatever device leads there, and not into the tunnel.
		 */
		((struct in6_pktinfo *)CMSG_DATA(&ctl.align))->ipi6_ifindex = 0;
		sendmsg(c->fd, &m, MSG_DONTWAIT);
	}
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* This and the next two return what send() and recv() do. */
static ssize_t send_answer(int ep, struct conn *c)
{
	ssize_t n;

	if (c->ans_left) {
		n = send(c->fd, (char *)(&c->ans + 1) - c->ans_left, c->ans_left, MSG_NOSIGNAL);
		c->ans_left -= n > 0 ? n : 0;
	} else {
		n = send(c->fd, bulk, least(c->down_left, MAX_BULK), MSG_NOSIGNAL);
		c->down_left -= n > 0 ? n : 0;
	}
	if (would_block(n))
		watch(ep, c, EPOLLOUT, EPOLL_CTL_MOD);
	else if (n > 0 && !c->ans_left && !c->down_left)
		watch(ep, c, EPOLLIN, EPOLL_CTL_MOD);
	return n;
}

static ssize_t take_request(struct conn *c)
{
	ssize_t n = recv(c->fd, (char *)&c->req + c->got, sizeof(c->req) - c->got, 0);

	c->got += n > 0 ? n : 0;
	if (c->got == sizeof(c->req))
		c->up_left = c->req.up;
	return n;
}

static ssize_t take_upload(struct conn *c)
{
	static char sink[65536];
	ssize_t n = recv(c->fd, sink, least(c->up_left, sizeof(sink)), 0);

	c->up_left -= n > 0 ? n : 0;
	return n;
}

static void begin_answer(struct conn *c, const char *name)
{
	memset(&c->ans, 0, sizeof(c->ans));
	strncpy(c->ans.name, name, NAME_LEN - 1);
	c->ans.seq = c->req.seq;
	c->ans.down = c->req.down;
	c->ans_left = sizeof(c->ans);
	c->down_left = c->req.down;
	c->got = 0;
}

/* Returns false when the connection is over. */
static bool serve_stream(int ep, struct conn *c, const char *name)
{
	ssize_t n;

	for (;;) {
		if (c->ans_left || c->down_left) {
			n = send_answer(ep, c);
		} else if (c->got < sizeof(c->req)) {
			n = take_request(c);
		} else if (c->up_left) {
			n = take_upload(c);
		} else {
			begin_answer(c, name);
			continue;
		}
		if (would_block(n))
			return true;
		if (n <= 0)
			return false;
	}
}

static void serve_accept(int ep, struct conn *listener)
{
	struct conn *c;
	int fd, one = 1;

	while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		c = calloc(1, sizeof(*c));
		if (!c)
			die("calloc");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->kind = STREAM;
		c->fd = fd;
		watch(ep, c, EPOLLIN, EPOLL_CTL_ADD);
	}
}

int serve(int argc, char **argv)
{
	struct epoll_event ev[64];
	int ep = epoll_create1(0), i, n;
	struct conn *c;

	if (argc < 2) {
		fprintf(stderr, "usage: peer serve NAME PORT...\n");
		return 2;
	}
	for (i = 1; i < argc; i++) {
		serve_port(ep, SOCK_STREAM, atoi(argv[i]));
		serve_port(ep, SOCK_DGRAM, atoi(argv[i]));
	}
	printf("ready\n");
	fflush(stdout);
	while (!stopped) {
		n = epoll_wait(ep, ev, 64, -1);
		for (i = 0; i < n; i++) {
			c = ev[i].data.ptr;
			if (c->kind == LISTENER) {
				serve_accept(ep, c);
			} else if (c->kind == DATAGRAM) {
				serve_datagrams(c, argv[0]);
			} else if (!serve_stream(ep, c, argv[0])) {
				close(c->fd);
				free(c);
			}
		}
	}
	return 0;
}
