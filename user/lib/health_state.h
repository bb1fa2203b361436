/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a backend is for the program: the operator's state (backend_info) and what health
 * checks found of it (backend_health), as one.
 */
#ifndef XR_LIB_HEALTH_STATE_H
#define XR_LIB_HEALTH_STATE_H

#include <stdbool.h>
#include <xroam/abi.h>

/* enum xr_backend_state of both; applied: enum xr_health. */
static inline __u8 health_state(__u8 operators, __u8 applied)
{
	return operators != XR_BACKEND_NONE && applied == XR_HEALTH_DOWN ? XR_BACKEND_DOWN
									 : operators;
}

/* Its probes are answered, or nobody asks. Of one that is "kept" they are not. */
static inline bool health_is_good(__u8 found)
{
	return found != XR_HEALTH_DOWN;
}

const char *health_word(unsigned int health);    /* enum xr_health */
const char *health_type_word(unsigned int type); /* enum xr_check_type */

/* Word n of a command, or NULL. */
const char *health_check_word(const struct xr_health_check *c, unsigned int n);

/* What a check has that says nothing else. */
extern const struct xr_health_check health_check_default;

#define HEALTH_INTERVAL_MOST 3600000 /* ms */
#define HEALTH_COUNT_MOST    100     /* rise, fall */

/*
 * "2", "0.25", "500ms", "2s": milliseconds, 10 to HEALTH_INTERVAL_MOST. -EINVAL; and back,
 * as seconds.
 */
int health_to_ms(const char *text, __u32 *ms);
#define HEALTH_TEXT 80
const char *health_ms_text(__u32 ms, char buf[HEALTH_TEXT]);

/* "200-399,404": of HTTP's status. -EINVAL; and back. */
int health_to_ranges(const char *text, struct xr_status_range to[XR_CHECK_RANGES]);
const char *health_ranges_text(const struct xr_status_range *r, char buf[HEALTH_TEXT]);

/* Puts a word behind those of a command. -ENOSPC, -EINVAL. */
int health_add_word(struct xr_health_check *c, const char *word);

#endif
