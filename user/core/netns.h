/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices of one instance may be in several network namespaces; they are told
 * apart by the namespace's inode.
 */
#ifndef XR_CORE_NETNS_H
#define XR_CORE_NETNS_H

#include <linux/types.h>

__u64 netns_inode(void);	/* of this thread; 0: unknown */

int netns_open(void);		/* an fd of it, to be closed; or -errno */

/*
 * Goes to the namespace with this inode, if a name under /run/netns or a
 * process leads there. Gives what netns_leave() wants, or -ENOENT.
 */
int netns_enter(__u64 inode, int *back);
void netns_leave(int back);

/* Calls each() once in every namespace that has a name, and in this one. */
void netns_each(void (*each)(void *ctx), void *ctx);

#endif
