// SPDX-License-Identifier: GPL-2.0-only
/*
 * For LD_PRELOAD: how often the process reads a map in batches, which is how a model
 * is loaded from the maps, and how often it hears from the kernel by netlink, is added
 * to the file READS as it ends, a line each.
 */
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "preload.h"

static unsigned long batches, messages;

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	messages++;
	return REAL(recvmsg)(fd, msg, flags);
}

long syscall(long number, ...)
{
	long a[6];

	TAKE_ARGUMENTS(a, number);
	if (number == SYS_bpf && a[0] == BPF_MAP_LOOKUP_BATCH)
		batches++;
	return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

__attribute__((destructor)) static void write_counts(void)
{
	const char *path = getenv("READS");
	FILE *f = path ? fopen(path, "a") : NULL;

	if (f) {
		fprintf(f, "%lu %lu\n", batches, messages);
		fclose(f);
	}
}
