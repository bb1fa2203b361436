// SPDX-License-Identifier: GPL-2.0-only
/* The daemon's life: its instance, its loop, its signals. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "apply/instance.h"
#include "daemon/loader.h"
#include "plane/daemon.h"
#include "daemon/daemon.h"

/* Stopped in the opposite order: who tells of changes goes last. */
static const struct source *const daemon_sources[] = {
	&source_prepared,      &source_ageing, &source_links,
	&source_announcements, &source_qmp,    &source_socket,
};

#define SOURCES (sizeof(daemon_sources) / sizeof(daemon_sources[0]))

#define NICE -15

/* ---- what it says ---- */

#define LOG_BURST 20 /* lines a second */

static bool log_gate(time_t now)
{
	static unsigned int said, left_out;
	static time_t second;

	if (now != second) {
		if (left_out)
			fprintf(stderr, "xroam: %u more lines left out\n", left_out);
		second = now;
		said = left_out = 0;
	}
	if (said++ < LOG_BURST)
		return true;
	left_out++;
	return false;
}

static void print_line(const char *fmt, va_list ap)
{
	char line[768];

	xr_vline(line, sizeof(line), fmt, ap);
	fprintf(stderr, "xroam: %s\n", line);
}

void daemon_log(struct daemon *d, const char *fmt, ...)
{
	struct timespec now;
	va_list ap;

	(void)d;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!log_gate(now.tv_sec))
		return;
	va_start(ap, fmt);
	print_line(fmt, ap);
	va_end(ap);
}

void daemon_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(fmt, ap);
	va_end(ap);
}

/* ---- the instance ---- */

int daemon_notice(struct daemon *d, const struct xr_notice *n, struct xr_answer *a,
		  struct xr_err *err)
{
	struct xr_err why = { "" };
	int ret = daemon_begin(d, &why);

	memset(a, 0, sizeof(*a));
	if (!ret) {
		ret = vm_notice(d->plane, n, a, &why);
		if (!ret && n->kind == XR_NOTICE_PREPARE)
			prepared_watch(d, vm_find(d->plane, vm_key(n->mac, n->vlan)));
		daemon_end(d);
	}
	if (ret && ret != -ENODEV)
		daemon_log(d, "refused: %s", why.text);
	else if (!ret && a->warning[0])
		daemon_log(d, "warning: %s", a->warning);
	if (ret)
		xr_fail(err, ret, "%s", why.text);
	return ret;
}

/* ---- the loop ---- */

struct life {
	struct daemon d;
	void *state[SOURCES];
	size_t started;
	struct loader loader;
	sd_event_source *loads;
	bool once_more; /* SIGHUP came while the file was being read */
};

static int on_end(sd_event_source *s, const struct signalfd_siginfo *si, void *ctx)
{
	struct life *life = ctx;

	(void)s;
	(void)si;
	return sd_event_exit(life->d.top, 0);
}

/* Notices were refused for want of the lock. */
static void goes_on(struct daemon *d)
{
	struct life *life = (struct life *)d;
	size_t i;

	for (i = 0; i < life->started; i++)
		if (daemon_sources[i]->goes_on)
			daemon_sources[i]->goes_on(life->state[i]);
}

/* ---- SIGHUP: its file again ---- */

/* Where the new file is wrong the old one holds, whole. */
static void loaded(struct life *life)
{
	struct daemon *d = &life->d;
	struct xr_err err = { "" };
	struct model m;
	size_t i;

	if (loader_end(&life->loader, d->file, &m, &err)) {
		daemon_say("SIGHUP: %s; all stays as it was", err.text);
		return;
	}
	model_free(&d->model);
	d->model = m;
	for (i = 0; i < SOURCES; i++) {
		const struct source *s = daemon_sources[i];

		if (s->reload && s->reload(d, life->state[i], &err))
			daemon_say("%s: %s", s->name, err.text);
	}
	daemon_say("%s read again", d->file);
}

static void reload(struct life *life);

static int on_loaded(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct life *life = ctx;

	(void)s;
	(void)fd;
	(void)revents;
	if (loader_read(&life->loader))
		return 0;
	life->loads = sd_event_source_disable_unref(life->loads);
	loaded(life);
	if (life->once_more)
		reload(life);
	else
		sd_notify(0, "READY=1");
	return 0;
}

static void reload(struct life *life)
{
	struct xr_err err = { "" };
	struct timespec now;

	life->once_more = life->loader.pid;
	if (life->once_more)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   now.tv_sec * 1000000ULL + now.tv_nsec / 1000);
	if (!loader_start(&life->loader, &life->d, &err) &&
	    sd_event_add_io(life->d.top, &life->loads, life->loader.fd, EPOLLIN, on_loaded, life) >=
		    0)
		return;
	loader_kill(&life->loader);
	daemon_say("SIGHUP: %s; all stays as it was", err.text[0] ? err.text : "out of memory");
	sd_notify(0, "READY=1");
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *ctx)
{
	struct life *life = ctx;

	(void)s;
	(void)si;
	if (life->d.file)
		reload(life);
	else
		daemon_say("SIGHUP: there is no -c FILE to read again");
	return 0;
}

/* ---- its life ---- */

