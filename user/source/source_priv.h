/* SPDX-License-Identifier: GPL-2.0-only */
/* The sources of this room. */
#ifndef XR_SOURCE_SOURCE_PRIV_H
#define XR_SOURCE_SOURCE_PRIV_H

#include "daemon/daemon.h"

extern const struct source source_socket;        /* notices, from /run/xroam/INSTANCE.sock */
extern const struct source source_announcements; /* what the data plane saw and did */
extern const struct source source_ageing;        /* deadlines and ttls that ran out */
extern const struct source source_prepared;      /* what a prepared move leaves for later */
extern const struct source source_serving;       /* what VIPs are announced by */
extern const struct source source_on_move;       /* a program for each VM that moved */
extern const struct source source_links;         /* devices, addresses, routes, neighbours */

#endif
