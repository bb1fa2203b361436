/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One daemon per instance: it holds a lock on /run/xroam/NAME/daemon, which has its pid, where
 * it serves metrics and what it finds wrong for other processes to read; its socket is beside it.
 */
#ifndef XR_PLANE_DAEMON_CLAIM_H
#define XR_PLANE_DAEMON_CLAIM_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>
#include "lib/error.h"

/*
 * Makes this process the instance's daemon for as long as the descriptor returned is
 * open, also if the process is killed. -EBUSY: there is one, and err names its pid.
 */
int daemon_claim(const char *instance, struct xr_err *err);

/* Gives it up, and closes fd. */
void daemon_release(const char *instance, int fd);

/* Whether fd is still the file that others see: "destroy" removes that. */
bool daemon_has_claim(const char *instance, int fd);

/* Its socket's address; and whether a process listens there: 0, or -errno. */
void daemon_socket_address(const char *instance, struct sockaddr_un *to);
int daemon_socket_probe(const struct sockaddr_un *to);
/*
 * Makes room for a socket of this process: removes one that a killed process left there.
 * 0; or -errno and the line where anything else is there.
 */
int daemon_socket_clear(const struct sockaddr_un *to, struct xr_err *err);
/* Removes that of a daemon that was killed, on which no process listens. */
void daemon_socket_remove_dead(const char *instance);

#define DAEMON_PROBLEMS_TEXT 4000 /* octets of all lines, with the NUL */
#define DAEMON_METRICS_TEXT  112  /* of where metrics are served, too */
#define DAEMON_CLAIM_TEXT    (DAEMON_PROBLEMS_TEXT + 200)

/*
 * Writes down where the daemon serves metrics now ("": nowhere), and what it finds wrong, a
 * line each.
 */
void daemon_write_claim(int fd, const char *metrics, const char *lines);
/* Read that; "": there is none, or no daemon runs. */
void daemon_read_metrics(const char *instance, char where[DAEMON_METRICS_TEXT]);
void daemon_read_problems(const char *instance, char lines[DAEMON_CLAIM_TEXT]);

/* The pid of the instance's daemon; 0: none runs. */
pid_t daemon_pid(const char *instance);

/* The pid of one that was killed, and so has left its claim. 0: there is none. */
pid_t daemon_lost_pid(const char *instance);

#endif