static int watch_signal(struct life *life, int sig, sd_event_signal_handler_t on_signal)
{
	sd_event_source *s;
	int ret = sd_event_add_signal(life->d.top, &s, sig, on_signal, life);

	if (ret < 0)
		return ret;
	/* Whatever else there is to do. */
	ret = sd_event_source_set_priority(s, SD_EVENT_PRIORITY_IMPORTANT);
	if (ret >= 0)
		ret = sd_event_source_set_floating(s, true);
	sd_event_source_unref(s);
	return ret;
}

static int watch_signals(struct life *life, struct xr_err *err)
{
	sigset_t set;
	int ret;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	ret = watch_signal(life, SIGTERM, on_end);
	if (ret >= 0)
		ret = watch_signal(life, SIGINT, on_end);
	if (ret >= 0)
		ret = watch_signal(life, SIGHUP, on_hangup);
	if (ret >= 0)
		ret = sd_event_set_watchdog(life->d.top, true);
	return ret < 0 ? xr_fail(err, ret, "signals: %s", strerror(-ret)) : 0;
}

/* Each client of the socket is a descriptor, each map another. */
static void many_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l))
		return;
	l.rlim_cur = l.rlim_max < 4096 ? l.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &l);
}

static int load_once(struct daemon *d, struct xr_err *err)
{
	struct loader l;
	int ret = loader_start(&l, d, err);

	if (ret)
		return ret;
	while (loader_read(&l))
		;
	return loader_end(&l, d->file, &d->model, err);
}

/*
 * The first time it is waited for: there is nothing else to do yet. At boot a device
 * may be late, and a service manager that is told of a failure gives up some time.
 */
static int load_config(struct daemon *d, struct xr_err *err)
{
	struct xr_err said = { "" };
	int ret;

	d->waits_for_devices = getenv("NOTIFY_SOCKET");
	for (;;) {
		ret = load_once(d, err);
		if (ret != LOADER_LATE)
			break;
		if (strcmp(said.text, err->text))
			daemon_say("%s: waiting for it", err->text);
		said = *err;
		sd_notifyf(0, "STATUS=%s\nEXTEND_TIMEOUT_USEC=%u", err->text, 60 * 1000000);
		poll(NULL, 0, 500);
	}
	d->waits_for_devices = false;
	if (!ret)
		d->config = &d->model;
	return ret;
}

static int open_instance(struct daemon *d, struct xr_err *err)
{
	int ret;

	if (d->file) {
		/* Claimed first: a second daemon must not apply its file. */
		ret = d->claim_fd = daemon_claim(d->instance, err);
		if (ret < 0)
			return ret;
		ret = load_config(d, err);
		if (ret)
			return ret;
	}
	ret = instance_open(&d->plane, d->instance, PLANE_CHANGE, NULL, NULL, err);
	if (ret == -ENOENT)
		return xr_fail(err, ret,
			       "no instance \"%s\": \"xroam run -c "
			       "FILE\" makes it, or \"xroam apply FILE\"",
			       d->instance);
	if (ret)
		return ret;
	if (d->claim_fd < 0) {
		ret = d->claim_fd = daemon_claim(d->instance, err);
		if (ret < 0)
			return ret;
	}
	ret = model_recover(d->plane, err);
	if (!ret && err->text[0])
		daemon_say("warning: %s", err->text);
	plane_unlock(d->plane);
	return ret;
}

static int start_sources(struct life *life, struct xr_err *err)
{
	for (; life->started < SOURCES; life->started++) {
		const struct source *s = daemon_sources[life->started];
		int ret = s->start(&life->d, &life->state[life->started], err);

		if (ret)
			return ret;
	}
	return 0;
}

static void stop_sources(struct life *life)
{
	while (life->started--)
		daemon_sources[life->started]->stop(life->state[life->started]);
}

static int live(struct life *life, struct xr_err *err)
{
	struct daemon *d = &life->d;
	int ret = sd_event_new(&d->top);

	if (ret >= 0)
		ret = gate_open(d);
	if (ret < 0)
		return xr_fail(err, ret, "the event loop: %s", strerror(-ret));
	plane_never_wait(true);
	ret = watch_signals(life, err);
	if (!ret)
		ret = start_sources(life, err);
	if (!ret) {
		sd_notify(0, "READY=1\nSTATUS=watching");
		daemon_say("instance \"%s\": watching", d->instance);
		ret = sd_event_loop(d->top);
		if (ret < 0)
			xr_fail(err, ret, "the event loop: %s", strerror(-ret));
		sd_notify(0, "STOPPING=1");
	}
	sd_event_source_disable_unref(life->loads);
	loader_kill(&life->loader);
	stop_sources(life);
	gate_close(d);
	sd_event_unref(d->top);
	return ret < 0 ? ret : d->status;
}

int daemon_run(const char *instance, const char *config, bool verbose, struct xr_err *err)
{
	struct life life = { .d = {
				     .instance = instance,
				     .file = config,
				     .verbose = verbose,
				     .err = err,
				     .claim_fd = -1,
				     .goes_on = goes_on,
			     } };
	struct daemon *d = &life.d;
	int ret;

	many_files();
	/* It sleeps nearly always; where it wakes late, frames are late. */
	if (setpriority(PRIO_PROCESS, 0, NICE))
		errno = 0; /* not root: it does without */
	daemon_harden();
	setvbuf(stderr, NULL, _IOLBF, 0);
	ret = open_instance(d, err);
	if (!ret)
		ret = live(&life, err);
	plane_close(d->plane);
	if (d->claim_fd >= 0)
		daemon_release(instance, d->claim_fd);
	if (d->config)
		model_free(&d->model);
	return ret;
}
