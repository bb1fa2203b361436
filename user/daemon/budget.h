/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What somebody who talks to the daemon may take of its time: half a second, filled up again
 * in ten times the time.
 */
#ifndef XR_DAEMON_BUDGET_H
#define XR_DAEMON_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct budget {
	int64_t left; /* ns */
	uint64_t at;  /* the loop's time when so much was left; 0: full */
};

/* Nanoseconds of the processor's time that this thread had: what others take of it is nobody's fault. */
int64_t budget_clock(void);
/* So much of it went into a line; a loop's turn costs about as much again. */
void budget_charge(struct budget *b, sd_event *loop, int64_t ns);
bool budget_is_low(const struct budget *b); /* less than half */
bool budget_is_over(const struct budget *b);

#endif
