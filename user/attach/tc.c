// SPDX-License-Identifier: GPL-2.0-only
/* tc programs on devices: attaching, detaching, replacing. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attach_priv.h"
#include "lib/netns.h"
#include "net/netlink.h"
#include "tc_priv.h"

bool tc_stops_devices(void)
{
	static bool asked, stops;

	if (!asked)
		stops = !tcx_is_supported(if_nametoindex("lo"));
	asked = true;
	return stops;
}

/* ---- attaching ---- */

/* anew: replaces the instance's program that is there; else that one stays. */
static int attach_to(struct plane *p, struct netlink *nl, struct xr_tc_hook *h, int fd, bool anew)
{
	return tcx_is_supported(h->ifindex) ? tcx_attach(p, h, fd, anew)
					    : tc_filter_attach(p, nl, h, fd, anew);
}

int tc_attach(struct plane *p, __u32 ifindex, const char *name, enum xr_tc_kind kind,
	      struct xr_err *err)
{
	struct netlink nl = { 0 };
	struct xr_tc_hook *h;
	int fd, ret;

	if (tc_number_taken(p, ifindex, name, err))
		return -EEXIST;
	h = tc_record_new(p, ifindex, name, kind);
	if (!h)
		return xr_fail(err, -ENOSPC,
			       "%s: %d tc programs are attached, the most "
			       "there can be",
			       name, XR_MAX_TC_HOOKS);
	fd = tc_program(p, kind, err);
	if (fd < 0) {
		tc_record_drop(p, h);
		return fd;
	}
	kernel_message_begin();
	ret = netlink_open(&nl);
	if (!ret)
		ret = attach_to(p, &nl, h, fd, false);
	kernel_message_end();
	if (ret) {
		xr_fail(err, ret, "%s: attaching %s: %s", name, tc_kind_name(kind),
			kernel_message_or(ret));
		tc_record_drop(p, h);
	} else {
		h->attached = 1;
	}
	netlink_close(&nl);
	close(fd);
	return ret;
}

int tc_attach_soon(struct plane *p, __u32 ifindex, const char *name, enum xr_tc_kind kind,
		   tc_before_attach *first, __u32 vm_index, struct xr_err *err)
{
	struct tc_task task = {
		.p = p,
		.first = first,
		.vm_index = vm_index,
		.ifindex = ifindex,
		.kind = kind,
	};
	int ret = -ENOENT;

	strncpy(task.name, name, sizeof(task.name) - 1);
	/* Where there is a record, the program may be there already: tc_attach() looks. */
	if (tc_has_worker(p) && !tc_find(p, ifindex, kind) && !tc_with_same_number(p, ifindex) &&
	    !tc_stops_devices() && tc_record_new(p, ifindex, name, kind)) {
		task.prog = tc_program(p, kind, err);
		ret = task.prog < 0 ? task.prog : tc_worker_attach(&task);
	}
	if (!ret)
		return 0;
	if (first)
		first(p, vm_index, name);
	return tc_attach(p, ifindex, name, kind, err);
}

bool tc_recorded(struct plane *p, __u32 ifindex, enum xr_tc_kind kind)
{
	struct xr_tc_hook *h = tc_find(p, ifindex, kind);

	return h && (h->attached || tc_worker_has(p, ifindex));
}

/* ---- detaching ---- */

/* In the hook's network namespace. */
static void detach_here(struct plane *p, struct xr_tc_hook *h)
{
	struct netlink nl = { 0 };

	kernel_message_begin();
	tcx_detach(p, h->ifindex, tc_point(h->kind), 0);
	/* Whichever way it was attached in. */
	if (!netlink_open(&nl))
		tc_filter_detach(p, &nl, h);
	kernel_message_end();
	netlink_close(&nl);
	tc_record_drop(p, h);
}

void tc_detach(struct plane *p, __u32 ifindex, enum xr_tc_kind kind)
{
	struct xr_tc_hook *h = tc_find(p, ifindex, kind);

	if (h)
		detach_here(p, h);
}

void tc_detach_all(struct plane *p)
{
	struct xr_tc_hook *h;
	int at = 0, back, ret;

	while ((h = tc_next(p, &at))) {
		ret = netns_enter(h->netns, &back);
		if (ret == -ENOENT)
			tc_record_drop(p, h);
		if (ret)
			continue;
		detach_here(p, h);
		netns_leave(back);
	}
}

/* ---- replacing ---- */

static int reload_here(struct plane *p, struct xr_tc_hook *h, struct xr_err *err)
{
	struct netlink nl = { 0 };
	char name[IF_NAMESIZE];
	int fd, ret;

	if (!if_indextoname(h->ifindex, name)) {
		tc_record_drop(p, h);
		return 0;
	}
	fd = tc_program(p, h->kind, err);
	if (fd < 0)
		return fd;
	kernel_message_begin();
	ret = netlink_open(&nl);
	if (!ret)
		ret = attach_to(p, &nl, h, fd, true);
	kernel_message_end();
	if (ret)
		xr_fail(err, ret, "%s: replacing %s: %s", h->name, tc_kind_name(h->kind),
			kernel_message_or(ret));
	netlink_close(&nl);
	close(fd);
	return ret;
}

int tc_reload(struct plane *p, struct xr_err *err)
{
	struct xr_tc_hook *h;
	int at = 0, back, ret = 0;

	if (!tc_next(p, &at))
		return 0;
	if (!tc_is_loaded(p))
		ret = tc_load(p, err);
	at = 0;
	while (!ret && (h = tc_next(p, &at))) {
		ret = netns_enter(h->netns, &back);
		if (ret == -ENOENT) {
			tc_record_drop(p, h);
			ret = 0;
			continue;
		}
		if (ret)
			return xr_fail(err, ret, "%s: going to its network namespace: %s", h->name,
				       strerror(-ret));
		ret = reload_here(p, h, err);
		netns_leave(back);
	}
	return ret;
}

/* ---- without records: prog is the program's id ---- */

static void sweep_point(struct netlink *nl, __u32 ifindex, enum bpf_tc_attach_point point,
			__u32 prog)
{
	tcx_detach(NULL, ifindex, point, prog);
	tc_filter_remove(nl, ifindex, point, prog);
}

static void sweep_here(void *ctx)
{
	struct if_nameindex *list = if_nameindex(), *i;
	__u32 prog = *(__u32 *)ctx;
	struct netlink nl = { 0 };

	if (!netlink_open(&nl))
		for (i = list; i && i->if_index; i++) {
			sweep_point(&nl, i->if_index, BPF_TC_INGRESS, prog);
			sweep_point(&nl, i->if_index, BPF_TC_EGRESS, prog);
		}
	netlink_close(&nl);
	if (list)
		if_freenameindex(list);
}

void tc_sweep(const char *pin)
{
	attach_each_netns(pin, sweep_here);
}
