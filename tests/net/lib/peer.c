// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP and UDP peers for the net tests.
 *
 *	peer serve NAME PORT...
 *	peer ask [options] tcp|udp ADDRESS PORT
 *
 * The server answers each request with its name, from the address it was asked
 * at. The client asks over many connections at once and tells who answered:
 *
 *	servers s1=34 s2=33 s3=33
 *	flows 100 asked 100 answered 100 lost 0 moved 0 broken 0 gap 3
 *
 * servers counts connections by who answered first; a connection is "moved"
 * each time another one than before answers, "broken" when it is refused, reset
 * or closed; a request is "lost" when its answer does not come in time (of UDP
 * nothing is sent again). gap is the longest wait for an answer, in ms. Exit
 * status 0 only where nothing was lost, moved or broken.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NAME_LEN    16
#define MAX_SERVERS 64
#define MAX_BULK    (1U << 20)

/* Both in host byte order: the peers share a machine. */
struct request {
	uint32_t seq;
	uint32_t up;   /* octets that follow (UDP: in the datagram) */
	uint32_t down; /* octets wanted after the answer's header */
	uint32_t reserved;
};

struct answer {
	char name[NAME_LEN];
	uint32_t seq;
	uint32_t down;
};

static volatile sig_atomic_t stopped;
static char bulk[MAX_BULK];

