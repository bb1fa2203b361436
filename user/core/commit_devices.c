// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file's devices. Attaching can fail, so it comes before the point of no
 * return and is undone; detaching comes last, when the rest serves already.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "commit_priv.h"
#include "netns.h"
#include "text.h"

/* A record whose device or program is gone runs nothing: attach anew. */
static const struct xr_device *running(const struct commit *c,
				       const char *name)
{
	const struct xr_device *d = c->p->devices;
	__u64 here = netns_inode();
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++, d++)
		if (d->ifindex && d->netns == here && !strcmp(d->name, name) &&
		    plane_device_state(c->p, d) == DEVICE_ATTACHED)
			return d;
	return NULL;
}

static enum attach_want mode_of(const struct xr_device *d)
{
	return d->mode == XR_MODE_GENERIC ? ATTACH_GENERIC : ATTACH_NATIVE;
}

static bool serves(const struct xr_device *d, const struct model_dev *want)
{
	return d && d->role == want->role &&
	       (want->want == ATTACH_AUTO || want->want == mode_of(d));
}

static bool wanted(const struct commit *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->want.n_devs; i++)
		if (!strcmp(c->want.devs[i].name, name))
			return true;
	return false;
}

int commit_describe_devices(struct commit *c)
{
	const struct xr_device *d = c->p->devices, *was;
	__u64 here = netns_inode();
	const struct model_dev *w;
	size_t i;
	int ret = 0, j;

	if (!c->want.devs_given)
		return 0;
	for (i = 0; !ret && i < c->want.n_devs; i++) {
		w = &c->want.devs[i];
		was = running(c, w->name);
		if (!serves(was, w))
			ret = commit_say(c, "%c dev %s role %s%s",
					 was ? '~' : '+', w->name,
					 text_role(w->role),
					 w->trusted ? " trusted" : "");
		else if (was->trusted != w->trusted)
			ret = commit_say(c, "~ dev %s: %strusted", w->name,
					 w->trusted ? "" : "not ");
		else if (memcmp(&was->listed, &w->listed, sizeof(w->listed)))
			ret = commit_say(c, "~ dev %s: vnis or addresses",
					 w->name);
	}
	for (j = 0; !ret && j < XR_MAX_DEVICES; j++, d++)
		if (d->ifindex && d->netns == here && !wanted(c, d->name))
			ret = commit_say(c, "- dev %s", d->name);
	return ret;
}

/* Another mode or role: the old program goes first. */
static int attach_one(struct commit *c, const struct model_dev *w,
		      struct device_undo *undo)
{
	const struct xr_device *was = running(c, w->name);
	int ret;

	if (serves(was, w))
		return 0;
	if (was) {
		undo->mode = mode_of(was);
		undo->role = was->role;
		undo->listed = was->listed;
		ret = plane_detach(c->p, w->name, c->err);
		if (ret)
			return ret;
		undo->replaced = true;
	}
	ret = plane_attach(c->p, w->name, w->want, w->role, c->err);
	undo->attached = !ret;
	return ret;
}

int commit_attach(struct commit *c)
{
	size_t i;
	int ret = 0;

	if (!c->want.devs_given)
		return 0;
	c->devices = calloc(c->want.n_devs + 1, sizeof(*c->devices));
	if (!c->devices)
		return -ENOMEM;
	for (i = 0; !ret && i < c->want.n_devs; i++) {
		ret = attach_one(c, &c->want.devs[i], &c->devices[i]);
		if (ret)
			break;
		plane_trust(c->p, c->want.devs[i].name,
			    c->want.devs[i].trusted);
		plane_list_ends(c->p, c->want.devs[i].name,
				&c->want.devs[i].listed);
	}
	if (ret)
		commit_undo_attach(c);
	return ret;
}

void commit_undo_attach(struct commit *c)
{
	const struct device_undo *u = c->devices;
	size_t i;

	for (i = 0; u && i < c->want.n_devs; i++) {
		if (u[i].attached)
			plane_detach(c->p, c->want.devs[i].name, NULL);
		if (u[i].replaced &&
		    !plane_attach(c->p, c->want.devs[i].name, u[i].mode,
				  u[i].role, NULL))
			plane_list_ends(c->p, c->want.devs[i].name,
					&u[i].listed);
	}
}

int commit_detach(struct commit *c)
{
	__u64 here = netns_inode();
	struct xr_device d;
	int i, ret = 0, one;

	if (!c->want.devs_given)
		return 0;
	for (i = 0; i < XR_MAX_DEVICES; i++) {
		d = c->p->devices[i];
		if (!d.ifindex || d.netns != here || wanted(c, d.name))
			continue;
		one = plane_detach(c->p, d.name, c->err);
		ret = ret ? ret : one;
	}
	return ret;
}
