// SPDX-License-Identifier: GPL-2.0-only
/*
 * For LD_PRELOAD: a child that the process forks takes a second before it begins another
 * program, as on a busy machine. So long it has all descriptors of its parent.
 */
#include <sys/types.h>
#include <unistd.h>

#include "preload.h"

pid_t fork(void)
{
	pid_t pid = REAL(fork)();

	if (!pid)
		sleep(1);
	return pid;
}
