// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose a port is already. Whoever names a port may be wrong or lie: a QEMU that its
 * guest has taken over says what it likes. What is put into another VM's port is read
 * by that VM.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <string.h>

#include "host/host.h"
#include "lib/index.h"
#include "lib/netns.h"
#include "lib/sockaddr.h"
#include "local_priv.h"
#include "plane/vm_state.h"

struct search {
	struct plane *p;
	const char *name;
	__u64 key, netns;
	__u32 ifindex;
	unsigned int may_share;
	__u32 found_no; /* of the VM; 0: none */
};

static bool has_port(const struct search *s, __u32 vm_index)
{
	const struct xr_vm_info *info = &s->p->vm_info[vm_index];

	/* By name only where an operator gave it; elsewhere by the device itself. */
	if (info->tap[0] && !(info->learned & XR_LEARNED_TAP))
		return !strcmp(info->tap, s->name);
	return s->ifindex && s->p->vms[vm_index].tap == s->ifindex && info->netns == s->netns;
}

static int check_vm(void *ctx, __u32 vm_index)
{
	struct search *s = ctx;
	__u64 key = s->p->vms[vm_index].key;
	struct xr_vm_now now = vm_now(s->p, vm_index);

	if (key == s->key || !has_port(s, vm_index) ||
	    (s->may_share & PORT_WITH_SAME_MAC && vm_same_mac(key, s->key)))
		return 0;
	if (s->may_share & PORT_WITH_LOCKED && now.flags & XR_VM_LOCK &&
	    !strcmp(s->p->vm_info[vm_index].tap, s->name))
		return 0;
	if (!host_is_local(s->p, now.host) && !host_is_local(s->p, now.next))
		return 0; /* the VM has gone, and its old port may be anybody's */
	s->found_no = no_of_index(vm_index);
	return 1;
}

__u32 port_holder(struct plane *p, __u64 key, const char *name, unsigned int may_share)
{
	struct search s = {
		.p = p, .name = name, .key = key, .netns = netns_id(), .may_share = may_share
	};
	struct link dev;

	if (link_named(name, &dev))
		s.ifindex = dev.ifindex;
	vm_each(p, check_vm, &s);
	return s.found_no;
}

int port_check_holder(struct plane *p, __u64 key, const char *name, unsigned int may_share,
		      struct xr_err *err)
{
	__u32 holder_no = port_holder(p, key, name, may_share);
	char other[VM_NAME];

	if (!holder_no)
		return 0;
	return xr_fail(err, -EEXIST, "%s is VM %s's port; name the VM's own, or no dev at all",
		       name, vm_name_at(p, other, index_of_no(holder_no)));
}

/* ---- ports of the fabric ---- */

static bool is_local_host_address(const struct plane *p, const struct sockaddr *sa)
{
	__be32 addr[XR_ADDR_WORDS];
	__u32 i;

	if (!sockaddr_to_addr(sa, addr))
		return false;
	for (i = 1; i <= p->meta->limits.hosts; i++)
		if (p->host_info[i].name[0] && p->host_info[i].local &&
		    !memcmp(p->host_info[i].addr, addr, sizeof(addr)))
			return true;
	return false;
}

/* The device has an address where this machine's tunnels end. */
static bool has_tunnels_end(const struct plane *p, const char *dev)
{
	struct ifaddrs *list, *i;
	bool has = false;

	if (getifaddrs(&list))
		return false;
	for (i = list; i && !has; i = i->ifa_next)
		has = !strcmp(i->ifa_name, dev) && is_local_host_address(p, i->ifa_addr);
	freeifaddrs(list);
	return has;
}

const char *port_of_fabric(struct plane *p, const struct link *dev)
{
	__u64 here = netns_id();
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		const struct xr_device *d = &p->devices[i];

		if (d->ifindex != dev->ifindex || d->netns != here)
			continue;
		if (d->role == XR_ROLE_BACKEND)
			return "attached with the role backend";
		if (d->trusted)
			return "trusted as the fabric's";
	}
	return has_tunnels_end(p, dev->name) ? "where this machine's tunnels end" : NULL;
}
