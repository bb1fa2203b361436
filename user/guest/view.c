// SPDX-License-Identifier: GPL-2.0-only
/* Where the VM is by the instance's tables, and what is posted about it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "host/host.h"
#include "plane/vm_event.h"
#include "guest_priv.h"

__u64 guest_key(const struct guest *g)
{
	return vm_key(g->mac, g->vlan);
}

static struct guest *guest_of(struct chain *c)
{
	return c ? (struct guest *)((char *)c - offsetof(struct guest, by_vm)) : NULL;
}

struct guest *guest_first(const struct chains *by_vm, __u64 vm_key)
{
	return guest_of(chains_first(by_vm, vm_key));
}

struct guest *guest_next(const struct guest *g)
{
	return guest_of(chains_next(&g->by_vm));
}

__u32 guest_vm_index(const struct guest *g)
{
	return vm_find(g->d->plane, guest_key(g));
}

struct guest_view guest_view_of(const struct guest *g)
{
	struct guest_view v = { .vm_index = guest_vm_index(g) };

	if (v.vm_index == VM_NOWHERE)
		return v;
	v.known = true;
	v.now = vm_now(g->d->plane, v.vm_index);
	v.under_way = vm_under_way(v.now);
	return v;
}

bool guest_is_here(const struct guest *g, __u16 host)
{
	if (!g->host[0])
		return host_is_local(g->d->plane, host);
	return host && !strcmp(host_name(g->d->plane, host), g->host);
}

bool guest_is_from_here(const struct guest *g, const struct guest_view *v)
{
	return v->known && guest_is_here(g, v->now.host);
}

bool guest_is_elsewhere(const struct guest *g)
{
	struct guest_view v = guest_view_of(g);

	return v.known && !v.under_way && !guest_is_here(g, v.now.host);
}

/* Of several local hosts the one that the VM knows, or that has its VLAN, or the first. */
__u16 guest_host_here(const struct guest *g, const struct guest_view *v)
{
	struct plane *p = g->d->plane;
	__u16 i, any = 0;

	if (g->host[0])
		return host_find(p, g->host);
	if (v->under_way && host_is_local(p, v->now.next))
		return v->now.next;
	if (v->known && host_is_local(p, v->now.host))
		return v->now.host;
	for (i = 1; i && i <= p->meta->limits.hosts; i++) {
		if (!host_is_local(p, i))
			continue;
		if (p->hosts[i].vlan == g->vlan)
			return i;
		any = any ? any : i;
	}
	return any;
}

const char *guest_host_name(const struct guest *g, __u16 host)
{
	return host_name(g->d->plane, host);
}

void guest_post_notice(struct guest *g, enum xr_notice_kind kind, const char *host)
{
	struct xr_notice n = {
		.kind = kind,
		.source = g->source,
		.vlan = g->vlan,
		.host = host,
		/* ADD would name it for good. */
		.tap = g->tap[0] && !(kind == XR_NOTICE_ADD && g->tap_is_new) ? g->tap : NULL,
		.reader = g->pid,
		.soon = true,
	};
	struct xr_answer a;
	int ret;

	memcpy(n.mac, g->mac, sizeof(n.mac));
	ret = daemon_post_notice(g->d, &n, &g->peer, &a, NULL);
	if (ret && !g->d->held)
		g->notice_missed = true;
}

bool guest_missed_notices(struct guest *g)
{
	bool missed = g->notice_missed;

	g->notice_missed = false;
	return missed;
}

void guest_log(struct guest *g, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	daemon_log(g->d, "%s %s: %s", vm_source_name(g->source), g->peer.what, text);
}
