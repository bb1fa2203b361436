// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole frames, sent and seen at many places at once, in one process: so that
 * "the very next frame" is just that.
 *
 *	frame play [options] [STEP...]
 *	frame make [-v VLAN]... udp SMAC DMAC SADDR DADDR PORT TEXT|@OCTETS
 *
 * A place is NAMESPACE:DEVICE. Steps are done in order:
 *
 *	PLACE=HEX[*COUNT[/MICROSECONDS]]	send it, or many, one every so often
 *	PLACE#HEX*COUNT[/MICROSECONDS]		these are numbered in their last 8 octets
 *	+MILLISECONDS				wait, and watch
 *
 * Options:
 *	-w PLACE	print or count what arrives there (not what leaves)
 *	-p PREFIX	of every namespace's name
 *	-m HEX		only frames that hold these octets somewhere
 *	-q MS		after the last step: until so long nothing came, 20
 *	-c		counts in place of frames:
 *				PLACE frames 7 numbers 5 twice 2
 *
 * SIGTERM ends the steps: "+600000" watches until then.
 *
 * Each arrival is a line "PLACE HEX", the VLAN tag in its place. play says
 * "ready" on stderr once it watches.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "frame/frame.h"

#define MAX_PLACES  64
#define MAX_NUMBERS (1U << 20)
#define BATCH       1024
#define LONGEST_MS  3000
#define LOOK_US     5000
#define LATE_US     5000

struct place {
	const char *name;
	size_t name_len;
	int fd;
	bool watched;
	uint64_t frames, distinct, twice;
	uint8_t *times; /* by number: how often it came */
};

static struct {
	struct place places[MAX_PLACES];
	int n_places;
	const char *prefix;
	uint8_t match[256];
	size_t match_len;
	unsigned int quiet_ms;
	bool count;
	int home;
} play = { .prefix = "", .quiet_ms = 20 };

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	stopped = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "frame: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

/* Hex digits up to the first other character: *end. */
static size_t from_hex(const char *text, uint8_t *out, size_t room, const char **end)
{
	size_t n = 0;
	unsigned int octet;

	while (n < room && sscanf(text, "%2x", &octet) == 1 && text[1]) {
		out[n++] = octet;
		text += 2;
	}
	if (end)
		*end = text;
	return n;
}

/* ---- places ---- */

static void enter(const char *name, size_t len)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s%.*s", play.prefix, (int)len, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

static int open_place(const char *name, size_t len)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd, one = 1, room = 64 << 20;
	const char *colon = memchr(name, ':', len);
	char dev[IFNAMSIZ];

	if (!colon)
		bad("a place is NAMESPACE:DEVICE", name);
	enter(name, colon - name);
	snprintf(dev, sizeof(dev), "%.*s", (int)(name + len - colon - 1), colon + 1);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("packet socket");
	ll.sll_ifindex = if_nametoindex(dev);
	if (!ll.sll_ifindex)
		bad("no such device", name);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one));
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		die("bind");
	if (setns(play.home, CLONE_NEWNET))
		die("setns");
	return fd;
}

static struct place *place_of(const char *name, size_t len)
{
	struct place *p;
	int i;

	for (i = 0; i < play.n_places; i++) {
		p = &play.places[i];
		if (p->name_len == len && !memcmp(p->name, name, len))
			return p;
	}
	if (i == MAX_PLACES)
		bad("too many places", name);
	p = &play.places[play.n_places++];
	p->name = name;
	p->name_len = len;
	p->fd = open_place(name, len);
	return p;
}

/* ---- watching ---- */

/* Whether the frame ends in a number and its complement. */
static bool numbered(const uint8_t *frame, size_t len, uint32_t *number)
{
	uint32_t n[2];

	if (len < 8)
		return false;
	memcpy(n, frame + len - 8, 8);
	*number = ntohl(n[0]);
	return n[0] == ~n[1] && *number < MAX_NUMBERS;
}

static void count(struct place *p, const uint8_t *frame, size_t len)
{
	uint32_t number;

	p->frames++;
	if (!numbered(frame, len, &number))
		return;
	if (!p->times)
		p->times = calloc(MAX_NUMBERS, 1);
	if (!p->times)
		die("calloc");
	if (!p->times[number])
		p->distinct++;
	else
		p->twice++;
	p->times[number] = 1;
}

static void print(const struct place *p, const uint8_t *frame, size_t len)
{
	size_t i;

	printf("%.*s ", (int)p->name_len, p->name);
	for (i = 0; i < len; i++)
		printf("%02x", frame[i]);
	putchar('\n');
}

/* The kernel takes a tag out of the frame; back with it. */
static size_t put_tag_back(struct msghdr *msg, uint8_t *frame, size_t len)
{
	struct tpacket_auxdata aux;
	struct cmsghdr *c;
	uint16_t tag[2];

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (!(aux.tp_status & TP_STATUS_VLAN_VALID) || len < 12)
			return len;
		memmove(frame + 16, frame + 12, len - 12);
		tag[0] = htons(aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid
									 : ETH_P_8021Q);
		tag[1] = htons(aux.tp_vlan_tci);
		memcpy(frame + 12, tag, 4);
		return len + 4;
	}
	return len;
}

static bool receive(struct place *p)
{
	static uint8_t frame[MAX_FRAME + 4];
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec iov = { .iov_base = frame, .iov_len = MAX_FRAME };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(p->fd, &msg, 0);

	if (len < 0)
		return false;
	if (!p->watched)
		return true;
	len = put_tag_back(&msg, frame, len);
	if (play.match_len && !memmem(frame, len, play.match, play.match_len))
		return true;
	if (play.count)
		count(p, frame, len);
	else
		print(p, frame, len);
	return true;
}

