// SPDX-License-Identifier: GPL-2.0-only
/* The source's life: its socket, and when what is done. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fdb_priv.h"

#define ROOM     (8 << 20)         /* of the socket: octets that may wait */
#define PATIENCE (100 * US_PER_MS) /* rows are judged then, also while more comes */

/* ---- turns ---- */

static void set_timer(struct fdb *f)
{
	uint64_t when = daemon_clock_us() + US_PER_SECOND;

	/* Both not before all messages are read, see fdb_ask_dump(). */
	if (f->links_due && f->all_read && f->links_due < when)
		when = f->links_due;
	if (f->dump_due && f->all_read && !f->dumping && f->dump_due < when)
		when = f->dump_due;
	if (f->retry_due && f->retry_due < when)
		when = f->retry_due;
	timer_at_us(f->timer, when);
}

/* The table is as the kernel's, as far as has been heard. */
static bool is_true(struct fdb *f)
{
	uint64_t now = daemon_clock_us();

	if (f->dumping || f->dump_due || f->lost)
		return false;
	if (f->all_read)
		f->behind_since = 0;
	else if (!f->behind_since)
		f->behind_since = now;
	return f->all_read || now - f->behind_since > PATIENCE;
}

static void work(struct fdb *f)
{
	bool more;

	f->all_read = fdb_hear(f);
	if (f->all_read && !f->dumping && f->dump_due && f->dump_due <= daemon_clock_us())
		fdb_ask_dump(f);
	more = is_true(f) && fdb_judge(f);
	set_timer(f);
	if (more)
		timer_in_us(f->timer, 0);
}

static int on_netlink(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	(void)s;
	(void)fd;
	(void)revents;
	work(ctx);
	return 0;
}

static int on_time(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct fdb *f = ctx;
	uint64_t now = daemon_clock_us();

	(void)s;
	(void)usec;
	if (daemon_begin(f->d, NULL)) {
		set_timer(f);
		return 0;
	}
	if (f->links_due && f->links_due <= now && f->all_read)
		fdb_read_links(f);
	if (f->retry_due && f->retry_due <= now) {
		f->retry_due = 0;
		fdb_look_again(f);
	}
	if (f->vms != f->d->plane->vm_control->vms) {
		f->vms = f->d->plane->vm_control->vms;
		fdb_look_at_new(f);
	}
	work(f);
	fdb_report_faults(f);
	daemon_end(f->d);
	return 0;
}

/* ---- its life ---- */

static void drop_bridges(struct fdb *f)
{
	size_t i;

	for (i = 0; i < f->n_bridges; i++)
		figures_drop_source(f->d->figures, f->bridge[i].figure);
	free(f->bridge);
	f->bridge = NULL;
	f->n_bridges = 0;
}

static int open_socket(struct fdb *f)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_NEIGH };
	int room = ROOM, ret;

	f->nl = netlink_subscribe(groups, sizeof(groups) / sizeof(groups[0]));
	if (!f->nl)
		return -errno;
	setsockopt(mnl_socket_get_fd(f->nl), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	ret = sd_event_add_io(f->d->moves, &f->io, mnl_socket_get_fd(f->nl), EPOLLIN, on_netlink,
			      f);
	return ret < 0 ? ret : 0;
}

static void close_socket(struct fdb *f)
{
	f->io = sd_event_source_disable_unref(f->io);
	if (f->nl)
		mnl_socket_close(f->nl);
	f->nl = NULL;
	f->dumping = false;
}

static int reload(struct daemon *d, void *state, struct xr_err *err)
{
	struct fdb *f = state;
	size_t i;
	int ret = 0;

	drop_bridges(f);
	if (d->model.n_fdb) {
		f->bridge = calloc(d->model.n_fdb, sizeof(*f->bridge));
		if (!f->bridge)
			return xr_fail(err, -ENOMEM, "out of memory");
	} else {
		close_socket(f);
		sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
		daemon_set_problems(d, "fdb", "");
		return 0;
	}
	f->n_bridges = d->model.n_fdb;
	for (i = 0; i < f->n_bridges; i++) {
		f->bridge[i].conf = d->model.fdb[i];
		f->bridge[i].figure = figures_add_source(d->figures, "fdb",
							 f->bridge[i].conf.bridge);
	}
	if (!f->nl)
		ret = open_socket(f);
	if (ret)
		return xr_fail(err, ret, "watching bridges: %s", strerror(-ret));
	fdb_read_links(f);
	f->dump_due = daemon_clock_us();
	f->all_read = true; /* or so it may be: work() looks */
	if (f->dumping)
		f->lost = true; /* it began with other bridges: once more */
	set_timer(f);
	return 0;
}

static void lock_is_back(void *state)
{
	struct fdb *f = state;

	if (f->nl)
		timer_in_us(f->timer, 0);
}

static void stop(void *state)
{
	struct fdb *f = state;

	drop_bridges(f);
	close_socket(f);
	sd_event_source_disable_unref(f->timer);
	links_free(&f->links);
	fdb_table_free(&f->table);
	free(f);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct fdb *f = calloc(1, sizeof(*f));
	int ret;

	if (!f)
		return xr_fail(err, -ENOMEM, "out of memory");
	f->d = d;
	ret = fdb_table_init(&f->table);
	if (!ret)
		ret = sd_event_add_time(d->moves, &f->timer, CLOCK_MONOTONIC, 0, US_PER_MS, on_time,
					f);
	if (ret >= 0)
		ret = sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
	if (ret < 0)
		xr_fail(err, ret, "watching bridges: %s", strerror(-ret));
	else
		ret = reload(d, f, err);
	if (ret < 0) {
		stop(f);
		return ret;
	}
	*state = f;
	return 0;
}

const struct source source_fdb = {
	.name = "fdb",
	.start = start,
	.reload = reload,
	.lock_is_back = lock_is_back,
	.stop = stop,
};
