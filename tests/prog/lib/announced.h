/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The announcements as frames, and the world in which the VM makes them: frames
 * come in at "in". new is a port there, v and g are reached by it; far and old
 * are elsewhere. The VM is in VLAN 100, too.
 */
#ifndef XR_TEST_ANNOUNCED_H
#define XR_TEST_ANNOUNCED_H

#include "announcements.h"
#include "vms.h"
#include "worlds.h"

struct announced {
	enum xr_announcement kind;
	const char *name, *hex;
};

#define ANNOUNCED(kind, name, hex) { kind, name, hex },
static const struct announced kinds[] = { ANNOUNCEMENTS(ANNOUNCED) };

/* clang-format off */
#define ANNOUNCE_HOSTS                                                         \
	HOSTS(HOST_PORT("old", "out") HOST_PORT("new", "in")                   \
	      HOST_VXLAN("v", "10.1.0.1", "") HOST_GUE("g", "10.1.0.2", "")    \
	      HOST_MAC("m", "02:00:00:00:01:07", "in")                         \
	      HOST_VXLAN("far", "10.2.0.1", "")                                \
	      HOST_PORT("third", "out-peer") HOST_PORT("fourth", "in-peer"))
#define ANNOUNCE_WORLD(policy)                                                 \
	POLICY("moves: " policy ", vm_ttl: 77") GATEWAYS ANNOUNCE_HOSTS        \
	VMS(VM_AT(VM, "old", "") VM_AT(VM, "old", ", vlan: 100"))
/* clang-format on */

#define GARP "sip=10.9.0.10 tip=10.9.0.10"

/* The frame of a kind, in a VLAN unless that is 0. */
struct packet announcement(const struct announced *a, __u16 vlan);
/* " vlan 100" for a notice, which takes it only where there is one. */
const char *in_vlan(__u16 vlan);
/* Puts the VM at old, stable, long ago. */
void at_old(__u16 vlan);

#endif
