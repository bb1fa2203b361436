// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a prepared move leaves for later, so that nobody waits for it: programs on
 * ports, attached by a thread, and looks at a port's queue until it is known what
 * was in it when counting began.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "attach/tc_worker.h"
#include "host/local.h"
#include "daemon/daemon.h"

#define SPREAD 8 /* there is more time for looks than a command has */

/*
 * And then as long as the move is prepared: a VM that gets no processor as it begins
 * has not emptied its queue by then. Of many VMs each has its turn: all of them
 * together are looked at no more often than eight.
 */
#define LATER_US 30000
#define TURN_US  (LATER_US / 8)

/* A port that is looked at. */
struct sampled {
	struct prepared *state;
	struct sampled *next;
	__u32 place;
	int looks, empty;
	sd_event_source *timer;
};

struct prepared {
	struct daemon *d;
	struct tc_worker *worker;
	sd_event_source *io;
	struct sampled *list;
	__u32 n; /* of the list */
};

/* ---- looks ---- */

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

static void again(struct sampled *s)
{
	bool later = s->looks >= SAMPLES_MOST || s->empty >= SAMPLES_EMPTY;
	__u32 wait = vm_local_sample_wait(s->looks);
	__u32 round = s->state->n * TURN_US;

	if (later)
		wait += round > LATER_US ? round : LATER_US;
	else
		wait *= SPREAD;
	sd_event_source_set_time_relative(s->timer, wait);
	sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static bool is_hooked(const struct sampled *s)
{
	__u32 tap = s->state->d->plane->vms[s->place].tap;

	return !s->state->worker || !tc_worker_has(s->state->worker, tap);
}

static bool is_over(const struct sampled *s)
{
	struct plane *p = s->state->d->plane;

	return !p->vms[s->place].ring || vm_now(p, s->place).state != XR_VM_PREPARED;
}

/* Not while somebody else has the lock. */
static void look(struct sampled *s)
{
	struct daemon *d = s->state->d;
	struct xr_err err;

	s->looks++;
	if (daemon_begin(d, &err))
		return;
	s->empty = vm_local_sample(d->plane, s->place) ? s->empty + 1 : 0;
	daemon_end(d);
}

static int on_time(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct sampled *s = ctx;

	(void)source;
	(void)usec;
	/* Before, nothing is counted that goes in. */
	if (is_hooked(s)) {
		if (is_over(s)) {
			sampled_free(s);
			return 0;
		}
		look(s);
	}
	again(s);
	return 0;
}

void prepared_watch(struct daemon *d, __u32 place)
{
	struct prepared *state = d->prepared;
	struct sampled *s;

	if (!state || !d->plane->vms[place].ring)
		return;
	for (s = state->list; s; s = s->next)
		if (s->place == place)
			break;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return;
		s->state = state;
		s->place = place;
		s->next = state->list;
		state->list = s;
		state->n++;
		if (sd_event_add_time_relative(d->chores, &s->timer, CLOCK_MONOTONIC, 0, 1, on_time,
					       s) < 0) {
			sampled_free(s);
			return;
		}
	}
	s->looks = s->empty = 0;
	again(s);
}

/* ---- programs ---- */

static void on_fail(void *ctx, const char *line)
{
	daemon_log(ctx, "warning: %s", line);
}

static void settle(struct prepared *s)
{
	bool there;
	struct xr_err err;

	there = !daemon_begin(s->d, &err);
	tc_worker_settle(s->worker, there ? s->d->plane : NULL, on_fail, s->d);
	if (there)
		daemon_end(s->d);
}

static int on_done(sd_event_source *io, int fd, uint32_t revents, void *ctx)
{
	(void)io;
	(void)fd;
	(void)revents;
	settle(ctx);
	return 0;
}

/* Without a thread a prepare waits for its hooks. */
static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct prepared *s = calloc(1, sizeof(*s));
	int fd, ret;

	if (!s)
		return xr_fail(err, -ENOMEM, "out of memory");
	*state = d->prepared = s;
	s->d = d;
	s->worker = tc_worker_new(&fd);
	if (!s->worker)
		return 0;
	d->plane->tc_worker = s->worker;
	ret = sd_event_add_io(d->chores, &s->io, fd, EPOLLIN, on_done, s);
	return ret < 0 ? xr_fail(err, ret, "a worker: %s", strerror(-ret)) : 0;
}

static void stop(void *state)
{
	struct prepared *s = state;

	s->d->prepared = NULL;
	s->d->plane->tc_worker = NULL;
	while (s->list)
		sampled_free(s->list);
	sd_event_source_disable_unref(s->io);
	if (s->worker) {
		tc_worker_end(s->worker);
		settle(s);
	}
	tc_worker_free(s->worker);
	free(s);
}

const struct source source_prepared = {
	.name = "prepared",
	.start = start,
	.stop = stop,
};
