// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose a port is already. Whoever names one may be wrong or lie (a QEMU that its
 * guest has taken over says what it likes), and what is put into another VM's is
 * read by him.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "host/host.h"
#include "lib/netns.h"
#include "local_priv.h"
#include "plane/vm_state.h"

struct search {
	struct plane *p;
	const char *name;
	__u64 key, netns;
	__u32 ifindex;
	unsigned int may_share;
	__u32 found; /* plus one */
};

static bool has_it(const struct search *s, __u32 place)
{
	const struct xr_vm_info *info = &s->p->vm_info[place];

	/* By name only where an operator said so: others go by what is there. */
	if (info->tap[0] && !(info->learned & XR_LEARNED_TAP))
		return !strcmp(info->tap, s->name);
	return s->ifindex && s->p->vms[place].tap == s->ifindex && info->netns == s->netns;
}

static int look_at(void *ctx, __u32 place)
{
	struct search *s = ctx;
	__u64 key = s->p->vms[place].key;
	struct xr_vm_now now = vm_now(s->p, place);

	if (key == s->key || !has_it(s, place) ||
	    (s->may_share & PORT_WITH_SAME_MAC && key << 16 == s->key << 16))
		return 0;
	if (s->may_share & PORT_WITH_LOCKED && now.flags & XR_VM_LOCK &&
	    !strcmp(s->p->vm_info[place].tap, s->name))
		return 0;
	if (!host_is_local(s->p, now.host) && !host_is_local(s->p, now.next))
		return 0; /* it has gone, and its old port is anybody's */
	s->found = place + 1;
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
	vm_each(p, look_at, &s);
	return s.found;
}

int port_refused_to(struct plane *p, __u64 key, const char *name, unsigned int may_share,
		    struct xr_err *err)
{
	__u32 holder = port_holder(p, key, name, may_share);
	char other[VM_NAME];

	if (!holder)
		return 0;
	return xr_fail(err, -EEXIST,
		       "%s is VM %s's port; name the VM's own, or "
		       "no dev at all",
		       name, vm_name_at(p, other, holder - 1));
}

/* ---- what is the fabric's ---- */

static bool is_local_hosts(const struct plane *p, const struct sockaddr *sa)
{
	__be32 addr[XR_ADDR_WORDS] = { 0, 0, htonl(0xffff), 0 };
	__u32 i;

	if (sa && sa->sa_family == AF_INET)
		addr[3] = ((const struct sockaddr_in *)sa)->sin_addr.s_addr;
	else if (sa && sa->sa_family == AF_INET6)
		memcpy(addr, &((const struct sockaddr_in6 *)sa)->sin6_addr, sizeof(addr));
	else
		return false;
	for (i = 1; i <= p->meta->limits.hosts; i++)
		if (p->host_info[i].name[0] && p->host_info[i].local &&
		    !memcmp(p->host_info[i].addr, addr, sizeof(addr)))
			return true;
	return false;
}

/* Tunnels of this machine end there. */
static bool has_tunnels_end(const struct plane *p, const char *dev)
{
	struct ifaddrs *list, *i;
	bool has = false;

	if (getifaddrs(&list))
		return false;
	for (i = list; i && !has; i = i->ifa_next)
		has = !strcmp(i->ifa_name, dev) && is_local_hosts(p, i->ifa_addr);
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
