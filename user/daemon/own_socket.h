/* SPDX-License-Identifier: GPL-2.0-only */
/* A Unix socket that the daemon listens at: for root and the group xroam. */
#ifndef XR_DAEMON_OWN_SOCKET_H
#define XR_DAEMON_OWN_SOCKET_H

#include <sys/types.h>
#include <sys/un.h>

struct own_socket {
	struct sockaddr_un at;
	/* What was made there; by now another process' socket may be. inode 0: nothing. */
	ino_t inode;
	dev_t dev;
};

/* Binds fd to s->at, and listens. 0, or -errno. */
int own_socket_listen(struct own_socket *s, int fd, int backlog);
/* Removes it, if it was made and is there yet. */
void own_socket_remove(struct own_socket *s);

#endif
