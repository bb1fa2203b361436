// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon.h"
#include "figures.h"
#include "host/host.h"
#include "lib/vm_key.h"

#define NOTICE_LINE 192

/* What was asked for, as the command would have it. */
static void describe(const struct xr_notice *n, char line[NOTICE_LINE])
{
	static const char *const words[] = {
		[XR_NOTICE_ADD] = "added at",  [XR_NOTICE_PREPARE] = "prepare to",
		[XR_NOTICE_PAUSE] = "pause",   [XR_NOTICE_MOVED] = "move to",
		[XR_NOTICE_CANCEL] = "cancel", [XR_NOTICE_LEAVE] = "leave",
	};
	char name[VM_NAME];
	int len;

	len = snprintf(line, NOTICE_LINE, "vm %s %s", vm_name(name, vm_key(n->mac, n->vlan)),
		       words[n->kind]);
	if (n->host)
		len += snprintf(line + len, NOTICE_LINE - len, " %.*s", XR_NAME_LEN, n->host);
	if (n->seq)
		snprintf(line + len, NOTICE_LINE - len, " seq %llu", (unsigned long long)n->seq);
}

/* Refused: why. */
static void audit(struct daemon *d, const struct xr_notice *n, const struct daemon_peer *from,
		  const char *refused)
{
	char line[NOTICE_LINE];
	const char *lines[] = { line };
	struct audit_actor by;
	struct audit_entry e = {
		.by = &by,
		.instance = d->instance,
		.changes = lines,
		.n_changes = 1,
		.refused = refused,
	};

	if (!audit_may_post(refused != NULL))
		return;
	describe(n, line);
	if (from->is_kernel) {
		audit_self(&by, from->via, 0, NULL);
		snprintf(by.command, sizeof(by.command), "%s", from->what);
	} else {
		audit_peer(&by, from->via, from->fd, from->what);
	}
	audit_post(d->plane, &e);
}

/* What hypervisors say now, where that counts. */
static void ask_hypervisors(struct daemon *d, struct xr_notice *n)
{
	__u64 key = vm_key(n->mac, n->vlan);
	__u32 vm_index;

	if (n->kind != XR_NOTICE_MOVED || !vm_source_is_weighed(n->source))
		return;
	vm_index = vm_find(d->plane, key);
	if (vm_index == VM_NOWHERE)
		return;
	n->runs_here = daemon_vm_runs_here(d, vm_index);
	n->runs_there = daemon_vm_says(d, VM_RUNS, key, host_find(d->plane, n->host));
	n->not_left = daemon_vm_is_here(d, vm_index);
	n->moves = daemon_vm_says(d, VM_MOVES, key, 0);
}

int daemon_post_notice(struct daemon *d, const struct xr_notice *n, const struct daemon_peer *from,
		       struct xr_answer *a, struct xr_err *err)
{
	struct xr_err why = { "" };
	struct xr_notice weighed = *n;
	int ret = daemon_begin(d, &why);

	memset(a, 0, sizeof(*a));
	if (!ret) {
		ask_hypervisors(d, &weighed);
		ret = vm_notice(d->plane, &weighed, a, &why);
		if (!ret && n->kind == XR_NOTICE_PREPARE)
			daemon_prepared(d, a->vm_index);
		daemon_end(d);
	}
	figures_of_notice(d->figures, n, ret, a, daemon_clock_us() - d->turn_began);
	if (ret && ret != -ENODEV)
		daemon_log(d, "refused: %s", why.text);
	else if (!ret && a->warning[0])
		daemon_log(d, "warning: %s", a->warning);
	if (ret ? ret != -ENODEV : a->outcome == XR_DONE)
		audit(d, n, from, ret ? why.text : NULL);
	if (ret)
		xr_fail(err, ret, "%s", why.text);
	return ret;
}
