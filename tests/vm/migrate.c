// SPDX-License-Identifier: GPL-2.0-only
/*
 *	migrate [OPTIONS] SOURCE.qmp DESTINATION.qmp CHANNEL.sock
 *
 * Moves a guest between two QEMUs, the second started with "-incoming defer",
 * over their monitors, and prints what happened and when (ms from the start):
 *
 *	{"result": "completed", "stop_ms": 512.1, "resume_ms": 601.9, ...}
 *
 * result is completed, cancelled or failed; after the last two the guest runs
 * at the source again, as after back, but where post-copy failed as it began: then
 * it stands still there. Or paused: a post-copy that lost its destination, and the
 * guest. Exit status 0 where it came as asked for.
 *
 *	--gate MS		pause-before-switchover: stand still for so long
 *	--gate-elsewhere	the same, but somebody else sends migrate-continue
 *	--cancel MS		in pre-copy, so long after it began
 *	--cancel-stopped MS	in pre-switchover, so long after STOP
 *	--kill PID		end the destination, PID, at STOP
 *	--postcopy MS		post-copy, so long after pre-copy began
 *	--come-back MS		so long after it is completed the source goes on; the
 *				destination, started with -S, never does
 *	--rate BYTES		a second; default: QEMU's own
 *	--announce ROUNDS	how often the destination sends RARP (default 5)
 *	--on EVENT=COMMAND	run COMMAND, and wait for it: start, active, stop,
 *				resume, completed, back (RESUME at the source);
 *				pre-copy only creeps until that of active is done
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS  600000
#define BANDWIDTH (128L << 20) /* octets a second, as QEMU's own */
#define CREEP     (1L << 20)

enum side { SOURCE, DEST };

struct monitor {
	const char *path;
	int fd;
	char buf[65536];
	size_t len;
	json_t *reply; /* to the command under way */
};

static struct monitor mon[2];
static const char *channel;
static struct {
	long gate, cancel, cancel_stopped, postcopy, come_back; /* ms, -1: no */
	long rate, announce;
	pid_t kill;
	bool elsewhere;
	const char *on[16];
	int n_on;
} opt = { -1, -1, -1, -1, -1, 0, -1, 0, false, { 0 }, 0 };

/* ms from the start; -1: did not happen */
static struct {
	double active, stop, resume, back, completed, postcopy;
} at = { -1, -1, -1, -1, -1, -1 };
static double t0;
static const char *result; /* of the source's migration */
static double cancel_at = -1, continue_at = -1, postcopy_at = -1;
static double back_at = -1;
static enum { FAST, CREEPS, MAY_GO } pace;

