// SPDX-License-Identifier: GPL-2.0-only
/* Where the VM is by the instance's tables, and what is posted about it. */
#include <string.h>

#include "host/host.h"
#include "qmp_priv.h"

__u32 qmp_vm_index(const struct monitor *m)
{
	return vm_find(m->d->plane, vm_key(m->conf.mac, m->conf.vlan));
}

struct qmp_view qmp_view_of(const struct monitor *m)
{
	struct qmp_view v = { .vm_index = qmp_vm_index(m) };

	if (v.vm_index == VM_NOWHERE)
		return v;
	v.known = true;
	v.now = vm_now(m->d->plane, v.vm_index);
	v.under_way = vm_under_way(v.now);
	return v;
}

/* Of several local hosts the one that the VM knows, or that has its VLAN, or the first. */
__u16 qmp_host_here(const struct monitor *m, const struct qmp_view *v)
{
	struct plane *p = m->d->plane;
	__u16 i, any = 0;

	if (v->under_way && host_is_local(p, v->now.next))
		return v->now.next;
	if (v->known && host_is_local(p, v->now.host))
		return v->now.host;
	for (i = 1; i && i <= p->meta->limits.hosts; i++) {
		if (!host_is_local(p, i))
			continue;
		if (p->hosts[i].vlan == m->conf.vlan)
			return i;
		any = any ? any : i;
	}
	return any;
}

const char *qmp_host_name(const struct monitor *m, __u16 host)
{
	return host_name(m->d->plane, host);
}

void qmp_post_notice(struct monitor *m, enum xr_notice_kind kind, const char *host)
{
	struct xr_notice n = {
		.kind = kind,
		.source = XR_SOURCE_QMP,
		.vlan = m->conf.vlan,
		.host = host,
		.tap = m->tap[0] ? m->tap : NULL,
		.reader = m->pid,
		.soon = true,
	};
	const struct daemon_peer from = { AUDIT_QMP, m->fd, m->conf.socket };
	struct xr_answer a;
	int ret;

	memcpy(n.mac, m->conf.mac, sizeof(n.mac));
	ret = daemon_post_notice(m->d, &n, &from, &a, NULL);
	if (ret && !m->d->held)
		m->notice_missed = true;
}
