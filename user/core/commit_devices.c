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

static const struct xr_device *running(const struct commit *c,
				       const char *name)
{
	const struct xr_device *d = c->p->devices;
	__u64 here = netns_inode();
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++, d++)
		if (d->ifindex && d->netns == here && !strcmp(d->name, name))
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
			ret = commit_say(c, "%c dev %s role %s", was ? '~' : '+',
					 w->name, text_role(w->role));
	}
	for (j = 0; !ret && j < XR_MAX_DEVICES; j++, d++)
		if (d->ifindex && d->netns == here && !wanted(c, d->name))
			ret = commit_say(c, "- dev %s", d->name);
	return ret;
}

/* Another mode or role: the old program goes first, and back if that fails. */
static int replace(struct commit *c, const struct model_dev *w,
		   const struct xr_device *was)
{
	const enum attach_want mode = mode_of(was);
	const enum xr_role role = was->role;
	int ret = plane_detach(c->p, w->name, c->err);

	if (!ret)
		ret = plane_attach(c->p, w->name, w->want, w->role, c->err);
	if (ret)
		plane_attach(c->p, w->name, mode, role, NULL);
	return ret;
}

int commit_attach(struct commit *c)
{
	const struct xr_device *was;
	const struct model_dev *w;
	size_t i;
	int ret = 0;

	if (!c->want.devs_given)
		return 0;
	c->attached = calloc(c->want.n_devs + 1, sizeof(*c->attached));
	if (!c->attached)
		return -ENOMEM;
	for (i = 0; !ret && i < c->want.n_devs; i++) {
		w = &c->want.devs[i];
		was = running(c, w->name);
		if (serves(was, w))
			continue;
		if (was) {
			ret = replace(c, w, was);
			continue;
		}
		ret = plane_attach(c->p, w->name, w->want, w->role, c->err);
		c->attached[i] = !ret;
	}
	if (ret)
		commit_undo_attach(c);
	return ret;
}

void commit_undo_attach(struct commit *c)
{
	size_t i;

	for (i = 0; c->attached && i < c->want.n_devs; i++)
		if (c->attached[i])
			plane_detach(c->p, c->want.devs[i].name, NULL);
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
