// SPDX-License-Identifier: GPL-2.0-only
/* The daemon's life: its file, its instance, its signals, its sources. */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "apply/apply.h"
#include "apply/instance.h"
#include "daemon/figures.h"
#include "daemon/loader.h"
#include "domains/domains.h"
#include "fdb/fdb.h"
#include "metrics/metrics.h"
#include "etcd/etcd.h"
#include "lib/clean.h"
#include "ovn/ovn.h"
#include "plane/daemon_claim.h"
#include "probe/probe.h"
#include "qmp/qmp.h"
#include "routes/routes.h"
#include "source.h"
#include "source_priv.h"

/* Stopped in the opposite order: those that send notices go first. */
static const struct source *const daemon_sources[] = {
	&source_prepared,      &source_ageing,    &source_links,  &source_serving,
	&source_announcements, &source_health,    &source_qmp,    &source_libvirt,
	&source_fdb,           &source_ovn,       &source_etcd,   &source_metrics,
	&source_on_move,       &source_vm_routes, &source_socket, NULL,
};

#define SOURCES (sizeof(daemon_sources) / sizeof(daemon_sources[0]) - 1)

#define NICE -15

struct life {
	struct daemon d;
	void *states[SOURCES];
	struct loader loader;
	sd_event_source *loads;
	bool reload_again;           /* SIGHUP came while the file was being read */
	struct audit_actor reloader; /* who sent the last one */
};

/* ---- SIGHUP: its file again ---- */

/* A file that is wrong changes nothing. */
static void take_loaded(struct life *life)
{
	struct daemon *d = &life->d;
	struct xr_err err = { "" };
	struct model m;

	if (loader_end(&life->loader, d->file, &m, &err)) {
		daemon_log_always("SIGHUP: %s; all stays as it was", err.text);
		return;
	}
	model_free(&d->model);
	d->model = m;
	daemon_reload_sources(d);
	daemon_log_always("%s read again", d->file);
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
	take_loaded(life);
	if (life->reload_again)
		reload(life);
	else
		sd_notify(0, "READY=1");
	return 0;
}

static void reload(struct life *life)
{
	struct xr_err err = { "" };

	life->reload_again = life->loader.pid;
	if (life->reload_again)
		return;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)daemon_clock_us());
	if (!loader_start(&life->loader, &life->d, &life->reloader, &err) &&
	    sd_event_add_io(life->d.top, &life->loads, life->loader.fd, EPOLLIN, on_loaded, life) >=
		    0)
		return;
	loader_kill(&life->loader);
	daemon_log_always("SIGHUP: %s; all stays as it was",
			  err.text[0] ? err.text : "out of memory");
	sd_notify(0, "READY=1");
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *ctx)
{
	struct life *life = ctx;

	(void)s;
	if (!life->d.file) {
		daemon_log_always("SIGHUP: there is no -c FILE to read again");
		return 0;
	}
	audit_process(&life->reloader, AUDIT_FILE, si->ssi_pid, si->ssi_uid, "SIGHUP by",
		      life->d.file);
	reload(life);
	return 0;
}

/* ---- signals ---- */

static int on_end(sd_event_source *s, const struct signalfd_siginfo *si, void *ctx)
{
	struct life *life = ctx;

	(void)s;
	(void)si;
	return sd_event_exit(life->d.top, 0);
}

