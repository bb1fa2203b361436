// SPDX-License-Identifier: GPL-2.0-only
/* What is wrong with monitors, for "xroam status". */
#include "qmp_priv.h"

static void add_fault(struct problem_lines *l, const struct monitor *m)
{
	const char *socket = m->conf.socket;
	char name[VM_NAME];

	if (m->no_greeting)
		problem_add(l,
			    "qmp %s: it does not greet; a monitor has one client, "
			    "and another one may have it",
			    socket);
	else if (m->too_loud)
		problem_add(l,
			    "qmp %s: it never stops talking: cut off, and met again after "
			    "%d s",
			    socket, QMP_LOUD_WAIT);
	else if (m->gate_others && m->conf.gate)
		problem_add(l,
			    "qmp %s: gate: true, but somebody else opens this QEMU's gate; "
			    "it is left to him",
			    socket);
	else if (m->elsewhere)
		problem_add(l,
			    "qmp %s: VM %s runs there, and is known at another host: if it came, "
			    "\"xroam vm move\" says so",
			    socket, vm_name(name, vm_key(m->conf.mac, m->conf.vlan)));
}

void qmp_look_where(struct monitor *m)
{
	bool was = m->elsewhere;

	m->elsewhere = m->ready && m->guest.running && guest_is_elsewhere(&m->guest);
	if (m->elsewhere != was)
		qmp_report_faults(m->qmp);
}

void qmp_report_faults(const struct qmp *q)
{
	struct problem_lines l = { .used = 0 };
	const struct monitor *m;

	for (m = q->list; m; m = m->next)
		add_fault(&l, m);
	daemon_set_problems(q->d, "qmp", l.text);
}
