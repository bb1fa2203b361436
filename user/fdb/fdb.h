/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The source that is the kernel's own tables: where bridges have learned that VMs are, or
 * have been told by EVPN.
 */
#ifndef XR_FDB_FDB_H
#define XR_FDB_FDB_H

#include "daemon/daemon.h"

extern const struct source source_fdb;

#endif
