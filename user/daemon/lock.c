// SPDX-License-Identifier: GPL-2.0-only
/*
 * The daemon's lock. What works under it runs in loops inside the daemon's own, which
 * never waits for the lock: signals and the watchdog are served whoever has it. Of
 * the two, the one that hears of moves goes on without the lock after a while, and
 * then everything that is said is refused; the one that keeps things in order has
 * time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>

#include "apply/instance.h"
#include "plane/daemon.h"
#include "daemon.h"

#define MS             1000ULL  /* in the loop's microseconds */
#define FIRST_PAUSE    (MS / 5) /* between two attempts at the lock ... */
#define LONGEST_PAUSE  (5 * MS) /* ... of which each is twice as long */
#define REFUSING_PAUSE (50 * MS)
#define IDLE_MOST      2.0 /* seconds, of one who has it and does nothing */
#define WAIT_MOST      5.0

struct inner {
	struct gate *gate;
	sd_event *loop;
	/* Something happened in there; or is to be done there without that. */
	sd_event_source *io, *now;
	bool goes_on; /* without the lock */
};

struct gate {
	struct daemon *d;
	struct inner moves, chores;
	sd_event_source *timer;
	uint64_t pause;
	struct lock_wait waited;
	struct xr_err refuse; /* why there is no lock; "": not so */
};

/* ---- the lock ---- */

/* What is wrong ends the daemon: it cannot serve what is not there. */
static int give_up(struct daemon *d, int status, const struct xr_err *why)
{
	if (!d->status) {
		d->status = status;
		*d->err = *why;
		sd_event_exit(d->top, 0);
	}
	return status;
}

/* At once, or -EAGAIN. */
static int take_lock(struct daemon *d, struct xr_err *err)
{
	struct xr_err why = { "" };
	int ret = daemon_claimed(d->instance, d->claim_fd) ? instance_relock(d->plane, &why)
							   : -ESTALE;

	if (!ret && why.text[0])
		daemon_log(d, "warning: %s", why.text);
	if (!ret) {
		d->locked = 1;
		return 0;
	}
	if (ret == -ESTALE) {
		ret = -ENODEV;
		xr_fail(&why, ret,
			"instance \"%s\" was destroyed: there is "
			"nothing left to watch",
			d->instance);
		give_up(d, ret, &why);
	}
	return xr_fail(err, ret, "%s", why.text);
}

int daemon_begin(struct daemon *d, struct xr_err *err)
{
	if (d->locked) {
		d->locked++;
		return 0;
	}
	if (d->gate && d->gate->refuse.text[0])
		return xr_fail(err, -EBUSY, "%s", d->gate->refuse.text);
	return take_lock(d, err);
}

void daemon_end(struct daemon *d)
{
	if (!--d->locked)
		plane_unlock(d->plane);
}

/* ---- a turn of a loop inside ---- */

/* > 0: there is something to do. */
static int look_into(sd_event *loop)
{
	int ret;

	if (sd_event_get_state(loop) == SD_EVENT_PENDING)
		return 1;
	if (sd_event_get_state(loop) == SD_EVENT_ARMED) {
		ret = sd_event_wait(loop, 0);
		if (ret)
			return ret;
	}
	return sd_event_prepare(loop);
}

static int take_turn(struct inner *in)
{
	int ret = look_into(in->loop);

	if (ret > 0)
		ret = sd_event_dispatch(in->loop);
	return ret < 0 ? ret : 0;
}

/* Before the daemon sleeps: others may have given it something to do. */
static int on_prepare(sd_event_source *s, void *ctx)
{
	struct inner *in = ctx;
	int ret = look_into(in->loop);

	(void)s;
	if (ret > 0)
		ret = sd_event_source_set_enabled(in->now, SD_EVENT_ONESHOT);
	return ret < 0 ? ret : 0;
}

/* ---- who waits ---- */

static void set_open(struct inner *in, bool open)
{
	sd_event_source_set_enabled(in->io, open ? SD_EVENT_ON : SD_EVENT_OFF);
	if (!open)
		sd_event_source_set_enabled(in->now, SD_EVENT_OFF);
}

