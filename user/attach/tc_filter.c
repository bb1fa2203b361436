// SPDX-License-Identifier: GPL-2.0-only
/*
 * tc programs as filters of a device's clsact: what there was before kernel 6.6. They
 * stay when the process ends. clsact is made where there is none, and then is ours
 * to remove.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "attach_priv.h"
#include "net/netlink.h"
#include "tc_priv.h"

#define HANDLE     0x7872 /* "xr": the first of those tried */
#define HANDLES    8
#define PRIORITIES 4 /* from 1: before filters for which none was given */

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

static int query_filters(struct netlink *nl, __u32 ifindex, enum bpf_tc_attach_point point,
			 struct filters *f)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_GETTFILTER, NLM_F_DUMP);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));

	memset(f, 0, sizeof(*f));
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = ifindex;
	tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT,
				   point == BPF_TC_EGRESS ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
	return netlink_request(nl, on_filter, f);
}

static const struct filter *find_ours(struct plane *p, const struct filters *f)
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

/* Once there was one, the kernel answers without an error, but shows none. */
static bool has_clsact(struct netlink *nl, __u32 ifindex)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_GETQDISC, 0);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	bool there = false;

	tc->tcm_ifindex = ifindex;
	tc->tcm_parent = TC_H_CLSACT;
	return !netlink_request(nl, on_qdisc, &there) && there;
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

int tc_filter_attach(struct plane *p, struct netlink *nl, struct xr_tc_hook *h, int fd, bool anew)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = h->ifindex,
			    .attach_point = tc_point(h->kind));
	const struct filter *ours;
	struct filters there;
	struct filter f;
	int ret;

	if (!has_clsact(nl, h->ifindex)) {
		h->made_clsact = 1;
		ret = bpf_tc_hook_create(&hook);
		if (ret && ret != -EEXIST)
			return ret;
	}
	ret = query_filters(nl, h->ifindex, hook.attach_point, &there);
	if (ret)
		return ret;
	ours = find_ours(p, &there);
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

/* ---- detaching ---- */

/* Not if any filter is left on it, be it ours or not. */
static void remove_clsact(struct netlink *nl, __u32 ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct filters in, out;

	if (!query_filters(nl, ifindex, BPF_TC_INGRESS, &in) && !in.n &&
	    !query_filters(nl, ifindex, BPF_TC_EGRESS, &out) && !out.n)
		bpf_tc_hook_destroy(&hook);
}

static void remove_filter(struct plane *p, struct netlink *nl, __u32 ifindex,
			  enum bpf_tc_attach_point point)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	const struct filter *ours;
	struct filters there;

	if (query_filters(nl, ifindex, point, &there))
		return;
	ours = find_ours(p, &there);
	if (ours) {
		DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = ours->handle,
				    .priority = ours->priority);

		bpf_tc_detach(&hook, &opts);
	}
}

void tc_filter_detach(struct plane *p, struct netlink *nl, const struct xr_tc_hook *h)
{
	remove_filter(p, nl, h->ifindex, tc_point(h->kind));
	if (h->made_clsact)
		remove_clsact(nl, h->ifindex);
}

void tc_filter_remove(struct netlink *nl, __u32 ifindex, enum bpf_tc_attach_point point, __u32 prog)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	struct filters there;
	int i;

	if (query_filters(nl, ifindex, point, &there))
		return;
	for (i = 0; i < there.n; i++) {
		const struct filter *f = &there.filter[i];
		DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = f->handle,
				    .priority = f->priority);

		if (f->prog == prog)
			bpf_tc_detach(&hook, &opts);
	}
}
