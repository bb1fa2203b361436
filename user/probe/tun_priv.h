/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network namespace of the daemon's own, with nothing in it but a TUN device to which
 * everything is routed. What the kernel's TCP sends there is read from the device; routes,
 * filters and names of the machine's own namespace have no part in it, and it is gone with
 * the daemon, however that ends.
 */
#ifndef XR_PROBE_TUN_PRIV_H
#define XR_PROBE_TUN_PRIV_H

#include <linux/types.h>
#include "lib/error.h"

struct tun {
	int fd;    /* of the device, non-blocking: an IP packet a time; -1: not open */
	int netns; /* the namespace */
	__u32 ifindex;
};

#define TUN_NONE ((struct tun){ -1, -1, 0 })
#define TUN_MTU  1280

int tun_open(struct tun *t, struct xr_err *err);
void tun_close(struct tun *t);
/* A TCP socket in there that comes from that address and port. An fd, or -errno. */
int tun_socket(const struct tun *t, const __be32 *from, __u16 port);

#endif
