// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <time.h>

#include "attach/attach.h"
#include "attach/drained.h"
#include "devices/devices.h"
#include "drain.h"
#include "lib/netns.h"
#include "plane/vm_state.h"
#include "underlay/vip_own.h"

bool drain_begin(struct plane *p)
{
	bool is_new = p->drain->state == XR_DRAIN_NONE;

	if (is_new) {
		p->drain->since = time(NULL);
		__atomic_store_n(&p->drain->state, XR_DRAINING, __ATOMIC_RELEASE);
		plane_event(p, "drain: nothing is announced any more");
	}
	vip_own_refresh(p, 0);
	return is_new;
}

static int is_on_its_way(void *ctx, __u32 index)
{
	return vm_now(ctx, index).state != XR_VM_STABLE;
}

const char *drain_keeps_programs(struct plane *p, bool vms)
{
	if (!(p->meta->features & XR_FEATURE_HOSTS))
		return NULL;
	if (!vms)
		return "the node has hosts, and VMs' frames are redirected by it; --vms takes the programs off all the same";
	if (vm_each(p, is_on_its_way, p))
		return "VMs are on the move, or redirected, by it; \"xroam vm show\" lists them";
	return NULL;
}

void drain_finish(struct plane *p)
{
	__atomic_store_n(&p->drain->state, XR_DRAINED, __ATOMIC_RELEASE);
	plane_event(p, "drain: the node is drained");
}

int drain_detach(struct plane *p, struct xr_err *err)
{
	struct xr_device *d = NULL, *place;
	int ret, first = 0;

	p->drain->detached = 1;
	while ((d = plane_next_device(p, d))) {
		if (d->role != XR_ROLE_NODE)
			continue;
		place = drained_place(p, d->netns, d->name);
		if (!place)
			return xr_fail(err, -ENOSPC, "there is no room to remember %s", d->name);
		*place = *d;
		ret = devices_detach_one(p, d, first ? NULL : err);
		first = first ? first : ret;
	}
	if (!first)
		drain_finish(p);
	return first;
}

/* ---- and back ---- */

/* It may have got another name meanwhile. In its namespace. */
static const char *name_now(const struct xr_device *d, char name[IF_NAMESIZE])
{
	if (if_nametoindex(d->name))
		return d->name;
	return if_indextoname(d->ifindex, name);
}

static int attach_again(struct plane *p, const struct xr_device *d, struct xr_err *err)
{
	enum attach_want mode = d->mode == XR_MODE_GENERIC ? ATTACH_GENERIC : ATTACH_NATIVE;
	struct xr_device was = *d;
	char name[IF_NAMESIZE];
	const char *dev;
	int back, ret = netns_enter(was.netns, &back);

	if (ret)
		return ret == -ENOENT ? -ENODEV : ret;
	dev = name_now(&was, name);
	ret = dev ? devices_attach(p, dev, mode, was.role, err) : -ENODEV;
	if (!ret) {
		plane_record_mode(p, dev, was.want);
		devices_trust(p, dev, was.trusted);
		devices_list_ends(p, dev, &was.listed);
	}
	netns_leave(back);
	return ret;
}

int drain_undo(struct plane *p, void (*gone)(void *ctx, const char *dev), void *ctx,
	       struct xr_err *err)
{
	struct xr_device *d = NULL;
	int ret, first = 0;

	while ((d = drained_next(p, d))) {
		ret = attach_again(p, d, first ? NULL : err);
		if (ret == -ENODEV)
			gone(ctx, d->name);
		else if (ret) {
			first = first ? first : ret;
			continue;
		}
		memset(d, 0, sizeof(*d));
	}
	if (first)
		return first;
	memset(p->drained, 0, XR_MAX_DEVICES * sizeof(*p->drained));
	p->drain->detached = 0;
	__atomic_store_n(&p->drain->state, XR_DRAIN_NONE, __ATOMIC_RELEASE);
	plane_event(p, "undrain: the node serves again");
	vip_own_refresh(p, 0);
	return 0;
}
