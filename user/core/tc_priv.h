/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of tc.h tell each other, and nobody else. */
#ifndef XR_CORE_TC_PRIV_H
#define XR_CORE_TC_PRIV_H

#include "tc.h"

/* The pin of the kind's program; 0: for replaying. */
const char *tc_word(__u32 kind);

/* An fd to close, of the pinned program; loads all of them if there is none. */
int tc_program(struct plane *p, __u32 kind, struct xr_err *err);

/* Loads all anew and puts them in the pins' places. */
int tc_load(struct plane *p, struct xr_err *err);

#endif
