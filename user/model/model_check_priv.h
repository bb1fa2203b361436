/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of model_check() tell each other, and nobody else. */
#ifndef XR_MODEL_MODEL_CHECK_PRIV_H
#define XR_MODEL_MODEL_CHECK_PRIV_H

#include "model.h"

struct check {
	const struct model *m;
	const char *file;
	struct xr_err *err;
	struct xr_errs *all; /* NULL: the first is enough */
};

/* err is said, of that line: -EINVAL, or 0: go on. */
int check_noted(const struct check *c, __u32 line);
/* Of an item that is wrong already. */
bool check_is_bad(const struct check *c, __u32 line);

int check_too_many(const struct check *c, __u32 line, size_t n, const char *what, const char *key,
		   __u32 limit);

/* "file:line: " where they are known. */
const char *check_place(const struct check *c, __u32 line, char *buf, size_t n);

#define BAD(c, line, fmt, ...)                                                                     \
	({                                                                                         \
		char place_[256];                                                                  \
		xr_fail((c)->err, -EINVAL, "%s" fmt, check_place(c, line, place_, sizeof(place_)), \
			__VA_ARGS__);                                                              \
		check_noted(c, line);                                                              \
	})

/* ---- model_check_vms.c: hosts, VMs, gateways, sources ---- */

int check_hosts(const struct check *c);
int check_vms(const struct check *c);

#endif
