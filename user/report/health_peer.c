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
#include <string.h>

#include "attach/attach.h"
#include "health_priv.h"
#include "lib/netns.h"
#include "net/netlink.h"

struct end {
	bool is_veth;
	__s32 nsid;         /* namespace of its other end; < 0: this one */
	__u32 other;        /* ifindex of its other end */
	bool native;        /* it has a native program */
	unsigned int flags; /* IFF_ */
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
		e->native = mode == XDP_ATTACHED_DRV || mode == XDP_ATTACHED_MULTI;
	}
}

static int take_end(const struct nlmsghdr *nlh, void *ctx)
{
	struct end *e = ctx;
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

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

/* nsid: the device's namespace, by the number it has in this one; < 0: this one. */
static int get_end(struct netlink *nl, __u32 ifindex, __s32 nsid, struct end *e)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_GETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	if (nsid >= 0)
		mnl_attr_put_u32(nlh, IFLA_TARGET_NETNSID, nsid);
	*e = (struct end){ .nsid = -1 };
	return netlink_request(nl, take_end, e);
}

/* It is one end of a veth, and the other has no program. */
static bool is_deaf(struct netlink *nl, const struct end *here, struct end *there)
{
	return here->is_veth && here->other && !get_end(nl, here->other, here->nsid, there) &&
		!there->native;
}

/* Called in the device's namespace. name, where: for a reader in xroam's. */
static void check_end(struct check *c, const struct xr_device *d, const struct device_location *at,
		      const char *name, const char *where, struct netlink *nl,
		      const struct end *here)
{
	struct end there;

	if (!(here->flags & IFF_UP))
		health_wrong(c, "dev %s: it is down, no packet is seen; %s\"ip link set %s up\"",
			     name, where, at->name);
	else if (!(here->flags & IFF_LOWER_UP))
		health_wrong(
			c,
			"dev %s: it has no carrier, no packet is seen; is the cable, or its other end, there and up?",
			name);
	else if (d->role == XR_ROLE_NODE && d->mode == XR_MODE_NATIVE && is_deaf(nl, here, &there))
		health_wrong(
			c,
			"dev %s: its other end, the veth %s, has no native XDP program, so what is sent back out of %s is lost; there, \"xroam dev attach %s role pass\"",
			name, there.name, at->name, there.name);
}

void check_link(struct check *c, const struct xr_device *d, const struct device_location *at)
{
	const char *where = health_there(at), *name;
	char text[XR_NAME_LEN + NETNS_SUFFIX];
	struct netlink nl = { 0 };
	struct end here;
	int back;

	name = health_name(d, at, text);
	if (netns_enter(at->netns, &back))
		return;
	/* Where the kernel gives no answer, nothing is reported. */
	if (!netlink_open(&nl) && !get_end(&nl, at->ifindex, -1, &here))
		check_end(c, d, at, name, where, &nl, &here);
	netlink_close(&nl);
	netns_leave(back);
}
