// SPDX-License-Identifier: GPL-2.0-only
/*
 *	prober [-o] [-i MICROSECONDS] [-n PROBES] [-s OCTETS] [-p MS] ADDRESS
 *
 * Asks the guest a first time, so that addresses are resolved, sends numbered probes
 * to it until SIGTERM (or so many), writes "sent" to stderr, waits for the last answers,
 * then asks the guest how often each arrived, and prints:
 *
 *	{"sent": 2000, "lost": 0, "twice": 0, ...}
 *
 * lost		never arrived at the guest: it neither counted nor answered it
 * forgotten	answered, but the guest does not remember: emulated, its memory is a
 *		moment too old now and then when it arrives (QEMU 7.2, TCG)
 * twice	arrived more than once
 * unanswered	arrived, but no answer came
 * answered_twice
 * gap_ms	the longest time in which no answer came
 * p50_ms, p99_ms, max_ms	from the probe to its answer
 * late		answers that took more than 10 ms
 * lost_runs, twice_runs	"from-to" of those, at most eight
 *
 * With -o the guest answers no probe; at the end it is asked how often each arrived.
 *
 * With -p, a line on stderr every so often; "missing" are those that have not been
 * answered for half a second:
 *
 *	{"sent": 500, "answered": 480, "missing": 0, "gap_ms": 12.5}
 *
 * Exit status 0 where the guest could be asked.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "lib/probe.h"

#define SECOND   1000000000ULL
#define PACKET   16384
#define QUIET    (3 * SECOND) /* so long no answer: there will be none */
#define LATE_NS  10000000
#define MAX_RUNS 8

static volatile sig_atomic_t stopped;
static uint64_t sent_ns[PROBE_MAX];
static uint32_t delay_us[PROBE_MAX];
static uint8_t answers[PROBE_MAX], arrived[PROBE_MAX];
static uint8_t packet[PACKET];
static uint32_t sent, answered, max = PROBE_MAX, run;
static uint64_t interval = 1000000, progress, last_answer, gap;
static size_t size = sizeof(struct probe);
static int s;
static bool one_way;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static void on_signal(int sig)
{
	stopped = 1;
}

static void open_socket(const char *address)
{
	struct addrinfo *ai, hints = { .ai_socktype = SOCK_DGRAM };
	char port[8];
	int rc, room = 16 << 20;

	snprintf(port, sizeof(port), "%d", PROBE_PORT);
	rc = getaddrinfo(address, port, &hints, &ai);
	if (rc) {
		fprintf(stderr, "prober: %s: %s\n", address, gai_strerror(rc));
		exit(2);
	}
	s = socket(ai->ai_family, SOCK_DGRAM, 0);
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (s < 0 || connect(s, ai->ai_addr, ai->ai_addrlen)) {
		perror("prober: connect");
		exit(2);
	}
	freeaddrinfo(ai);
}

static void send_probe(void)
{
	struct probe *p = (struct probe *)packet;

	*p = (struct probe){ .magic = PROBE_MAGIC,
			     .kind = one_way ? PROBE_ONE_WAY : PROBE_ASK,
			     .run = run,
			     .seq = sent,
			     .sent_ns = now() };
	sent_ns[sent++] = p->sent_ns;
	/* Refused or unreachable: then it counts as lost. */
	if (send(s, packet, size, 0) < 0 && errno == ECONNREFUSED)
		send(s, packet, size, 0);
}

static void take_answer(const struct probe *p, size_t len)
{
	uint64_t t = now();

	if (len < sizeof(*p) || p->magic != PROBE_MAGIC || p->run != run || p->kind != PROBE_ASK ||
	    p->seq >= sent)
		return;
	if (last_answer && t - last_answer > gap)
		gap = t - last_answer;
	last_answer = t;
	if (answers[p->seq] < UINT8_MAX && answers[p->seq]++)
		return;
	answered++;
	delay_us[p->seq] = (t - p->sent_ns) / 1000;
}

