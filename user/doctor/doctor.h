/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is wrong with the machine, and the command that mends it. Nothing is changed. The
 * instance itself is health.h's: what is told there of a device, a way or a VIP's address
 * comes from the same functions, so that the two agree.
 */
#ifndef XR_DOCTOR_DOCTOR_H
#define XR_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <xroam/abi.h>
#include "lib/error.h"

enum doctor_severity {
	DOCTOR_WARNING, /* packets flow, but not always, not as fast, or not for long */
	DOCTOR_ERROR,   /* packets are lost, or the machine cannot run xroam */
};

/* What became of a check. */
enum doctor_outcome {
	DOCTOR_PASSED,
	DOCTOR_FOUND,
	DOCTOR_NOTHING, /* there was nothing to look at, such as a device with role backend */
	DOCTOR_UNSEEN,  /* it could not be looked at, or not everywhere; nothing was found */
};

#define DOCTOR_OBJECT 320
#define DOCTOR_WRONG  512
#define DOCTOR_CURE   1536

struct doctor_finding {
	enum doctor_severity severity;
	char object[DOCTOR_OBJECT]; /* "dev eth0", "backend s1", "kernel" */
	char wrong[DOCTOR_WRONG];
	char cure[DOCTOR_CURE]; /* a line for the shell; a comment where no command mends it */
};

struct doctor_checked {
	const char *id;       /* a hyphenated word that stays */
	const char *looks_at; /* in words */
	const char *why;      /* it matters */
	enum doctor_severity severity;
	enum doctor_outcome outcome;
	struct doctor_finding *finding;
	size_t n;
	char unseen[256]; /* why, the first time; empty: all of it was seen */
};

struct doctor_report {
	struct doctor_checked *check;
	size_t n;
};

struct doctor_args {
	const char *instance;
	char *const *dev; /* devices of this network namespace; none: those that are attached */
	int devs;
	enum xr_role role; /* that devices are to have which are not attached */
};

/*
 * Looks at everything. 0, and doctor_free() the report; -ENODEV: a device that was named is
 * not there; -ENOMEM.
 */
int doctor_run(const struct doctor_args *args, struct doctor_report *report, struct xr_err *err);
void doctor_free(struct doctor_report *report);

#endif
