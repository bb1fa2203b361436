/* SPDX-License-Identifier: GPL-2.0-only */
/* The C library's socket addresses as ours. */
#ifndef XR_LIB_SOCKADDR_H
#define XR_LIB_SOCKADDR_H

#include <stdbool.h>
#include <sys/socket.h>
#include <xroam/abi.h>

/* false: sa is NULL, or neither IPv4 (then ::ffff:a.b.c.d) nor IPv6. */
bool sockaddr_to_addr(const struct sockaddr *sa, __be32 addr[XR_ADDR_WORDS]);

/* And back; returns its length. */
socklen_t sockaddr_from_addr(struct sockaddr_storage *sa, const __be32 addr[XR_ADDR_WORDS],
			     __be16 port);

#endif
