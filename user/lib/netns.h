/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices of one instance may be in several network namespaces. They are
 * told apart by an identity of 64 bits: the inode number in the lower half, as in
 * "ls -Li /run/netns", and in the upper that of the kernel's count of namespaces
 * (SO_NETNS_COOKIE), since inode numbers are used again. Kernels before 5.14 do
 * not give the count: there the upper half is 0.
 */
#ifndef XR_LIB_NETNS_H
#define XR_LIB_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

__u64 netns_id(void); /* of this thread's; 0: it cannot be found out */

/* Whether /proc/PID/ns/net or such is this thread's. */
bool netns_is_here(const char *path);

int netns_open(void); /* an fd of it, to be closed; or -errno */

/*
 * Makes that namespace this thread's, if a name under /run/netns or a process leads there.
 * *back is for netns_leave(). -ENOENT: it is gone, or nothing leads there. Another error:
 * that could not be found out.
 */
int netns_enter(__u64 id, int *back);
void netns_leave(int back);

/*
 * Calls visit() with a path to each namespace, "/run/netns/NAME" first, then "/proc/PID/ns/net",
 * until it returns other than 0: that, 0, or -errno. One namespace may come several times.
 */
int netns_walk(int (*visit)(void *ctx, const char *path), void *ctx);
/* As netns_enter(), by a path. */
int netns_enter_path(const char *path, int *back);
/* A path to it, of those above. false and "": nothing leads there. */
#define NETNS_PATH 512
bool netns_path(__u64 id, char path[NETNS_PATH]);

/* Its name under /run/netns. false and "": it has none, or one that does not fit. */
#define NETNS_NAME 256
bool netns_name(__u64 id, char *name, size_t size);
/* That name, or "net:[INODE]" as in /proc/PID/ns; for people. */
#define NETNS_TEXT (NETNS_NAME + 8)
const char *netns_text(__u64 id, char text[NETNS_TEXT]);
/* " netns NAME", to follow a device's name; "" where id is this thread's. */
#define NETNS_SUFFIX (NETNS_TEXT + 8)
const char *netns_suffix(__u64 id, char text[NETNS_SUFFIX]);
int netns_by_name(const char *name, __u64 *id); /* -ENOENT: no such name */

/* Calls each() once in every namespace that a name or a process leads to. */
void netns_each(void (*each)(void *ctx), void *ctx);

#endif
