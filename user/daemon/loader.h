/* SPDX-License-Identifier: GPL-2.0-only */
/* The process that reads and applies the daemon's file. One daemon has one at a time. */
#ifndef XR_DAEMON_LOADER_H
#define XR_DAEMON_LOADER_H

#include <errno.h>
#include "daemon.h"

/* d->waits_for_devices, and one of the file's is not there: nothing was changed. */
#define LOADER_LATE (-EINPROGRESS)

struct loader {
	pid_t pid;  /* 0: none runs */
	int fd;     /* the pipe with its answer */
	char *text; /* of the answer, what came so far; the loader's own */
	size_t len, size;
};

/*
 * Starts it; by: who asked for it. -errno and the line: the loader is as if it had never
 * been started.
 */
int loader_start(struct loader *l, struct daemon *d, const struct audit_actor *by,
		 struct xr_err *err);
/* Waits for a piece of the answer; false: there is no more. */
bool loader_read(struct loader *l);
/*
 * Once there is no more: 0, and of the file in *m what sources need (model_free() it);
 * or -errno, LOADER_LATE, and the line. Nothing runs then.
 */
int loader_end(struct loader *l, const char *file, struct model *m, struct xr_err *err);
/* Ends it in the middle, if it runs. */
void loader_kill(struct loader *l);

#endif
