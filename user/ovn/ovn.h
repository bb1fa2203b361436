/* SPDX-License-Identifier: GPL-2.0-only */
/* The source that is OVN: what its southbound database says of VMs' ports. */
#ifndef XR_OVN_OVN_H
#define XR_OVN_OVN_H

#include "daemon/daemon.h"

extern const struct source source_ovn;

#endif
