// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate: QEMU's migration capability pause-before-switchover. A migration stops
 * there, the guest standing still, until somebody sends migrate-continue. So what is
 * to be done here for a VM that stands still is done before it runs elsewhere.
 */
#include "qmp_priv.h"

#define OTHERS_OPEN_MS 20ULL /* somebody else may take so long: libvirt takes 1 to 4 */

/* Whatever came of our part: QEMU must not wait for ever. */
static void open_gate(struct monitor *m)
{
	qmp_send(m, QMP_CONTINUE, "migrate-continue", "{\"state\":\"pre-switchover\"}");
}

static int on_gate_timer(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct monitor *m = ctx;

	(void)s;
	(void)usec;
	qmp_gate_forget(m);
	m->gate_ours = true;
	open_gate(m);
	return 0;
}

/*
 * Whoever manages this QEMU may use the gate, too (libvirt does), and has then work to
 * do before it is opened. So the first time we give somebody else the time to open it.
 */
void qmp_gate_reached(struct monitor *m)
{
	if (!m->conf.gate || m->gate_others || m->gate_timer)
		return;
	if (m->gate_ours ||
	    sd_event_add_time_relative(m->d->moves, &m->gate_timer, CLOCK_MONOTONIC,
				       OTHERS_OPEN_MS * US_PER_MS, 1000, on_gate_timer, m) < 0)
		open_gate(m);
}

void qmp_gate_leave_to_others(struct monitor *m, const char *why)
{
	qmp_gate_forget(m);
	if (m->gate_others)
		return;
	qmp_log(m, "%s: its gate is left to him", why);
	m->gate_others = true;
	qmp_report_faults(m->qmp);
}

void qmp_gate_passed(struct monitor *m)
{
	/* It went on, and we had not opened yet. */
	if (m->gate_timer &&
	    (m->guest.migration == GUEST_DEVICE || m->guest.migration == GUEST_COMPLETED))
		qmp_gate_leave_to_others(m, "somebody else says migrate-continue");
	qmp_gate_forget(m);
}

void qmp_gate_switch_on(struct monitor *m)
{
	if (!m->conf.gate || m->guest.incoming || m->gated || m->gate_others)
		return;
	m->gated = true;
	qmp_send(m, QMP_GATE, "migrate-set-capabilities",
		 "{\"capabilities\":[{\"capability\":\"pause-before-switchover\","
		 "\"state\":true}]}");
}

void qmp_gate_switch_off(struct monitor *m)
{
	if (m->gated)
		qmp_send(m, QMP_NO_GATE, "migrate-set-capabilities",
			 "{\"capabilities\":[{\"capability\":\"pause-before-switchover\","
			 "\"state\":false}]}");
}

void qmp_gate_forget(struct monitor *m)
{
	m->gate_timer = sd_event_source_disable_unref(m->gate_timer);
}
