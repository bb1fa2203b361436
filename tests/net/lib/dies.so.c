// SPDX-License-Identifier: GPL-2.0-only
/*
 * For LD_PRELOAD: the process is killed as it asks the kernel by netlink for the
 * DIES_AT-th time (sendto, as libmnl does), before that was sent; or it waits so
 * many microseconds before each, WAIT_US, as where the kernel has much to do.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	static ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
	static long left = -1, wait_us;

	if (!real) {
		const char *at = getenv("DIES_AT"), *wait = getenv("WAIT_US");

		real = (__typeof__(real))dlsym(RTLD_NEXT, "sendto");
		left = at ? atol(at) : -1;
		wait_us = wait ? atol(wait) : 0;
	}
	if (left > 0 && !--left)
		raise(SIGKILL);
	if (wait_us)
		usleep(wait_us);
	return real(fd, buf, len, flags, to, to_len);
}
