// SPDX-License-Identifier: GPL-2.0-only
/* An instance as a whole: opened for a change, removed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply.h"
#include "attach/tc.h"
#include "devices/devices.h"
#include "local/local.h"
#include "instance.h"
#include "plane/convert.h"
#include "plane/daemon_claim.h"
#include "plane/pins.h"
#include "underlay/host_routes.h"
#include "underlay/vip_own.h"

/* ---- for a change ---- */

int instance_open(struct plane **p, const char *name, enum plane_access how,
		  const struct xr_limits *limits, const __u8 *secret, struct xr_err *err)
{
	int ret = plane_open(p, name, how, limits, secret, err);

	if (ret || how == PLANE_READ)
		return ret;
	conversion_sweep(*p);
	attach_recover(*p, devices_changed);
	return 0;
}

int instance_relock(struct plane *p, struct xr_err *err)
{
	int ret = plane_relock(p, err);

	if (ret)
		return ret;
	ret = model_recover(p, err);
	if (ret)
		plane_unlock(p);
	return ret;
}

/* ---- removing it ---- */

/* The lock is held. */
static int remove_instance(const struct plane *p, struct xr_err *err)
{
	char gone[160], run[160];

	/* Renamed first: a half-removed instance must not look like one. */
	snprintf(gone, sizeof(gone), "%s" PLANE_UNFINISHED, p->dir);
	plane_remove_dir(gone);
	if (rename(p->dir, gone) && errno != ENOENT)
		return xr_fail(err, -errno, "removing %s: %s", p->dir, strerror(errno));
	plane_remove_dir(gone);
	conversion_sweep(p);
	host_routes_sweep(p->name);
	snprintf(run, sizeof(run), XR_RUN_ROOT "/%s", p->name);
	plane_remove_dir(run);
	daemon_socket_remove_dead(p->name);
	return 0;
}

int instance_destroy(struct plane *p, struct xr_err *err)
{
	int ret;

	vm_local_destroy(p);
	ret = devices_detach_all(p, err);
	if (!ret)
		ret = remove_instance(p, err);
	if (!ret)
		vip_own_sweep(); /* what a kill has left */
	return ret;
}

/* What can be said of pins that this xroam cannot read. */
static void detach_pinned(const char *path, const char *name)
{
	if (!strncmp(name, "dev_", 4))
		attach_sweep(path);
	else if (!strncmp(name, "tc_", 3))
		tc_sweep(path);
}

/* Pins of another layout, or the rubbish of a kill. */
static int remove_unreadable(struct plane *p, struct xr_err *err)
{
	char next[160];
	int ret;

	snprintf(next, sizeof(next), "%s" PLANE_NEXT, p->dir);
	pins_each(p->dir, detach_pinned);
	pins_each(next, detach_pinned);
	ret = remove_instance(p, err);
	vip_own_sweep();
	return ret;
}

int instance_remove(const char *name, struct xr_err *err)
{
	struct stat st;
	struct plane *p;
	int ret, opened, found = 0;

	opened = instance_open(&p, name, PLANE_CHANGE, NULL, NULL, err);
	if (!opened) {
		ret = instance_destroy(p, err);
		plane_close(p);
		return ret;
	}
	if (opened != -EPROTO && opened != -ENOENT)
		return opened;
	p = plane_new(name);
	if (!p)
		return xr_fail(err, -ENOMEM, "out of memory");
	ret = p->lock_fd = plane_lock(name, err);
	p->locked = ret >= 0;
	/* Somebody may have made the instance meanwhile: then it is theirs. */
	if (ret >= 0 && (opened == -EPROTO || !plane_exists(p))) {
		found = !stat(p->dir, &st);
		ret = remove_unreadable(p, err);
	}
	plane_close(p);
	if (ret < 0)
		return ret;
	return found ? 0 : plane_missing(name, err);
}
