// SPDX-License-Identifier: GPL-2.0-only
/*
 * A move as the QEMU that the VM leaves tells of it. Only what fits the VM's state in the instance is
 * posted: an operator's pause is no blackout, and what a QEMU of yesterday still
 * reports does not undo a move of today.
 */
#include <time.h>

#include "guest_priv.h"
#include "host/host.h"

/* After the migration is completed the old host goes on copying frames for this long ... */
#define HAND_OVER_MS    1000     /* ... as the VM may still come back ... */
#define HAND_OVER_LEAST 100      /* ... and at least so long: until it runs there */
#define LONG_AGO_US     60000000 /* more between STOP and the prepare: the clock was set */

bool guest_in_migration(const struct guest *g)
{
	return (g->migration == GUEST_SETUP && !g->incoming) || g->migration == GUEST_ACTIVE ||
		g->migration == GUEST_PRE_SWITCHOVER || g->migration == GUEST_DEVICE ||
		g->migration == GUEST_POSTCOPY;
}

bool guest_says(const struct guest *g, enum vm_word word, __u16 host)
{
	/* In post-copy the VM is there once it stands still. */
	if (word == VM_MOVES)
		return guest_in_migration(g) && (g->running || g->migration != GUEST_POSTCOPY);
	return g->running && (word == VM_NOT_LEFT || !guest_in_migration(g)) &&
		guest_is_here(g, host);
}

/* ---- it runs ---- */

/* The clock of QEMU's events. */
static int64_t real_time_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

void guest_leave_prepare(struct guest *g)
{
	struct guest_view v = guest_view_of(g);

	/* Without "to" the socket or the command prepares the move, before STOP. */
	if (g->to[0] && v.known && guest_is_here(g, v.now.host))
		guest_post_notice(g, XR_NOTICE_PREPARE, g->to);
	g->prepared_at = real_time_us();
	guest_queue_watch(g);
}

/* ---- it stands still ---- */

/*
 * stopped: when the VM was. What its port held then, before the move was prepared, is in no
 * ring, and nothing counts it: the log tells.
 */
static void log_if_too_early(struct guest *g, int64_t stopped)
{
	int64_t early = (uint64_t)g->prepared_at - (uint64_t)stopped;

	if (early > 0 && early < LONG_AGO_US)
		guest_log(g,
			  "the VM stood still %.1f ms before its move was prepared: "
			  "what its port held then is lost",
			  early / 1000.0);
}

/* Not while its port's program is still being attached; true where no move is under way. */
static bool is_prepared(struct guest *g)
{
	struct guest_view v = guest_view_of(g);

	return !v.under_way || vm_is_ready(g->d->plane, v.vm_index);
}

void guest_leave_stands_still(struct guest *g)
{
	struct guest_view v = guest_view_of(g);

	if (!guest_is_from_here(g, &v))
		return;
	if (v.under_way)
		g->left_for = v.now.next;
	/* QEMU is asked first: when the notice has been obeyed, it may be gone. */
	guest_queue_stopped(g);
	if (v.now.state == XR_VM_PREPARED)
		guest_post_notice(g, XR_NOTICE_PAUSE, NULL);
}

void guest_leave_stopped(struct guest *g, int64_t at)
{
	if (!is_prepared(g))
		g->prepared_at = real_time_us();
	log_if_too_early(g, at);
	guest_leave_stands_still(g);
}

/* ---- it is there ---- */

/* The move that is under way is this QEMU's: what is told late may be of another one. */
static bool is_our_move(const struct guest *g, const struct guest_view *v)
{
	return v->under_way && guest_is_from_here(g, v) && !guest_is_here(g, v->now.next);
}

void guest_leave_moved(struct guest *g)
{
	struct guest_view v = guest_view_of(g);

	if (is_our_move(g, &v))
		guest_post_notice(g, XR_NOTICE_MOVED, guest_host_name(g, v.now.next));
}

static int on_hand_over_timer(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct guest *g = ctx;

	(void)s;
	(void)usec;
	g->hand_over_timer = sd_event_source_disable_unref(g->hand_over_timer);
	guest_leave_moved(g);
	return 0;
}

uint64_t guest_hand_over_us(const struct guest *g, const struct guest_view *v)
{
	const struct plane *p = g->d->plane;
	__s32 left = (__s32)(p->vms[v->vm_index].deadline - plane_tick(g->d->plane)) - 1;

	return US_PER_MS * (left >= HAND_OVER_MS / 1000 ? HAND_OVER_MS : HAND_OVER_LEAST);
}

/* Where it goes to this machine, its own libvirt tells, which has no host's name as a rule. */
static bool is_told_by(struct guest *g, __u16 host)
{
	bool (*told)(struct guest *g, const char *host) = g->ops->is_told_by;

	return told &&
		(told(g, guest_host_name(g, host)) ||
		 (host_is_local(g->d->plane, host) && told(g, "")));
}

/*
 * The VM need not run there yet, and may come back: whoever manages it may find that
 * something else is wrong there. And a new host that does not know yet that it came
 * redirects its frames to us, where they would be lost. So we go on copying frames until
 * the first of these: the VM's own first frame from there, this QEMU's end, the new host's
 * word, and where that does not come here, the timer.
 */
