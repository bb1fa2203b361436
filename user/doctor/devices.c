// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices that are looked at: those that were named; else those that are attached; else,
 * before the first attach, those that this namespace's default routes leave by.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor_priv.h"
#include "model/model_edit.h"

/* ---- the other end of a veth ---- */

struct nsid_search {
	struct netlink *nl;
	__s32 wanted;
	char *path;
};

static int on_nsid(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct rtgenmsg))
		if (mnl_attr_get_type(a) == NETNSA_NSID)
			*(__s32 *)ctx = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static int has_nsid(void *ctx, const char *path)
{
	struct nsid_search *s = ctx;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct nlmsghdr *nlh;
	struct rtgenmsg *gen;
	__s32 nsid = -1;

	if (fd < 0)
		return 0;
	nlh = netlink_message(s->nl, RTM_GETNSID, 0);
	gen = mnl_nlmsg_put_extra_header(nlh, sizeof(*gen));
	gen->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(nlh, NETNSA_FD, fd);
	if (netlink_request(s->nl, on_nsid, &nsid))
		nsid = -1;
	close(fd);
	if (nsid != s->wanted)
		return 0;
	strncpy(s->path, path, NETNS_PATH - 1);
	return 1;
}

bool device_find_other(struct netlink *nl, const struct link_end *e, char path[NETNS_PATH])
{
	struct nsid_search s = { nl, e->nsid, path };

	path[0] = '\0';
	return e->nsid < 0 || netns_walk(has_nsid, &s) == 1;
}

static void read_other(struct netlink *nl, struct doctor_dev *dev)
{
	int back = -1;

	dev->other_known = dev->other.ifindex && device_find_other(nl, &dev->end, dev->other_path);
	if (!dev->other_known)
		return;
	if (dev->other_path[0] && netns_enter_path(dev->other_path, &back)) {
		dev->other_known = false;
		return;
	}
	features_read(dev->other.name, &dev->other_has);
	netns_leave(back);
	/* Without a path the other end is beside the device, wherever that is. */
	if (!dev->other_path[0])
		strcpy(dev->other_path, dev->path);
}

/* ---- one device ---- */

/* In its network namespace. */
static void read_here(struct doctor *d, struct doctor_dev *dev)
{
	struct netlink nl = { 0 };
	bool back;

	features_read(dev->name, &dev->has);
	dev->xdp_error = xdp_features_read(dev->name, dev->ifindex, &dev->xdp);
	if (!netlink_open(&nl) && !link_end_read(&nl, dev->ifindex, -1, &dev->end)) {
		dev->present = true;
		back = dev->role == XR_ROLE_NODE && doctor_is_native(dev);
		dev->fault = link_find_fault(&nl, &dev->end, back, &dev->other);
		read_other(&nl, dev);
	}
	netlink_close(&nl);
	dev->programs = plane_device_programs(d->p, dev->ifindex, dev->program,
					      sizeof(dev->program) / sizeof(dev->program[0]));
}

static void read_device(struct doctor *d, struct doctor_dev *dev)
{
	char suffix[NETNS_SUFFIX];
	int back;

	if (dev->netns != netns_id())
		netns_path(dev->netns, dev->path);
	snprintf(dev->shown, sizeof(dev->shown), "dev %s%s", dev->name,
		 dev->no_netns ? "" : netns_suffix(dev->netns, suffix));
	if ((dev->record && dev->state == DEVICE_GONE) || netns_enter(dev->netns, &back))
		return;
	read_here(d, dev);
	netns_leave(back);
}

static struct doctor_dev *add(struct doctor *d)
{
	struct doctor_dev *dev = model_grow(&d->dev, &d->devs, sizeof(*dev));

	if (dev)
		memset(dev, 0, sizeof(*dev));
	return dev;
}

/* ---- which ---- */