/* All that is there: whether there was anything to be told. */
static bool receive_all(void)
{
	bool any = false;
	int i, n;

	/* Where a storm rages there is no end of frames. */
	for (i = 0; i < play.n_places; i++)
		for (n = 0; n < BATCH && receive(&play.places[i]); n++)
			any |= play.places[i].watched;
	return any;
}

/* Watches until then, or a signal; the time of the last arrival. */
static uint64_t watch(uint64_t until)
{
	struct pollfd fds[MAX_PLACES];
	uint64_t last = 0, now;
	struct timespec wait;
	int i;

	for (i = 0; i < play.n_places; i++)
		fds[i] = (struct pollfd){ .fd = play.places[i].fd, .events = POLLIN };
	while (!stopped && (now = now_us()) < until) {
		wait.tv_sec = (until - now) / 1000000;
		wait.tv_nsec = (until - now) % 1000000 * 1000;
		if (ppoll(fds, play.n_places, &wait, NULL) > 0 && receive_all())
			last = now_us();
	}
	return last;
}

/*
 * A machine that wakes us up late may be late with frames as well: such quiet is
 * none, and begins anew. A signal ends what was waited for before that.
 */
static void watch_the_rest(void)
{
	uint64_t quiet = play.quiet_ms * 1000ULL, now = now_us();
	uint64_t latest = now + LONGEST_MS * 1000ULL, end = now + quiet;
	uint64_t last, asked;

	stopped = 0;
	while (!stopped && now < end && now < latest) {
		asked = now + LOOK_US < end ? now + LOOK_US : end;
		last = watch(asked);
		now = now_us();
		if (last)
			end = last + quiet;
		else if (now > asked + LATE_US)
			end = now + quiet;
	}
}

/* ---- sending ---- */

struct step {
	struct place *place;
	bool numbered;
	uint8_t frame[MAX_FRAME];
	size_t len;
	unsigned long times, gap_us;
};

static void parse_step(const char *text, struct step *s)
{
	size_t name = strcspn(text, "=#");
	const char *end;
	char *rest;

	if (!text[name])
		bad("a step is PLACE=HEX or +MS", text);
	s->place = place_of(text, name);
	s->numbered = text[name] == '#';
	s->len = from_hex(text + name + 1, s->frame, sizeof(s->frame), &end);
	s->times = 1;
	s->gap_us = 0;
	if (*end == '*') {
		s->times = strtoul(end + 1, &rest, 10);
		s->gap_us = *rest == '/' ? strtoul(rest + 1, &rest, 10) : 0;
		end = rest;
	}
	if (*end || s->len < 14)
		bad("not a frame in hex", text);
}

static void send_one(struct step *s, unsigned long n)
{
	uint32_t number[2] = { htonl(n), ~htonl(n) };

	/* One and its complement: no checksum over them changes. */
	if (s->numbered)
		memcpy(s->frame + s->len - 8, number, 8);
	while (send(s->place->fd, s->frame, s->len, 0) < 0) {
		if (errno != ENOBUFS && errno != EAGAIN)
			die(s->place->name);
		receive_all();
	}
}

static void send_step(struct step *s)
{
	uint64_t start = now_us();
	unsigned long n;

	for (n = 0; n < s->times && !stopped; n++) {
		if (s->gap_us)
			watch(start + n * s->gap_us);
		else if (n % 64 == 63)
			receive_all();
		send_one(s, n);
	}
}

static void do_step(const char *text)
{
	static struct step s;

	if (text[0] == '+') {
		watch(now_us() + strtoul(text + 1, NULL, 10) * 1000);
		return;
	}
	parse_step(text, &s);
	send_step(&s);
}

static void print_counts(void)
{
	struct place *p;

	for (p = play.places; p < play.places + play.n_places; p++)
		if (p->watched)
			printf("%.*s frames %lu numbers %lu twice %lu\n", (int)p->name_len, p->name,
			       p->frames, p->distinct, p->twice);
}

static int do_play(int argc, char **argv)
{
	static char lines[1 << 16];
	static struct step s;
	int c, i;

	play.home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	while ((c = getopt(argc, argv, "+w:p:m:q:c")) != -1) {
		switch (c) {
		case 'w':
			place_of(optarg, strlen(optarg))->watched = true;
			break;
		case 'p':
			play.prefix = optarg;
			break;
		case 'm':
			play.match_len = from_hex(optarg, play.match, sizeof(play.match), NULL);
			break;
		case 'q':
			play.quiet_ms = atoi(optarg);
			break;
		case 'c':
			play.count = true;
			break;
		default:
			return 2;
		}
	}
	/* All sockets are there before the first frame leaves. */
	for (i = optind; i < argc; i++)
		if (argv[i][0] != '+')
			parse_step(argv[i], &s);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	/* A line that was printed is there to be read at once. */
	setvbuf(stdout, lines, _IOLBF, sizeof(lines));
	fputs("ready\n", stderr);
	for (i = optind; i < argc && !stopped; i++)
		do_step(argv[i]);
	watch_the_rest();
	if (play.count)
		print_counts();
	return 0;
}

int main(int argc, char **argv)
{
	int ret = 2;

	if (argc > 1 && !strcmp(argv[1], "play"))
		ret = do_play(argc - 1, argv + 1);
	else if (argc > 1 && !strcmp(argv[1], "make"))
		ret = do_make(argc - 1, argv + 1);
	if (ret == 2)
		fprintf(stderr,
			"usage: frame play [-c] [-p PREFIX] [-m HEX] [-q MS] "
			"[-t MS] [-w PLACE]... [STEP...]\n"
			"       frame make [-v VLAN]... udp SMAC DMAC SADDR "
			"DADDR PORT TEXT|@OCTETS\n");
	return ret;
}
