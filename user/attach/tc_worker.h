/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread that attaches tc programs while the process goes on: the kernel waits
 * for all CPUs before it returns, some ms. Each hook has its record before; one
 * whose record has gone meanwhile is taken away again.
 */
#ifndef XR_ATTACH_TC_WORKER_H
#define XR_ATTACH_TC_WORKER_H

#include "tc.h"

struct tc_worker;

/* event_fd: readable when something is done. NULL: no thread to be had. */
struct tc_worker *tc_worker_new(int *event_fd);
/* Waits until all is done; it does nothing more then. */
void tc_worker_end(struct tc_worker *w);
/* Ended and settled; NULL is fine. */
void tc_worker_free(struct tc_worker *w);

/* To the device of this network namespace. */
struct tc_task {
	struct plane *p;
	int prog; /* the worker's from now on, whatever comes of it */
	__u32 ifindex, kind;
	char name[16];
	tc_first *first; /* or NULL; see tc_attach_soon() */
	__u32 place;
};
int tc_worker_attach(struct tc_worker *w, const struct tc_task *t);
/* That is not settled yet. */
bool tc_worker_has(struct tc_worker *w, __u32 ifindex);
/* Until all that was to be attached to the device is. */
void tc_worker_wait(struct tc_worker *w, __u32 ifindex);

/*
 * What is done, under the instance's lock; p NULL: the instance is gone. fail() is
 * told of each that failed.
 */
void tc_worker_settle(struct tc_worker *w, struct plane *p,
		      void (*fail)(void *ctx, const char *line), void *ctx);

#endif
