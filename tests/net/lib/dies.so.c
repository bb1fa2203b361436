// SPDX-License-Identifier: GPL-2.0-only
/*
 * For LD_PRELOAD: the process is killed as it asks the kernel by netlink for the
 * DIES_AT-th time (sendto, as libmnl does), before that was sent.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>

ssize_t sendto(int fd, const void *buf, size_t len, int flags,
	       const struct sockaddr *to, socklen_t to_len)
{
	static ssize_t (*real)(int, const void *, size_t, int,
			       const struct sockaddr *, socklen_t);
	static long left = -1;

	if (!real) {
		const char *at = getenv("DIES_AT");

		real = (__typeof__(real))dlsym(RTLD_NEXT, "sendto");
		left = at ? atol(at) : -1;
	}
	if (left > 0 && !--left)
		raise(SIGKILL);
	return real(fd, buf, len, flags, to, to_len);
}
