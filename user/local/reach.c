// SPDX-License-Identifier: GPL-2.0-only
/* By which device this machine's own kernel gets to a VM that is here. */
#include "local_priv.h"

/* The device of that VLAN on a bridge: the bridge itself is in one VLAN only. */
static __u32 vlan_device(struct local *l, const struct link *bridge)
{
	const struct link *i;

	if (local_read(l))
		return 0;
	for (i = l->links.link; i < l->links.link + l->links.n; i++)
		if (i->lower == bridge->ifindex && i->vid == l->vlan && i->tpid == bridge->tpid)
			return i->ifindex;
	return 0;
}

static struct vm_reach by_port(struct local *l, const struct link *port)
{
	struct link master = { .ifindex = port->master };
	struct vm_reach r = { .master = port->master };

	if (!port->master) {
		r.dev = port->ifindex;
	} else if (!link_query(&l->nl, &master)) {
		r.master = 0;
	} else if (master.kind == LINK_VRF) {
		r.dev = port->ifindex;
	} else if (master.kind == LINK_BRIDGE) {
		r.lacks_vlan = l->vlan && master.filters;
		r.dev = r.lacks_vlan ? vlan_device(l, &master) : master.ifindex;
	}
	return r;
}

struct vm_reach vm_local_reach(struct plane *p, __u32 vm_index)
{
	struct link port = { .ifindex = p->vms[vm_index].tap };
	const struct link *found = NULL;
	struct vm_reach r = { 0 };
	struct local l;

	/* In another namespace it has another number. */
	if (!local_begin(&l, p, vm_index, NULL) && l.back < 0) {
		found = port.ifindex ? &port : port_find(&l);
		if (found)
			port.ifindex = found->ifindex;
		if (found && link_query(&l.nl, &port))
			r = by_port(&l, &port);
	}
	local_close(&l);
	return r;
}
