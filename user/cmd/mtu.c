// SPDX-License-Identifier: GPL-2.0-only
/* The MTU of a path, as host show and backend show have it. */
#include "args/out.h"
#include "edit_priv.h"
#include "underlay/outer.h"

void json_add_mtu(json_t *to, struct plane *p, __u32 path)
{
	struct outer_mtu m;

	if (!path || path >= p->paths_max || !p->paths[path].mtu)
		return;
	json_object_set_new(to, "mtu", json_integer(p->paths[path].mtu));
	if (outer_learned(p, path, &m))
		json_object_set_new(to, "mtu_learned",
				    json_pack("{s:i, s:i, s:o}", "mtu", (int)m.mtu, "seconds",
					      (int)m.seconds, "from", json_addr(m.from)));
}