static void die(const char *format, ...)
{
	va_list ap;

	fputs("migrate: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* In ms, by the clock that QMP's timestamps have. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* What the i-th hook is to run at this event, or NULL. */
static const char *hook_at(int i, const char *event)
{
	size_t len = strlen(event);

	return !strncmp(opt.on[i], event, len) && opt.on[i][len] == '=' ? opt.on[i] + len + 1
									: NULL;
}

static void run_on(const char *event)
{
	for (int i = 0; i < opt.n_on; i++) {
		const char *command = hook_at(i, event);

		if (command && system(command))
			fprintf(stderr, "migrate: at %s: %s failed\n", event, command);
	}
}

static bool has_hook(const char *event)
{
	for (int i = 0; i < opt.n_on; i++)
		if (hook_at(i, event))
			return true;
	return false;
}

static void note_event(double *when, double t, const char *event)
{
	if (*when >= 0)
		return;
	*when = t - t0;
	run_on(event);
}

/* ---- events ---- */

static void on_status(enum side side, const char *status, double t)
{
	if (side == DEST)
		return;
	if (!strcmp(status, "active")) {
		note_event(&at.active, t, "active");
		if (pace == CREEPS)
			pace = MAY_GO;
		if (opt.cancel >= 0 && cancel_at < 0)
			cancel_at = t + opt.cancel;
		if (opt.postcopy >= 0 && postcopy_at == -1)
			postcopy_at = t + opt.postcopy;
	} else if (!strcmp(status, "pre-switchover")) {
		if (opt.cancel_stopped >= 0)
			cancel_at = t + opt.cancel_stopped;
		else if (!opt.elsewhere)
			continue_at = t + opt.gate;
	} else if (!strcmp(status, "completed")) {
		result = "completed";
		note_event(&at.completed, t, "completed");
		if (opt.come_back >= 0 && back_at == -1)
			back_at = t + opt.come_back;
	} else if (!strcmp(status, "postcopy-active")) {
		note_event(&at.postcopy, t, "postcopy");
	} else if (!strcmp(status, "postcopy-paused")) {
		result = "paused";
	} else if (!strcmp(status, "cancelled")) {
		result = "cancelled";
	} else if (!strcmp(status, "failed")) {
		result = "failed";
	}
}

static void on_event(enum side side, const char *event, json_t *msg)
{
	json_t *when = json_object_get(msg, "timestamp");
	double t = json_integer_value(json_object_get(when, "seconds")) * 1e3 +
		json_integer_value(json_object_get(when, "microseconds")) / 1e3;
	const char *status = json_string_value(
		json_object_get(json_object_get(msg, "data"), "status"));

	if (!strcmp(event, "MIGRATION") && status) {
		on_status(side, status, t);
	} else if (!strcmp(event, "STOP") && side == SOURCE) {
		if (opt.kill && at.stop < 0)
			kill(opt.kill, SIGKILL);
		note_event(&at.stop, t, "stop");
	} else if (!strcmp(event, "RESUME") && side == SOURCE) {
		note_event(&at.back, t, "back");
	} else if (!strcmp(event, "RESUME")) {
		note_event(&at.resume, t, "resume");
	}
}

/* ---- the monitors ---- */

static void on_line(enum side side, const char *line)
{
	json_error_t e;
	json_t *msg = json_loads(line, 0, &e);
	const char *event;

	if (!msg)
		die("%s: %s: %s", mon[side].path, e.text, line);
	event = json_string_value(json_object_get(msg, "event"));
	if (event)
		on_event(side, event, msg);
	else if (json_object_get(msg, "return") || json_object_get(msg, "error"))
		mon[side].reply = json_incref(msg);
	json_decref(msg);
}

static void receive(enum side side)
{
	struct monitor *m = &mon[side];
	ssize_t n = read(m->fd, m->buf + m->len, sizeof(m->buf) - 1 - m->len);
	char *end;

	if (n <= 0) { /* a destination that failed ends */
		close(m->fd);
		m->fd = -1;
		return;
	}
	m->len += n;
	m->buf[m->len] = '\0';
	while ((end = strchr(m->buf, '\n'))) {
		*end = '\0';
		on_line(side, m->buf);
		m->len -= end + 1 - m->buf;
		memmove(m->buf, end + 1, m->len + 1);
	}
}

/* Returns once something came, or ms went by. */
static void wait_ms(double ms)
{
	struct pollfd p[2] = { { .fd = mon[0].fd, .events = POLLIN },
			       { .fd = mon[1].fd, .events = POLLIN } };
	struct timespec left = { .tv_nsec = ms > 0 ? (long)(ms * 1e6) % 1000000000 : 0,
				 .tv_sec = ms > 0 ? (long)(ms / 1e3) : 0 };

	if (ppoll(p, 2, &left, NULL) <= 0)
		return;
	for (int side = 0; side < 2; side++)
		if (p[side].revents)
			receive(side);
}

static void send_command(enum side side, json_t *command)
{
	char *text = json_dumps(command, JSON_COMPACT);
	size_t len = strlen(text);

	text[len] = '\n'; /* where the NUL was */
	if (mon[side].fd < 0 || send(mon[side].fd, text, len + 1, MSG_NOSIGNAL) < 0)
		fprintf(stderr, "migrate: %s: gone\n", mon[side].path);
	free(text);
	json_decref(command);
}

/* Sends a command and waits for its reply; events that come meanwhile are handled. */
static void run_command(enum side side, json_t *command)
{
	char *text = json_dumps(command, JSON_COMPACT);
	double until = now() + 10000;
	json_t *error;

	mon[side].reply = NULL;
	send_command(side, command);
	while (!mon[side].reply && mon[side].fd >= 0 && now() < until)
		wait_ms(100);
	if (!mon[side].reply)
		die("%s: no reply to %s", mon[side].path, text);
	error = json_object_get(mon[side].reply, "error");
	if (error)
		die("%s: %s: %s", mon[side].path, text,
		    json_string_value(json_object_get(error, "desc")));
	json_decref(mon[side].reply);
	mon[side].reply = NULL;
	free(text);
}

static json_t *bare_command(const char *name)
{
	return json_pack("{s:s}", "execute", name);
}

static void enable(enum side side, const char *capability, bool on)
{
	run_command(side,
		    json_pack("{s:s s:{s:[{s:s s:b}]}}", "execute", "migrate-set-capabilities",
			      "arguments", "capabilities", "capability", capability, "state", on));
}

static json_t *setting(const char *parameter, long value)
{
	return json_pack("{s:s s:{s:I}}", "execute", "migrate-set-parameters", "arguments",
			 parameter, (json_int_t)value);
}

static long rate(void)
{
	return opt.rate ? opt.rate : BANDWIDTH;
}

static void open_monitor(enum side side, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	mon[side].path = path;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	mon[side].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(mon[side].fd, (struct sockaddr *)&un, sizeof(un)))
		die("%s: %s", path, strerror(errno));
	run_command(side, bare_command("qmp_capabilities"));
	enable(side, "events", true);
}

/* ---- the move ---- */

static json_t *with_uri(const char *name)
{
	return json_pack("{s:s s:{s:s+}}", "execute", name, "arguments", "uri", "unix:", channel);
}

static void begin(void)
{
	if (opt.announce >= 0)
		run_command(DEST, setting("announce-rounds", opt.announce));
	if (opt.postcopy >= 0) {
		enable(SOURCE, "postcopy-ram", true);
		enable(DEST, "postcopy-ram", true);
	}
	run_command(DEST, with_uri("migrate-incoming"));
	enable(SOURCE, "pause-before-switchover",
	       opt.gate >= 0 || opt.elsewhere || opt.cancel_stopped >= 0);
	if (has_hook("active") && CREEP < rate())
		pace = CREEPS;
	run_command(SOURCE, setting("max-bandwidth", pace ? CREEP : rate()));
	t0 = now();
	run_on("start");
	run_command(SOURCE, with_uri("migrate"));
}

static bool over(void)
{
	if (!result)
		return false;
	if (opt.come_back >= 0) {
		result = "back";
		return at.back >= 0;
	}
	if (!strcmp(result, "completed"))
		return at.resume >= 0;
	/* a post-copy that failed as it began: QEMU 7.2 leaves the guest stopped */
	if (!strcmp(result, "paused") || opt.postcopy >= 0)
		return true;
	/* RESUME comes before or after; a guest that never stood still, never */
	return at.stop < 0 || at.back >= 0;
}

/* When the earliest of what is still to be done is due. */
static double next_deadline(void)
{
	double t = t0 + LIMIT_MS;

	if (cancel_at >= 0 && cancel_at < t)
		t = cancel_at;
	if (continue_at >= 0 && continue_at < t)
		t = continue_at;
	if (back_at >= 0 && back_at < t)
		t = back_at;
	if (postcopy_at >= 0 && postcopy_at < t)
		t = postcopy_at;
	return t;
}

static void follow(void)
{
	while (!over()) {
		if (pace == MAY_GO) {
			pace = FAST;
			send_command(SOURCE, setting("max-bandwidth", rate()));
		}
		wait_ms(next_deadline() - now());
		if (now() > t0 + LIMIT_MS)
			die("no end after %d s", LIMIT_MS / 1000);
		if (cancel_at >= 0 && now() >= cancel_at) {
			cancel_at = -2;
			opt.cancel = -1;
			send_command(SOURCE, bare_command("migrate_cancel"));
		}
		if (back_at >= 0 && now() >= back_at) {
			back_at = -2;
			send_command(SOURCE, bare_command("cont"));
		}
		if (postcopy_at >= 0 && now() >= postcopy_at) {
			postcopy_at = -2;
			send_command(SOURCE, bare_command("migrate-start-postcopy"));
		}
		if (continue_at >= 0 && now() >= continue_at) {
			continue_at = -2;
			send_command(SOURCE,
				     json_pack("{s:s s:{s:s}}", "execute", "migrate-continue",
					       "arguments", "state", "pre-switchover"));
		}
	}
}

static void print_result(void)
{
	double end = at.resume >= 0 ? at.resume : at.back;

	printf("{\"result\": \"%s\"", result);
	if (at.postcopy >= 0)
		printf(", \"postcopy_ms\": %.1f", at.postcopy);
	if (at.stop >= 0)
		printf(", \"stop_ms\": %.1f", at.stop);
	if (at.resume >= 0)
		printf(", \"resume_ms\": %.1f", at.resume);
	if (at.back >= 0)
		printf(", \"back_ms\": %.1f", at.back);
	if (at.stop >= 0 && end >= 0)
		printf(", \"blackout_ms\": %.1f", end - at.stop);
	printf(", \"total_ms\": %.1f}\n", now() - t0);
}

static long number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || end == text)
		die("%s: not a number", text);
	return n;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = { { "gate", required_argument, NULL, 'g' },
						 { "gate-elsewhere", no_argument, NULL, 'e' },
						 { "cancel", required_argument, NULL, 'c' },
						 { "cancel-stopped", required_argument, NULL, 's' },
						 { "kill", required_argument, NULL, 'k' },
						 { "rate", required_argument, NULL, 'r' },
						 { "announce", required_argument, NULL, 'a' },
						 { "come-back", required_argument, NULL, 'b' },
						 { "postcopy", required_argument, NULL, 'p' },
						 { "on", required_argument, NULL, 'o' },
						 { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'g':
			opt.gate = number(optarg);
			break;
		case 'e':
			opt.elsewhere = true;
			break;
		case 'c':
			opt.cancel = number(optarg);
			break;
		case 's':
			opt.cancel_stopped = number(optarg);
			break;
		case 'k':
			opt.kill = number(optarg);
			break;
		case 'r':
			opt.rate = number(optarg);
			break;
		case 'b':
			opt.come_back = number(optarg);
			break;
		case 'p':
			opt.postcopy = number(optarg);
			break;
		case 'a':
			opt.announce = number(optarg);
			break;
		case 'o':
			if (opt.n_on == sizeof(opt.on) / sizeof(*opt.on))
				die("too many --on");
			opt.on[opt.n_on++] = optarg;
			break;
		default:
			exit(2);
		}
	}
	if (argc - optind != 3)
		die("usage: migrate [OPTIONS] SOURCE.qmp DESTINATION.qmp "
		    "CHANNEL.sock");
}

static const char *wanted(void)
{
	if (opt.come_back >= 0)
		return "back";
	if (opt.kill)
		return opt.postcopy >= 0 ? "paused" : "failed";
	return opt.cancel >= 0 || opt.cancel_stopped >= 0 ? "cancelled" : "completed";
}

int main(int argc, char **argv)
{
	const char *want;

	parse(argc, argv);
	want = wanted();
	channel = argv[optind + 2];
	open_monitor(SOURCE, argv[optind]);
	open_monitor(DEST, argv[optind + 1]);
	begin();
	follow();
	print_result();
	return strcmp(result, want) != 0;
}
