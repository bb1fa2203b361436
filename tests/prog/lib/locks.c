/* SPDX-License-Identifier: GPL-2.0-only */
#include "locks.h"

void passes(const char *text, const char *where)
{
	struct result r = run_text("%s", text);

	if (r.action != XDP_PASS)
		fail_msg("%s: dropped %s (%d)", text, where, r.verdict);
}

void dropped(const char *text, const char *reason)
{
	struct xr_vm was = *vm_live(VM, 0);
	struct packet p = packet("%s", text);

	expect_verdict(&p, reason);
	check_same(&was, VM, 0);
}

void own_port(__u16 vlan)
{
	vm_live(VM, vlan)->tap = ifindex_of("in");
	world_plane()->ports[0].own = vm_index_of(VM, vlan) + 1;
}
