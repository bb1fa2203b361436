// SPDX-License-Identifier: GPL-2.0-only
/* A VM and this machine, as a move sees them: opened, warned of, closed. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/host.h"
#include "lib/netns.h"
#include "local_priv.h"

void local_warn(struct local *l, const char *fmt, ...)
{
	char *text;
	size_t used;
	va_list ap;

	if (!l->warn)
		return;
	text = l->warn->text;
	used = strlen(text);
	if (used && used + 2 < sizeof(l->warn->text))
		used += sprintf(text + used, "; ");
	va_start(ap, fmt);
	xr_vline(text + used, sizeof(l->warn->text) - used, fmt, ap);
	va_end(ap);
}

bool local_is_leaving(const struct local *l)
{
	return vm_under_way(l->now) && host_is_local(l->p, l->now.host) &&
		!host_is_local(l->p, l->now.next);
}

bool local_is_coming(const struct local *l)
{
	return vm_under_way(l->now) && !host_is_local(l->p, l->now.host) &&
		host_is_local(l->p, l->now.next);
}

bool local_has_traces(const struct plane *p, __u32 place)
{
	const struct xr_vm_info *info = &p->vm_info[place];

	return info->kernel || info->tap_queue || p->vms[place].tap || p->vms[place].ring;
}

/* What it did in a namespace that is gone went with it. */
static void forget_traces(struct plane *p, __u32 place)
{
	struct xr_vm_info *info = &p->vm_info[place];

	ring_end(p, place);
	p->vms[place].tap = 0;
	info->kernel = 0;
	info->kernel_dev = 0;
	info->tap_queue = 0;
	info->netns = 0;
}

int local_read(struct local *l)
{
	int ret = 0;

	if (!l->has_links)
		ret = links_read(&l->nl, &l->links);
	if (ret)
		local_warn(l, "cannot ask the kernel for its devices: %s", strerror(-ret));
	l->has_links = !ret;
	return ret;
}

/* In the namespace where the VM's traces are, or in this one. */
int local_begin(struct local *l, struct plane *p, __u32 place, struct xr_err *warn)
{
	int ret;

	memset(l, 0, sizeof(*l));
	l->p = p;
	l->place = place;
	l->vm = &p->vms[place];
	l->info = &p->vm_info[place];
	l->now = vm_now(p, place);
	l->vlan = vm_vlan_of(l->vm->key);
	vm_mac_of(l->vm->key, l->mac);
	l->warn = warn;
	l->back = -1;
	ret = local_has_traces(p, place) ? netns_enter(l->info->netns, &l->back) : 0;
	if (ret == -ENOENT)
		forget_traces(p, place);
	else if (ret)
		local_warn(l, "cannot look into its network namespace: %s", strerror(-ret));
	if (ret && ret != -ENOENT)
		return ret;
	if (!local_has_traces(p, place))
		l->info->netns = netns_id();
	ret = netlink_open(&l->nl);
	if (ret)
		local_warn(l, "cannot ask the kernel: %s", strerror(-ret));
	return ret;
}

int local_open(struct local *l, struct plane *p, __u32 place, struct xr_err *warn)
{
	int ret = local_begin(l, p, place, warn);

	return ret ? ret : local_read(l);
}

void local_close(struct local *l)
{
	links_free(&l->links);
	netlink_close(&l->nl);
	netns_leave(l->back);
}
