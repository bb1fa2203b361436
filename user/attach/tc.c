// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attach_priv.h"
#include "lib/netns.h"
#include "net/netlink.h"
#include "plane/pins.h"
#include "tc_priv.h"

#define HANDLE       0x7872 /* "xr": the first of those tried */
#define HANDLES      8
#define PRIORITIES   4  /* from 1: before whoever does not say */
#define TCX_PROGRAMS 64 /* on one device, as the kernel has it */

/* ---- what is on a device ---- */

struct filter {
	__u32 prog, handle, priority;
};

struct filters {
	struct filter filter[16];
	int n;
};

static int on_filter(const struct nlmsghdr *nlh, void *ctx)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	struct filters *f = ctx;
	const struct nlattr *a, *b;
	struct filter one = {
		.handle = tc->tcm_handle,
		.priority = tc->tcm_info >> 16,
	};

	mnl_attr_for_each(a, nlh, sizeof(*tc)) {
		if (mnl_attr_get_type(a) != TCA_OPTIONS)
			continue;
		mnl_attr_for_each_nested(b, a)
			if (mnl_attr_get_type(b) == TCA_BPF_ID)
				one.prog = mnl_attr_get_u32(b);
	}
	/* Each chain of filters comes once more, without a handle. */
	if (one.handle && f->n < 16)
		f->filter[f->n++] = one;
	return MNL_CB_OK;
}

static int look(struct netlink *nl, __u32 ifindex, enum bpf_tc_attach_point point,
		struct filters *f)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_GETTFILTER, NLM_F_DUMP);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));

	memset(f, 0, sizeof(*f));
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = ifindex;
	tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT,
				   point == BPF_TC_EGRESS ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
	return netlink_talk(nl, on_filter, f);
}

static const struct filter *ours_of(struct plane *p, const struct filters *f)
{
	int i;

	for (i = 0; i < f->n; i++)
		if (f->filter[i].prog && attach_is_ours(p, f->filter[i].prog))
			return &f->filter[i];
	return NULL;
}

static int on_qdisc(const struct nlmsghdr *nlh, void *ctx)
{
	bool *there = ctx;

	*there = true;
	return MNL_CB_OK;
}

/* Where there was one before, the kernel says yes, but shows none. */
static bool has_clsact(struct netlink *nl, __u32 ifindex)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_GETQDISC, 0);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	bool there = false;

	tc->tcm_ifindex = ifindex;
	tc->tcm_parent = TC_H_CLSACT;
	return !netlink_talk(nl, on_qdisc, &there) && there;
}

/* ---- tcx ----
 *
 * A device's own lists of programs, since kernel 6.6. Making or removing clsact
 * stops the device for some ms, and what is sent to it meanwhile is lost; these
 * do not. As filters do, they stay when the process ends.
 */

static bool has_tcx(__u32 ifindex)
{
	__u32 n = 0;

	return !bpf_prog_query(ifindex, TCX_INGRESS, 0, NULL, NULL, &n);
}

bool tc_stops_devices(void)
{
	static bool asked, stops;

	if (!asked)
		stops = !has_tcx(if_nametoindex("lo"));
	asked = true;
	return stops;
}

/* An fd to close of the list's program that is ours, or that has this ID. */
static int tcx_find(struct plane *p, __u32 ifindex, enum bpf_attach_type list, __u32 id)
{
	__u32 ids[TCX_PROGRAMS] = { 0 }, n = TCX_PROGRAMS, i;

	if (bpf_prog_query(ifindex, list, 0, NULL, ids, &n))
		return -errno;
	for (i = 0; i < n; i++)
		if (id ? ids[i] == id : attach_is_ours(p, ids[i]))
			return bpf_prog_get_fd_by_id(ids[i]);
	return -ENOENT;
}

static int tcx_attach(struct plane *p, const struct xr_tc_hook *h, int fd, bool anew)
{
	enum bpf_attach_type list = tc_list(tc_point(h->kind));
	int was = tcx_find(p, h->ifindex, list, 0), ret = 0;
	LIBBPF_OPTS(bpf_prog_attach_opts, opts);

	if (was >= 0) {
		opts.flags = BPF_F_REPLACE;
		opts.replace_prog_fd = was;
	}
	if (was < 0 || anew)
		ret = bpf_prog_attach_opts(fd, h->ifindex, list, &opts);
	if (was >= 0)
		close(was);
	return ret;
}

static void tcx_detach(struct plane *p, __u32 ifindex, enum bpf_tc_attach_point point, __u32 id)
{
	int fd = tcx_find(p, ifindex, tc_list(point), id);

	if (fd < 0)
		return;
	bpf_prog_detach2(fd, ifindex, tc_list(point));
	close(fd);
}

/* ---- attaching ---- */

static int set_filter(const struct bpf_tc_hook *hook, int fd, __u32 flags, struct filter *f)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = fd, .flags = flags, .handle = f->handle,
			    .priority = f->priority);

	return bpf_tc_attach(hook, &opts);
}

