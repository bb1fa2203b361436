/* SPDX-License-Identifier: GPL-2.0-only */
/* The words of reasons.h, indexed by enum xr_reason and enum xr_reason_kind. */
#ifndef XR_LIB_REASON_H
#define XR_LIB_REASON_H

#include <xroam/reasons.h>

/* "?" and XR_KIND_MAX for a number that is no reason. */
const char *reason_word(unsigned int reason);
const char *reason_text(unsigned int reason);
enum xr_reason_kind reason_kind(unsigned int reason);
const char *reason_kind_word(unsigned int kind); /* "tx", "drop", ... */

/* What an operator can do about drops of it; NULL: strangers cause them, nothing. */
const char *reason_cure(unsigned int reason);

/* The kind of frame by which a VM announced itself; NULL: a data frame, or none. */
const char *announcement_word(unsigned int announcement);

#endif
