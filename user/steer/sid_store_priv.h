/* SPDX-License-Identifier: GPL-2.0-only */
/* What sid_store.c and sid_store_plan.c have of each other, and nobody else. */
#ifndef XR_STEER_SID_STORE_PRIV_H
#define XR_STEER_SID_STORE_PRIV_H

#include "sid_store.h"

/* Where in its page it is; of one that has a group. */
__u32 sid_page_slot(const __u8 *sid, __u8 len);

#endif
