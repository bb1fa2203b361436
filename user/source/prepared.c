// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a prepared move leaves for later, so that no notice waits for it: programs on
 * ports, which a thread attaches, and samples of a port's queue, until one shows how
 * many frames were in it when counting began (vm_local_sample()).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "attach/tc.h"
#include "local/local.h"
#include "source_priv.h"

#define SPREAD 8 /* pauses are so much longer than a command's, which has less time */

/*
 * After that a port is sampled now and then as long as the move is prepared: a VM that
 * had no processor until then has not emptied its queue. Many ports together are
 * sampled no more often than eight.
 */
#define LATER_US 30000
#define TURN_US  (LATER_US / 8)

/* The port of a VM that is sampled. */
struct sampled {
	struct prepared *state;
	struct sampled *next;
	__u32 vm_index;
	int samples, empty; /* how many; how many in a row found the queue empty */
	sd_event_source *timer;
};

struct prepared {
	struct daemon *d;
	sd_event_source *io;
	struct sampled *list;
	__u32 n; /* of the list */
};

/* ---- samples ---- */

static void sampled_free(struct sampled *s)
{
	struct sampled **link = &s->state->list;

	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	s->state->n--;
	sd_event_source_disable_unref(s->timer);
	free(s);
}

static void schedule_sample(struct sampled *s)
{
	bool later = s->samples >= SAMPLES_MOST || s->empty >= SAMPLES_EMPTY;
	__u32 wait = vm_local_sample_wait(s->samples);
	__u32 round = s->state->n * TURN_US;

	if (later)
		wait += round > LATER_US ? round : LATER_US;
	else
		wait *= SPREAD;
	timer_in_us(s->timer, wait);
}

static bool has_program(const struct sampled *s)
{
	const struct plane *p = s->state->d->plane;

	return !tc_worker_has(p, p->vms[s->vm_index].tap);
}

static bool is_over(const struct sampled *s)
{
	struct plane *p = s->state->d->plane;

	return !p->vms[s->vm_index].ring || vm_now(p, s->vm_index).state != XR_VM_PREPARED;
}

/* A sample that the lock did not allow counts, too. */
static void take_sample(struct sampled *s)
{
	struct daemon *d = s->state->d;

	s->samples++;
	if (daemon_begin(d, NULL))
		return;
	s->empty = vm_local_sample(d->plane, s->vm_index) ? s->empty + 1 : 0;
	daemon_end(d);
}

static int on_time(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct sampled *s = ctx;

	(void)source;
	(void)usec;
	/* Without its program nothing counts what goes into the queue. */
	if (has_program(s)) {
		if (is_over(s)) {
			sampled_free(s);
			return 0;
		}
		take_sample(s);
	}
	schedule_sample(s);
	return 0;
}

static void on_prepared(void *ctx, __u32 vm_index)
{
	struct prepared *state = ctx;
	struct daemon *d = state->d;
	struct sampled *s;

	if (!d->plane->vms[vm_index].ring)
		return;
	for (s = state->list; s; s = s->next)
		if (s->vm_index == vm_index)
			break;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return;
		s->state = state;
		s->vm_index = vm_index;
		s->next = state->list;
		state->list = s;
		state->n++;
		if (sd_event_add_time_relative(d->chores, &s->timer, CLOCK_MONOTONIC, 0, 1, on_time,
					       s) < 0) {
			sampled_free(s);
			return;
		}
	}
	s->samples = s->empty = 0;
	schedule_sample(s);
}

/* ---- programs ---- */

static void on_fail(void *ctx, const char *line)
{
	daemon_log(ctx, "warning: %s", line);
}

static void settle(struct prepared *s, void (*how)(struct plane *p, tc_fail *fail, void *ctx))
{
	bool locked = !daemon_begin(s->d, NULL);

	how(locked ? s->d->plane : NULL, on_fail, s->d);
	if (locked)
		daemon_end(s->d);
}

static int on_done(sd_event_source *io, int fd, uint32_t revents, void *ctx)
{
	(void)io;
	(void)fd;
	(void)revents;
	settle(ctx, tc_worker_settle);
	return 0;
}

static void stop(void *state)
{
	struct prepared *s = state;

	while (s->list)
		sampled_free(s->list);
	sd_event_source_disable_unref(s->io);
	/* Before the lock is taken: commands need not wait for it. */
	tc_worker_finish();
	settle(s, tc_worker_stop);
	free(s);
}

/* Where there is no thread a prepare waits for its programs. */
static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct prepared *s = calloc(1, sizeof(*s));
	int fd, ret;

	if (!s)
		return xr_fail(err, -ENOMEM, "out of memory");
	*state = s;
	s->d = d;
	fd = tc_worker_start(d->plane);
	if (fd < 0)
		return 0;
	ret = sd_event_add_io(d->chores, &s->io, fd, EPOLLIN, on_done, s);
	if (ret >= 0)
		return 0;
	xr_fail(err, ret, "a worker: %s", strerror(-ret));
	stop(s);
	return ret;
}

const struct source source_prepared = {
	.name = "prepared",
	.start = start,
	.stop = stop,
	.prepared = on_prepared,
};