/* Takes the answers that are there already, or come until then. */
static void listen_until(uint64_t until)
{
	static uint8_t buffer[PACKET];
	struct pollfd p = { .fd = s, .events = POLLIN };
	struct timespec left;
	uint64_t t;
	ssize_t n;

	do {
		while ((n = recv(s, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0)
			take_answer((struct probe *)buffer, n);
		t = now();
		if (t >= until || stopped)
			return;
		left = (struct timespec){ (until - t) / SECOND, (until - t) % SECOND };
	} while (ppoll(&p, 1, &left, NULL) > 0);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print_delays(void)
{
	static uint32_t sorted[PROBE_MAX];
	uint32_t n = 0, late = 0, twice = 0;

	for (uint32_t i = 0; i < sent; i++) {
		twice += answers[i] > 1;
		if (!answers[i])
			continue;
		sorted[n++] = delay_us[i];
		late += delay_us[i] > LATE_NS / 1000;
	}
	qsort(sorted, n, sizeof(*sorted), by_value);
	printf("\"sent\": %u, \"answered\": %u, \"answered_twice\": %u, "
	       "\"late\": %u, \"gap_ms\": %.1f",
	       sent, answered, twice, late, gap / 1e6);
	if (n)
		printf(", \"p50_ms\": %.1f, \"p99_ms\": %.1f, \"max_ms\": %.1f",
		       sorted[n / 2] / 1e3, sorted[(uint64_t)n * 99 / 100] / 1e3,
		       sorted[n - 1] / 1e3);
}

/*
 * Asks how often each probe from number "from" on arrived, as many as an answer has
 * room for. tries: how often it is asked, a fifth of a second apart.
 */
static bool ask_guest(uint32_t from, int tries)
{
	struct probe p = { .magic = PROBE_MAGIC, .kind = PROBE_REPORT, .run = run, .seq = from };
	struct pollfd fd = { .fd = s, .events = POLLIN };
	struct probe_report t;
	ssize_t n;

	for (int try = 0; try < tries; try++) {
		if (send(s, &p, sizeof(p), 0) < 0)
			usleep(100000);
		while (poll(&fd, 1, 200) > 0) {
			n = recv(s, &t, sizeof(t), 0);
			if (n != sizeof(t) || t.probe.run != run || t.probe.kind != PROBE_REPORT ||
			    t.probe.seq != from)
				continue;
			n = sent - from < PROBE_COUNTS ? sent - from : PROBE_COUNTS;
			memcpy(arrived + from, t.count, n);
			return true;
		}
	}
	return false;
}

static bool is_lost(uint32_t i)
{
	return !arrived[i] && !answers[i];
}

static bool is_twice(uint32_t i)
{
	return arrived[i] > 1;
}

static void print_runs(const char *key, bool (*is)(uint32_t i))
{
	uint32_t from, runs = 0;

	printf(", \"%s\": [", key);
	for (uint32_t i = 0; i < sent && runs < MAX_RUNS; i++) {
		if (!is(i))
			continue;
		for (from = i; i + 1 < sent && is(i + 1);)
			i++;
		printf("%s\"%u-%u\"", runs++ ? ", " : "", from, i);
	}
	printf("]");
}

static bool print_arrived(void)
{
	uint32_t lost = 0, twice = 0, unanswered = 0, forgotten = 0;

	for (uint32_t from = 0; from < sent; from += PROBE_COUNTS)
		if (!ask_guest(from, 150))
			return false;
	for (uint32_t i = 0; i < sent; i++) {
		lost += is_lost(i);
		twice += is_twice(i);
		unanswered += arrived[i] && !answers[i] && !one_way;
		forgotten += !arrived[i] && answers[i];
	}
	printf(", \"lost\": %u, \"twice\": %u, \"unanswered\": %u, "
	       "\"forgotten\": %u",
	       lost, twice, unanswered, forgotten);
	print_runs("lost_runs", is_lost);
	print_runs("twice_runs", is_twice);
	return true;
}

static void print_progress(void)
{
	uint64_t t = now(), longest = gap;
	uint32_t missing = 0;

	for (uint32_t i = 0; i < sent && t - sent_ns[i] > SECOND / 2; i++)
		missing += !answers[i];
	if (last_answer && t - last_answer > longest)
		longest = t - last_answer;
	fprintf(stderr,
		"{\"sent\": %u, \"answered\": %u, \"missing\": %u, "
		"\"gap_ms\": %.1f}\n",
		sent, answered, missing, longest / 1e6);
}

static void probe(void)
{
	uint64_t next, say_at;

	/* A guest that cannot be reached now is probed all the same. */
	ask_guest(0, 5);
	next = now();
	say_at = next + progress;
	while (!stopped && sent < max) {
		send_probe();
		next += interval;
		listen_until(next);
		if (!progress || next < say_at)
			continue;
		print_progress();
		say_at += progress;
	}
	fputs("sent\n", stderr);
	stopped = 0;
	next = now();
	while (answered < sent && now() < next + QUIET) {
		listen_until(now() + SECOND / 100);
		if (last_answer > next)
			next = last_answer;
	}
	/* Waits, for duplicates may be on their way. */
	listen_until(now() + SECOND / 20);
}

static void parse(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "oi:n:s:p:")) != -1) {
		switch (opt) {
		case 'o':
			one_way = true;
			break;
		case 'i':
			interval = strtoull(optarg, NULL, 10) * 1000;
			break;
		case 'n':
			max = strtoul(optarg, NULL, 10);
			break;
		case 'p':
			progress = strtoull(optarg, NULL, 10) * 1000000;
			break;
		case 's':
			size = strtoul(optarg, NULL, 10);
			break;
		default:
			exit(2);
		}
	}
	if (optind != argc - 1 || max > PROBE_MAX || size > PACKET || size < sizeof(struct probe)) {
		fprintf(stderr,
			"usage: prober [-o] [-i MICROSECONDS] [-n PROBES] "
			"[-s OCTETS] [-p MS] ADDRESS\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	bool asked;

	parse(argc, argv);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	run = (uint32_t)(now() / 1000) | 1;
	open_socket(argv[optind]);
	probe();
	printf("{");
	print_delays();
	asked = print_arrived();
	printf("}\n");
	return !asked;
}
