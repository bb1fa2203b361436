// SPDX-License-Identifier: GPL-2.0-only
/* A device where no packet comes, or one that loses what XDP sends back out of it. */
#include "attach/attach.h"
#include "health_priv.h"
#include "lib/netns.h"
#include "net/link_end.h"

/* Called in the device's namespace. name, where: for a reader in xroam's. */
static void check_end(struct check *c, const struct xr_device *d, const struct device_location *at,
		      const char *name, const char *where, struct netlink *nl)
{
	struct link_end here, there;

	if (link_end_read(nl, at->ifindex, -1, &here))
		return;
	switch (link_find_fault(nl, &here, d->role == XR_ROLE_NODE && d->mode == XR_MODE_NATIVE,
				&there)) {
	case LINK_FAULT_NONE:
		break;
	case LINK_FAULT_DOWN:
		health_wrong(c, "dev %s: it is down, no packet is seen; %s\"ip link set %s up\"",
			     name, where, at->name);
		break;
	case LINK_FAULT_NO_CARRIER:
		health_wrong(
			c,
			"dev %s: it has no carrier, no packet is seen; is the cable, or its other end, there and up?",
			name);
		break;
	case LINK_FAULT_PEER:
		health_wrong(
			c,
			"dev %s: its other end, the veth %s, has no native XDP program, so what is sent back out of %s is lost; there, \"xroam dev attach %s role pass\"",
			name, there.name, at->name, there.name);
		break;
	}
}

void check_link(struct check *c, const struct xr_device *d, const struct device_location *at)
{
	const char *where = health_there(at), *name;
	char text[XR_NAME_LEN + NETNS_SUFFIX];
	struct netlink nl = { 0 };
	int back;

	name = health_name(d, at, text);
	if (netns_enter(at->netns, &back))
		return;
	/* Where the kernel gives no answer, nothing is reported. */
	if (!netlink_open(&nl))
		check_end(c, d, at, name, where, &nl);
	netlink_close(&nl);
	netns_leave(back);
}
