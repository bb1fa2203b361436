// SPDX-License-Identifier: GPL-2.0-only
/*
 * The source's life: the process that talks to the database, what it tells, and when that is
 * judged. Where the database is gone, all goes on as it is, and "status" says since when; what
 * was missed follows from comparing, as only changes are news.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ovn_priv.h"
#include "plane/vm_state.h"

#define TURN 64 /* records, before the others' turn */

/* ---- what the process tells ---- */

static void lose(struct ovn *o, const char *why)
{
	if (!o->lost_at) {
		o->lost_at = time(NULL);
		daemon_log_always("ovn: %s; all stays as it was", why);
	}
	snprintf(o->why, sizeof(o->why), "%s", why);
	o->whole = false;
	figures_set_source(o->d->figures, o->figure, false);
	ovn_report_faults(o);
}

static void take_chassis(struct ovn *o, const struct southbound_chassis *c)
{
	struct ovn_place *more;

	while (o->n_places < c->no) {
		if (!(o->n_places % 64)) {
			more = realloc(o->place, (o->n_places + 64) * sizeof(*more));
			if (!more)
				return; /* nobody is there */
			o->place = more;
		}
		memset(&o->place[o->n_places++], 0, sizeof(*o->place));
	}
	o->place[c->no - 1].chassis = *c;
	o->places_changed = true;
}

static void take_vm(struct ovn *o, const struct southbound_vm *v)
{
	struct ovn_row about = { .key = { .vlan = v->vlan } }, *row;

	memcpy(about.key.mac, v->mac, sizeof(v->mac));
	row = ovn_row_make(&o->rows, &about.key, ovn_vm_of(o, &about) != VM_NOWHERE);
	if (!row)
		return;
	row->reading = o->reading;
	row->word = *v;
	ovn_row_wait(&o->rows, row);
}

static void find_gone(struct ovn_row *row, void *ctx)
{
	struct ovn *o = ctx;

	if (row->reading == o->reading || row->word.gone)
		return;
	row->word.gone = true;
	row->word.at = row->word.next = 0;
	ovn_row_wait(&o->rows, row);
}

static void take_whole(struct ovn *o, const char *remote)
{
	daemon_log_always("ovn: %s %s: %u MACs at %u chassis",
			  o->lost_at ? "following again" : "following", remote, o->rows.n,
			  o->n_places);
	o->whole = true;
	o->lost_at = 0;
	o->why[0] = '\0';
	figures_set_source(o->d->figures, o->figure, true);
	ovn_rows_visit(&o->rows, find_gone, o);
	ovn_report_faults(o);
}

static void take_record(struct ovn *o, const struct ovn_record *r)
{
	switch (r->kind) {
	case OVN_BEGINS:
		/* The chassis get other numbers: nothing is judged until all rows have them. */
		o->whole = false;
		o->reading++;
		o->rows.left_out = 0;
		o->n_places = 0;
		break;
	case OVN_CHASSIS:
		take_chassis(o, &r->chassis);
		break;
	case OVN_VM:
		take_vm(o, &r->vm);
		break;
	case OVN_WHOLE:
		take_whole(o, r->text);
		break;
	case OVN_NOTE:
		snprintf(o->note, sizeof(o->note), "%s", r->text);
		ovn_report_faults(o);
		break;
	case OVN_LOST:
		lose(o, r->text);
		break;
	}
}

/* ---- the process ---- */

static void reap(struct ovn *o)
{
	o->io = sd_event_source_disable_unref(o->io);
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	if (o->pid)
		kill(o->pid, SIGKILL);
	while (o->pid && waitpid(o->pid, NULL, 0) < 0 && errno == EINTR)
		;
	o->pid = 0;
}

static int on_records(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	static struct ovn_record record[TURN];
	struct ovn *o = ctx;
	ssize_t got, i;

	(void)s;
	(void)revents;
	got = read(fd, record, sizeof(record));
	if (got < 0 && errno == EINTR)
		return 0;
	if (got <= 0) {
		reap(o); /* on_time() begins another */
		lose(o, "the process that talks to it was killed");
		return 0;
	}
	for (i = 0; i < got / (ssize_t)sizeof(record[0]); i++)
		take_record(o, &record[i]);
	if (o->places_changed && o->whole)
		ovn_find_hosts(o);
	if (ovn_judge(o))
		timer_in_us(o->timer, 0);
	return 0;
}

static void begin(struct ovn *o)
{
	o->pid = daemon_fork(o->d, &o->fd);
	if (!o->pid)
		ovn_watch(o->d, o->fd);
	if (o->pid > 0 && sd_event_add_io(o->d->moves, &o->io, o->fd, EPOLLIN, on_records, o) >= 0)
		return;
	if (o->pid < 0)
		o->pid = 0;
	reap(o);
	lose(o, "there is no process to talk to it");
}

static int on_time(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct ovn *o = ctx;
	uint64_t now = daemon_clock_us();

	(void)s;
	(void)usec;
	timer_in_us(o->timer, US_PER_SECOND);
	if (!o->pid)
		begin(o);
	if (daemon_begin(o->d, NULL))
		return 0;
	/* All rows are looked at: not with each turn of judging them. */
	if (now >= o->look_at) {
		o->look_at = now + US_PER_SECOND - US_PER_MS;
		if (o->whole && ovn_hosts_changed(o))
			ovn_find_hosts(o);
		ovn_look_again(o);
		ovn_report_faults(o);
	}
	if (ovn_judge(o))
		timer_in_us(o->timer, 0);
	daemon_end(o->d);
	return 0;
}

/* ---- its life ---- */

static int reload(struct daemon *d, void *state, struct xr_err *err)
{
	struct ovn *o = state;

	(void)err;
	reap(o);
	figures_drop_source(d->figures, o->figure);
	o->figure = -1;
	o->note[0] = '\0';
	o->whole = false;
	if (!d->model.ovn.n_remotes) {
		ovn_rows_free(&o->rows);
		o->lost_at = 0;
		sd_event_source_set_enabled(o->timer, SD_EVENT_OFF);
		daemon_set_problems(d, "ovn", "");
		return 0;
	}
	o->figure = figures_add_source(d->figures, "ovn", d->model.ovn.remote[0]);
	timer_in_us(o->timer, 0);
	return 0;
}

static void lock_is_back(void *state)
{
	struct ovn *o = state;

	if (o->d->model.ovn.n_remotes)
		timer_in_us(o->timer, 0);
}

static void stop(void *state)
{
	struct ovn *o = state;

	reap(o);
	sd_event_source_disable_unref(o->timer);
	ovn_rows_free(&o->rows);
	free(o->place);
	free(o);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct ovn *o = calloc(1, sizeof(*o));
	int ret;

	if (!o)
		return xr_fail(err, -ENOMEM, "out of memory");
	*o = (struct ovn){ .d = d, .fd = -1, .figure = -1 };
	ret = sd_event_add_time_relative(d->moves, &o->timer, CLOCK_MONOTONIC, 0, US_PER_MS,
					 on_time, o);
	if (ret >= 0)
		ret = reload(d, o, err);
	if (ret < 0) {
		xr_fail(err, ret, "ovn: %s", strerror(-ret));
		stop(o);
		return ret;
	}
	*state = o;
	return 0;
}

const struct source source_ovn = {
	.name = "ovn",
	.start = start,
	.stop = stop,
	.reload = reload,
	.lock_is_back = lock_is_back,
};
