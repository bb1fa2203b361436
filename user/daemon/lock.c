// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instance's lock, which commands take, too. Whatever needs it runs in two loops
 * inside the daemon's own loop. That one never waits for the lock, so that signals and
 * the watchdog are served whoever has it.
 *
 * A turn of an inner loop begins with the lock. Where somebody else has it both inner
 * loops stop, and the lock is tried again and again. After some seconds the loop that
 * hears of moves goes on without the lock, and each notice is refused: its sender must
 * get an answer. The loop for chores waits as long as it takes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>

#include "apply/instance.h"
#include "plane/daemon_claim.h"
#include "daemon.h"

/* Between two attempts at the lock; each pause is twice as long as the one before. */
#define FIRST_PAUSE    (US_PER_MS / 5)
#define LONGEST_PAUSE  (5 * US_PER_MS)
#define REFUSING_PAUSE (50 * US_PER_MS) /* the longest while notices are refused */

/* Seconds that notices wait: for a holder that does nothing; for any holder. */
#define IDLE_MOST 2.0
#define WAIT_MOST 5.0

struct inner {
	struct daemon_lock *lock;
	sd_event *loop;
	sd_event_source *io;  /* in the outer loop: something happened in the inner one */
	sd_event_source *now; /* the same, for what is ready without an event of the kernel's */
};

struct daemon_lock {
	struct daemon *d;
	struct inner moves, chores;
	sd_event_source *timer; /* the next attempt */
	uint64_t pause;         /* before it, in microseconds */
	struct lock_wait waited;
	struct xr_err refusal; /* notices are refused, for this reason; "": they are not */
};

/* ---- the lock ---- */

/* The daemon cannot serve an instance that is not there. */
static int end_daemon(struct daemon *d, int status, const struct xr_err *why)
{
	if (!d->status) {
		d->status = status;
		*d->err = *why;
		sd_event_exit(d->top, 0);
	}
	return status;
}

/* Without waiting: -EAGAIN where somebody else has it. */
static int take_lock(struct daemon *d, struct xr_err *err)
{
	struct xr_err why = { "" };
	int ret = daemon_has_claim(d->instance, d->claim_fd) ? instance_relock(d->plane, &why)
							     : -ESTALE;

	if (!ret && why.text[0])
		daemon_log(d, "warning: %s", why.text);
	if (!ret) {
		d->held = 1;
		return 0;
	}
	if (ret == -ESTALE)
		ret = xr_fail(&why, -ENODEV,
			      "instance \"%s\" was destroyed: there is nothing left to watch",
			      d->instance);
	if (ret == -ENODEV || ret == -EPROTO)
		end_daemon(d, ret, &why);
	return xr_fail(err, ret, "%s", why.text);
}

int daemon_begin(struct daemon *d, struct xr_err *err)
{
	if (d->held) {
		d->held++;
		return 0;
	}
	if (d->lock && d->lock->refusal.text[0])
		return xr_fail(err, -EBUSY, "%s", d->lock->refusal.text);
	return take_lock(d, err);
}

int daemon_begin_logged(struct daemon *d)
{
	struct xr_err err = { "" };
	int ret = daemon_begin(d, &err);

	if (ret && !d->status)
		daemon_log(d, "%s", err.text);
	return ret;
}

void daemon_end(struct daemon *d)
{
	if (!--d->held)
		plane_unlock(d->plane);
}

/* ---- a turn of an inner loop ---- */

/* > 0: the loop has something to dispatch. */
static int prepare_turn(sd_event *loop)
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
	int ret = prepare_turn(in->loop);

	if (ret > 0)
		ret = sd_event_dispatch(in->loop);
	return ret < 0 ? ret : 0;
}

/*
 * Before the outer loop sleeps: a handler of the other inner loop may have made
 * something ready in this one, which its descriptor does not show.
 */
static int on_prepare(sd_event_source *s, void *ctx)
{
	struct inner *in = ctx;
	int ret = prepare_turn(in->loop);

	(void)s;
	if (ret > 0)
		ret = sd_event_source_set_enabled(in->now, SD_EVENT_ONESHOT);
	return ret < 0 ? ret : 0;
}

