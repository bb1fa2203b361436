/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of model_check() share. */
#ifndef XR_MODEL_MODEL_CHECK_PRIV_H
#define XR_MODEL_MODEL_CHECK_PRIV_H

#include "model.h"

struct check {
	const struct model *m;
	const char *file;
	struct xr_err *err;
	struct xr_errs *all; /* NULL: the first is enough */
};

/* ---- model_check_line.c ---- */

/* Notes that c->err holds what is wrong in that line: -EINVAL, or 0: go on. */
int check_note(const struct check *c, __u32 line);
/* Something in that line is wrong already: what follows from it is not reported. */
bool check_is_bad(const struct check *c, __u32 line);

/* "N WHAT, but limits.KEY is LIMIT". */
int check_too_many(const struct check *c, __u32 line, size_t n, const char *what, const char *key,
		   __u32 limit);

/* "file:line: " where they are known, else "". */
const char *check_prefix(const struct check *c, __u32 line, char *buf, size_t n);

/* Reports what is wrong in that line: -EINVAL, or 0: go on. */
#define BAD(c, line, fmt, ...)                                                       \
	({                                                                           \
		char place_[256];                                                    \
		xr_fail((c)->err, -EINVAL, "%s" fmt,                                 \
			check_prefix(c, line, place_, sizeof(place_)), __VA_ARGS__); \
		check_note(c, line);                                                 \
	})

/* ---- model_check_health.c: health checks, and who names one ---- */

int check_health(const struct check *c);

/* ---- model_check_vms.c: hosts, VMs, gateways, sources ---- */

int check_hosts(const struct check *c);
int check_vms(const struct check *c);

#endif
