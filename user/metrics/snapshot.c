// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plane/members.h"
#include "lib/index.h"
#include "serve/serve.h"
#include "snapshot_priv.h"
#include "underlay/vip_announced.h"

static void take_vips(struct plane *p, struct snapshot *s)
{
	__u32 i;

	for (i = 1; i <= p->meta->limits.vips; i++) {
		struct snapshot_vip *v = &s->vip[s->vips];
		struct xr_vip was = p->vips[i];

		if (!was.used || stats_vip(p, i, &v->sum) || stats_cid(p, i, &v->cids))
			continue;
		if (!p->vips[i].used || memcmp(p->vips[i].addr, was.addr, sizeof(was.addr)) ||
		    p->vips[i].port != was.port || p->vips[i].proto != was.proto)
			continue;
		v->index = i;
		text_vip(v->name, was.addr, was.port, was.proto);
		v->cid = was.flags & XR_VIP_CID;
		v->flow = was.flags & XR_VIP_FLOW;
		s->vip_no[i] = no_of_index(s->vips++);
	}
}

static void take_health(struct plane *p, struct snapshot_backend *b)
{
	const struct xr_backend_health *h = &p->backend_health[b->index];
	__u8 applied = __atomic_load_n(&h->applied, __ATOMIC_ACQUIRE);

	b->checked = h->since;
	b->health = applied == XR_HEALTH_NONE && h->found != XR_HEALTH_DOWN ? h->found : applied;
	b->failures = h->failures;
}

static void take_backends(struct plane *p, struct snapshot *s)
{
	__u32 i;

	for (i = 1; i <= p->meta->limits.backends; i++) {
		const struct xr_backend_info *info = &p->backend_info[i];
		struct snapshot_backend *b = &s->backend[s->backends];

		if (__atomic_load_n(&info->state, __ATOMIC_ACQUIRE) == XR_BACKEND_NONE)
			continue;
		b->info = *info;
		b->info.name[XR_NAME_LEN - 1] = '\0';
		if (stats_backend(p, i, &b->sum) || info->state == XR_BACKEND_NONE ||
		    strncmp(info->name, b->info.name, XR_NAME_LEN))
			continue;
		b->index = i;
		take_health(p, b);
		b->state = __atomic_load_n(&p->backends[i].state, __ATOMIC_RELAXED);
		s->backend_no[i] = no_of_index(s->backends++);
	}
}

struct taking {
	struct plane *p;
	struct snapshot *s;
	size_t room;
};

static int take_pair(void *ctx, const struct xr_member *pair)
{
	struct taking *t = ctx;
	struct snapshot *s = t->s;
	const struct xr_limits *l = &t->p->meta->limits;
	struct xr_member *more;

	if (pair->vip > l->vips || pair->backend > l->backends || !s->vip_no[pair->vip] ||
	    !s->backend_no[pair->backend])
		return 0;
	if (s->pairs == t->room) {
		t->room = t->room ? 2 * t->room : 256;
		more = realloc(s->pair, t->room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->pair = more;
	}
	s->pair[s->pairs++] = *pair;
	return 0;
}

static void count_pairs(struct snapshot *s)
{
	size_t i;

	for (i = 0; i < s->pairs; i++) {
		struct snapshot_vip *v = &s->vip[s->vip_no[s->pair[i].vip] - 1];
		const struct snapshot_backend *b =
			&s->backend[s->backend_no[s->pair[i].backend] - 1];

		v->backends++;
		v->usable += b->state == XR_BACKEND_UP && b->info.weight;
	}
}

struct snapshot *snapshot_take(struct plane *p)
{
	const struct xr_limits *l = &p->meta->limits;
	struct snapshot *s = calloc(1, sizeof(*s));
	struct taking t = { p, s, 0 };

	if (!s)
		return NULL;
	s->vip = calloc(l->vips, sizeof(*s->vip));
	s->backend = calloc(l->backends, sizeof(*s->backend));
	s->vip_no = calloc(l->vips + 1, sizeof(*s->vip_no));
	s->backend_no = calloc(l->backends + 1, sizeof(*s->backend_no));
	if (!s->vip || !s->backend || !s->vip_no || !s->backend_no)
		goto fail;
	take_vips(p, s);
	take_backends(p, s);
	if (members_each(p, take_pair, &t))
		goto fail;
	count_pairs(s);
	return s;
fail:
	snapshot_free(s);
	return NULL;
}

static __u8 answer(bool yes)
{
	return yes ? SNAPSHOT_YES : SNAPSHOT_NO;
}

void snapshot_take_serving(struct plane *p, struct snapshot *s)
{
	struct serve now = { .up = NULL };
	struct netlink nl = { 0 };
	struct xr_announced a;
	size_t i;
	bool known = !netlink_open(&nl) && !serve_read(p, &nl, &now);

	for (i = 0; i < s->vips; i++) {
		struct snapshot_vip *v = &s->vip[i];

		if (known)
			v->serves = answer(serve_vip(p, &now, v->index) == XR_SERVES);
		if (vip_announced_get(p, v->index, &a))
			v->announced = answer(a.announced);
	}
	if (known)
		serve_free(&now);
	netlink_close(&nl);
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	free(s->vip);
	free(s->backend);
	free(s->vip_no);
	free(s->backend_no);
	free(s->pair);
	free(s);
}