/* ---- waiting for the lock ---- */

static void set_running(struct inner *in, bool running)
{
	sd_event_source_set_enabled(in->io, running ? SD_EVENT_ON : SD_EVENT_OFF);
	if (!running)
		sd_event_source_set_enabled(in->now, SD_EVENT_OFF);
}

static void try_again(struct daemon_lock *l)
{
	uint64_t most = l->refusal.text[0] ? REFUSING_PAUSE : LONGEST_PAUSE;

	l->pause = 2 * l->pause < most ? 2 * l->pause : most;
	timer_in_us(l->timer, l->pause);
}

/* From now on notices are refused, and a QEMU that waits for us is let go on. */
static void refuse_notices(struct daemon_lock *l, const struct xr_err *why)
{
	l->refusal = *why;
	daemon_log(l->d, "%s; notices are refused until then", why->text);
	sd_notifyf(0, "STATUS=%s", why->text);
	set_running(&l->moves, true);
}

static void keep_waiting(struct daemon_lock *l, int ret, struct xr_err *why)
{
	if (!l->refusal.text[0] &&
	    (ret != -EAGAIN ||
	     plane_lock_waited(&l->waited, l->d->instance, IDLE_MOST, WAIT_MOST, why)))
		refuse_notices(l, why);
	try_again(l);
}

static void resume(struct daemon_lock *l)
{
	bool refused = l->refusal.text[0];

	l->refusal.text[0] = '\0';
	set_running(&l->moves, true);
	set_running(&l->chores, true);
	if (!refused)
		return;
	daemon_log(l->d, "the instance can be changed again");
	sd_notify(0, "STATUS=watching");
	daemon_lock_is_back(l->d);
}

static int on_time(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct xr_err why = { "" };
	struct daemon_lock *l = ctx;
	int ret = take_lock(l->d, &why);

	(void)s;
	(void)usec;
	if (!ret) {
		resume(l);
		ret = take_turn(&l->moves);
		daemon_end(l->d);
		return ret;
	}
	if (!l->d->status)
		keep_waiting(l, ret, &why);
	return 0;
}

static int locked_turn(struct inner *in)
{
	struct daemon_lock *l = in->lock;
	struct xr_err why = { "" };
	int ret;

	l->d->turn_began = daemon_clock_us();
	if (l->refusal.text[0])
		return take_turn(in);
	ret = take_lock(l->d, &why);
	if (!ret) {
		ret = take_turn(in);
		daemon_end(l->d);
		return ret;
	}
	if (l->d->status)
		return 0;
	set_running(&l->moves, false);
	set_running(&l->chores, false);
	l->pause = FIRST_PAUSE;
	memset(&l->waited, 0, sizeof(l->waited));
	keep_waiting(l, ret, &why);
	return 0;
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	(void)s;
	(void)fd;
	(void)revents;
	return locked_turn(ctx);
}

static int on_now(sd_event_source *s, void *ctx)
{
	(void)s;
	return locked_turn(ctx);
}

/* ---- its life ---- */

static int inner_open(struct daemon_lock *l, struct inner *in, sd_event **loop)
{
	sd_event *top = l->d->top;
	int ret = sd_event_new(&in->loop);

	in->lock = l;
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

int daemon_lock_open(struct daemon *d)
{
	struct daemon_lock *l = calloc(1, sizeof(*l));
	int ret;

	if (!l)
		return -ENOMEM;
	d->lock = l;
	l->d = d;
	ret = inner_open(l, &l->moves, &d->moves);
	if (ret >= 0)
		ret = inner_open(l, &l->chores, &d->chores);
	if (ret >= 0)
		ret = sd_event_add_time_relative(d->top, &l->timer, CLOCK_MONOTONIC, 0,
						 US_PER_MS / 10, on_time, l);
	return ret < 0 ? ret : sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
}

void daemon_lock_close(struct daemon *d)
{
	struct daemon_lock *l = d->lock;

	if (!l)
		return;
	inner_close(&l->moves);
	inner_close(&l->chores);
	sd_event_source_disable_unref(l->timer);
	free(l);
	d->lock = NULL;
}
