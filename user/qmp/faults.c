// SPDX-License-Identifier: GPL-2.0-only
/* What is wrong with monitors, for "xroam status". */
#include "qmp_priv.h"

static void add_fault(struct problem_lines *l, const struct monitor *m)
{
	const char *socket = m->conf.socket;

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
}

void qmp_report_faults(const struct qmp *q)
{
	struct problem_lines l = { .used = 0 };
	const struct monitor *m;

	for (m = q->list; m; m = m->next)
		add_fault(&l, m);
	daemon_set_problems(q->d, "qmp", l.text);
}
