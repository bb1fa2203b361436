// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ctrl-C ends a command that goes on, in its own time, so that it cleans up; and so does a
 * reader who goes away.
 */
#include <poll.h>
#include <stddef.h>

#include "stop.h"

volatile sig_atomic_t show_stopped;

static void on_signal(int sig)
{
	show_stopped = 1;
}

void show_until_stopped(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

bool show_reader_is_gone(int fd)
{
	struct pollfd out = { .fd = fd };

	return poll(&out, 1, 0) > 0 && out.revents & (POLLERR | POLLHUP);
}