static void on_signal(int sig)
{
	stopped = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

/* ---- server ---- */

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

static bool would_block(ssize_t n)
{
	return n < 0 && errno == EAGAIN;
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

static int serve(int argc, char **argv)
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

/* ---- client ---- */

struct flow {
	int fd;
	bool connecting, waiting, over;
	uint32_t seq;
	size_t out_left; /* octets of the request still to send */
	struct answer ans;
	size_t got; /* octets of the answer read */
	size_t down_left;
	int server; /* index in who.name, -1: none answered yet */
	uint64_t asked, next;
};

static struct {
	int type;
	struct sockaddr_storage to, from;
	socklen_t to_len, from_len;
	uint32_t flows, requests, interval, up, down, timeout;
} opt = { .flows = 1, .requests = 1, .timeout = 3000 };

static struct {
	char name[MAX_SERVERS][NAME_LEN];
	unsigned int flows[MAX_SERVERS];
	int n;
} who;

static struct {
	unsigned long asked, answered, lost, moved, broken;
	uint64_t gap;
} sum;

static socklen_t address(struct sockaddr_storage *s, const char *text, int port)
{
	struct sockaddr_in *a4 = (void *)s;
	struct sockaddr_in6 *a6 = (void *)s;

	if (inet_pton(AF_INET, text, &a4->sin_addr) == 1) {
		a4->sin_family = AF_INET;
		a4->sin_port = htons(port);
		return sizeof(*a4);
	}
	if (inet_pton(AF_INET6, text, &a6->sin6_addr) == 1) {
		a6->sin6_family = AF_INET6;
		a6->sin6_port = htons(port);
		return sizeof(*a6);
	}
	fprintf(stderr, "peer: %s is not an address\n", text);
	exit(2);
}

static void flow_open(struct flow *f)
{
	int one = 1;

	f->server = -1;
	f->fd = socket(opt.to.ss_family, opt.type | SOCK_NONBLOCK, 0);
	if (f->fd < 0)
		die("socket");
	setsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (opt.from_len && bind(f->fd, (struct sockaddr *)&opt.from, opt.from_len))
		die("bind");
	f->connecting = opt.type == SOCK_STREAM;
	f->next = f->asked = now_ms();
	if (connect(f->fd, (struct sockaddr *)&opt.to, opt.to_len) && errno != EINPROGRESS)
		die("connect");
}

static void flow_over(struct flow *f, bool broken)
{
	if (broken)
		sum.broken++;
	close(f->fd);
	f->over = true;
}

static void flow_answered(struct flow *f)
{
	uint64_t gap = now_ms() - f->asked;
	int i;

	f->waiting = false;
	f->got = 0;
	sum.answered++;
	if (gap > sum.gap)
		sum.gap = gap;
	for (i = 0; i < who.n; i++)
		if (!strncmp(who.name[i], f->ans.name, NAME_LEN))
			break;
	if (i == who.n && who.n < MAX_SERVERS)
		memcpy(who.name[who.n++], f->ans.name, NAME_LEN);
	if (f->server < 0)
		who.flows[i]++;
	else if (f->server != i)
		sum.moved++;
	f->server = i;
	if (opt.requests && f->seq == opt.requests)
		flow_over(f, false);
}

static void flow_send(struct flow *f)
{
	struct request req = { f->seq, opt.up, opt.down, 0 };
	size_t all = sizeof(req) + opt.up, done = all - f->out_left;
	struct iovec iov[2];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	iov[0].iov_base = (char *)&req + (done < sizeof(req) ? done : sizeof(req));
	iov[0].iov_len = done < sizeof(req) ? sizeof(req) - done : 0;
	iov[1].iov_base = bulk;
	iov[1].iov_len = f->out_left - iov[0].iov_len;
	n = sendmsg(f->fd, &m, MSG_NOSIGNAL);
	if (n >= 0)
		f->out_left -= n;
	else if (opt.type == SOCK_STREAM && errno != EAGAIN)
		flow_over(f, true);
	else if (opt.type == SOCK_DGRAM)
		f->out_left = 0; /* EMSGSIZE, or an ICMP error: lost */
}

static void flow_ask(struct flow *f, uint64_t now)
{
	f->seq++;
	f->waiting = true;
	f->asked = now;
	f->next = now + opt.interval;
	f->out_left = sizeof(struct request) + opt.up;
	sum.asked++;
	flow_send(f);
}

static void flow_read_datagrams(struct flow *f)
{
	static char buf[65536];
	struct answer a;
	ssize_t n;

	while (!f->over && (n = recv(f->fd, buf, sizeof(buf), 0)) >= 0) {
		if (n < (ssize_t)sizeof(a))
			continue;
		memcpy(&a, buf, sizeof(a));
		if (f->waiting && a.seq == f->seq) {
			f->ans = a;
			flow_answered(f);
		}
	}
}

static void flow_read_stream(struct flow *f)
{
	static char sink[65536];
	ssize_t n;

	while (!f->over) {
		if (f->got < sizeof(f->ans))
			n = recv(f->fd, (char *)&f->ans + f->got, sizeof(f->ans) - f->got, 0);
		else
			n = recv(f->fd, sink,
				 f->down_left < sizeof(sink) ? f->down_left : sizeof(sink), 0);
		if (would_block(n))
			return;
		if (n <= 0) {
			flow_over(f, true);
			return;
		}
		if (f->got < sizeof(f->ans)) {
			f->got += n;
			if (f->got < sizeof(f->ans))
				continue;
			f->down_left = f->ans.down;
		} else {
			f->down_left -= n;
		}
		if (!f->down_left)
			flow_answered(f);
	}
}

/* How long it may yet take; what is past its time is lost or broken. */
static void flow_due(struct flow *f, uint64_t now, bool *busy)
{
	bool late = now - f->asked >= opt.timeout;

	if (f->connecting) {
		if (late || stopped)
			flow_over(f, late);
		else
			*busy = true;
		return;
	}
	if (f->waiting && late) {
		sum.lost++;
		f->waiting = false;
		sum.gap = now - f->asked > sum.gap ? now - f->asked : sum.gap;
		/* A stream's answer would come out of step. */
		if (opt.type == SOCK_STREAM || (opt.requests && f->seq == opt.requests))
			flow_over(f, false);
	}
	if (f->over)
		return;
	if (!f->waiting && stopped) {
		flow_over(f, false);
		return;
	}
	if (!f->waiting && now >= f->next)
		flow_ask(f, now);
	if (!f->over)
		*busy = true;
}

static void flow_event(struct flow *f, short revents)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (f->connecting) {
		getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &err, &len);
		if (err) {
			flow_over(f, true);
			return;
		}
		f->connecting = false;
		return;
	}
	if (f->out_left && (revents & POLLOUT))
		flow_send(f);
	if (f->over || !(revents & (POLLIN | POLLERR | POLLHUP)))
		return;
	if (opt.type == SOCK_STREAM)
		flow_read_stream(f);
	else
		flow_read_datagrams(f);
}

