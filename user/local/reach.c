// SPDX-License-Identifier: GPL-2.0-only
/* By which device this machine's own kernel gets to a VM that is here. */
#include "local_priv.h"

/* The device of that VLAN on a bridge: the bridge itself is in one VLAN only. */
static __u32 vlan_device(struct local *l, __u32 bridge)
{
	size_t i;

	if (local_read(l))
		return 0;
	for (i = 0; i < l->links.n; i++)
		if (l->links.link[i].lower == bridge && l->links.link[i].vid == l->vlan)
			return l->links.link[i].ifindex;
	return 0;
}

static __u32 by_port(struct local *l, const struct link *port)
{
	struct link master = { .ifindex = port->master };

	if (!port->master)
		return port->ifindex;
	if (!link_query(&l->nl, &master))
		return 0;
	if (master.kind == LINK_VRF)
		return port->ifindex;
	if (master.kind != LINK_BRIDGE)
		return 0;
	return l->vlan && master.filters ? vlan_device(l, master.ifindex) : master.ifindex;
}

__u32 vm_local_reach(struct plane *p, __u32 vm_index)
{
	struct link port = { .ifindex = p->vms[vm_index].tap };
	const struct link *found = NULL;
	struct local l;
	__u32 dev = 0;

	/* In another namespace it has another number. */
	if (!local_begin(&l, p, vm_index, NULL) && l.back < 0) {
		found = port.ifindex ? &port : port_find(&l);
		if (found)
			port.ifindex = found->ifindex;
		if (found && link_query(&l.nl, &port))
			dev = by_port(&l, &port);
	}
	local_close(&l);
	return dev;
}
