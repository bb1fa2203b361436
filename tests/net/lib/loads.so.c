// SPDX-License-Identifier: GPL-2.0-only
/*
 * For LD_PRELOAD: as the process loads a program into the kernel that is no trifle, the file
 * LOADS gets a line: "locked", where somebody has the lock file LOCK then, or "free". Where
 * there is a file HOLD it waits until that is gone, and HOLD.held is there meanwhile.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload.h"

#define TRIFLE 1000 /* instructions */

static const char *lock_is(void)
{
	int fd = open(getenv("LOCK"), O_RDONLY | O_CLOEXEC);
	const char *is = flock(fd, LOCK_EX | LOCK_NB) ? "locked" : "free";

	close(fd);
	return is;
}

static void write_line(const char *path, const char *line)
{
	FILE *f = fopen(path, "ae");

	if (!f)
		return;
	fprintf(f, "%s\n", line);
	fclose(f);
}

static void hold(const char *path)
{
	char held[4096];

	if (!path || access(path, F_OK))
		return;
	snprintf(held, sizeof(held), "%s.held", path);
	write_line(held, "");
	while (!access(path, F_OK))
		usleep(1000);
	unlink(held);
}

long syscall(long number, ...)
{
	long a[6];

	TAKE_ARGUMENTS(a, number);
	if (number == SYS_bpf && a[0] == BPF_PROG_LOAD &&
	    ((union bpf_attr *)a[1])->insn_cnt > TRIFLE) {
		write_line(getenv("LOADS"), lock_is());
		hold(getenv("HOLD"));
	}
	return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
