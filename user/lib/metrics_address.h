/* SPDX-License-Identifier: GPL-2.0-only */
/* Where metrics are served: a TCP port of the loopback, or a Unix socket. */
#ifndef XR_LIB_METRICS_ADDRESS_H
#define XR_LIB_METRICS_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "error.h"

#define METRICS_ADDRESS 108 /* its text, with the NUL: as long as a Unix socket's path */

struct metrics_address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
	socklen_t len;
};

/*
 * "127.0.0.1:9978", "[::1]:9978" or "/run/xroam/default/metrics.sock". 0; or -EINVAL
 * and the line: what is wrong, and what would be right.
 */
int metrics_address_read(const char *text, struct metrics_address *to, struct xr_err *err);

#endif
