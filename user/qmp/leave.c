// SPDX-License-Identifier: GPL-2.0-only
/*
 * A move as the QEMU that the VM leaves tells of it. Only what fits the VM's state in the instance is
 * posted: an operator's pause is no blackout, and what a QEMU of yesterday still
 * reports does not undo a move of today.
 */
#include <time.h>

#include "host/host.h"
#include "qmp_priv.h"

/* After the migration is completed the old host goes on copying frames for this long ... */
#define HAND_OVER_MS    1000     /* ... as the VM may still come back ... */
#define HAND_OVER_LEAST 100      /* ... and at least so long: until it runs there */
#define LONG_AGO_US     60000000 /* more between STOP and the prepare: the clock was set */

bool qmp_in_migration(const struct monitor *m)
{
	return m->migration == QMP_ACTIVE || m->migration == QMP_PRE_SWITCHOVER ||
		m->migration == QMP_DEVICE || m->migration == QMP_POSTCOPY;
}

/* ---- it runs ---- */

/* The clock of QEMU's events. */
static int64_t real_time_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

void qmp_leave_prepare(struct monitor *m)
{
	struct qmp_view v = qmp_view_of(m);

	/* Without "to" the socket or the command prepares the move, before STOP. */
	if (m->conf.to[0] && v.known && host_is_local(m->d->plane, v.now.host))
		qmp_post_notice(m, XR_NOTICE_PREPARE, m->conf.to);
	m->prepared_at = real_time_us();
	qmp_queue_watch(m);
}

/* ---- it stands still ---- */

/*
 * stopped: when the VM was. What its port held then, before the move was prepared, is in no
 * ring, and nothing counts it: the log tells.
 */
static void log_if_too_early(struct monitor *m, int64_t stopped)
{
	int64_t early = (uint64_t)m->prepared_at - (uint64_t)stopped;

	if (early > 0 && early < LONG_AGO_US)
		qmp_log(m,
			"the VM stood still %.1f ms before its move was prepared: "
			"what its port held then is lost",
			early / 1000.0);
}

/* Not while its port's program is still being attached; true where no move is under way. */
static bool is_prepared(struct monitor *m)
{
	struct qmp_view v = qmp_view_of(m);

	return !v.under_way || vm_is_ready(m->d->plane, v.vm_index);
}

void qmp_leave_stands_still(struct monitor *m)
{
	struct qmp_view v = qmp_view_of(m);

	if (v.under_way)
		m->left_for = v.now.next;
	/* QEMU is asked first: when the notice has been obeyed, it may be gone. */
	qmp_queue_stopped(m);
	if (v.known && v.now.state == XR_VM_PREPARED)
		qmp_post_notice(m, XR_NOTICE_PAUSE, NULL);
}

void qmp_leave_stopped(struct monitor *m, int64_t at)
{
	if (!is_prepared(m))
		m->prepared_at = real_time_us();
	log_if_too_early(m, at);
	qmp_leave_stands_still(m);
}

/* ---- it is there ---- */

void qmp_leave_moved(struct monitor *m)
{
	struct qmp_view v = qmp_view_of(m);

	if (v.under_way && !host_is_local(m->d->plane, v.now.next))
		qmp_post_notice(m, XR_NOTICE_MOVED, qmp_host_name(m, v.now.next));
}

static int on_hand_over_timer(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct monitor *m = ctx;

	(void)s;
	(void)usec;
	m->hand_over_timer = sd_event_source_disable_unref(m->hand_over_timer);
	qmp_leave_moved(m);
	return 0;
}

/* The blackout's deadline must not come before: a tick is up to a second. */
static uint64_t hand_over_us(const struct monitor *m, const struct qmp_view *v)
{
	const struct plane *p = m->d->plane;
	__s32 left = (__s32)(p->vms[v->vm_index].deadline - plane_tick(m->d->plane)) - 1;

	return US_PER_MS * (left >= HAND_OVER_MS / 1000 ? HAND_OVER_MS : HAND_OVER_LEAST);
}

/*
 * The VM need not run there yet, and may come back: whoever manages it may find that
 * something else is wrong there. And a new host that does not know yet that it came
 * redirects its frames to us, where they would be lost. So we go on copying frames until
 * the first of these: the VM's own first frame from there, this QEMU's end, the timer.
 */
void qmp_leave_handed_over(struct monitor *m)
{
	struct qmp_view v = qmp_view_of(m);

	if (!v.known || m->hand_over_timer)
		return;
	m->left_for = v.under_way ? v.now.next : v.now.host;
	if (!v.under_way || host_is_local(m->d->plane, v.now.next))
		return;
	/* Nobody heard the STOP. */
	if (v.now.state == XR_VM_PREPARED)
		qmp_post_notice(m, XR_NOTICE_PAUSE, NULL);
	if (sd_event_add_time_relative(m->d->moves, &m->hand_over_timer, CLOCK_MONOTONIC,
				       hand_over_us(m, &v), 1000, on_hand_over_timer, m) < 0)
		qmp_leave_moved(m);
}

/* ---- it is back ---- */

void qmp_leave_stayed(struct monitor *m)
{
	struct qmp_view v = qmp_view_of(m);

	if (v.under_way)
		qmp_post_notice(m, XR_NOTICE_CANCEL, NULL);
}

/* The instance has the VM where this QEMU's migration brought it, and not further. */
static bool is_known_as_gone(struct monitor *m, const struct qmp_view *v)
{
	return v->known && m->left_for && !v->under_way && v->now.host == m->left_for &&
		!host_is_local(m->d->plane, v->now.host);
}

/*
 * RESUME where it left: the VM is back, whatever the migration's own status becomes
 * later, and whatever the data plane believed of the VM.
 */
void qmp_leave_runs_again(struct monitor *m)
{
	struct qmp_view v = qmp_view_of(m);
	__u16 host = qmp_host_here(m, &v);

	m->hand_over_timer = sd_event_source_disable_unref(m->hand_over_timer);
	if (is_known_as_gone(m, &v) && host) {
		qmp_log(m, "the VM runs here again: its migration to %s came to nothing",
			qmp_host_name(m, v.now.host));
		qmp_post_notice(m, XR_NOTICE_MOVED, qmp_host_name(m, host));
	} else if (v.known && v.now.state == XR_VM_BLACKOUT) {
		qmp_leave_stayed(m);
		/* An operator paused and resumed it: memory is still being copied. */
		if (m->migration == QMP_ACTIVE)
			qmp_post_notice(m, XR_NOTICE_PREPARE, qmp_host_name(m, v.now.next));
	}
	m->left_for = 0;
	if (!qmp_in_migration(m))
		m->migration = QMP_IDLE;
}

/* ---- the migration's steps ---- */

void qmp_leave_step(struct monitor *m)
{
	switch (m->migration) {
	case QMP_PRE_SWITCHOVER:
		qmp_leave_stands_still(m);
		qmp_gate_reached(m);
		break;
	case QMP_POSTCOPY:
		if (!m->running) /* STOP came before this event */
			qmp_leave_handed_over(m);
		break;
	case QMP_COMPLETED:
		qmp_leave_handed_over(m);
		break;
	case QMP_FAILED:
		qmp_leave_stayed(m);
		if (m->gate_others)
			qmp_gate_switch_off(m);
		break;
	default:
		break;
	}
}
