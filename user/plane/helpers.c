// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two programs that user space runs: one starts the clock, the other,
 * pinned, puts an event into the ring.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/process.h"
#include "plane_priv.h"

#include <xroam.skel.h>

#define EMIT_PIN "emit_event"

void plane_only_helpers(struct xroam_bpf *skel)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, false);
	bpf_program__set_autoload(skel->progs.start_clock, true);
	bpf_program__set_autoload(skel->progs.emit_event, true);
}

static int pin_emit(struct xroam_bpf *skel, const char *dir)
{
	char path[512];
	int ret = plane_pin_path(path, sizeof(path), dir, EMIT_PIN);

	return ret ? ret : pin_replace(path, bpf_program__fd(skel->progs.emit_event));
}

/*
 * Newer kernels allocate the timer without waiting for anybody, which fails where another
 * CPU allocates just then, and not for want of memory alone.
 */
#define CLOCK_TRIES 2000

static int start_clock(int prog_fd)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int left = CLOCK_TRIES, ret;

	do {
		LIBBPF_OPTS(bpf_test_run_opts, run);

		ret = bpf_prog_test_run_opts(prog_fd, &run);
		ret = ret ? ret : (int)run.retval;
	} while (ret == -ENOMEM && --left && !nanosleep(&moment, NULL));
	return ret;
}

int plane_start_helpers(struct xroam_bpf *skel, const char *dir, struct xr_err *err)
{
	int ret = start_clock(bpf_program__fd(skel->progs.start_clock));

	if (ret)
		return xr_fail(err, ret, "starting the clock: %s", strerror(-ret));
	ret = pin_emit(skel, dir);
	if (ret)
		xr_fail(err, ret, "pinning " EMIT_PIN ": %s", strerror(-ret));
	return ret;
}

int plane_reload_helpers(struct plane *p, struct xr_err *err)
{
	struct xroam_bpf *skel = xroam_bpf__open();
	int ret;

	if (!skel)
		return xr_fail(err, -errno, "BPF object: %s", strerror(errno));
	plane_only_helpers(skel);
	ret = plane_reuse_maps(p, skel->obj, 0, err);
	if (ret)
		goto out;
	ret = xroam_bpf__load(skel);
	if (ret) {
		ret = plane_load_failed(ret, "loading the clock", err);
		goto out;
	}
	ret = plane_start_helpers(skel, p->dir, err);
out:
	xroam_bpf__destroy(skel);
	return ret;
}

static int open_emit(struct plane *p)
{
	char path[512];

	if (p->emit_fd < 0 && !plane_pin_path(path, sizeof(path), p->dir, EMIT_PIN))
		p->emit_fd = bpf_obj_get(path);
	return p->emit_fd;
}

/* Looked up once in a process: an apply has thousands of events. */
static void name_maker(struct xr_event_maker *m)
{
	static struct xr_event_maker self;

	if (self.pid != (__u32)getpid()) {
		self.pid = getpid();
		self.uid = getuid();
		self.login_uid = process_login_uid(self.pid);
	}
	*m = self;
}

void plane_emit(struct plane *p, struct xr_event *e)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = e, .ctx_size_in = sizeof(*e));
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	e->when_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	if (open_emit(p) >= 0)
		bpf_prog_test_run_opts(p->emit_fd, &run);
}

void plane_emit_by_name(const char *instance, struct xr_event *e)
{
	struct plane p = { .emit_fd = -1 };

	snprintf(p.dir, sizeof(p.dir), XR_PIN_ROOT "/%s", instance);
	plane_emit(&p, e);
	if (p.emit_fd >= 0)
		close(p.emit_fd);
}

static void (*on_change)(const char *line);

void plane_on_change(void (*each)(const char *line))
{
	on_change = each;
}

void plane_change_line(const char *line)
{
	if (on_change)
		on_change(line);
}

void plane_event(struct plane *p, const char *fmt, ...)
{
	struct xr_event e = { .kind = XR_EVENT_CHANGE };
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	plane_change_line(line);
	memcpy(e.text, line, strnlen(line, sizeof(e.text) - 1));
	name_maker(&e.maker);
	plane_emit(p, &e);
}

__u32 plane_tick(struct plane *p)
{
	struct xr_clock clock = {};
	__u32 zero = 0;

	if (bpf_map_lookup_elem(p->fd[PLANE_CLOCK], &zero, &clock))
		return 0;
	return clock.tick;
}

bool plane_ticks(struct plane *p, __u32 tick)
{
	const struct timespec moment = { .tv_nsec = 50 * 1000 * 1000 };
	int i;

	for (i = 0; i < 100 && plane_tick(p) == tick; i++)
		nanosleep(&moment, NULL);
	return plane_tick(p) != tick;
}
