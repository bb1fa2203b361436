// SPDX-License-Identifier: GPL-2.0-only
/* Where a record's device is now: it may have been renamed or moved since. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attach_priv.h"
#include "lib/netns.h"
#include "model/model_edit.h"

/* ---- by its program, in every network namespace ---- */

/*
 * All XDP programs on all devices. To collect them takes a visit to every namespace:
 * what was found serves all calls within a second.
 */
static struct {
	struct found {
		__u32 prog; /* its id */
		struct device_location at;
	} *item;
	size_t n;
	struct timespec when;
} found;

static void add_found(void *ctx, __u32 ifindex, const struct attached *on, __u32 prog)
{
	struct found *f = model_grow(&found.item, &found.n, sizeof(*f));

	(void)ctx;
	if (!f)
		return;
	f->prog = prog;
	f->at.netns = netns_id();
	f->at.ifindex = ifindex;
	memcpy(f->at.name, on->name, sizeof(f->at.name));
}

static void collect_here(void *ctx)
{
	attach_each_program(add_found, ctx);
}

void attach_collect(void)
{
	free(found.item);
	found.item = NULL;
	found.n = 0;
	netns_each(collect_here, NULL);
	/* Afterwards: where it takes long, it must not be old at once. */
	clock_gettime(CLOCK_MONOTONIC, &found.when);
}

bool attach_find(__u32 prog, struct device_location *at)
{
	struct timespec now;
	size_t i;

	if (!prog)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!found.when.tv_sec || now.tv_sec - found.when.tv_sec > 1)
		attach_collect();
	for (i = 0; i < found.n; i++) {
		if (found.item[i].prog != prog)
			continue;
		*at = found.item[i].at;
		return true;
	}
	return false;
}

/* ---- by its record ---- */

/* In the namespace of the record. */
static enum device_state find_here(struct plane *p, const struct xr_device *d,
				   struct device_location *at)
{
	struct attached on;

	if (attach_query(d->ifindex, &on))
		return DEVICE_NO_PROGRAM; /* unknown: the record is to be kept */
	if (attach_ours(p, &on, d->prog_id)) {
		memcpy(at->name, on.name, sizeof(at->name));
		return DEVICE_ATTACHED;
	}
	/* Its number may be another's by now, or it another's number. */
	if (on.exists && !strncmp(on.name, d->name, sizeof(on.name)))
		return DEVICE_NO_PROGRAM;
	return if_nametoindex(d->name) ? DEVICE_NO_PROGRAM : DEVICE_GONE;
}

enum device_state plane_device_location(struct plane *p, const struct xr_device *d,
					struct device_location *at)
{
	enum device_state state = DEVICE_GONE;
	int back, ret;

	memset(at, 0, sizeof(*at));
	at->netns = d->netns;
	at->ifindex = d->ifindex;
	memcpy(at->name, d->name, sizeof(at->name));
	ret = netns_enter(d->netns, &back);
	if (!ret) {
		state = find_here(p, d, at);
		netns_leave(back);
	} else if (ret != -ENOENT) {
		return DEVICE_NO_PROGRAM; /* unknown: the record is to be kept */
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
	struct device_location at;

	return plane_device_location(p, d, &at);
}

bool plane_device_runs(struct plane *p, const struct xr_device *d)
{
	struct attached on;

	return !attach_query(d->ifindex, &on) && attach_ours(p, &on, d->prog_id);
}

const char *plane_unattached(const struct plane *p)
{
	return p->drain->detached
		? "the node is drained, no packet is seen; \"xroam undrain\" takes it back"
		: "no device is attached, no packet is seen; \"xroam dev attach DEV\"";
}
