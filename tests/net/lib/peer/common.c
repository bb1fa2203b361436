// SPDX-License-Identifier: GPL-2.0-only
/* What both ends of a peer need. */
#include "peer.h"

volatile sig_atomic_t stopped;
char bulk[MAX_BULK];

void die(const char *what)
{
	fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
	exit(2);
}

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

bool would_block(ssize_t n)
{
	return n < 0 && errno == EAGAIN;
}

int usage(void)
{
	fprintf(stderr,
		"usage: peer serve NAME PORT...\n"
		"       peer ask [-c FLOWS] [-n REQUESTS] [-i MS] [-u OCTETS]\n"
		"                [-d OCTETS] [-t MS] [-b SOURCE] [-r] "
		"tcp|udp ADDRESS PORT\n"
		"  -n 0: until SIGTERM; -i: between requests of one flow;\n"
		"  -u, -d: up and down with each; -t: an answer is lost "
		"after;\n"
		"  -r: tells each time that every flow has been answered once more\n");
	return 2;
}
