// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file's devices. Attaching can fail, so it comes before the stores that cannot,
 * and can be undone; detaching comes last, when the rest serves already.
 *
 * A device is known by its network namespace and its name. The file is complete for
 * this namespace and for those that it names; devices in others stay, unless they are
 * gone.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attach/drained.h"
#include "commit_priv.h"
#include "devices/devices.h"
#include "lib/netns.h"
#include "lib/text.h"

/*
 * The device's record; NULL where its program or itself is gone: attach anew. That of one
 * that was drained stands for it.
 */
static const struct xr_device *running(const struct commit *c, const struct model_dev *w)
{
	const struct xr_device *d = NULL;

	while ((d = plane_next_device(c->p, d)))
		if (d->netns == w->space && !strcmp(d->name, w->name) &&
		    plane_device_state(c->p, d) == DEVICE_ATTACHED)
			return d;
	return drained_find(c->p, w->space, w->name);
}

static enum attach_want mode_of(const struct xr_device *d)
{
	return d->mode == XR_MODE_GENERIC ? ATTACH_GENERIC : ATTACH_NATIVE;
}

static bool is_good_for(const struct xr_device *d, const struct model_dev *want)
{
	return d && d->role == want->role &&
		(want->want == ATTACH_AUTO || want->want == mode_of(d));
}

static bool is_wanted(const struct commit *c, const struct xr_device *d)
{
	size_t i;

	for (i = 0; i < c->want->n_devs; i++)
		if (c->want->devs[i].space == d->netns && !strcmp(c->want->devs[i].name, d->name))
			return true;
	return false;
}

static bool is_mentioned(const struct commit *c, __u64 space)
{
	size_t i;

	if (space == netns_id())
		return true;
	for (i = 0; i < c->want->n_devs; i++)
		if (c->want->devs[i].space == space)
			return true;
	return false;
}

/* NULL: it stays; or why it goes. */
static const char *why_unwanted(const struct commit *c, const struct xr_device *d)
{
	struct device_location at;

	if (is_wanted(c, d))
		return NULL;
	if (plane_device_location(c->p, d, &at) == DEVICE_GONE)
		return at.no_netns ? ": its network namespace is gone" : ": it is gone";
	return is_mentioned(c, d->netns) ? "" : NULL;
}

static int find_space(struct commit *c, struct model_dev *w)
{
	int ret = 0;

	if (w->netns[0])
		ret = netns_by_name(w->netns, &w->space);
	else
		w->space = netns_id();
	if (ret == -ENOENT)
		return xr_fail(
			c->err, ret,
			"device %s: there is no network namespace \"%s\"; \"ip netns list\" has those that there are",
			w->name, w->netns);
	if (ret || !w->space)
		return xr_fail(c->err, ret ? ret : -EMFILE,
			       "device %s: asking for its network namespace: %s", w->name,
			       strerror(ret ? -ret : EMFILE));
	return 0;
}

/* Two names may be of one namespace. */
static int find_spaces(struct commit *c)
{
	struct model_dev *w = c->want->devs;
	size_t i, j;
	int ret;

	for (i = 0; i < c->want->n_devs; i++) {
		ret = find_space(c, &w[i]);
		for (j = 0; !ret && j < i; j++)
			if (w[i].space == w[j].space && !strcmp(w[i].name, w[j].name))
				ret = xr_fail(
					c->err, -EINVAL,
					"device %s is given twice, once in network namespace \"%s\", which is the same",
					w[i].name, w[i].netns[0] ? w[i].netns : w[j].netns);
		if (ret)
			return commit_fault(c, w[i].line, ret);
	}
	return 0;
}

static bool is_equal(const struct xr_device *d, const struct model_dev *w)
{
	return is_good_for(d, w) && d->want == w->want && d->trusted == w->trusted &&
		!memcmp(&d->listed, &w->listed, sizeof(w->listed));
}

static const char *mode_name(unsigned int want)
{
	return want == ATTACH_AUTO ? "auto" : want == ATTACH_NATIVE ? "native" : "generic";
}

static int describe_one(struct commit *c, const struct model_dev *w)
{
	const struct xr_device *was = running(c, w);
	char place[NETNS_SUFFIX];

	c->devices_differ |= !is_equal(was, w);
	netns_suffix(w->space, place);
	if (!is_good_for(was, w))
		return commit_add_line(c, "%c dev %s%s role %s%s", was ? '~' : '+', w->name, place,
				       text_role(w->role), w->trusted ? " trusted" : "");
	if (was->want != w->want)
		return commit_add_line(c, "~ dev %s%s: mode %s -> %s", w->name, place,
				       mode_name(was->want), mode_name(w->want));
	if (was->trusted != w->trusted)
		return commit_add_line(c, "~ dev %s%s: %strusted", w->name, place,
				       w->trusted ? "" : "not ");
	if (memcmp(&was->listed, &w->listed, sizeof(w->listed)))
		return commit_add_line(c, "~ dev %s%s: vnis or addresses", w->name, place);
	return 0;
}

