// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that is down or has no carrier sees no packet, program or not. And a
 * veth takes what XDP sends back out of it only where its other end has a
 * native XDP program, too; without one all of it is lost, and no counter shows it.
 */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "link_end.h"

static void take_info(const struct nlattr *info, struct link_end *e)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, info)
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			strncpy(e->kind, mnl_attr_get_str(a), sizeof(e->kind) - 1);
	e->is_veth = !strcmp(e->kind, "veth");
}

static void take_xdp(const struct nlattr *xdp, struct link_end *e)
{
	const struct nlattr *a;
	__u8 mode;

	mnl_attr_for_each_nested(a, xdp) {
		if (mnl_attr_get_type(a) != IFLA_XDP_ATTACHED)
			continue;
		mode = mnl_attr_get_u8(a);
		e->native = mode == XDP_ATTACHED_DRV || mode == XDP_ATTACHED_MULTI;
	}
}

static int take_end(const struct nlmsghdr *nlh, void *ctx)
{
	struct link_end *e = ctx;
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	e->ifindex = ifi->ifi_index;
	e->flags = ifi->ifi_flags;
	mnl_attr_for_each(a, nlh, sizeof(*ifi)) {
		switch (mnl_attr_get_type(a)) {
		case IFLA_LINKINFO:
			take_info(a, e);
			break;
		case IFLA_LINK:
			e->other = mnl_attr_get_u32(a);
			break;
		case IFLA_LINK_NETNSID:
			e->nsid = mnl_attr_get_u32(a);
			break;
		case IFLA_MTU:
			e->mtu = mnl_attr_get_u32(a);
			break;
		case IFLA_MASTER:
			e->master = mnl_attr_get_u32(a);
			break;
		case IFLA_XDP:
			take_xdp(a, e);
			break;
		case IFLA_IFNAME:
			strncpy(e->name, mnl_attr_get_str(a), sizeof(e->name) - 1);
			break;
		}
	}
	return MNL_CB_OK;
}

int link_end_read(struct netlink *nl, __u32 ifindex, __s32 nsid, struct link_end *e)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_GETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	if (nsid >= 0)
		mnl_attr_put_u32(nlh, IFLA_TARGET_NETNSID, nsid);
	*e = (struct link_end){ .nsid = -1 };
	return netlink_request(nl, take_end, e);
}

enum link_fault link_find_fault(struct netlink *nl, const struct link_end *e, bool sends_back,
				struct link_end *other)
{
	bool known = e->is_veth && e->other && !link_end_read(nl, e->other, e->nsid, other);

	if (!known)
		*other = (struct link_end){ .nsid = -1 };
	if (!(e->flags & IFF_UP))
		return LINK_FAULT_DOWN;
	if (!(e->flags & IFF_LOWER_UP))
		return LINK_FAULT_NO_CARRIER;
	return known && sends_back && !other->native ? LINK_FAULT_PEER : LINK_FAULT_NONE;
}

struct indices {
	__u32 *list;
	int n, failed;
};

static bool has_xdp(const struct nlattr *xdp)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, xdp)
		if (mnl_attr_get_type(a) == IFLA_XDP_ATTACHED)
			return mnl_attr_get_u8(a) != XDP_ATTACHED_NONE;
	return false;
}

static int take_xdp_link(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct indices *to = ctx;
	const struct nlattr *a;
	__u32 *more;

	mnl_attr_for_each(a, nlh, sizeof(*ifi)) {
		if (mnl_attr_get_type(a) != IFLA_XDP || !has_xdp(a))
			continue;
		more = realloc(to->list, (to->n + 1) * sizeof(*more));
		if (!more) {
			to->failed = -ENOMEM;
			continue;
		}
		to->list = more;
		more[to->n++] = ifi->ifi_index;
	}
	return MNL_CB_OK;
}

int link_list_xdp(__u32 **list)
{
	struct indices found = { NULL, 0, 0 };
	struct netlink nl = { 0 };
	int ret = netlink_open(&nl);

	if (!ret) {
		mnl_nlmsg_put_extra_header(netlink_message(&nl, RTM_GETLINK, NLM_F_DUMP),
					   sizeof(struct ifinfomsg));
		ret = netlink_request(&nl, take_xdp_link, &found);
	}
	netlink_close(&nl);
	ret = ret ? ret : found.failed;
	if (ret) {
		free(found.list);
		found.list = NULL;
	}
	*list = found.list;
	return ret ? ret : found.n;
}
