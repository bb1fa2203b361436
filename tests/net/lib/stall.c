// SPDX-License-Identifier: GPL-2.0-only
/*
 *	stall
 *
 * The longest time, in ms, that a process is woken up late on any processor of this
 * machine, until SIGTERM. What is measured beside it can be no better.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define STEP_NS  1000000
#define MAX_CPUS 64

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

static void *watch(void *worst)
{
	const struct timespec step = { .tv_nsec = STEP_NS };
	uint64_t began, late;

	while (!stopped) {
		began = now();
		nanosleep(&step, NULL);
		late = now() - began;
		late = late > STEP_NS ? late - STEP_NS : 0;
		if (late > *(uint64_t *)worst)
			*(uint64_t *)worst = late;
	}
	return NULL;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread[MAX_CPUS];
	uint64_t late[MAX_CPUS] = { 0 }, worst = 0;
	cpu_set_t one;
	int i, n;

	sigaction(SIGTERM, &sa, NULL);
	for (n = 0; n < cpus && n < MAX_CPUS; n++) {
		if (pthread_create(&thread[n], NULL, watch, &late[n]))
			return 1;
		CPU_ZERO(&one);
		CPU_SET(n, &one);
		pthread_setaffinity_np(thread[n], sizeof(one), &one);
	}
	for (i = 0; i < n; i++) {
		pthread_join(thread[i], NULL);
		worst = late[i] > worst ? late[i] : worst;
	}
	printf("%llu\n", (unsigned long long)(worst / 1000000));
	return 0;
}