/* A priority that is another classifier's refuses ours: then the next one. */
static int add_filter(const struct bpf_tc_hook *hook, int fd, struct filter *f)
{
	int ret = -EBUSY;

	for (f->priority = 1; f->priority <= PRIORITIES; f->priority++) {
		for (f->handle = HANDLE; f->handle < HANDLE + HANDLES; f->handle++) {
			ret = set_filter(hook, fd, 0, f);
			if (!ret)
				return 0;
			if (ret != -EEXIST)
				break;
		}
	}
	return ret;
}

static int attach_to(struct plane *p, struct netlink *nl, struct xr_tc_hook *h, int fd, bool anew)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = h->ifindex,
			    .attach_point = tc_point(h->kind));
	const struct filter *ours;
	struct filters there;
	struct filter f;
	int ret;

	if (has_tcx(h->ifindex))
		return tcx_attach(p, h, fd, anew);
	if (!has_clsact(nl, h->ifindex)) {
		h->made_clsact = 1;
		ret = bpf_tc_hook_create(&hook);
		if (ret && ret != -EEXIST)
			return ret;
	}
	ret = look(nl, h->ifindex, hook.attach_point, &there);
	if (ret)
		return ret;
	ours = ours_of(p, &there);
	if (ours) {
		f = *ours;
		ret = anew ? set_filter(&hook, fd, BPF_TC_F_REPLACE, &f) : 0;
	} else {
		ret = add_filter(&hook, fd, &f);
	}
	if (ret)
		return ret;
	h->handle = f.handle;
	h->priority = f.priority;
	return 0;
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
		xr_fail(err, ret, "%s: attaching %s: %s", name, tc_word(kind),
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
		   tc_first *first, __u32 place, struct xr_err *err)
{
	struct tc_task task = {
		.p = p,
		.first = first,
		.place = place,
		.ifindex = ifindex,
		.kind = kind,
	};
	int ret = -ENOENT;

	strncpy(task.name, name, sizeof(task.name) - 1);
	/* With a record it may be there already: that has to be looked at. */
	if (tc_has_worker(p) && !tc_find(p, ifindex, kind) && !tc_elsewhere(p, ifindex) &&
	    !tc_stops_devices() && tc_record_new(p, ifindex, name, kind)) {
		task.prog = tc_program(p, kind, err);
		ret = task.prog < 0 ? task.prog : tc_worker_attach(&task);
	}
	if (!ret)
		return 0;
	if (first)
		first(p, place, name);
	return tc_attach(p, ifindex, name, kind, err);
}

bool tc_recorded(struct plane *p, __u32 ifindex, enum xr_tc_kind kind)
{
	struct xr_tc_hook *h = tc_find(p, ifindex, kind);

	return h && (h->attached || tc_worker_has(p, ifindex));
}

/* ---- detaching ---- */

/* clsact goes if it is ours and nothing is on it, whoever put it there. */
static void remove_clsact(struct netlink *nl, __u32 ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct filters in, out;

	if (!look(nl, ifindex, BPF_TC_INGRESS, &in) && !in.n &&
	    !look(nl, ifindex, BPF_TC_EGRESS, &out) && !out.n)
		bpf_tc_hook_destroy(&hook);
}

static void remove_filter(struct plane *p, struct netlink *nl, __u32 ifindex,
			  enum bpf_tc_attach_point point)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	const struct filter *ours;
	struct filters there;

	if (look(nl, ifindex, point, &there))
		return;
	ours = ours_of(p, &there);
	if (ours) {
		DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = ours->handle,
				    .priority = ours->priority);

		bpf_tc_detach(&hook, &opts);
	}
}

/* In the hook's network namespace. */
static void detach_here(struct plane *p, struct xr_tc_hook *h)
{
	__u32 ifindex = h->ifindex;
	struct netlink nl = { 0 };
	bool made = h->made_clsact;

	kernel_message_begin();
	tcx_detach(p, ifindex, tc_point(h->kind), 0);
	if (!netlink_open(&nl)) {
		remove_filter(p, &nl, ifindex, tc_point(h->kind));
		if (made)
			remove_clsact(&nl, ifindex);
	}
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
		xr_fail(err, ret, "%s: replacing %s: %s", h->name, tc_word(h->kind),
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

/* ---- without records ---- */

static void sweep_point(struct netlink *nl, __u32 ifindex, enum bpf_tc_attach_point point,
			__u32 prog)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	struct filters there;
	int i;

	tcx_detach(NULL, ifindex, point, prog);
	if (look(nl, ifindex, point, &there))
		return;
	for (i = 0; i < there.n; i++) {
		const struct filter *f = &there.filter[i];
		DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = f->handle,
				    .priority = f->priority);

		if (f->prog == prog)
			bpf_tc_detach(&hook, &opts);
	}
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
