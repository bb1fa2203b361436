// SPDX-License-Identifier: GPL-2.0-only
/* The daemon's life: its instance, its loop, its signals. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "../core/apply.h"
#include "../core/daemon.h"
#include "source.h"

/* Stopped in the opposite order: who tells of changes goes last. */
static const struct source *const daemon_sources[] = {
	&source_prepared,
	&source_ageing,
	&source_links,
	&source_announcements,
	&source_qmp,
	&source_socket,
};

#define SOURCES (sizeof(daemon_sources) / sizeof(daemon_sources[0]))

#define NICE -15

/* ---- what it says ---- */

#define LOG_BURST 20	/* lines a second */

static bool log_gate(time_t now)
{
	static unsigned int said, left_out;
	static time_t second;

	if (now != second) {
		if (left_out)
			fprintf(stderr, "xroam: %u more lines left out\n",
				left_out);
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

/* Of its own life: never left out. */
static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(fmt, ap);
	va_end(ap);
}

/* ---- the instance ---- */

/* What is wrong ends the daemon: it cannot serve what is not there. */
static int give_up(struct daemon *d, int status, const struct xr_err *why)
{
	if (!d->status) {
		d->status = status;
		*d->err = *why;
		sd_event_exit(d->loop, 0);
	}
	return status;
}

int daemon_begin(struct daemon *d, struct xr_err *err)
{
	struct xr_err why = { "" };
	int ret = 0;

	if (d->locked++)
		return 0;
	if (!daemon_claimed(d->instance, d->claim_fd))
		ret = -ESTALE;
	else
		ret = plane_relock(d->plane, &why);
	if (!ret && why.text[0])
		daemon_log(d, "warning: %s", why.text);
	if (!ret)
		return 0;
	d->locked--;
	if (ret == -ESTALE) {
		ret = -ENODEV;
		xr_fail(&why, ret, "instance \"%s\" was destroyed: there is "
			"nothing left to watch", d->instance);
		give_up(d, ret, &why);
	}
	return xr_fail(err, ret, "%s", why.text);
}

void daemon_end(struct daemon *d)
{
	if (!--d->locked)
		plane_unlock(d->plane);
}

int daemon_notice(struct daemon *d, const struct xr_notice *n,
		  struct xr_answer *a, struct xr_err *err)
{
	struct xr_err why = { "" };
	int ret = daemon_begin(d, &why);

	memset(a, 0, sizeof(*a));
	if (!ret) {
		ret = vm_notice(d->plane, n, a, &why);
		if (!ret && n->kind == XR_NOTICE_PREPARE)
			prepared_watch(d, vm_find(d->plane,
						  vm_key(n->mac, n->vlan)));
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

/* ---- its configuration ---- */

static void on_change(void *ctx, const char *line)
{
	struct daemon *d = ctx;

	if (d->verbose || *line == '!')
		say("%s", line);
}

static int read_config(struct daemon *d, struct model *m, struct xr_err *err)
{
	int ret = config_read(d->file, m, err);

	if (ret)
		return ret;
	ret = model_check(m, d->file, err);
	if (ret)
		model_free(m);
	return ret;
}

static int load_config(struct daemon *d, struct xr_err *err)
{
	int ret = read_config(d, &d->model, err);

	if (ret)
		return ret;
	d->config = &d->model;
	return model_apply(d->instance, d->config, APPLY_NEW_VMS, on_change,
			   d, err);
}

/* Where the new file is wrong the old one holds, whole. */
static void reload(struct daemon *d, void **states)
{
	struct xr_err err = { "" };
	struct model m;
	size_t i;
	int ret;

	if (!d->file) {
		say("SIGHUP: there is no -c FILE to read again");
		return;
	}
	ret = read_config(d, &m, &err);
	if (!ret) {
		ret = model_apply(d->instance, &m, APPLY_NEW_VMS, on_change,
				  d, &err);
		if (ret)
			model_free(&m);
	}
	if (ret) {
		say("SIGHUP: %s; all stays as it was", err.text);
		return;
	}
	model_free(&d->model);
	d->model = m;
	for (i = 0; i < SOURCES; i++) {
		const struct source *s = daemon_sources[i];

		if (s->reload && s->reload(d, states[i], &err))
			say("%s: %s", s->name, err.text);
	}
	say("%s read again", d->file);
}

/* ---- the loop ---- */

struct life {
	struct daemon d;
	void *state[SOURCES];
	size_t started;
};

static int on_end(sd_event_source *s, const struct signalfd_siginfo *si,
		  void *ctx)
{
	struct life *life = ctx;

	(void)s;
	(void)si;
	return sd_event_exit(life->d.loop, 0);
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si,
		     void *ctx)
{
	struct life *life = ctx;
	struct timespec now;

	(void)s;
	(void)si;
	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   now.tv_sec * 1000000ULL + now.tv_nsec / 1000);
	reload(&life->d, life->state);
	sd_notify(0, "READY=1");
	return 0;
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
	ret = sd_event_add_signal(life->d.loop, NULL, SIGTERM, on_end, life);
	if (ret >= 0)
		ret = sd_event_add_signal(life->d.loop, NULL, SIGINT, on_end,
					  life);
	if (ret >= 0)
		ret = sd_event_add_signal(life->d.loop, NULL, SIGHUP,
					  on_hangup, life);
	if (ret >= 0)
		ret = sd_event_set_watchdog(life->d.loop, true);
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
	ret = plane_open(&d->plane, d->instance, PLANE_CHANGE, NULL, NULL, err);
	if (ret == -ENOENT)
		return xr_fail(err, ret, "no instance \"%s\": \"xroam run -c "
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
		say("warning: %s", err->text);
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
		daemon_sources[life->started]->stop(
			life->state[life->started]);
}

static int live(struct life *life, struct xr_err *err)
{
	struct daemon *d = &life->d;
	int ret = sd_event_new(&d->loop);

	if (ret < 0)
		return xr_fail(err, ret, "the event loop: %s", strerror(-ret));
	ret = watch_signals(life, err);
	if (!ret)
		ret = start_sources(life, err);
	if (!ret) {
		sd_notify(0, "READY=1\nSTATUS=watching");
		say("instance \"%s\": watching", d->instance);
		ret = sd_event_loop(d->loop);
		if (ret < 0)
			xr_fail(err, ret, "the event loop: %s",
				strerror(-ret));
		sd_notify(0, "STOPPING=1");
	}
	stop_sources(life);
	sd_event_unref(d->loop);
	return ret < 0 ? ret : d->status;
}

int daemon_run(const char *instance, const char *config, bool verbose,
	       struct xr_err *err)
{
	struct life life = { .d = {
		.instance = instance,
		.file = config,
		.verbose = verbose,
		.err = err,
		.claim_fd = -1,
	} };
	struct daemon *d = &life.d;
	int ret;

	many_files();
	/* It sleeps nearly always; where it wakes late, frames are late. */
	if (setpriority(PRIO_PROCESS, 0, NICE))
		errno = 0;	/* not root: it does without */
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
