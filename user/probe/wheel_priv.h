/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many timers, each of something with a number: when it is due, to the hundredth of a
 * second. Setting and clearing one cost the same however many there are.
 */
#ifndef XR_PROBE_WHEEL_PRIV_H
#define XR_PROBE_WHEEL_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define WHEEL_SLOT_US 10000ULL
#define WHEEL_SLOTS   4096

struct wheel {
	struct wheel_link {
		__u32 next, prev;                    /* numbers plus one; 0: none */
		__u64 at;                            /* microseconds; 0: not set */
	} *link;                                     /* by number */
	__u32 first[WHEEL_SLOTS], last[WHEEL_SLOTS]; /* numbers plus one */
	__u64 slot;                                  /* of time; those before it are empty */
};

/* Room for n timers, none of them set. -ENOMEM. */
int wheel_init(struct wheel *w, size_t n, __u64 now);
void wheel_free(struct wheel *w);
/* In the place of what it was set to. */
void wheel_set(struct wheel *w, __u32 number, __u64 at);
void wheel_clear(struct wheel *w, __u32 number);
/* The next timer that is due, which is cleared; false: there is none. */
bool wheel_take(struct wheel *w, __u64 now, __u32 *number);
/* When to look again: no timer is due before; limit at most. */
__u64 wheel_next(const struct wheel *w, __u64 now, __u64 limit);

#endif
