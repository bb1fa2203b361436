// SPDX-License-Identifier: GPL-2.0-only
/*
 * In the daemon: the socket, and the child process that serves it. Where the address is
 * taken, or the child ends, the daemon goes on, says so in "xroam status", and tries again.
 * The socket is the daemon's, so that nobody is refused between two children.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metrics.h"
#include "metrics_priv.h"

#define AGAIN (2 * US_PER_SECOND) /* between two attempts */

struct metrics {
	struct daemon *d;
	struct model_metrics conf; /* what is done, or tried */
	struct listener listener;
	pid_t pid; /* of the child; 0: none runs */
	int pidfd;
	sd_event_source *ended, *timer;
	struct xr_err logged; /* what is wrong, as the log has it */
};

static int start_child(struct metrics *m, struct xr_err *err);

/* ---- what is wrong ---- */

static void report(struct metrics *m, const struct xr_err *err)
{
	char line[sizeof(err->text) + 64];

	snprintf(line, sizeof(line), "metrics: %s; tried again every %llu s\n", err->text,
		 AGAIN / US_PER_SECOND);
	daemon_set_problems(m->d, "metrics", line);
	daemon_set_metrics(m->d, "");
	if (strcmp(m->logged.text, err->text))
		daemon_log(m->d, "metrics: %s", err->text);
	m->logged = *err;
	timer_in_us(m->timer, AGAIN);
}

/* where they are served; "": nowhere, and nobody wants them. */
static void report_good(struct metrics *m, const char *where)
{
	daemon_set_problems(m->d, "metrics", "");
	daemon_set_metrics(m->d, where);
	m->logged.text[0] = '\0';
}

static void try_now(struct metrics *m)
{
	struct xr_err err = { "" };

	if (m->listener.fd < 0) {
		if (listener_open(&m->listener, m->conf.listen, &err)) {
			report(m, &err);
			return;
		}
		if (m->d->verbose)
			daemon_log(m->d, "metrics at %s", m->conf.listen);
	}
	if (!m->pid && start_child(m, &err)) {
		report(m, &err);
		return;
	}
	report_good(m, m->conf.listen);
}

static int on_time(sd_event_source *s, uint64_t usec, void *ctx)
{
	(void)s;
	(void)usec;
	try_now(ctx);
	return 0;
}

/* ---- the child ---- */

static void forget_child(struct metrics *m)
{
	m->ended = sd_event_source_disable_unref(m->ended);
	if (m->pidfd >= 0)
		close(m->pidfd);
	m->pidfd = -1;
	m->pid = 0;
}

static void end_child(struct metrics *m)
{
	if (!m->pid)
		return;
	kill(m->pid, SIGKILL);
	while (waitpid(m->pid, NULL, 0) < 0 && errno == EINTR)
		;
	forget_child(m);
}

static int on_ended(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct metrics *m = ctx;
	struct xr_err err;
	int status = 0;

	(void)s;
	(void)fd;
	(void)revents;
	if (waitpid(m->pid, &status, WNOHANG) == 0)
		return 0;
	xr_fail(&err, -ECHILD, "the process that serves them, pid %d, was ended by %s %d",
		(int)m->pid, WIFSIGNALED(status) ? "signal" : "itself, status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	forget_child(m);
	report(m, &err);
	return 0;
}

static void __attribute__((noreturn)) run_child(struct metrics *m, pid_t parent)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	metrics_serve(m->d, m->listener.fd);
}

static int start_child(struct metrics *m, struct xr_err *err)
{
	pid_t parent = getpid(), pid;
	int ret;

	fflush(stderr);
	pid = fork();
	if (!pid)
		run_child(m, parent);
	if (pid < 0)
		return xr_fail(err, -errno, "a process to serve them: %s", strerror(errno));
	m->pid = pid;
	m->pidfd = syscall(SYS_pidfd_open, pid, 0);
	ret = m->pidfd < 0 ? -errno
			   : sd_event_add_io(m->d->top, &m->ended, m->pidfd, EPOLLIN, on_ended, m);
	if (ret >= 0)
		return 0;
	end_child(m);
	return xr_fail(err, ret, "a process to serve them: %s", strerror(-ret));
}

/* ---- its life ---- */

static void silence(struct metrics *m)
{
	sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
	end_child(m);
	listener_close(&m->listener);
	report_good(m, "");
}

/* What changed alone: a socket that stays is not closed, and the child not ended. */
static int reload(struct daemon *d, void *state, struct xr_err *err)
{
	const struct model_metrics *want = &d->model.metrics;
	struct metrics *m = state;

	(void)err;
	if (want->given == m->conf.given && !strcmp(want->listen, m->conf.listen) &&
	    want->per_vm == m->conf.per_vm)
		return 0;
	if (!want->given || strcmp(want->listen, m->conf.listen))
		silence(m);
	end_child(m);
	m->conf = *want;
	if (m->conf.given)
		try_now(m);
	return 0;
}

static void stop(void *state)
{
	struct metrics *m = state;

	silence(m);
	sd_event_source_disable_unref(m->timer);
	free(m);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct metrics *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return xr_fail(err, -ENOMEM, "out of memory");
	m->d = d;
	m->listener.fd = m->pidfd = -1;
	/* Without the lock: it needs none. */
	ret = sd_event_add_time(d->top, &m->timer, CLOCK_MONOTONIC, 0, US_PER_MS, on_time, m);
	if (ret >= 0)
		ret = sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
	if (ret < 0) {
		free(m);
		return xr_fail(err, ret, "a timer: %s", strerror(-ret));
	}
	*state = m;
	return reload(d, m, err);
}

const struct source source_metrics = {
	.name = "metrics",
	.start = start,
	.stop = stop,
	.reload = reload,
};
