// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include "attach/attach.h"
#include "lib/netns.h"
#include "net/links.h"
#include "plane/members.h"
#include "serve.h"

bool serve_is_asked(const struct plane *p)
{
	__u32 i;

	for (i = 1; i <= p->meta->limits.vips; i++)
		if (p->vips[i].used && p->vips[i].flags & XR_VIP_ANNOUNCE)
			return true;
	return false;
}

/*
 * One device that takes packets is enough: a router leaves out a dead link by itself. One
 * that has left is not searched for: that takes a visit to every namespace, and a withdrawal
 * would wait for it.
 */
enum xr_serve serve_node(struct plane *p, struct netlink *nl)
{
	enum xr_serve why = XR_SERVE_NO_PROGRAM;
	const struct xr_device *d = NULL;
	__u64 here = netns_id();
	struct link l;

	if (p->drain->state != XR_DRAIN_NONE)
		return XR_SERVE_DRAINED;
	while ((d = plane_next_device(p, d))) {
		if (d->netns != here || d->role != XR_ROLE_NODE || !plane_device_runs(p, d))
			continue;
		l.ifindex = d->ifindex;
		if (link_query(nl, &l) && l.running)
			return XR_SERVES;
		why = XR_SERVE_LINK_DOWN;
	}
	return why;
}

struct count {
	struct plane *p;
	__u32 *up;
};

/*
 * What the program reads, not what the operator wants: a failed backend is not up; nor is
 * one that has packets only because all have failed: other nodes may serve.
 */
static int count_up(void *ctx, const struct xr_member *pair)
{
	struct count *c = ctx;
	const struct xr_limits *l = &c->p->meta->limits;

	if (pair->vip <= l->vips && pair->backend <= l->backends &&
	    c->p->backends[pair->backend].state == XR_BACKEND_UP &&
	    c->p->backend_health[pair->backend].applied != XR_HEALTH_KEPT &&
	    c->p->backend_info[pair->backend].weight)
		c->up[pair->vip]++;
	return 0;
}

int serve_read(struct plane *p, struct netlink *nl, struct serve *s)
{
	struct count c = { p, NULL };
	int ret = 0;

	s->node = serve_node(p, nl);
	s->up = c.up = calloc(p->meta->limits.vips + 1, sizeof(*s->up));
	if (!s->up)
		return -ENOMEM;
	if (s->node == XR_SERVES)
		ret = members_each(p, count_up, &c);
	if (ret)
		serve_free(s);
	return ret;
}

void serve_free(struct serve *s)
{
	free(s->up);
	s->up = NULL;
}

enum xr_serve serve_vip(const struct plane *p, const struct serve *s, __u32 vip)
{
	if (s->node != XR_SERVES)
		return s->node;
	return s->up[vip] < serve_min_up(p, vip) ? XR_SERVE_BACKENDS : XR_SERVES;
}

__u32 serve_min_up(const struct plane *p, __u32 vip)
{
	return p->vips[vip].min_up ?: 1;
}

const char *serve_text(enum xr_serve why)
{
	static const char *const text[] = {
		[XR_SERVES] = "it serves",
		[XR_SERVE_DRAINED] = "the node is drained",
		[XR_SERVE_NO_PROGRAM] = "no program runs on a device with role node",
		[XR_SERVE_LINK_DOWN] = "no device with a program is up and has a carrier",
		[XR_SERVE_BACKENDS] = "too few backends are up",
		[XR_SERVE_HELD] = "it serves again, but not yet for policy.vip_hold seconds",
		[XR_SERVE_REFUSED] = "the kernel refuses its route",
	};

	return (unsigned int)why < sizeof(text) / sizeof(text[0]) ? text[why] : "?";
}
