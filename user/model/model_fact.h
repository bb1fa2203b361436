/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A backend's facts: what an operator states of it beside its name, VIPs and server IDs.
 * One table for all that reads, compares or prints them.
 */
#ifndef XR_MODEL_MODEL_FACT_H
#define XR_MODEL_MODEL_FACT_H

#include <stdbool.h>
#include <xroam/abi.h>
#include "lib/text.h"

enum model_fact {
	MODEL_FACT_ADDRESS,
	MODEL_FACT_WEIGHT,
	MODEL_FACT_STATE,
	MODEL_FACT_FORWARD,
	MODEL_FACT_DEV,
	MODEL_FACT_PORT,
	MODEL_FACT_VNI,
	MODEL_FACT_MAC,
	MODEL_FACT_INITIAL_RATE,
	MODEL_FACT_VM,
	MODEL_FACT_VLAN,
	MODEL_FACTS
};

struct model_fact_desc {
	const char *word; /* the command's; the file's key has '_' for '-' */
	enum { FACT_ADDRESS, FACT_MAC, FACT_NUMBER, FACT_STATE, FACT_FORWARD, FACT_DEV } kind;
	__u16 offset, size; /* in struct xr_backend_info */
	__u32 least, most;
};

/* Indexed by enum model_fact, in the order in which changes are shown. */
extern const struct model_fact_desc model_facts[MODEL_FACTS];

bool model_fact_differs(enum model_fact fact, const struct xr_backend_info *a,
			const struct xr_backend_info *b);
void model_fact_copy(enum model_fact fact, struct xr_backend_info *to,
		     const struct xr_backend_info *from);

/* The value as the command takes it, in buf; "any" for no device. */
#define MODEL_FACT_TEXT 48
const char *model_fact_text(enum model_fact fact, const struct xr_backend_info *info,
			    char buf[MODEL_FACT_TEXT]);

/* Of FACT_NUMBER, FACT_STATE and FACT_FORWARD. */
__u32 model_fact_number(enum model_fact fact, const struct xr_backend_info *info);

#endif
