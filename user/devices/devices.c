// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include "devices.h"
#include "host/host.h"
#include "local/local.h"
#include "host/ports.h"
#include "underlay/ends.h"
#include "underlay/vip_own.h"

void devices_refresh(struct plane *p, devices_fail *fail, void *ctx)
{
	struct xr_err err = { "" };

	host_refresh_ports(p);
	/* The operator's list stays; this machine's own MACs are read anew. */
	if (protect_refresh(p, NULL, 0, &err) && fail)
		fail(ctx, err.text);
	if (ends_refresh(p, &err) && fail)
		fail(ctx, err.text);
	if (vm_local_refresh_hooks(p, &err) && fail)
		fail(ctx, err.text);
}

void devices_changed(struct plane *p, __u64 left)
{
	devices_refresh(p, NULL, NULL);
	vip_own_refresh(p, left);
}

int devices_attach(struct plane *p, const char *dev, enum attach_want want, enum xr_role role,
		   struct xr_err *err)
{
	int ret = plane_attach(p, dev, want, role, devices_changed, err);

	if (!ret)
		ports_find_own(p, plane_device(p, dev));
	return ret;
}

int devices_detach(struct plane *p, const char *dev, struct xr_err *err)
{
	return plane_detach(p, dev, devices_changed, err);
}

int devices_detach_one(struct plane *p, const struct xr_device *d, struct xr_err *err)
{
	return plane_detach_device(p, d, devices_changed, err);
}

int devices_detach_all(struct plane *p, struct xr_err *err)
{
	return plane_detach_all(p, devices_changed, err);
}

void devices_trust(struct plane *p, const char *dev, bool trusted)
{
	plane_record_trusted(p, dev, trusted);
	host_refresh_ports(p);
}

void devices_list_ends(struct plane *p, const char *dev, const struct xr_listed *listed)
{
	plane_record_ends(p, dev, listed);
	ends_refresh(p, NULL);
}

int devices_reload(struct plane *p, struct xr_err *err)
{
	struct xr_err local = { "" };
	int first, ret, done;

	host_refresh_ports(p);
	/* -ENOENT: one was lost, but all others were replaced, and so the rest goes on. */
	first = plane_reload(p, &done, err);
	if (!first || first == -ENOENT) {
		ret = ends_refresh(p, &local);
		if (!ret)
			ret = vm_local_reload(p, &local);
		if (ret && !first)
			first = xr_fail(err, ret, "%s", local.text);
	}
	vip_own_refresh(p, 0);
	plane_event(p, "reload: %d device%s%s", done, done == 1 ? "" : "s",
		    first ? ", then failed" : "");
	return first;
}
