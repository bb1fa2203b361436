// SPDX-License-Identifier: GPL-2.0-only
/*
 *	stall
 *
 * The longest time, in ms, that a process is woken up late on this machine, until
 * SIGTERM. What is measured beside it can be no better.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define STEP_NS 1000000

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	stopped = 1;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

int main(void)
{
	const struct timespec step = { .tv_nsec = STEP_NS };
	struct sigaction sa = { .sa_handler = on_signal };
	uint64_t began, late, worst = 0;

	sigaction(SIGTERM, &sa, NULL);
	while (!stopped) {
		began = now();
		if (nanosleep(&step, NULL))
			break;
		late = now() - began - STEP_NS;
		worst = late > worst ? late : worst;
	}
	printf("%llu\n", (unsigned long long)(worst / 1000000));
	return 0;
}
