// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "daemon.h"
#include "figures.h"

int daemon_post_notice(struct daemon *d, const struct xr_notice *n, struct xr_answer *a,
		       struct xr_err *err)
{
	struct xr_err why = { "" };
	int ret = daemon_begin(d, &why);

	memset(a, 0, sizeof(*a));
	if (!ret) {
		ret = vm_notice(d->plane, n, a, &why);
		if (!ret && n->kind == XR_NOTICE_PREPARE)
			daemon_prepared(d, a->vm_index);
		daemon_end(d);
	}
	figures_of_notice(d->figures, n, ret, a, daemon_clock_us() - d->turn_began);
	if (ret && ret != -ENODEV)
		daemon_log(d, "refused: %s", why.text);
	else if (!ret && a->warning[0])
		daemon_log(d, "warning: %s", a->warning);
	if (ret)
		xr_fail(err, ret, "%s", why.text);
	return ret;
}
