/* SPDX-License-Identifier: GPL-2.0-only */
/* The process that reads and applies the daemon's file. */
#ifndef XR_DAEMON_LOADER_H
#define XR_DAEMON_LOADER_H

#include <errno.h>
#include "daemon.h"

/* One of its devices is not there, and d->waits_for_devices: nothing was changed. */
#define LOADER_LATE (-EINPROGRESS)

struct loader {
	pid_t pid; /* 0: none runs */
	int fd;    /* what it answers */
	char *text;
	size_t len, size;
};

int loader_start(struct loader *l, struct daemon *d, struct xr_err *err);
/* Waits for a piece of its answer; false: there is no more. */
bool loader_read(struct loader *l);
/* Then: 0 and m, of which only what sources need is filled; or what was wrong. */
int loader_end(struct loader *l, const char *file, struct model *m, struct xr_err *err);
void loader_kill(struct loader *l);

#endif
