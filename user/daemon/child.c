// SPDX-License-Identifier: GPL-2.0-only
/* A process for what the daemon must not wait for, or must not have in its memory. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "daemon.h"

pid_t daemon_fork(struct daemon *d, int *fd)
{
	sigset_t none;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	fflush(stderr);
	pid = fork();
	if (pid) {
		close(ends[1]);
		*fd = ends[0];
		if (pid > 0)
			return pid;
		close(ends[0]);
		return -errno;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(ends[0]);
	/* What the daemon holds by a descriptor, only the daemon must be seen to hold. */
	if (d->claim_fd >= 0)
		close(d->claim_fd);
	if (d->plane && d->plane->lock_fd >= 0)
		close(d->plane->lock_fd);
	plane_never_wait(false);
	*fd = ends[1];
	return 0;
}
