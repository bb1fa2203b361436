// SPDX-License-Identifier: GPL-2.0-only
/* A move as the QEMU that the VM comes to tells of it. */
#include "host/host.h"
#include "qmp_priv.h"

void qmp_arrive_prepare(struct monitor *m)
{
	struct qmp_view v = qmp_view_of(m);
	__u16 host = qmp_host_here(m, &v);

	m->failed_timer = sd_event_source_disable_unref(m->failed_timer);
	if (host && v.known && v.now.host != host)
		qmp_post_notice(m, XR_NOTICE_PREPARE, qmp_host_name(m, host));
}

void qmp_arrived(struct monitor *m)
{
	struct qmp_view v = qmp_view_of(m);
	__u16 host = qmp_host_here(m, &v);

	m->incoming = m->conf.role_given;
	m->migration = QMP_IDLE;
	/* Nobody expected the VM: a prepare tells which tap it has. */
	if (m->tap[0] && !v.under_way)
		qmp_arrive_prepare(m);
	if (!host)
		qmp_log(m,
			"the VM runs here, but no host is local; "
			"\"xroam host add ... local\" says which this machine is");
	else
		qmp_post_notice(m, v.known ? XR_NOTICE_MOVED : XR_NOTICE_ADD,
				qmp_host_name(m, host));
}

static int on_failed_timer(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct monitor *m = ctx;
	struct qmp_view v = qmp_view_of(m);

	(void)s;
	(void)usec;
	if (v.under_way && host_is_local(m->d->plane, v.now.next))
		qmp_post_notice(m, XR_NOTICE_CANCEL, NULL);
	return 0;
}

/*
 * Nobody reads the VM's tap any more, but the old host may not know yet and go on
 * copying frames to us. Until its blackout is over these must end here: on the bridge
 * they would go back to where they came from. So the move stays prepared that long.
 */
void qmp_arrive_failed(struct monitor *m)
{
	const struct xr_policy *policy = &m->d->plane->meta->policy;

	m->failed_timer = sd_event_source_disable_unref(m->failed_timer);
	if (sd_event_add_time_relative(m->d->moves, &m->failed_timer, CLOCK_MONOTONIC,
				       policy->blackout_timeout * US_PER_SECOND, 0, on_failed_timer,
				       m) < 0)
		on_failed_timer(NULL, 0, m);
}
