// SPDX-License-Identifier: GPL-2.0-only
/* What is wrong with monitors, for "xroam status". */
#include <stdio.h>

#include "qmp_priv.h"

/* One line, with its newline; the length, as of snprintf(). */
static int fault_of(const struct monitor *m, char *line, size_t size)
{
	const char *socket = m->conf.socket;

	if (m->no_greeting)
		return snprintf(line, size,
				"qmp %s: it does not greet; a monitor has one client, "
				"and another one may have it\n",
				socket);
	if (m->too_loud)
		return snprintf(line, size,
				"qmp %s: it never stops talking: cut off, and met again after "
				"%d s\n",
				socket, QMP_LOUD_WAIT);
	if (m->gate_others && m->conf.gate)
		return snprintf(line, size,
				"qmp %s: gate: true, but somebody else opens this QEMU's gate; "
				"it is left to him\n",
				socket);
	return 0;
}

void qmp_report_faults(const struct qmp *q)
{
	const struct monitor *m;
	char text[3000] = "";
	size_t used = 0;

	for (m = q->list; m && used < sizeof(text); m = m->next)
		used += fault_of(m, text + used, sizeof(text) - used);
	daemon_set_problems(q->d, "qmp", text);
}