static int watch_signal(struct life *life, int sig, sd_event_signal_handler_t on_signal)
{
	sd_event_source *s;
	int ret = sd_event_add_signal(life->d.top, &s, sig, on_signal, life);

	if (ret < 0)
		return ret;
	/* Before whatever else there is to do. */
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

/* ---- its file and its instance, at first ---- */

static int load_once(struct daemon *d, struct xr_err *err)
{
	struct audit_actor self;
	struct loader l;
	int ret;

	audit_self(&self, AUDIT_FILE, 0, NULL);
	snprintf(self.command, sizeof(self.command), "run -c %s", d->file);
	clean_line(self.command);
	ret = loader_start(&l, d, &self, err);

	if (ret)
		return ret;
	while (loader_read(&l))
		;
	return loader_end(&l, d->file, &d->model, err);
}

/*
 * At boot one of the file's devices may come late. Then this waits for it, as long as
 * it takes: a service manager that sees the daemon fail again and again gives up.
 */
static int load_config(struct daemon *d, struct xr_err *err)
{
	struct xr_err logged = { "" };
	int ret;

	d->waits_for_devices = getenv("NOTIFY_SOCKET");
	for (;;) {
		ret = load_once(d, err);
		if (ret != LOADER_LATE)
			break;
		if (strcmp(logged.text, err->text))
			daemon_log_always("%s: waiting for it", err->text);
		logged = *err;
		sd_notifyf(0, "STATUS=%s\nEXTEND_TIMEOUT_USEC=%u", err->text, 60 * 1000000);
		poll(NULL, 0, 500);
	}
	d->waits_for_devices = false;
	return ret;
}

/* An older xroam's instance becomes this one's, also where there is no file to apply. */
static int upgrade(struct daemon *d, struct xr_err *err)
{
	__u32 from;
	int ret = instance_upgrade(d->instance, &from, err);

	if (ret || !from)
		return ret;
	daemon_log_always("map layout %u was converted to %d", from, XR_ABI_VERSION);
	if (err->text[0])
		daemon_log_always("warning: %s", err->text);
	err->text[0] = '\0';
	return 0;
}

static int open_instance(struct daemon *d, struct xr_err *err)
{
	int ret;

	if (d->file) {
		/* Claimed before it is applied: a second daemon must not do that. */
		ret = d->claim_fd = daemon_claim(d->instance, err);
		if (ret < 0)
			return ret;
		ret = load_config(d, err);
		if (ret)
			return ret;
	}
	ret = upgrade(d, err);
	if (!ret)
		ret = instance_open(&d->plane, d->instance, PLANE_CHANGE, NULL, NULL, err);
	if (ret == -ENOENT)
		return xr_fail(err, ret,
			       "no instance \"%s\": \"xroam run -c FILE\" makes it, "
			       "or \"xroam apply FILE\"",
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
		daemon_log_always("warning: %s", err->text);
	plane_unlock(d->plane);
	return ret;
}

/* ---- its life ---- */

static int live(struct life *life, struct xr_err *err)
{
	struct daemon *d = &life->d;
	int ret = sd_event_new(&d->top);

	if (ret >= 0)
		ret = daemon_lock_open(d);
	if (ret < 0)
		return xr_fail(err, ret, "the event loop: %s", strerror(-ret));
	plane_never_wait(true);
	ret = watch_signals(life, err);
	if (!ret)
		ret = daemon_start_sources(d, err);
	if (!ret) {
		sd_notify(0, "READY=1\nSTATUS=watching");
		daemon_log_always("instance \"%s\": watching", d->instance);
		ret = sd_event_loop(d->top);
		if (ret < 0)
			xr_fail(err, ret, "the event loop: %s", strerror(-ret));
		sd_notify(0, "STOPPING=1");
	}
	sd_event_source_disable_unref(life->loads);
	loader_kill(&life->loader);
	daemon_stop_sources(d);
	daemon_lock_close(d);
	sd_event_unref(d->top);
	return ret < 0 ? ret : d->status;
}

/* Each client of the socket is a descriptor, each map another. */
static void raise_file_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l))
		return;
	l.rlim_cur = l.rlim_max < 4096 ? l.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &l);
}

/*
 * What is large goes back to the kernel when it is freed. Unless told so, the allocator raises
 * its limit to the largest that it has freed, and keeps twice that for good.
 */
static void give_back_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

int daemon_run(const char *instance, const char *config, bool verbose, struct xr_err *err)
{
	struct life life = { .d = {
				     .instance = instance,
				     .file = config,
				     .verbose = verbose,
				     .err = err,
				     .claim_fd = -1,
				     .sources = daemon_sources,
				     .states = life.states,
			     } };
	struct daemon *d = &life.d;
	int ret;

	raise_file_limit();
	give_back_memory();
	/* It nearly always sleeps, and frames wait for it to wake up. */
	if (setpriority(PRIO_PROCESS, 0, NICE))
		errno = 0; /* not root: goes on without it */
	daemon_harden();
	setvbuf(stderr, NULL, _IOLBF, 0);
	d->figures = figures_new();
	ret = d->figures ? open_instance(d, err) : xr_fail(err, -ENOMEM, "out of memory");
	if (!ret)
		ret = live(&life, err);
	plane_close(d->plane);
	if (d->claim_fd >= 0)
		daemon_release(instance, d->claim_fd);
	model_free(&d->model);
	daemon_free_problems(d);
	figures_free(d->figures);
	return ret;
}
