// SPDX-License-Identifier: GPL-2.0-only
/* A VM and this machine, as they are when a step of its move begins: struct local. */
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
	xr_format_line(text + used, sizeof(l->warn->text) - used, fmt, ap);
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

bool local_has_traces(const struct plane *p, __u32 vm_index)
{
	const struct xr_vm_info *info = &p->vm_info[vm_index];

	return info->kernel || info->tap_queue || p->vms[vm_index].tap || p->vms[vm_index].ring;
}

/* The network namespace is gone, and all that was done in it went with it. */
static void forget_traces(struct plane *p, __u32 vm_index)
{
	struct xr_vm_info *info = &p->vm_info[vm_index];

	ring_end(p, vm_index);
	p->vms[vm_index].tap = 0;
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

int local_begin(struct local *l, struct plane *p, __u32 vm_index, struct xr_err *warn)
{
	int ret;

	memset(l, 0, sizeof(*l));
	l->p = p;
	l->vm_index = vm_index;
	l->vm = &p->vms[vm_index];
	l->info = &p->vm_info[vm_index];
	l->now = vm_now(p, vm_index);
	l->vlan = vm_vlan_of(l->vm->key);
	vm_mac_of(l->vm->key, l->mac);
	l->warn = warn;
	l->back = -1;
	ret = local_has_traces(p, vm_index) ? netns_enter(l->info->netns, &l->back) : 0;
	if (ret == -ENOENT)
		forget_traces(p, vm_index);
	else if (ret)
		local_warn(l, "cannot look into its network namespace: %s", strerror(-ret));
	if (ret && ret != -ENOENT)
		return ret;
	if (!local_has_traces(p, vm_index))
		l->info->netns = netns_id();
	ret = netlink_open(&l->nl);
	if (ret)
		local_warn(l, "cannot ask the kernel: %s", strerror(-ret));
	return ret;
}

int local_open(struct local *l, struct plane *p, __u32 vm_index, struct xr_err *warn)
{
	int ret = local_begin(l, p, vm_index, warn);

	return ret ? ret : local_read(l);
}

void local_close(struct local *l)
{
	links_free(&l->links);
	netlink_close(&l->nl);
	netns_leave(l->back);
}
