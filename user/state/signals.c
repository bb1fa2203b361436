// SPDX-License-Identifier: GPL-2.0-only
/* Signals end what goes on for ever, between two steps of it. */
#include <poll.h>
#include <signal.h>
#include <stddef.h>

#include "stream_priv.h"

static volatile sig_atomic_t ends;
static sigset_t while_waiting;

static void on_signal(int sig)
{
	(void)sig;
	ends = 1;
}

void end_by_signals(void)
{
	const struct sigaction act = { .sa_handler = on_signal };
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	sigprocmask(SIG_BLOCK, &block, &while_waiting);
	sigdelset(&while_waiting, SIGTERM);
	sigdelset(&while_waiting, SIGINT);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool is_at_end(void)
{
	return ends;
}

int wait_poll(struct pollfd *fds, unsigned long n, int ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	return ppoll(fds, n, ms < 0 ? NULL : &t, &while_waiting);
}
