// SPDX-License-Identifier: GPL-2.0-only
/*
 * A veth takes what XDP sends back out of it only where its other end has a
 * native XDP program, too; without one all of it is lost, and no counter says so.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "health_priv.h"
#include "netlink.h"
#include "netns.h"

struct end {
	bool is_veth;
	__s32 nsid;		/* of its other end; < 0: this namespace */
	__u32 other;		/* index of that */
	bool native;		/* it has a native program */
	char name[16];
};

static void take_info(const struct nlattr *info, struct end *e)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, info)
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			e->is_veth = !strcmp(mnl_attr_get_str(a), "veth");
}

static void take_xdp(const struct nlattr *xdp, struct end *e)
{
	const struct nlattr *a;
	__u8 mode;

	mnl_attr_for_each_nested(a, xdp) {
		if (mnl_attr_get_type(a) != IFLA_XDP_ATTACHED)
			continue;
		mode = mnl_attr_get_u8(a);
		e->native = mode == XDP_ATTACHED_DRV ||
			    mode == XDP_ATTACHED_MULTI;
	}
}

static int take_end(const struct nlmsghdr *nlh, void *ctx)
{
	struct end *e = ctx;
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct ifinfomsg)) {
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
		case IFLA_XDP:
			take_xdp(a, e);
			break;
		case IFLA_IFNAME:
			strncpy(e->name, mnl_attr_get_str(a),
				sizeof(e->name) - 1);
			break;
		}
	}
	return MNL_CB_OK;
}

/* nsid: of the namespace it is in, as this one knows it; < 0: this one. */
static int ask_end(struct netlink *nl, __u32 ifindex, __s32 nsid,
		   struct end *e)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_GETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	if (nsid >= 0)
		mnl_attr_put_u32(nlh, IFLA_TARGET_NETNSID, nsid);
	*e = (struct end){ .nsid = -1 };
	return netlink_talk(nl, take_end, e);
}

/* true: it is one end of a veth, and the other has no program; name: of that. */
static bool is_deaf(__u32 ifindex, char name[16])
{
	struct netlink nl = { 0 };
	struct end here, there;
	bool deaf;

	/* What cannot be asked is not judged. */
	deaf = !netlink_open(&nl) && !ask_end(&nl, ifindex, -1, &here) &&
	       here.is_veth && here.other &&
	       !ask_end(&nl, here.other, here.nsid, &there) && !there.native;
	netlink_close(&nl);
	if (deaf)
		memcpy(name, there.name, 16);
	return deaf;
}

void check_peer(struct check *c, const struct xr_device *d,
		const struct device_place *at)
{
	char name[16] = "";
	bool deaf;
	int back;

	if (d->role != XR_ROLE_NODE || d->mode != XR_MODE_NATIVE ||
	    netns_enter(at->netns, &back))
		return;
	deaf = is_deaf(at->ifindex, name);
	netns_leave(back);
	if (deaf)
		wrong(c, "dev %s: its other end, the veth %s, has no native XDP program, so what is sent back out of %s is lost; there, \"xroam dev attach %s role pass\"",
		      at->name, name, at->name, name);
}