static int add_record(struct doctor *d, const struct xr_device *record)
{
	struct doctor_dev *dev = add(d);
	struct device_location at;

	if (!dev)
		return -ENOMEM;
	dev->record = record;
	dev->state = plane_device_location(d->p, record, &at);
	dev->netns = at.netns;
	dev->ifindex = at.ifindex;
	dev->no_netns = at.no_netns;
	dev->role = record->role;
	memcpy(dev->name, at.name, sizeof(dev->name));
	return 0;
}

static int add_here(struct doctor *d, __u32 ifindex, const char *name, enum xr_role role)
{
	const struct xr_device *record = d->p ? plane_device(d->p, name) : NULL;
	struct doctor_dev *dev;

	if (record)
		return add_record(d, record);
	dev = add(d);
	if (!dev)
		return -ENOMEM;
	dev->netns = netns_id();
	dev->ifindex = ifindex;
	dev->role = role;
	strncpy(dev->name, name, sizeof(dev->name) - 1);
	return 0;
}

struct uplinks {
	__u32 ifindex[8];
	int n;
};

static void add_uplink(struct uplinks *u, __u32 ifindex)
{
	int i;

	for (i = 0; i < u->n && u->ifindex[i] != ifindex; i++)
		;
	if (i == u->n && ifindex && u->n < 8)
		u->ifindex[u->n++] = ifindex;
}

static int on_default(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct rtnexthop *hop;
	const struct nlattr *a;
	int left;

	if (rtm->rtm_dst_len || rtm->rtm_type != RTN_UNICAST || rtm->rtm_table != RT_TABLE_MAIN)
		return MNL_CB_OK;
	mnl_attr_for_each(a, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(a) == RTA_OIF)
			add_uplink(ctx, mnl_attr_get_u32(a));
		if (mnl_attr_get_type(a) != RTA_MULTIPATH)
			continue;
		hop = mnl_attr_get_payload(a);
		left = mnl_attr_get_payload_len(a);
		for (; RTNH_OK(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
			add_uplink(ctx, hop->rtnh_ifindex);
	}
	return MNL_CB_OK;
}

static void find_uplinks(struct uplinks *u)
{
	static const unsigned char families[] = { AF_INET, AF_INET6 };
	struct netlink nl = { 0 };
	struct rtmsg *rtm;
	size_t i;

	for (i = 0; i < sizeof(families); i++) {
		if (!netlink_open(&nl)) {
			rtm = mnl_nlmsg_put_extra_header(
				netlink_message(&nl, RTM_GETROUTE, NLM_F_DUMP), sizeof(*rtm));
			rtm->rtm_family = families[i];
			netlink_request(&nl, on_default, u);
		}
		netlink_close(&nl);
	}
}

static int add_uplinks(struct doctor *d, enum xr_role role)
{
	struct uplinks u = { .n = 0 };
	char name[IF_NAMESIZE];
	int i, ret = 0;

	find_uplinks(&u);
	for (i = 0; i < u.n && !ret; i++)
		if (if_indextoname(u.ifindex[i], name))
			ret = add_here(d, u.ifindex[i], name, role);
	return ret;
}

int devices_collect(struct doctor *d, const struct doctor_args *args, struct xr_err *err)
{
	const struct xr_device *record = NULL;
	struct doctor_dev *dev;
	__u32 ifindex;
	int i, ret = 0;

	for (i = 0; i < args->devs && !ret; i++) {
		ifindex = if_nametoindex(args->dev[i]);
		record = !ifindex && d->p ? plane_device(d->p, args->dev[i]) : NULL;
		if (!ifindex && !record)
			return xr_fail(err, -ENODEV, "no device \"%s\" in this network namespace",
				       args->dev[i]);
		ret = record ? add_record(d, record)
			     : add_here(d, ifindex, args->dev[i], args->role);
	}
	for (record = NULL; !args->devs && d->p && !ret;) {
		record = plane_next_device(d->p, record);
		if (!record)
			break;
		ret = add_record(d, record);
	}
	if (!ret && !d->devs)
		ret = add_uplinks(d, args->role);
	if (ret)
		return xr_fail(err, ret, "out of memory");
	doctor_each_dev(d, dev)
		read_device(d, dev);
	return 0;
}