int commit_describe_devices(struct commit *c)
{
	const struct xr_device *d = NULL;
	char place[NETNS_SUFFIX];
	const char *why;
	size_t i;
	int ret;

	if (!c->want->devs_given)
		return 0;
	ret = find_spaces(c);
	for (i = 0; !ret && i < c->want->n_devs; i++)
		ret = describe_one(c, &c->want->devs[i]);
	while (!ret && (d = plane_next_device(c->p, d))) {
		why = why_unwanted(c, d);
		c->devices_differ |= why != NULL;
		if (why)
			ret = commit_add_line(c, "- dev %s%s%s", d->name,
					      *why ? "" : netns_suffix(d->netns, place), why);
	}
	return ret;
}

/* Of a drained node: what undrain is to attach. */
static int keep_drained(struct commit *c, const struct model_dev *w, struct device_undo *undo)
{
	struct xr_device *d = drained_place(c->p, w->space, w->name), was;

	if (!d)
		return xr_fail(c->err, -ENOSPC, "device %s: at most %d devices can be attached",
			       w->name, XR_MAX_DEVICES);
	was = *d;
	undo->kept = d;
	undo->kept_was = was;
	*d = (struct xr_device){
		.ifindex = was.ifindex ?: if_nametoindex(w->name),
		.mode = w->want == ATTACH_AUTO && was.ifindex ? was.mode
			: w->want == ATTACH_GENERIC           ? XR_MODE_GENERIC
							      : XR_MODE_NATIVE,
		.role = w->role,
		.trusted = w->trusted,
		.want = w->want,
		.netns = w->space,
		.listed = w->listed,
	};
	snprintf(d->name, sizeof(d->name), "%s", w->name);
	if (d->ifindex)
		return 0;
	*d = was;
	return xr_fail(c->err, -ENODEV, "no device \"%s\" in this network namespace", w->name);
}

/* In its namespace. Another mode or role: the old program goes first. */
static int attach_here(struct commit *c, const struct model_dev *w, struct device_undo *undo)
{
	const struct xr_device *was = running(c, w);
	int ret;

	if (drained_keeps(c->p) && w->role == XR_ROLE_NODE &&
	    (!was || was == drained_find(c->p, w->space, w->name)))
		return keep_drained(c, w, undo);
	if (!is_good_for(was, w)) {
		if (was) {
			undo->mode = was->want;
			undo->role = was->role;
			undo->listed = was->listed;
			ret = devices_detach(c->p, w->name, c->err);
			if (ret)
				return ret;
			undo->replaced = true;
		}
		ret = devices_attach(c->p, w->name, w->want, w->role, c->err);
		undo->attached = !ret;
		if (ret)
			return ret;
	}
	plane_record_mode(c->p, w->name, w->want);
	devices_trust(c->p, w->name, w->trusted);
	devices_list_ends(c->p, w->name, &w->listed);
	return 0;
}

static int attach_one(struct commit *c, const struct model_dev *w, struct device_undo *undo)
{
	int back, ret = netns_enter(w->space, &back);

	if (ret)
		return xr_fail(c->err, ret, "device %s: going to network namespace \"%s\": %s",
			       w->name, w->netns, strerror(-ret));
	ret = attach_here(c, w, undo);
	netns_leave(back);
	return ret;
}

int commit_attach(struct commit *c)
{
	size_t i;
	int ret = 0;

	if (!c->want->devs_given)
		return 0;
	c->devices = calloc(c->want->n_devs + 1, sizeof(*c->devices));
	if (!c->devices)
		return -ENOMEM;
	for (i = 0; !ret && i < c->want->n_devs; i++)
		ret = commit_fault(c, c->want->devs[i].line,
				   attach_one(c, &c->want->devs[i], &c->devices[i]));
	if (ret)
		commit_undo_attach(c);
	return ret;
}

void commit_undo_attach(struct commit *c)
{
	const struct device_undo *u = c->devices;
	const struct model_dev *w = c->want->devs;
	size_t i;
	int back;

	for (i = 0; u && i < c->want->n_devs; i++, w++) {
		if (u[i].kept)
			*u[i].kept = u[i].kept_was;
		if ((!u[i].attached && !u[i].replaced) || netns_enter(w->space, &back))
			continue;
		if (u[i].attached)
			devices_detach(c->p, w->name, NULL);
		if (u[i].replaced && !devices_attach(c->p, w->name, u[i].mode, u[i].role, NULL))
			devices_list_ends(c->p, w->name, &u[i].listed);
		netns_leave(back);
	}
}

int commit_detach(struct commit *c)
{
	const struct xr_device *d = NULL;
	struct xr_device *kept = NULL;
	int ret = 0, one;

	if (!c->want->devs_given)
		return 0;
	while ((d = plane_next_device(c->p, d))) {
		if (!why_unwanted(c, d))
			continue;
		one = devices_detach_one(c->p, d, c->err);
		ret = ret ? ret : one;
	}
	while ((kept = drained_next(c->p, kept)))
		if (!is_wanted(c, kept) && is_mentioned(c, kept->netns))
			memset(kept, 0, sizeof(*kept));
	return ret;
}
