/* SPDX-License-Identifier: GPL-2.0-only */
/* Rtnetlink by libmnl: one request, its answers, its acknowledgement. */
#ifndef XR_CORE_NETLINK_H
#define XR_CORE_NETLINK_H

#include <libmnl/libmnl.h>
#include <linux/types.h>

struct netlink {
	struct mnl_socket *sock;
	unsigned int seq;
	char buf[32768];
};

int netlink_open(struct netlink *nl);	/* of this network namespace */
void netlink_close(struct netlink *nl);	/* also what was never opened */

/* Begins a request in nl->buf. */
struct nlmsghdr *netlink_message(struct netlink *nl, int type, int flags);

/* Sends it; each answer goes to cb. 0, or what the kernel said. */
int netlink_talk(struct netlink *nl, mnl_cb_t cb, void *ctx);

/* An address as in struct xr_vip, as RTA_* or NDA_* of its family. */
void netlink_put_addr(struct nlmsghdr *nlh, int type, const __be32 *addr);

#endif
