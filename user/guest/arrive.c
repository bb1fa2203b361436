// SPDX-License-Identifier: GPL-2.0-only
/* A move as it is told where the VM comes to. */
#include "guest_priv.h"
#include "host/host.h"

void guest_arrive_prepare(struct guest *g)
{
	struct guest_view v = guest_view_of(g);
	__u16 host = guest_host_here(g, &v);

	g->failed_timer = sd_event_source_disable_unref(g->failed_timer);
	if (host && v.known && v.now.host != host)
		guest_post_notice(g, XR_NOTICE_PREPARE, guest_host_name(g, host));
}

void guest_add(struct guest *g)
{
	struct guest_view v = guest_view_of(g);
	__u16 host = guest_host_here(g, &v);

	if (!v.known && host)
		guest_post_notice(g, XR_NOTICE_ADD, guest_host_name(g, host));
}

void guest_left(struct guest *g)
{
	struct guest_view v = guest_view_of(g);
	const struct xr_vm_info *info = v.known ? &g->d->plane->vm_info[v.vm_index] : NULL;

	if (info && !v.under_way && guest_is_from_here(g, &v) && info->source == g->source &&
	    !info->step)
		guest_post_notice(g, XR_NOTICE_LEAVE, NULL);
}

static int on_hand_over_timer(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct guest *g = ctx;
	struct guest_view v = guest_view_of(g);

	(void)s;
	(void)usec;
	g->hand_over_timer = sd_event_source_disable_unref(g->hand_over_timer);
	if (v.under_way && guest_is_here(g, v.now.next))
		guest_post_notice(g, XR_NOTICE_MOVED, guest_host_name(g, v.now.next));
	return 0;
}

/*
 * It left this machine, and the new host's libvirt says that it runs there. The new host itself
 * may hear that later than we do: a redirect of an earlier move sends its frames to us till
 * then, and once we know that it has gone we send nothing back that came by a tunnel. So we go
 * on copying frames, as in guest_leave_handed_over().
 */
static bool waits_for_new_host(struct guest *g, const struct guest_view *v)
{
	const struct plane *p = g->d->plane;

	if (!v->under_way || !guest_is_here(g, v->now.next) || !host_is_local(p, v->now.host) ||
	    host_is_local(p, v->now.next))
		return false;
	return g->hand_over_timer ||
		sd_event_add_time_relative(g->d->moves, &g->hand_over_timer, CLOCK_MONOTONIC,
					   guest_hand_over_us(g, v), 1000, on_hand_over_timer,
					   g) >= 0;
}

void guest_arrived(struct guest *g)
{
	struct guest_view v = guest_view_of(g);
	__u16 host = guest_host_here(g, &v);

	g->incoming = g->role_given;
	g->migration = GUEST_IDLE;
	if (waits_for_new_host(g, &v))
		return;
	/* Nobody expected the VM: a prepare tells which tap it has. */
	if (g->tap[0] && !v.under_way)
		guest_arrive_prepare(g);
	if (!host)
		guest_log(g,
			  "the VM runs here, but no host is local; "
			  "\"xroam host add ... local\" says which this machine is");
	else
		guest_post_notice(g, v.known ? XR_NOTICE_MOVED : XR_NOTICE_ADD,
				  guest_host_name(g, host));
}

static int on_failed_timer(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct guest *g = ctx;
	struct guest_view v = guest_view_of(g);

	(void)s;
	(void)usec;
	g->failed_timer = sd_event_source_disable_unref(g->failed_timer);
	/* Whoever has prepared it since means another one, which we may not have heard of. */
	if (v.under_way && guest_is_here(g, v.now.next) &&
	    g->d->plane->vms[v.vm_index].deadline == g->failed_deadline)
		guest_post_notice(g, XR_NOTICE_CANCEL, NULL);
	return 0;
}

/*
 * Nobody reads the VM's tap any more, but the old host may not know yet and go on
 * copying frames to us. Until its blackout is over these must end here: on the bridge
 * they would go back to where they came from. So the move stays prepared that long.
 */
void guest_arrive_failed(struct guest *g)
{
	const struct xr_policy *policy = &g->d->plane->meta->policy;
	struct guest_view v = guest_view_of(g);

	g->failed_deadline = v.known ? g->d->plane->vms[v.vm_index].deadline : 0;
	g->failed_timer = sd_event_source_disable_unref(g->failed_timer);
	if (sd_event_add_time_relative(g->d->moves, &g->failed_timer, CLOCK_MONOTONIC,
				       policy->blackout_timeout * US_PER_SECOND, 0, on_failed_timer,
				       g) < 0)
		on_failed_timer(NULL, 0, g);
}
