// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events.h"
#include "plane/pins.h"

struct events {
	struct ring_buffer *ring;
	void (*each)(void *ctx, const struct xr_event *e);
	void *ctx;
	int lock_fd;
	bool started;
};

static int on_event(void *ctx, void *data, size_t size)
{
	struct events *ev = ctx;

	if (ev->started && size >= sizeof(struct xr_event))
		ev->each(ev->ctx, data);
	return 0;
}

/* Not the instance's own lock: watching must not keep others from changing. */
static int lock(const char *name, struct xr_err *err)
{
	char path[160];
	int fd;

	mkdir(XR_RUN_ROOT, 0755);
	snprintf(path, sizeof(path), XR_RUN_ROOT "/%s", name);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), XR_RUN_ROOT "/%s/monitor", name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return plane_file_fail(err, "", path);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return xr_fail(
			err, -EBUSY,
			"instance \"%s\" is monitored by another process, and only one at a time can: stop it first",
			name);
	}
	return fd;
}

int events_open(struct plane *p, void (*each)(void *ctx, const struct xr_event *e), void *ctx,
		struct events **out, struct xr_err *err)
{
	struct events *ev = calloc(1, sizeof(*ev));
	int ret;

	if (!ev)
		return xr_fail(err, -ENOMEM, "out of memory");
	ev->each = each;
	ev->ctx = ctx;
	ret = ev->lock_fd = lock(p->name, err);
	if (ret < 0)
		goto fail;
	ev->ring = ring_buffer__new(p->fd[PLANE_EVENTS], on_event, ev, NULL);
	if (!ev->ring) {
		ret = xr_fail(err, -errno, "the event ring: %s", strerror(errno));
		goto fail;
	}
	ring_buffer__consume(ev->ring);
	ev->started = true;
	*out = ev;
	return 0;
fail:
	events_close(ev);
	return ret;
}

int events_wait(struct events *ev, int timeout)
{
	return ring_buffer__poll(ev->ring, timeout);
}

void events_close(struct events *ev)
{
	if (!ev)
		return;
	ring_buffer__free(ev->ring);
	if (ev->lock_fd >= 0)
		close(ev->lock_fd);
	free(ev);
}
