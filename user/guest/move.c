// SPDX-License-Identifier: GPL-2.0-only
/* Events, and what each means where the VM leaves and where it arrives. */
#include <string.h>

#include "guest_priv.h"

/* ---- a prepare ---- */

static void prepare(struct guest *g)
{
	if (g->incoming)
		guest_arrive_prepare(g);
	else
		guest_leave_prepare(g);
}

void guest_prepare_now(struct guest *g)
{
	if (!g->prepare_defer)
		return;
	g->prepare_defer = sd_event_source_disable_unref(g->prepare_defer);
	prepare(g);
}

static int on_prepare_defer(sd_event_source *s, void *ctx)
{
	(void)s;
	guest_prepare_now(ctx);
	return 0;
}

/*
 * A prepare takes longer than anything else, and many VMs may begin to move at once:
 * one that stands still meanwhile goes first. Asked for again before it was done, it is
 * done once.
 */
void guest_prepare_soon(struct guest *g)
{
	if (!g->prepare_defer &&
	    sd_event_add_defer(g->d->moves, &g->prepare_defer, on_prepare_defer, g) < 0)
		prepare(g);
}

/* ---- the migration's status ---- */

enum guest_migration guest_migration_of(const char *status, enum guest_migration unknown)
{
	static const struct {
		const char *name;
		enum guest_migration is;
	} statuses[] = {
		{ "none", GUEST_IDLE },
		{ "setup", GUEST_SETUP },
		{ "wait-unplug", GUEST_ACTIVE },
		{ "active", GUEST_ACTIVE },
		{ "pre-switchover", GUEST_PRE_SWITCHOVER },
		{ "device", GUEST_DEVICE },
		{ "cancelling", GUEST_CANCELLING },
		{ "cancelled", GUEST_FAILED },
		{ "failed", GUEST_FAILED },
		{ "completed", GUEST_COMPLETED },
		/* As a rule this comes before STOP; after that the VM runs there. */
		{ "postcopy-active", GUEST_POSTCOPY },
	};
	size_t i;

	for (i = 0; status && i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (!strcmp(statuses[i].name, status))
			return statuses[i].is;
	return unknown;
}

static bool begins(enum guest_migration migration)
{
	return migration == GUEST_SETUP || migration == GUEST_ACTIVE;
}

void guest_follow_migration(struct guest *g)
{
	if (begins(g->migration))
		guest_prepare_soon(g);
	else if (!g->incoming)
		guest_leave_step(g);
	else if (g->migration == GUEST_FAILED)
		guest_arrive_failed(g);
}

/* ---- events ---- */

void guest_on_migration(struct guest *g, enum guest_migration migration)
{
	g->migration = migration;
	if (!begins(g->migration))
		guest_prepare_now(g);
	if (g->migration != GUEST_PRE_SWITCHOVER && g->ops->gate_passed)
		g->ops->gate_passed(g);
	guest_follow_migration(g);
}

void guest_on_resume(struct guest *g)
{
	guest_prepare_now(g);
	g->running = true;
	if (g->incoming)
		guest_arrived(g);
	else
		guest_leave_runs_again(g);
	if (g->ops->runs)
		g->ops->runs(g);
}

void guest_on_stop(struct guest *g, int64_t at)
{
	struct guest_view v;

	guest_prepare_now(g);
	v = guest_view_of(g);
	g->running = false;
	if (g->incoming)
		return;
	g->paused = !guest_in_migration(g) && guest_is_from_here(g, &v);
	if (g->migration != GUEST_IDLE && g->migration != GUEST_FAILED)
		guest_leave_stopped(g, at);
	if (g->migration == GUEST_POSTCOPY)
		guest_leave_handed_over(g);
}

void guest_on_event(struct guest *g, const char *name, json_t *data, int64_t at)
{
	const char *status;

	if (!strcmp(name, "MIGRATION")) {
		status = json_string_value(json_object_get(data, "status"));
		guest_on_migration(g, guest_migration_of(status, g->migration));
	} else if (!strcmp(name, "RESUME")) {
		guest_on_resume(g);
	} else if (!strcmp(name, "STOP")) {
		guest_on_stop(g, at);
	}
}

/* ---- events that nobody heard ---- */

/* What is told of here brought the VM to another host, and nothing came since. */
static bool was_moved_by_us(struct guest *g, const struct guest_view *v)
{
	const struct xr_vm_info *info = &g->d->plane->vm_info[v->vm_index];

	return !v->under_way && !guest_is_here(g, v->now.host) && info->source == g->source &&
		info->step == XR_NOTICE_MOVED + 1;
}

void guest_catch_up(struct guest *g)
{
	struct guest_view v;
	bool comes;

	guest_prepare_now(g);
	v = guest_view_of(g);
	comes = v.under_way && guest_is_here(g, v.now.next);
	if (g->running && comes) {
		guest_arrived(g);
	} else if (g->running && g->incoming) {
		if (!v.known || !guest_is_here(g, v.now.host))
			guest_arrived(g);
	} else if (g->incoming) {
		return; /* RESUME will follow */
	} else if (g->running && !guest_in_migration(g)) {
		if (v.known && v.now.state == XR_VM_BLACKOUT) {
			guest_leave_stayed(g);
		} else if (v.known && was_moved_by_us(g, &v)) {
			g->left_for = v.now.host;
			guest_leave_runs_again(g);
		} else {
			guest_ends_loop(g);
		}
	} else {
		if (guest_in_migration(g))
			guest_leave_prepare(g);
		if (guest_in_migration(g) && !g->running)
			guest_leave_stands_still(g);
		guest_follow_migration(g);
	}
}

/* ---- its end ---- */

void guest_on_gone(struct guest *g)
{
	guest_prepare_now(g);
	guest_queue_forget(g);
	g->hand_over_timer = sd_event_source_disable_unref(g->hand_over_timer);
	if (!g->incoming &&
	    (g->migration == GUEST_COMPLETED || (g->migration == GUEST_POSTCOPY && !g->running)))
		guest_leave_moved(g);
	/* It waited for a VM that did not begin to run here. */
	if (g->incoming && !g->running)
		guest_arrive_failed(g);
}

bool guest_has_more(const struct guest *g)
{
	return g->failed_timer;
}

void guest_init(struct guest *g)
{
	g->vm_card = -1;
}

void guest_forget(struct guest *g)
{
	guest_queue_forget(g);
	g->hand_over_timer = sd_event_source_disable_unref(g->hand_over_timer);
	g->failed_timer = sd_event_source_disable_unref(g->failed_timer);
	g->prepare_defer = sd_event_source_disable_unref(g->prepare_defer);
}
