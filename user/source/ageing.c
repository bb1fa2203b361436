// SPDX-License-Identifier: GPL-2.0-only
/* Once a second: what ran out is tidied, and whether there is an instance. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"

#define SECOND 1000000ULL

struct ageing {
	struct daemon *d;
	sd_event_source *timer;
};

static int on_second(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct ageing *a = ctx;
	struct xr_err err = { "" };

	(void)usec;
	if (!daemon_begin(a->d, &err)) {
		vm_age(a->d->plane);
		daemon_end(a->d);
	} else if (!a->d->status) {
		daemon_log(a->d, "%s", err.text);
	}
	sd_event_source_set_time_relative(s, SECOND);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct ageing *a = calloc(1, sizeof(*a));
	int ret;

	if (!a)
		return xr_fail(err, -ENOMEM, "out of memory");
	a->d = d;
	ret = sd_event_add_time_relative(d->chores, &a->timer, CLOCK_MONOTONIC, SECOND, SECOND / 20,
					 on_second, a);
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