void guest_leave_handed_over(struct guest *g)
{
	struct guest_view v = guest_view_of(g);

	if (!v.known || g->hand_over_timer)
		return;
	g->left_for = is_our_move(g, &v) ? v.now.next : v.now.host;
	if (!is_our_move(g, &v))
		return;
	/* Nobody heard the STOP. */
	if (v.now.state == XR_VM_PREPARED)
		guest_post_notice(g, XR_NOTICE_PAUSE, NULL);
	if (is_told_by(g, v.now.next))
		return;
	if (sd_event_add_time_relative(g->d->moves, &g->hand_over_timer, CLOCK_MONOTONIC,
				       guest_hand_over_us(g, &v), 1000, on_hand_over_timer, g) < 0)
		guest_leave_moved(g);
}

/* ---- it is back ---- */

/*
 * It was to come to this machine, and another one's libvirt tells that it does not. The old
 * host may hear that later, and goes on copying frames to us until then: they must end here,
 * for our bridge would send them back, and the old host would copy them again. So this
 * blackout ends by its deadline, or with the next prepare.
 */
static bool still_gets_copies(struct guest *g, const struct guest_view *v)
{
	const struct plane *p = g->d->plane;

	return v->now.state == XR_VM_BLACKOUT && host_is_local(p, v->now.next) &&
		!host_is_local(p, v->now.host) && !guest_is_here(g, v->now.next);
}

void guest_leave_stayed(struct guest *g)
{
	struct guest_view v = guest_view_of(g);

	if (is_our_move(g, &v) && !still_gets_copies(g, &v))
		guest_post_notice(g, XR_NOTICE_CANCEL, NULL);
}

/* The instance has the VM where this QEMU's migration brought it, and not further. */
static bool is_known_as_gone(struct guest *g, const struct guest_view *v)
{
	return v->known && g->left_for && !v->under_way && v->now.host == g->left_for &&
		!guest_is_here(g, v->now.host);
}

/* The fabric's word, or a frame, brought it elsewhere while it stood still here. */
static bool was_taken(struct guest *g, const struct guest_view *v)
{
	const struct plane *p = g->d->plane;

	return g->paused && v->known && !v->under_way && !guest_is_here(g, v->now.host) &&
		vm_standing(p, v->vm_index) <= XR_TRUST_FABRIC &&
		p->vm_info[v->vm_index].source != XR_SOURCE_FILE;
}

void guest_ends_loop(struct guest *g)
{
	struct guest_view v = guest_view_of(g);

	if (guest_is_from_here(g, &v) && !v.under_way && v.now.flags & XR_VM_LOOP)
		guest_post_notice(g, XR_NOTICE_MOVED, guest_host_name(g, v.now.host));
}

/*
 * RESUME where it left: the VM is back, whatever the migration's own status becomes
 * later, and whatever the data plane believed of the VM.
 */
void guest_leave_runs_again(struct guest *g)
{
	struct guest_view v = guest_view_of(g);
	__u16 host = guest_host_here(g, &v);

	g->hand_over_timer = sd_event_source_disable_unref(g->hand_over_timer);
	if (is_known_as_gone(g, &v) && host) {
		guest_log(g, "the VM runs here again: its migration to %s came to nothing",
			  guest_host_name(g, v.now.host));
		guest_post_notice(g, XR_NOTICE_MOVED, guest_host_name(g, host));
	} else if (was_taken(g, &v) && host) {
		guest_log(g, "the VM was paused, and runs here again: it was not at %s",
			  guest_host_name(g, v.now.host));
		guest_post_notice(g, XR_NOTICE_MOVED, guest_host_name(g, host));
	} else if (v.known && v.now.state == XR_VM_BLACKOUT) {
		guest_leave_stayed(g);
		/* An operator paused and resumed it: memory is still being copied. */
		if (g->migration == GUEST_ACTIVE)
			guest_post_notice(g, XR_NOTICE_PREPARE, guest_host_name(g, v.now.next));
	} else {
		guest_ends_loop(g);
	}
	g->left_for = 0;
	g->paused = false;
	if (!guest_in_migration(g))
		g->migration = GUEST_IDLE;
}

void guest_is_still_at(struct guest *g, __u16 host)
{
	guest_log(g, "the VM still runs at %s, and is about to go nowhere: a frame said otherwise",
		  guest_host_name(g, host));
	guest_post_notice(g, XR_NOTICE_MOVED, guest_host_name(g, host));
}

/* ---- the migration's steps ---- */

void guest_leave_step(struct guest *g)
{
	switch (g->migration) {
	case GUEST_PRE_SWITCHOVER:
		guest_leave_stands_still(g);
		if (g->ops->gate_reached)
			g->ops->gate_reached(g);
		break;
	case GUEST_POSTCOPY:
		if (!g->running) /* STOP came before this event */
			guest_leave_handed_over(g);
		break;
	case GUEST_COMPLETED:
		guest_leave_handed_over(g);
		break;
	case GUEST_FAILED:
		guest_leave_stayed(g);
		if (g->ops->failed)
			g->ops->failed(g);
		break;
	default:
		break;
	}
}
