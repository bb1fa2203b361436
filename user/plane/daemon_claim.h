/* SPDX-License-Identifier: GPL-2.0-only */
/* One daemon per instance: who it is, and how others know. */
#ifndef XR_PLANE_DAEMON_CLAIM_H
#define XR_PLANE_DAEMON_CLAIM_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>
#include "lib/error.h"

/*
 * Makes this process the instance's daemon for as long as the descriptor given
 * is open, whatever ends it. -EBUSY: there is one; the line tells its pid.
 */
int daemon_claim(const char *instance, struct xr_err *err);

/* Gives it up. */
void daemon_release(const char *instance, int fd);

/* The claim still is what others see: destroy removes it with the instance. */
bool daemon_claimed(const char *instance, int fd);

/* Its socket's address; and whether anybody listens there: 0, or why not. */
void daemon_socket_address(const char *instance, struct sockaddr_un *to);
int daemon_socket_try(const struct sockaddr_un *to);
/* Of a daemon that was killed; not while anybody listens there. */
void daemon_socket_sweep(const char *instance);

/* What the daemon finds wrong now, a line each, for daemon_wrong(). */
void daemon_tell_wrong(int fd, const char *lines);
/* false: no daemon runs. */
bool daemon_wrong(const char *instance, char *lines, size_t size);

/* The pid of the instance's daemon; 0: none runs. */
pid_t daemon_pid(const char *instance);

/* The pid of one that was killed: it gave nothing up. 0: none was. */
pid_t daemon_lost(const char *instance);

#endif
