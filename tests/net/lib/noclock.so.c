// SPDX-License-Identifier: GPL-2.0-only
/* For LD_PRELOAD: NOCLOCK=N, and the first N programs that the process has run find no memory. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "preload.h"

static long left;

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("NOCLOCK");

	left = text ? atol(text) : 0;
}

long syscall(long number, ...)
{
	union bpf_attr *attr;
	long a[6];

	TAKE_ARGUMENTS(a, number);
	if (number == SYS_bpf && a[0] == BPF_PROG_TEST_RUN && left > 0) {
		left--;
		attr = (union bpf_attr *)a[1];
		attr->test.retval = -ENOMEM;
		return 0;
	}
	return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