static void ask_all(struct flow *flows, struct pollfd *pfd)
{
	uint64_t now;
	bool busy;
	uint32_t i;

	for (;;) {
		busy = false;
		now = now_ms();
		for (i = 0; i < opt.flows; i++) {
			if (!flows[i].over)
				flow_due(&flows[i], now, &busy);
			pfd[i].fd = flows[i].over ? -1 : flows[i].fd;
			pfd[i].events = POLLIN;
			if (flows[i].connecting || flows[i].out_left)
				pfd[i].events |= POLLOUT;
		}
		if (!busy)
			return;
		if (poll(pfd, opt.flows, 2) <= 0)
			continue;
		for (i = 0; i < opt.flows; i++)
			if (pfd[i].fd >= 0 && pfd[i].revents)
				flow_event(&flows[i], pfd[i].revents);
	}
}

static int usage(void)
{
	fprintf(stderr,
		"usage: peer serve NAME PORT...\n"
		"       peer ask [-c FLOWS] [-n REQUESTS] [-i MS] [-u OCTETS]\n"
		"                [-d OCTETS] [-t MS] [-b SOURCE] tcp|udp "
		"ADDRESS PORT\n"
		"  -n 0: until SIGTERM; -i: between requests of one flow;\n"
		"  -u, -d: up and down with each; -t: an answer is lost "
		"after\n");
	return 2;
}

static int ask(int argc, char **argv)
{
	struct flow *flows;
	struct pollfd *pfd;
	uint32_t i;
	int c;

	while ((c = getopt(argc, argv, "+c:n:i:u:d:t:b:")) != -1) {
		switch (c) {
		case 'c':
			opt.flows = atoi(optarg);
			break;
		case 'n':
			opt.requests = atoi(optarg);
			break;
		case 'i':
			opt.interval = atoi(optarg);
			break;
		case 'u':
			opt.up = atoi(optarg);
			break;
		case 'd':
			opt.down = atoi(optarg);
			break;
		case 't':
			opt.timeout = atoi(optarg);
			break;
		case 'b':
			opt.from_len = address(&opt.from, optarg, 0);
			break;
		default:
			return usage();
		}
	}
	if (argc - optind != 3 || opt.up > MAX_BULK)
		return usage();
	opt.type = strcmp(argv[optind], "udp") ? SOCK_STREAM : SOCK_DGRAM;
	opt.to_len = address(&opt.to, argv[optind + 1], atoi(argv[optind + 2]));

	flows = calloc(opt.flows, sizeof(*flows));
	pfd = calloc(opt.flows, sizeof(*pfd));
	if (!flows || !pfd)
		die("calloc");
	for (i = 0; i < opt.flows; i++)
		flow_open(&flows[i]);
	ask_all(flows, pfd);

	printf("servers");
	for (c = 0; c < who.n; c++)
		printf(" %s=%u", who.name[c], who.flows[c]);
	printf("\nflows %u asked %lu answered %lu lost %lu moved %lu broken "
	       "%lu gap %lu\n",
	       opt.flows, sum.asked, sum.answered, sum.lost, sum.moved, sum.broken,
	       (unsigned long)sum.gap);
	free(flows);
	free(pfd);
	return sum.lost || sum.moved || sum.broken;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct rlimit files = { 65536, 65536 };

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	setrlimit(RLIMIT_NOFILE, &files);
	if (argc > 1 && !strcmp(argv[1], "serve"))
		return serve(argc - 2, argv + 2);
	if (argc > 1 && !strcmp(argv[1], "ask"))
		return ask(argc - 1, argv + 1);
	return usage();
}
