// SPDX-License-Identifier: GPL-2.0-only
/*
 * An address is announced for all of its VIPs that ask for it, or not at all: a route takes
 * every port's packets here, and where other nodes announce the address, too (anycast), these
 * can serve what this one cannot. A VIP that shall not keep its address back does not ask.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/netns.h"
#include "lib/text.h"
#include "model/model_edit.h"
#include "plane/daemon_claim.h"
#include "serve/serve.h"
#include "vip_announced.h"

/* What was found of an address. */
struct asked {
	__be32 addr[XR_ADDR_WORDS];
	enum xr_serve why;
	__u16 vip; /* of that */
};

struct asked_list {
	struct asked *item;
	size_t n;
};

static __u64 clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

/* By address; and VIPs that do not serve before those that do. */
static int compare(const void *a, const void *b)
{
	const struct asked *x = a, *y = b;
	int d = memcmp(x->addr, y->addr, sizeof(x->addr));

	return d ? d : (x->why == XR_SERVES) - (y->why == XR_SERVES);
}

static bool is_asked(const struct xr_vip *v)
{
	return v->used && v->flags & XR_VIP_ANNOUNCE;
}

/* Each address once, in order, with what keeps it back. */
static int list_asked(const struct plane *p, const struct serve *s, struct asked_list *l)
{
	struct asked *to;
	size_t i, n = 0;

	for (i = 1; i <= p->meta->limits.vips; i++) {
		if (!is_asked(&p->vips[i]))
			continue;
		to = model_grow(&l->item, &l->n, sizeof(*to));
		if (!to)
			return -ENOMEM;
		memcpy(to->addr, p->vips[i].addr, sizeof(to->addr));
		to->why = serve_vip(p, s, i);
		to->vip = i;
	}
	if (l->n)
		qsort(l->item, l->n, sizeof(*l->item), compare);
	for (i = 0; i < l->n; i++)
		if (!n || memcmp(l->item[n - 1].addr, l->item[i].addr, sizeof(l->item->addr)))
			l->item[n++] = l->item[i];
	l->n = n;
	return 0;
}

static struct xr_announced_key key_of(const __be32 *addr, __u64 netns)
{
	struct xr_announced_key k = { .netns = netns };

	memcpy(k.addr, addr, sizeof(k.addr));
	return k;
}

/* ---- the decision ---- */

/*
 * Withdrawn at once; announced again when it has served for policy.vip_hold seconds, which
 * only a daemon can wait for. Operators' own changes (drain, attach) leave no record to wait by.
 */
static void decide(const struct plane *p, const struct asked *a, bool known, struct xr_announced *x)
{
	bool waits = known && !x->announced && x->why != XR_SERVE_DRAINED &&
		p->meta->policy.vip_hold && daemon_pid(p->name);
	__u64 now = clock_ms();

	if (a->why != XR_SERVES) {
		x->announced = x->until = x->error = 0;
		x->why = a->why;
		x->vip = a->vip;
		return;
	}
	if (x->why == XR_SERVE_REFUSED)
		return; /* it is tried again until the kernel takes it */
	if (waits && x->why != XR_SERVE_HELD) {
		x->why = XR_SERVE_HELD;
		x->until = now + 1000ULL * p->meta->policy.vip_hold;
	}
	if (waits && x->until > now)
		return;
	x->announced = 1;
	x->why = XR_SERVES;
	x->vip = x->error = x->until = 0;
}

static void event(struct plane *p, const __be32 *addr, const struct xr_announced *x)
{
	char name[TEXT_ADDR], why[VIP_ANNOUNCED_WHY];

	if (x->announced)
		plane_event(p, "vip address %s: announced", text_addr(name, addr));
	else
		plane_event(p, "vip address %s: %s: %s", text_addr(name, addr),
			    x->why == XR_SERVE_HELD ? "not yet announced" : "not announced",
			    vip_announced_why(p, x, why));
}

struct update {
	struct plane *p;
	void (*withdraw)(void *ctx, const __be32 *addr);
	void *ctx;
	bool changed;
};

static void update_one(struct update *u, const struct asked *a)
{
	struct xr_announced_key k = key_of(a->addr, netns_id());
	int fd = u->p->fd[PLANE_VIP_ANNOUNCED];
	struct xr_announced x = { 0 }, was;
	bool known = !bpf_map_lookup_elem(fd, &k, &x);

	was = x;
	decide(u->p, a, known, &x);
	u->changed |= x.why == XR_SERVE_REFUSED;
	if (known && !memcmp(&x, &was, sizeof(x)))
		return;
	if (!known || x.announced != was.announced)
		x.since = time(NULL);
	if (bpf_map_update_elem(fd, &k, &x, 0))
		return;
	if (was.announced && !x.announced)
		u->withdraw(u->ctx, a->addr);
	u->changed = true;
	if (!known || x.announced != was.announced || x.why != was.why)
		event(u->p, a->addr, &x);
}

/* ---- those that nobody asks for any more ---- */

static const struct asked *find(const struct asked_list *l, const __be32 *addr)
{
	struct asked key;
	size_t i;

	memcpy(key.addr, addr, sizeof(key.addr));
	for (i = 0; i < l->n; i++)
		if (!memcmp(l->item[i].addr, addr, sizeof(key.addr)))
			return &l->item[i];
	return NULL;
}

static bool any_node_in(const struct plane *p, __u64 netns)
{
	const struct xr_device *d = NULL;

	while ((d = plane_next_device(p, d)))
		if (d->netns == netns && d->role == XR_ROLE_NODE)
			return true;
	return false;
}

