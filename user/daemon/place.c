// SPDX-License-Identifier: GPL-2.0-only
/* Where the fabric has a VM: EVPN, OVN. They know no numbers; only a change is news. */
#include <errno.h>
#include <string.h>

#include "daemon.h"
#include "host/host.h"
#include "lib/vm_key.h"
#include "plane/vm_state.h"

static int post(struct daemon *d, const struct daemon_place *said, __u32 vm_index, __u16 host,
		enum xr_source source, const struct daemon_peer *from)
{
	__u64 key = d->plane->vms[vm_index].key;
	struct xr_notice n = {
		.kind = XR_NOTICE_MOVED,
		.source = source,
		.vlan = vm_vlan_of(key),
		.host = host_name(d->plane, host),
		.was = said->host ? host_name(d->plane, said->host) : NULL,
	};
	struct xr_answer a;

	vm_mac_of(key, n.mac);
	return daemon_post_notice(d, &n, from, &a, NULL);
}

bool daemon_tell_place(struct daemon *d, struct daemon_place *said, __u32 vm_index, __u16 host,
		       enum xr_source source, const struct daemon_peer *from)
{
	bool differs = host && host != vm_now(d->plane, vm_index).host;
	int ret = 0;

	if (differs && said->held && daemon_vm_is_held(d, vm_index))
		return false;
	said->held = false;
	if (!host || host == said->host)
		return true;
	said->outranked = false;
	if (differs)
		ret = post(d, said, vm_index, host, source, from);
	/* What is not there yet may come: a way to the host, room, the lock. */
	if (ret && ret != -EPERM && ret != -EINVAL && ret != -ENOENT && ret != -ESTALE)
		return false;
	said->outranked = ret == -EPERM;
	said->held = said->outranked && daemon_vm_is_held(d, vm_index);
	if (said->held)
		return false;
	said->host = host;
	return true;
}
