/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VM may send and get, as text: the same lines in the file, on the command line and
 * in a notice. Each is a list of words:
 *
 *	limit	[in|out] [bits RATE] [packets RATE] [burst MS]
 *	rule	allow|deny [in|out] [PROTOCOL] [peer PREFIX] [port PORTS] [source-port PORTS]
 *
 * A way that is not named stands for both; of two limits for a way the later one counts.
 * RATE is a number a second, with K, M or G behind it; PORTS is one port or FROM-TO.
 */
#ifndef XR_LIB_BOUNDS_H
#define XR_LIB_BOUNDS_H

#include <stdbool.h>
#include <xroam/abi.h>
#include "error.h"

#define BOUNDS_TEXT  192               /* a line, with the NUL */
#define BOUNDS_LINES (2 + XR_VM_RULES) /* limits and rules of a VM, at most */

/* 0, or -EINVAL with the line in err. b: zeros at first. */
int bounds_add_limit(struct xr_vm_bounds *b, const char *text, struct xr_err *err);
int bounds_add_rule(struct xr_vm_bounds *b, const char *text, struct xr_err *err);
/* What becomes of packets that no rule fits: allow or deny. */
int bounds_set_default(struct xr_vm_bounds *b, const char *text, struct xr_err *err);

/* Something is bounded. NULL: nothing is. */
bool bounds_any(const struct xr_vm_bounds *b);
/* Both bound the same; NULL and one that bounds nothing are equal. */
bool bounds_equal(const struct xr_vm_bounds *a, const struct xr_vm_bounds *b);

/* How many limits there are to write; and the i-th, in buf. */
int bounds_limits(const struct xr_vm_bounds *b);
const char *bounds_limit_text(char buf[BOUNDS_TEXT], const struct xr_vm_bounds *b, int i);
const char *bounds_rule_text(char buf[BOUNDS_TEXT], const struct xr_vm_rule *r);
const char *bounds_default_text(const struct xr_vm_bounds *b);

#endif
