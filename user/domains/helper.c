// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process that talks to libvirt, one a connection: libvirt's calls block for up to half
 * a minute, it has threads of its own, and a machine without it needs none of its
 * libraries. What it writes is bounded: its lines, and the time that we spend on them.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/program.h"
#include "domains_priv.h"
#include "lib/libexec.h"

#define FIRST_MS 20    /* until the next one is started; each time twice as long ... */
#define AGAIN_MS 1000  /* ... up to this, as long as it does not connect */
#define LOUD_MS  1000  /* nothing is read for so long */
#define TURN     16    /* lines before the others' turn */
#define LINE     65536 /* octets, at most */

/* ---- the process ---- */

/* In the child. It keeps the daemon's niceness: what it hears must not wait. */
static _Noreturn void become(const char *program, const char *uri, int fd)
{
	if (!program_leave_daemon(fd, fd))
		_exit(127);
	execl(program, "xroam-libvirt", uri, NULL);
	_exit(127);
}

static int start_process(struct virt *v)
{
	char program[PATH_MAX];
	int ends[2];

	if (!libexec_find("xroam-libvirt", program, sizeof(program)))
		return -ENOENT;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	v->pid = fork();
	if (!v->pid)
		become(program, v->conf.uri, ends[1]);
	close(ends[1]);
	if (v->pid < 0) {
		close(ends[0]);
		v->pid = 0;
		return -errno;
	}
	v->fd = ends[0];
	return 0;
}

static void end_process(struct virt *v)
{
	v->io = sd_event_source_disable_unref(v->io);
	v->more_lines = sd_event_source_disable_unref(v->more_lines);
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
	if (v->pid) {
		kill(v->pid, SIGKILL);
		while (waitpid(v->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	v->pid = 0;
	line_buffer_shrink(&v->in);
}

/* As if it had said so itself. */
static void tell_down(struct virt *v, const char *why)
{
	json_t *line = json_pack("{s:s}", "down", why);

	v->ops->line(v, line);
	json_decref(line);
}

static void fail(struct virt *v, const char *why)
{
	end_process(v);
	v->wait_ms = v->up ? FIRST_MS : 2 * v->wait_ms;
	if (!v->wait_ms || v->wait_ms > AGAIN_MS)
		v->wait_ms = AGAIN_MS;
	tell_down(v, why);
	timer_in_us(v->timer, v->wait_ms * US_PER_MS);
}

/* ---- its lines ---- */

static void set_too_loud(struct virt *v, bool loud)
{
	v->too_loud = loud;
	v->ops->faults(v);
}

/* Nothing is read for a while, and its helper waits. */
static void make_it_wait(struct virt *v)
{
	sd_event_source_set_enabled(v->io, SD_EVENT_OFF);
	sd_event_source_set_enabled(v->more_lines, SD_EVENT_OFF);
	timer_in_us(v->timer, LOUD_MS * US_PER_MS);
	set_too_loud(v, true);
}

/* false: there is no helper any more. */
static bool take_line(struct virt *v, const char *text, size_t len)
{
	int64_t before = budget_clock();
	json_t *line = json_loadb(text, len, 0, NULL);
	bool event = json_object_get(line, "event") || json_object_get(line, "life");

	if (!json_is_object(line)) {
		json_decref(line);
		fail(v, "what its helper says cannot be read");
		return false;
	}
	v->ops->line(v, line);
	json_decref(line);
	/* What it lists when it is connected costs what it costs. */
	if (event)
		budget_charge(&v->budget, v->d->moves, budget_clock() - before);
	return true;
}

static void take_lines(struct virt *v)
{
	size_t done = 0, len;
	bool again;
	int i;

	for (i = 0; i < TURN; i++) {
		len = line_buffer_line_at(&v->in, done);
		if (!len)
			break;
		done += len;
		if (!take_line(v, v->in.data + done - len, len))
			return;
	}
	line_buffer_drop(&v->in, done);
	again = line_buffer_line_at(&v->in, 0);
	sd_event_source_set_enabled(v->more_lines, again ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	sd_event_source_set_enabled(v->io, again ? SD_EVENT_OFF : SD_EVENT_ON);
	if (budget_is_over(&v->budget))
		make_it_wait(v);
}

static int on_more_lines(sd_event_source *s, void *ctx)
{
	(void)s;
	take_lines(ctx);
	return 0;
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct virt *v = ctx;
	ssize_t got = line_buffer_recv(&v->in, fd, LINE);

	(void)s;
	(void)revents;
	if (got == -EAGAIN)
		return 0;
	if (got > 0)
		take_lines(v);
	else if (got == -ENOBUFS)
		fail(v, "its helper's line has no end");
	else
		fail(v, "its helper has ended");
	return 0;
}

void helper_send(struct virt *v, json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;

	json_decref(line);
	if (!text)
		return;
	text[len++] = '\n';
	/* Where it does not read, it has no answers either. */
	if (v->fd >= 0 && send(v->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
		shutdown(v->fd, SHUT_RDWR);
	free(text);
}

/* ---- its life ---- */

static int watch(struct virt *v)
{
	int ret = sd_event_add_io(v->d->moves, &v->io, v->fd, EPOLLIN, on_readable, v);

	/* The sooner an event is read, the fewer frames are lost. */
	if (ret >= 0)
		ret = sd_event_source_set_priority(v->io, SD_EVENT_PRIORITY_IMPORTANT - 1);
	if (ret >= 0)
		ret = sd_event_add_defer(v->d->moves, &v->more_lines, on_more_lines, v);
	return ret < 0 ? ret : sd_event_source_set_enabled(v->more_lines, SD_EVENT_OFF);
}

static int on_time(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct virt *v = ctx;
	int ret;

	(void)s;
	(void)usec;
	if (v->fd >= 0) {
		budget_charge(&v->budget, v->d->moves, 0);
		set_too_loud(v, false);
		take_lines(v);
		return 0;
	}
	ret = start_process(v);
	if (!ret)
		ret = watch(v);
	if (ret < 0)
		fail(v,
		     ret == -ENOENT
			     ? "the program xroam-libvirt is not there: install the package of that name"
			     : strerror(-ret));
	return 0;
}

int helper_begin(struct virt *v)
{
	int ret = sd_event_add_time(v->d->moves, &v->timer, CLOCK_MONOTONIC, 0, US_PER_MS, on_time,
				    v);

	v->fd = -1;
	return ret < 0 ? ret : 0;
}

void helper_end(struct virt *v)
{
	end_process(v);
	v->timer = sd_event_source_disable_unref(v->timer);
	line_buffer_free(&v->in);
}
