// SPDX-License-Identifier: GPL-2.0-only
/* VIPs that are to be announced and are not, or the other way round. */
#include "health_priv.h"
#include "lib/text.h"
#include "serve/serve.h"
#include "underlay/vip_announced.h"
#include "underlay/vip_routes.h"

#define LINES_MAX 10

struct announcing {
	struct check *c;
	const struct serve *now;
	struct netlink *nl;
	__u32 n;
};

/* What is recorded, against what is. */
static void check_vip(struct announcing *a, __u32 vip)
{
	struct plane *p = a->c->p;
	char name[TEXT_VIP], why[VIP_ANNOUNCED_WHY];
	const struct xr_vip *v = &p->vips[vip];
	struct xr_announced x;
	enum xr_serve now;

	if (!v->used || !vip_announced_get(p, vip, &x) || x.why == XR_SERVE_DRAINED)
		return;
	now = serve_vip(p, a->now, vip);
	if (x.announced && now == XR_SERVES && vip_routes_announce(a->nl, p, v->addr))
		return;
	if (++a->n > LINES_MAX)
		return;
	text_vip(name, v->addr, v->port, v->proto);
	if (!x.announced)
		health_wrong(a->c, "vip %s: it is not announced: %s", name,
			     vip_announced_why(p, &x, why));
	else if (now != XR_SERVES)
		health_wrong(
			a->c,
			"vip %s: it is announced, though %s: no daemon saw that; \"xroam reload\" withdraws it, \"xroam run\" does from then on",
			name, serve_text(now));
	else
		health_wrong(
			a->c,
			"vip %s: the route that announces it was deleted; \"xroam reload\" makes it again",
			name);
}

static void check_here(void *ctx)
{
	struct announcing *a = ctx;
	struct netlink nl = { 0 };
	struct serve s = { .up = NULL };
	struct plane *p = a->c->p;
	__u32 i;

	if (!netlink_open(&nl) && !serve_read(p, &nl, &s)) {
		a->now = &s;
		a->nl = &nl;
		for (i = 1; i <= p->meta->limits.vips; i++)
			check_vip(a, i);
		serve_free(&s);
	}
	netlink_close(&nl);
}

void check_announced(struct check *c)
{
	struct announcing a = { .c = c };
	const struct xr_device *d = NULL;
	__u64 seen = 0;
	int back;

	while (serve_is_asked(c->p) && (d = plane_next_device(c->p, d))) {
		if (d->role != XR_ROLE_NODE || d->netns == seen || netns_enter(d->netns, &back))
			continue;
		seen = d->netns;
		check_here(&a);
		netns_leave(back);
	}
	if (a.n > LINES_MAX)
		health_wrong(c, "... and %u VIPs more that are not announced", a.n - LINES_MAX);
}
