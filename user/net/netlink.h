/* SPDX-License-Identifier: GPL-2.0-only */
/* Rtnetlink by libmnl: one request, its answers, its acknowledgement. */
#ifndef XR_NET_NETLINK_H
#define XR_NET_NETLINK_H

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/types.h>
#include <stdbool.h>

struct netlink {
	struct mnl_socket *sock;
	unsigned int seq;
	char buf[32768];
};

int netlink_open(struct netlink *nl);   /* of this network namespace */
void netlink_close(struct netlink *nl); /* also what was never opened */

/* Begins a request in nl->buf. */
struct nlmsghdr *netlink_message(struct netlink *nl, int type, int flags);

/*
 * Sends the request in nl->buf; each answer goes to cb. 0, or the kernel's -errno. -EINTR: what
 * was listed changed meanwhile, and cb may have missed some of it.
 */
int netlink_request(struct netlink *nl, mnl_cb_t cb, void *ctx);

/* A socket, which never waits, for what happens to the n groups, RTNLGRP_*; NULL and errno. */
struct mnl_socket *netlink_subscribe(const int *groups, size_t n);
/*
 * Gives cb what was reported at that socket, of a lot a part: it stays readable then. true:
 * there was more than the kernel could keep, and some of it is lost; what comes from now on is not.
 */
bool netlink_reports(int fd, mnl_cb_t cb, void *ctx);

/* An address as in struct xr_vip, as RTA_* or NDA_* of its family. */
void netlink_put_addr(struct nlmsghdr *nlh, int type, const __be32 *addr);
/* And back; of another length, addr is left as it was. */
void netlink_get_addr(const struct nlattr *a, __be32 *addr);

/* The bridge a device is a port of; 0: none, or that cannot be found out. */
__u32 netlink_master_of(__u32 ifindex);

/* Of a neighbour's state: its MAC can be used. */
#define NEIGH_GOOD (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

/* Kernel 5.16; not in every distribution's headers. */
#ifndef NTF_EXT_MANAGED
#define NTF_EXT_MANAGED (1 << 0)
#endif
#define XR_NDA_FLAGS_EXT 15

/* Of a neighbour, as the kernel tells: its MAC. NULL: none that can be used. */
const __u8 *netlink_neigh_mac(const struct nlmsghdr *nlh);
/* The kernel keeps it resolved, or has not to. */
bool netlink_neigh_is_kept(const struct nlmsghdr *nlh);

#endif
