// SPDX-License-Identifier: GPL-2.0-only
/*
 * The line is drawn by a thread of its own, as some of the work is one call of a library;
 * there is none where nobody would see it.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

#define DRAW_EACH  200000000L /* ns */
#define DRAW_AFTER 1.0        /* seconds: what is done sooner shows none */

#define CLEAR "\r\033[K"

static bool allowed, on_terminal, in_json;
static const char *rest = "the next command finishes what was begun";
static volatile sig_atomic_t stage, caught;

static pthread_t drawer;
static bool drawing;                                      /* drawer is there */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* around the rest, and the line */
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static bool end_wanted, shown;
static char doing[64];
static __u64 total, done;
static double began, doing_since;

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void put(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return; /* there is nobody to see it */
}

/* ---- the line ---- */

static void draw(void)
{
	__u64 n = __atomic_load_n(&done, __ATOMIC_RELAXED);
	double now = seconds_now(), seconds = now - doing_since;
	char line[200];
	int len;

	if (now - began < DRAW_AFTER)
		return;
	len = snprintf(line, sizeof(line), CLEAR "%s", doing);
	if (total && n)
		snprintf(line + len, sizeof(line) - len, ": %llu of %llu, %.0f a second",
			 (unsigned long long)n, (unsigned long long)total,
			 seconds > 0 ? n / seconds : 0);
	else if (total)
		snprintf(line + len, sizeof(line) - len, ": of %llu, %.0f s",
			 (unsigned long long)total, seconds);
	else
		snprintf(line + len, sizeof(line) - len, ": %.0f s", seconds);
	/* Longer than a narrow terminal it would not be taken off whole. */
	line[70] = '\0';
	put(line);
	shown = true;
}

static void *draw_on(void *ctx)
{
	struct timespec until;

	pthread_mutex_lock(&mutex);
	while (!end_wanted) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += DRAW_EACH;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&ended, &mutex, &until);
		if (!end_wanted)
			draw();
	}
	pthread_mutex_unlock(&mutex);
	return ctx;
}

static void start_drawer(void)
{
	sigset_t all, old;

	began = seconds_now();
	end_wanted = false;
	/* Signals are the other thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	drawing = !pthread_create(&drawer, NULL, draw_on, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void stop_drawer(void)
{
	if (!drawing)
		return;
	pthread_mutex_lock(&mutex);
	end_wanted = true;
	pthread_cond_signal(&ended);
	pthread_mutex_unlock(&mutex);
	pthread_join(drawer, NULL);
	drawing = false;
}

void progress_clear(void)
{
	pthread_mutex_lock(&mutex);
	if (shown)
		put(CLEAR);
	shown = false;
	pthread_mutex_unlock(&mutex);
}

void progress_doing(const char *what, __u64 of)
{
	pthread_mutex_lock(&mutex);
	snprintf(doing, sizeof(doing), "%s", what);
	total = of;
	done = 0;
	doing_since = seconds_now();
	pthread_mutex_unlock(&mutex);
}

void progress_at(__u64 n)
{
	__atomic_store_n(&done, n, __ATOMIC_RELAXED);
}

/* ---- signals ---- */

/*
 * In the handler: what it says, and the end. Not where nobody reads: it would wait for
 * ever, and no other signal but SIGKILL would be heard.
 */
static void put_line(const char *key, const char *text, const char *more)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT))
		return;
	if (on_terminal)
		put(CLEAR);
	put(in_json ? "{\"" : "xroam: ");
	if (in_json) {
		put(key);
		put("\":\"");
	}
	put(text);
	put(more);
	put(in_json ? "\"}\n" : "\n");
}

static void __attribute__((noreturn)) end(int sig, const char *text, const char *more)
{
	put_line("error", text, more);
	_exit(128 + sig);
}

static void on_signal(int sig)
{
	bool again = caught;

	caught = sig;
	if (stage == PROGRESS_READING)
		end(sig, PROGRESS_STOPPED, "");
	if (stage == PROGRESS_MADE)
		end(sig, "interrupted: the change is made", "");
	if (again)
		end(sig, "interrupted: ", rest);
	if (stage == PROGRESS_MAKING)
		put_line("warning", "the change is finished first; interrupted once more: ", rest);
}

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static struct sigaction before[SIGNALS];

static void take_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	size_t i;

	for (i = 0; i < SIGNALS; i++)
		if (!sigaction(signals[i], NULL, &before[i]) && before[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
}

static void give_signals_back(void)
{
	size_t i;

	for (i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
}

void progress_rest(const char *sentence)
{
	rest = sentence;
}

void progress_allow(bool terminal, bool json)
{
	allowed = true;
	on_terminal = terminal;
	in_json = json;
}

enum progress_stage progress_stage(enum progress_stage next)
{
	enum progress_stage was = stage;

	if (!allowed || was == next || was == PROGRESS_MADE)
		return was;
	if (was == PROGRESS_OFF) {
		if (on_terminal)
			start_drawer();
		take_signals();
	}
	stage = next;
	if (next == PROGRESS_OFF)
		give_signals_back();
	if (next == PROGRESS_OFF || next == PROGRESS_MADE) {
		stop_drawer();
		progress_clear();
	}
	return was;
}

bool progress_stopped(void)
{
	return stage == PROGRESS_PREPARING && caught;
}

int progress_signal(void)
{
	return caught;
}
