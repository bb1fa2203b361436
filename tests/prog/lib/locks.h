/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of locked VMs share. OTHER is a neighbour that would like to be
 * the VM.
 */
#ifndef XR_TEST_LOCKS_H
#define XR_TEST_LOCKS_H

#include "vms.h"
#include "worlds.h"

#define OTHER     "52:54:00:12:34:57"
#define FROM_VM   "eth src=" VM " dst=02:00:00:00:00:09 / "
#define ALL_OTHER "eth src=" OTHER " dst=ff:ff:ff:ff:ff:ff "

#define BOUND ", lock: true, addresses: [10.9.0.10, \"fd09::10\"]"

/* Where many live a router is legal, too; at its own port it is not. */
#define ROUTED FROM_VM "ip4 src=10.1.1.1 / udp"

#define GATEWAY_LL "fe80::ff:fe00:1" /* of its MAC address */

/* The VM at one of the hosts by which packets come in, or may leave. */
/* clang-format off */
#define LOCK_WORLD(at, more)                                                   \
	HOSTS(HOST_PORT("here", "in") HOST_PORT("away", "out")                 \
	      HOST_VXLAN("v", "10.1.0.1", "") HOST_VXLAN("far", "10.2.0.1",    \
	      "")) VMS(VM_AT(VM, at, more))
/* clang-format on */

/* The frame is passed; where: for the message. */
void passes(const char *text, const char *where);
/* The frame is dropped for that reason, and changes nothing of the VM. */
void dropped(const char *text, const char *reason);
/* Makes "in" the VM's own port, as attaching to it does. */
void own_port(__u16 vlan);

#endif
