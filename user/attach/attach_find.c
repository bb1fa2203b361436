// SPDX-License-Identifier: GPL-2.0-only
/* Where a record's device is now: it may have been renamed or moved since. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attach_priv.h"
#include "model/model_edit.h"
#include "lib/netns.h"

/* ---- devices that were moved or renamed: the program tells them ---- */

/*
 * All programs on all devices there are. A look goes through every namespace, so
 * many who ask in the same second share one.
 */
static struct {
	struct seen {
		__u32 prog; /* its id */
		struct device_place at;
	} *item;
	size_t n;
	struct timespec when;
} tour;

static void note(__u32 prog, __u32 ifindex, const struct attached *on)
{
	struct seen *s = model_grow(&tour.item, &tour.n, sizeof(*s));

	if (!s)
		return;
	s->prog = prog;
	s->at.netns = netns_id();
	s->at.ifindex = ifindex;
	memcpy(s->at.name, on->name, sizeof(s->at.name));
}

static void look_here(void *ctx)
{
	struct if_nameindex *list = if_nameindex(), *i;
	struct attached at;
	int n;

	(void)ctx;
	for (i = list; i && i->if_index; i++) {
		attach_look(i->if_index, &at);
		for (n = 0; n < at.n; n++)
			note(at.id[n], i->if_index, &at);
	}
	if (list)
		if_freenameindex(list);
}

void attach_look_everywhere(void)
{
	free(tour.item);
	tour.item = NULL;
	tour.n = 0;
	clock_gettime(CLOCK_MONOTONIC, &tour.when);
	netns_each(look_here, NULL);
}

static bool find(__u32 prog, struct device_place *at)
{
	size_t i;

	for (i = 0; prog && i < tour.n; i++) {
		if (tour.item[i].prog != prog)
			continue;
		*at = tour.item[i].at;
		return true;
	}
	return false;
}

bool attach_find(__u32 prog, struct device_place *at)
{
	struct timespec now;

	if (!prog)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!tour.when.tv_sec || now.tv_sec - tour.when.tv_sec > 1)
		attach_look_everywhere();
	return find(prog, at);
}

/* In the namespace that the record says. */
static enum device_state look_where_it_was(struct plane *p, const struct xr_device *d,
					   struct device_place *at)
{
	struct attached a;
	int i;

	attach_look(d->ifindex, &a);
	for (i = 0; i < a.n; i++) {
		if (!attach_is_ours(p, a.id[i]))
			continue;
		memcpy(at->name, a.name, sizeof(at->name));
		return DEVICE_ATTACHED;
	}
	/* Its number may be another's by now, or it another's number. */
	if (a.exists && !strncmp(a.name, d->name, sizeof(a.name)))
		return DEVICE_NO_PROGRAM;
	return if_nametoindex(d->name) ? DEVICE_NO_PROGRAM : DEVICE_GONE;
}

enum device_state plane_device_place(struct plane *p, const struct xr_device *d,
				     struct device_place *at)
{
	enum device_state state = DEVICE_GONE;
	int back, ret;

	memset(at, 0, sizeof(*at));
	at->netns = d->netns;
	at->ifindex = d->ifindex;
	memcpy(at->name, d->name, sizeof(at->name));
	ret = netns_enter(d->netns, &back);
	if (!ret) {
		state = look_where_it_was(p, d, at);
		netns_leave(back);
	} else if (ret != -ENOENT) {
		return DEVICE_NO_PROGRAM; /* not to be forgotten */
	}
	if (state == DEVICE_ATTACHED)
		return state;
	if (attach_find(d->prog_id, at))
		return DEVICE_ATTACHED;
	at->no_netns = ret;
	return state;
}

enum device_state plane_device_state(struct plane *p, const struct xr_device *d)
{
	struct device_place at;

	return plane_device_place(p, d, &at);
}
