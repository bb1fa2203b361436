/* SPDX-License-Identifier: GPL-2.0-only */
/* For the commands that run until they are stopped. */
#ifndef XR_SHOW_STOP_H
#define XR_SHOW_STOP_H

#include <signal.h>
#include <stdbool.h>

/* SIGINT and SIGTERM set show_stopped from now on, and interrupt what waits. */
void show_until_stopped(void);
extern volatile sig_atomic_t show_stopped;

/* Whether fd is a pipe, socket or terminal whose other end is closed, also while nothing is written. */
bool show_reader_is_gone(int fd);

#endif
