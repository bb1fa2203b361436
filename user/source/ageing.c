// SPDX-License-Identifier: GPL-2.0-only
/*
 * Once a second: deadlines and ttls that ran out, and a capture whose process was killed.
 * Taking the lock for it also shows an instance that was destroyed, and ends the daemon.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attach/attach.h"
#include "source_priv.h"

struct ageing {
	struct daemon *d;
	sd_event_source *timer;
};

static int on_second(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct ageing *a = ctx;

	(void)usec;
	if (!daemon_begin_logged(a->d)) {
		vm_age(a->d->plane);
		plane_capture_recover(a->d->plane);
		daemon_end(a->d);
	}
	return timer_in_us(s, US_PER_SECOND);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct ageing *a = calloc(1, sizeof(*a));
	int ret;

	if (!a)
		return xr_fail(err, -ENOMEM, "out of memory");
	a->d = d;
	ret = sd_event_add_time_relative(d->chores, &a->timer, CLOCK_MONOTONIC, US_PER_SECOND,
					 US_PER_SECOND / 20, on_second, a);
	if (ret < 0) {
		free(a);
		return xr_fail(err, ret, "a timer: %s", strerror(-ret));
	}
	*state = a;
	return 0;
}

static void stop(void *state)
{
	struct ageing *a = state;

	sd_event_source_disable_unref(a->timer);
	free(a);
}

const struct source source_ageing = {
	.name = "ageing",
	.start = start,
	.stop = stop,
};
