/* SPDX-License-Identifier: GPL-2.0-only */
/* A device as frames meet it, and what is at the other end of a veth. */
#ifndef XR_NET_LINK_END_H
#define XR_NET_LINK_END_H

#include <stdbool.h>
#include "netlink.h"

struct link_end {
	__u32 ifindex;
	__u32 other; /* veth: ifindex of its other end; 0: none */
	__s32 nsid;  /* of the other end's network namespace, by its number here; < 0: this one */
	__u32 mtu;
	__u32 master;       /* the bridge it is a port of; 0: none */
	unsigned int flags; /* IFF_ */
	bool is_veth;
	bool native;   /* it has a native XDP program */
	char kind[16]; /* as the kernel calls it; empty: hardware */
	char name[16];
};

/*
 * Reads a device. nsid: the device's namespace, by the number it has in this one; < 0: this
 * one. 0, or the kernel's -errno.
 */
int link_end_read(struct netlink *nl, __u32 ifindex, __s32 nsid, struct link_end *e);

enum link_fault {
	LINK_FAULT_NONE,
	LINK_FAULT_DOWN,
	LINK_FAULT_NO_CARRIER,
	/* What XDP sends back out of it is lost: its other end has no native program. */
	LINK_FAULT_PEER,
};

/*
 * What keeps frames from the device, or loses them. sends_back: its program is a native one
 * that sends out of the device. *other: its other end, where the fault is there; ifindex 0:
 * it has none, or that could not be read.
 */
enum link_fault link_find_fault(struct netlink *nl, const struct link_end *e, bool sends_back,
				struct link_end *other);

/*
 * The numbers of this network namespace's devices that have an XDP program, found in one
 * reading of all links (libbpf reads all of them for each device that it is asked of). *list
 * is to be freed. How many, or -errno.
 */
int link_list_xdp(__u32 **list);

#endif
