// SPDX-License-Identifier: GPL-2.0-only
/*
 * An instance that an older xroam made becomes this one's: convert.h has the pins' part.
 * Its programs forward until each is replaced by one that uses the new maps.
 */
#include <errno.h>
#include "attach/attach.h"
#include "devices/devices.h"
#include "instance.h"
#include "plane/convert.h"

/* What can fail at the kernel's will comes first: then all devices get theirs. */
static int take_over(struct conversion *c, struct plane *p, bool *begun, struct xr_err *err)
{
	int ret;

	attach_recover(p, devices_changed);
	ret = plane_try_programs(p, err);
	if (!ret)
		ret = conversion_claim(c, err);
	if (ret)
		return ret;
	*begun = true;
	ret = devices_reload(p, err);
	/* -ENOENT: one was lost, all others were replaced. */
	return ret == -ENOENT ? 0 : ret;
}

int instance_upgrade(const char *name, __u32 *from, struct xr_err *err)
{
	struct conversion *c;
	bool begun = false;
	struct plane *p;
	int ret;

	*from = 0;
	ret = plane_convert(&c, &p, name, err);
	if (ret || !p)
		return ret;
	ret = take_over(c, p, &begun, err);
	if (ret && !begun) {
		conversion_undo(c);
		return ret;
	}
	if (!ret)
		ret = conversion_finish(c, err);
	if (!ret) {
		*from = conversion_from(c);
		plane_event(p, "map layout %u was converted to %u", *from, XR_ABI_VERSION);
	}
	conversion_free(c);
	plane_close(p);
	return ret;
}