static void try_again(struct gate *g)
{
	uint64_t most = g->refuse.text[0] ? REFUSING_PAUSE : LONGEST_PAUSE;

	g->pause = 2 * g->pause < most ? 2 * g->pause : most;
	sd_event_source_set_time_relative(g->timer, g->pause);
	sd_event_source_set_enabled(g->timer, SD_EVENT_ONESHOT);
}

/* Long enough: what is said from now on is refused, and QEMUs are let go on. */
static void refuse(struct gate *g, const struct xr_err *why)
{
	g->refuse = *why;
	daemon_log(g->d, "%s; notices are refused until then", why->text);
	sd_notifyf(0, "STATUS=%s", why->text);
	set_open(&g->moves, true);
}

static void wait_on(struct gate *g, int ret, struct xr_err *why)
{
	if (!g->refuse.text[0] &&
	    (ret != -EAGAIN ||
	     plane_lock_waited(&g->waited, g->d->instance, IDLE_MOST, WAIT_MOST, why)))
		refuse(g, why);
	try_again(g);
}

static void go_on(struct gate *g)
{
	bool refused = g->refuse.text[0];

	g->refuse.text[0] = '\0';
	set_open(&g->moves, true);
	set_open(&g->chores, true);
	if (!refused)
		return;
	daemon_log(g->d, "the instance can be changed again");
	sd_notify(0, "STATUS=watching");
	g->d->goes_on(g->d);
}

static int on_time(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct xr_err why = { "" };
	struct gate *g = ctx;
	int ret = take_lock(g->d, &why);

	(void)s;
	(void)usec;
	if (!ret) {
		go_on(g);
		ret = take_turn(&g->moves);
		daemon_end(g->d);
		return ret;
	}
	if (!g->d->status)
		wait_on(g, ret, &why);
	return 0;
}

static int turn(struct inner *in)
{
	struct gate *g = in->gate;
	struct xr_err why = { "" };
	int ret;

	if (g->refuse.text[0])
		return take_turn(in);
	ret = take_lock(g->d, &why);
	if (!ret) {
		ret = take_turn(in);
		daemon_end(g->d);
		return ret;
	}
	if (g->d->status)
		return 0;
	set_open(&g->moves, false);
	set_open(&g->chores, false);
	g->pause = FIRST_PAUSE;
	memset(&g->waited, 0, sizeof(g->waited));
	wait_on(g, ret, &why);
	return 0;
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	(void)s;
	(void)fd;
	(void)revents;
	return turn(ctx);
}

static int on_now(sd_event_source *s, void *ctx)
{
	(void)s;
	return turn(ctx);
}

/* ---- its life ---- */

static int inner_open(struct gate *g, struct inner *in, sd_event **loop)
{
	sd_event *top = g->d->top;
	int ret = sd_event_new(&in->loop);

	in->gate = g;
	*loop = in->loop;
	if (ret >= 0)
		ret = sd_event_add_io(top, &in->io, sd_event_get_fd(in->loop), EPOLLIN, on_io, in);
	if (ret >= 0)
		ret = sd_event_source_set_prepare(in->io, on_prepare);
	if (ret >= 0)
		ret = sd_event_add_defer(top, &in->now, on_now, in);
	return ret < 0 ? ret : sd_event_source_set_enabled(in->now, SD_EVENT_OFF);
}

static void inner_close(struct inner *in)
{
	sd_event_source_disable_unref(in->io);
	sd_event_source_disable_unref(in->now);
	sd_event_unref(in->loop);
}

int gate_open(struct daemon *d)
{
	struct gate *g = calloc(1, sizeof(*g));
	int ret;

	if (!g)
		return -ENOMEM;
	d->gate = g;
	g->d = d;
	ret = inner_open(g, &g->moves, &d->loop);
	if (ret >= 0)
		ret = inner_open(g, &g->chores, &d->chores);
	if (ret >= 0)
		ret = sd_event_add_time_relative(d->top, &g->timer, CLOCK_MONOTONIC, 0, MS / 10,
						 on_time, g);
	return ret < 0 ? ret : sd_event_source_set_enabled(g->timer, SD_EVENT_OFF);
}

void gate_close(struct daemon *d)
{
	struct gate *g = d->gate;

	if (!g)
		return;
	inner_close(&g->moves);
	inner_close(&g->chores);
	sd_event_source_disable_unref(g->timer);
	free(g);
	d->gate = NULL;
}
