// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include "drained.h"

bool drained_keeps(const struct plane *p)
{
	return p->drain->detached;
}

static bool is_one(const struct xr_device *d, __u64 netns, const char *name)
{
	return d->ifindex && d->netns == netns && !strncmp(d->name, name, sizeof(d->name));
}

/* A kill may have come between the copy and detaching: then it is attached still. */
static bool is_attached(const struct plane *p, const struct xr_device *kept)
{
	const struct xr_device *d = NULL;

	while ((d = plane_next_device(p, d)))
		if (is_one(d, kept->netns, kept->name))
			return true;
	return false;
}

struct xr_device *drained_next(const struct plane *p, const struct xr_device *d)
{
	struct xr_device *next = d ? p->drained + (d - p->drained) + 1 : p->drained;

	for (; p->drain->detached && next < p->drained + XR_MAX_DEVICES; next++)
		if (next->ifindex && !is_attached(p, next))
			return next;
	return NULL;
}

struct xr_device *drained_find(const struct plane *p, __u64 netns, const char *name)
{
	struct xr_device *d = NULL;

	while ((d = drained_next(p, d)))
		if (is_one(d, netns, name))
			return d;
	return NULL;
}

struct xr_device *drained_place(const struct plane *p, __u64 netns, const char *name)
{
	struct xr_device *d = p->drained, *place = NULL;
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++, d++) {
		if (is_one(d, netns, name))
			return d;
		if (!place && !d->ifindex)
			place = d;
	}
	return place;
}
