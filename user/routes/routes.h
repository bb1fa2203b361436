/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host route to each address of the VMs that are here, for a routing daemon to announce: it
 * comes when the VM is here, and goes when it has left. After a move it stays for a while: the
 * new host's has to be announced before this one's is withdrawn, and until then what comes
 * here is sent on.
 */
#ifndef XR_ROUTES_ROUTES_H
#define XR_ROUTES_ROUTES_H

#include "daemon/daemon.h"

extern const struct source source_vm_routes;

#endif