/* Also those of a namespace that the last device has left. */
static void drop_others(struct update *u, const struct asked_list *l)
{
	int fd = u->p->fd[PLANE_VIP_ANNOUNCED];
	struct xr_announced_key k, next, *from = NULL;
	struct xr_announced x;
	__u64 here = netns_id();
	char name[TEXT_ADDR];
	bool more = !bpf_map_get_next_key(fd, from, &k);

	while (more) {
		more = !bpf_map_get_next_key(fd, &k, &next);
		if (!(k.netns == here ? find(l, k.addr) != NULL : any_node_in(u->p, k.netns)) &&
		    !bpf_map_lookup_elem(fd, &k, &x) && !bpf_map_delete_elem(fd, &k)) {
			if (x.announced && k.netns == here)
				u->withdraw(u->ctx, k.addr);
			u->changed = true;
			if (x.announced)
				plane_event(u->p, "vip address %s: no longer announced",
					    text_addr(name, k.addr));
		}
		k = next;
	}
}

bool vip_announced_update(struct plane *p, struct netlink *nl,
			  void (*withdraw)(void *ctx, const __be32 *addr), void *ctx)
{
	struct update u = { p, withdraw, ctx, false };
	struct asked_list l = { NULL, 0 };
	struct serve s = { .up = NULL };
	size_t i;

	if (serve_is_asked(p) && any_node_in(p, netns_id()) &&
	    (serve_read(p, nl, &s) || list_asked(p, &s, &l)))
		goto out; /* nothing is known: nothing is changed */
	for (i = 0; i < l.n; i++)
		update_one(&u, &l.item[i]);
	drop_others(&u, &l);
out:
	serve_free(&s);
	free(l.item);
	return u.changed;
}

/* ---- what was decided ---- */

void vip_announced_each(const struct plane *p, __u64 netns,
			void (*each)(void *ctx, const __be32 *addr), void *ctx)
{
	struct xr_announced_key k, *from = NULL;
	int fd = p->fd[PLANE_VIP_ANNOUNCED];
	struct xr_announced x;

	for (; !bpf_map_get_next_key(fd, from, &k); from = &k)
		if (k.netns == netns && !bpf_map_lookup_elem(fd, &k, &x) &&
		    (x.announced || x.why == XR_SERVE_REFUSED))
			each(ctx, k.addr);
}

void vip_announced_refused(struct plane *p, const __be32 *addr, int error)
{
	struct xr_announced_key k = key_of(addr, netns_id());
	int fd = p->fd[PLANE_VIP_ANNOUNCED];
	struct xr_announced x;

	if (bpf_map_lookup_elem(fd, &k, &x) || !(error ? x.announced : x.why == XR_SERVE_REFUSED))
		return; /* it is so already, or another instance's */
	x.announced = !error;
	x.why = error ? XR_SERVE_REFUSED : XR_SERVES;
	x.error = -error;
	x.since = time(NULL);
	if (!bpf_map_update_elem(fd, &k, &x, 0))
		event(p, addr, &x);
}

bool vip_announced_asked(const struct plane *p, const __be32 *addr)
{
	__u32 i;

	for (i = 1; i <= p->meta->limits.vips; i++)
		if (is_asked(&p->vips[i]) &&
		    !memcmp(p->vips[i].addr, addr, sizeof(p->vips[i].addr)))
			return true;
	return false;
}

bool vip_announced_get(struct plane *p, __u32 vip, struct xr_announced *a)
{
	struct xr_announced_key k, *from = NULL;
	int fd = p->fd[PLANE_VIP_ANNOUNCED];
	struct xr_announced x;
	bool any = false;

	if (!is_asked(&p->vips[vip]))
		return false;
	*a = (struct xr_announced){
		.why = p->drain->state ? XR_SERVE_DRAINED : XR_SERVE_NO_PROGRAM,
	};
	for (; !bpf_map_get_next_key(fd, from, &k); from = &k) {
		if (memcmp(k.addr, p->vips[vip].addr, sizeof(k.addr)) ||
		    bpf_map_lookup_elem(fd, &k, &x) || (any && x.announced))
			continue;
		*a = x;
		any = true;
	}
	return true;
}

const char *vip_announced_why(struct plane *p, const struct xr_announced *a,
			      char text[VIP_ANNOUNCED_WHY])
{
	const struct xr_vip *v = &p->vips[a->vip];
	char name[TEXT_VIP];
	__u32 n;

	text[0] = '\0';
	if (a->announced)
		return text;
	if (a->why == XR_SERVE_BACKENDS && a->vip && a->vip <= p->meta->limits.vips && v->used) {
		text_vip(name, v->addr, v->port, v->proto);
		n = serve_min_up(p, a->vip);
		if (n == 1)
			snprintf(text, VIP_ANNOUNCED_WHY,
				 "no backend of %s is up by state and health check", name);
		else
			snprintf(text, VIP_ANNOUNCED_WHY,
				 "fewer than %u backends of %s are up by state and health check", n,
				 name);
	} else if (a->why == XR_SERVE_REFUSED) {
		snprintf(text, VIP_ANNOUNCED_WHY, "%s: %s", serve_text(a->why), strerror(a->error));
	} else {
		snprintf(text, VIP_ANNOUNCED_WHY, "%s", serve_text(a->why));
	}
	return text;
}

__u64 vip_announced_next(const struct plane *p)
{
	struct xr_announced_key k, *from = NULL;
	int fd = p->fd[PLANE_VIP_ANNOUNCED];
	struct xr_announced x;
	__u64 next = 0;

	for (; !bpf_map_get_next_key(fd, from, &k); from = &k)
		if (!bpf_map_lookup_elem(fd, &k, &x) && x.until && (!next || x.until < next))
			next = x.until;
	return next;
}
