// SPDX-License-Identifier: GPL-2.0-only
/* peer ask: many connections at once, and who answered. */
#include "peer.h"

struct flow {
	int fd;
	bool connecting, waiting, over;
	uint32_t seq;
	size_t out_left; /* octets of the request still to send */
	struct answer ans;
	size_t got; /* octets of the answer read */
	size_t down_left;
	int server; /* index in who.name, -1: none answered yet */
	unsigned long answers;
	uint64_t asked, next;
};

static struct {
	int type;
	struct sockaddr_storage to, from;
	socklen_t to_len, from_len;
	uint32_t flows, requests, interval, up, down, timeout;
	bool rounds;
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
	f->answers++;
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

static void tell_round(unsigned long answers)
{
	static unsigned long told;

	if (!opt.rounds || answers <= told || answers == ULONG_MAX)
		return;
	told = answers;
	printf("round %lu\n", told);
	fflush(stdout);
}

static void ask_all(struct flow *flows, struct pollfd *pfd)
{
	unsigned long least;
	uint64_t now;
	bool busy;
	uint32_t i;

	for (;;) {
		busy = false;
		least = ULONG_MAX;
		now = now_ms();
		for (i = 0; i < opt.flows; i++) {
			if (!flows[i].over)
				flow_due(&flows[i], now, &busy);
			if (!flows[i].over && flows[i].answers < least)
				least = flows[i].answers;
			pfd[i].fd = flows[i].over ? -1 : flows[i].fd;
			pfd[i].events = POLLIN;
			if (flows[i].connecting || flows[i].out_left)
				pfd[i].events |= POLLOUT;
		}
		if (!busy)
			return;
		tell_round(least);
		if (poll(pfd, opt.flows, 2) <= 0)
			continue;
		for (i = 0; i < opt.flows; i++)
			if (pfd[i].fd >= 0 && pfd[i].revents)
				flow_event(&flows[i], pfd[i].revents);
	}
}

int ask(int argc, char **argv)
{
	struct flow *flows;
	struct pollfd *pfd;
	uint32_t i;
	int c;

	while ((c = getopt(argc, argv, "+c:n:i:u:d:t:b:r")) != -1) {
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
		case 'r':
			opt.rounds = true;
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
