// SPDX-License-Identifier: GPL-2.0-only
/* QEMU's events, and what each means where the VM leaves and where it arrives. */
#include <string.h>

#include "qmp_priv.h"

/* ---- a prepare ---- */

static void prepare(struct monitor *m)
{
	if (m->incoming)
		qmp_arrive_prepare(m);
	else
		qmp_leave_prepare(m);
}

void qmp_prepare_now(struct monitor *m)
{
	if (!m->prepare_defer)
		return;
	m->prepare_defer = sd_event_source_disable_unref(m->prepare_defer);
	prepare(m);
}

static int on_prepare_defer(sd_event_source *s, void *ctx)
{
	(void)s;
	qmp_prepare_now(ctx);
	return 0;
}

/*
 * A prepare takes longer than anything else, and many VMs may begin to move at once:
 * one that stands still meanwhile goes first. Asked for again before it was done, it is
 * done once.
 */
void qmp_prepare_soon(struct monitor *m)
{
	if (!m->prepare_defer &&
	    sd_event_add_defer(m->d->moves, &m->prepare_defer, on_prepare_defer, m) < 0)
		prepare(m);
}

/* ---- the migration's status ---- */

enum qmp_migration qmp_migration_of(const char *status, enum qmp_migration unknown)
{
	static const struct {
		const char *name;
		enum qmp_migration is;
	} statuses[] = {
		{ "none", QMP_IDLE },
		{ "setup", QMP_ACTIVE },
		{ "wait-unplug", QMP_ACTIVE },
		{ "active", QMP_ACTIVE },
		{ "pre-switchover", QMP_PRE_SWITCHOVER },
		{ "device", QMP_DEVICE },
		{ "cancelling", QMP_CANCELLING },
		{ "cancelled", QMP_FAILED },
		{ "failed", QMP_FAILED },
		{ "completed", QMP_COMPLETED },
		/* As a rule this comes before STOP; after that the VM runs there. */
		{ "postcopy-active", QMP_POSTCOPY },
	};
	size_t i;

	for (i = 0; status && i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (!strcmp(statuses[i].name, status))
			return statuses[i].is;
	return unknown;
}

void qmp_follow_migration(struct monitor *m)
{
	if (m->migration == QMP_ACTIVE)
		qmp_prepare_soon(m);
	else if (!m->incoming)
		qmp_leave_step(m);
	else if (m->migration == QMP_FAILED)
		qmp_arrive_failed(m);
}

/* ---- events ---- */

static void on_migration(struct monitor *m, json_t *data)
{
	const char *status = json_string_value(json_object_get(data, "status"));

	m->migration = qmp_migration_of(status, m->migration);
	if (m->migration != QMP_ACTIVE)
		qmp_prepare_now(m);
	if (m->migration != QMP_PRE_SWITCHOVER)
		qmp_gate_passed(m);
	qmp_follow_migration(m);
}

static void on_resume(struct monitor *m)
{
	qmp_prepare_now(m);
	m->running = true;
	if (m->incoming)
		qmp_arrived(m);
	else
		qmp_leave_runs_again(m);
	qmp_gate_switch_on(m);
}

static void on_stop(struct monitor *m, int64_t at)
{
	qmp_prepare_now(m);
	m->running = false;
	if (m->incoming)
		return;
	if (m->migration != QMP_IDLE && m->migration != QMP_FAILED)
		qmp_leave_stopped(m, at);
	if (m->migration == QMP_POSTCOPY)
		qmp_leave_handed_over(m);
}

void qmp_on_event(struct monitor *m, const char *name, json_t *data, int64_t at)
{
	if (!strcmp(name, "MIGRATION"))
		on_migration(m, data);
	else if (!strcmp(name, "RESUME"))
		on_resume(m);
	else if (!strcmp(name, "STOP"))
		on_stop(m, at);
}

/* ---- its end ---- */

void qmp_on_gone(struct monitor *m)
{
	qmp_prepare_now(m);
	qmp_queue_forget(m);
	qmp_gate_forget(m);
	m->hand_over_timer = sd_event_source_disable_unref(m->hand_over_timer);
	if (!m->incoming &&
	    (m->migration == QMP_COMPLETED || (m->migration == QMP_POSTCOPY && !m->running)))
		qmp_leave_moved(m);
	/* It waited for a VM that did not begin to run here. */
	if (m->incoming && !m->running)
		qmp_arrive_failed(m);
}

void qmp_forget(struct monitor *m)
{
	qmp_queue_forget(m);
	qmp_gate_forget(m);
	m->hand_over_timer = sd_event_source_disable_unref(m->hand_over_timer);
	m->failed_timer = sd_event_source_disable_unref(m->failed_timer);
	m->prepare_defer = sd_event_source_disable_unref(m->prepare_defer);
}
