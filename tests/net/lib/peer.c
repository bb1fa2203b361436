// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP and UDP peers for the net tests.
 *
 *	peer serve NAME PORT...
 *	peer ask [options] tcp|udp ADDRESS PORT
 *
 * The server answers each request with its name, from the address it was asked
 * at. The client asks over many connections at once and prints who answered:
 *
 *	round 1                        (-r: each time every flow has been answered once more)
 *	servers s1=34 s2=33 s3=33
 *	flows 100 asked 100 answered 100 lost 0 moved 0 broken 0 gap 3
 *
 * servers counts connections by who answered first; a connection is "moved"
 * each time another one than before answers, "broken" when it is refused, reset
 * or closed; a request is "lost" when its answer does not come in time (of UDP
 * nothing is sent again). gap is the longest wait for an answer, in ms. Exit
 * status 0 only where nothing was lost, moved or broken.
 */
#include "peer/peer.h"

static void on_signal(int sig)
{
	stopped = 1;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct rlimit files = { 65536, 65536 };

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	setrlimit(RLIMIT_NOFILE, &files);
	if (argc > 1 && !strcmp(argv[1], "serve"))
		return serve(argc - 2, argv + 2);
	if (argc > 1 && !strcmp(argv[1], "ask"))
		return ask(argc - 1, argv + 1);
	return usage();
}
