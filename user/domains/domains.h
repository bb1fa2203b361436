/* SPDX-License-Identifier: GPL-2.0-only */
/* Moves as libvirt tells of them, of the libvirts that the daemon's file lists. */
#ifndef XR_DOMAINS_DOMAINS_H
#define XR_DOMAINS_DOMAINS_H

#include "daemon/daemon.h"

extern const struct source source_libvirt;

#endif
