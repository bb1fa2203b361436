/* SPDX-License-Identifier: GPL-2.0-only */
/* An instance's server IDs, for steer/sid_store.h. */
#ifndef XR_PLANE_SERVER_IDS_H
#define XR_PLANE_SERVER_IDS_H

#include "plane.h"
#include "steer/sid_store.h"

static inline struct sid_store plane_server_ids(const struct plane *p)
{
	return (struct sid_store){
		.table = { p->server_ids, p->server_id_names, p->sid_buckets - 1 },
		.dir = p->server_id_dir,
		.page = p->server_id_pages,
		.dir_mask = p->sid_dir_buckets - 1,
		.pages = p->meta->limits.server_id_pages,
	};
}

#endif
