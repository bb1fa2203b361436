/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XR_CMD_STATE_PRIV_H
#define XR_CMD_STATE_PRIV_H

#include "state/state.h"

/* state_export() to a file, which is complete then, or not there. */
int cmd_export_state(struct plane *p, const char *file, const struct state_options *o,
		     struct state_sent *sent, struct xr_err *err);

#endif
