// SPDX-License-Identifier: GPL-2.0-only
/* The routes that there are, and those that there are to be. */
#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "host/vm_ip.h"
#include "plane/vm_state.h"
#include "routes_priv.h"

/* ---- lists ---- */

static struct route *add(struct list *l, const __be32 *addr)
{
	size_t size = l->size ? 2 * l->size : 64;
	struct route *more;

	if (l->n == l->size) {
		more = realloc(l->route, size * sizeof(*more));
		l->failed |= !more;
		if (!more)
			return NULL;
		l->route = more;
		l->size = size;
	}
	more = &l->route[l->n++];
	memset(more, 0, sizeof(*more));
	memcpy(more->addr, addr, sizeof(more->addr));
	return more;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct route *)0)->addr));
}

static void sort(struct list *l)
{
	if (l->n)
		qsort(l->route, l->n, sizeof(*l->route), compare);
}

/*
 * Calls take() with each of ours and the other of the same address; those that we lack are
 * added. Both are sorted, and so is ours again.
 */
static void join(struct list *ours, const struct list *others,
		 void (*take)(struct route *to, const struct route *from))
{
	size_t i = 0, k, n = ours->n;
	struct route *to;
	int order;

	for (k = 0; k < others->n; k++) {
		const struct route *from = &others->route[k];

		while (i < n && (order = compare(&ours->route[i], from)) < 0)
			i++;
		to = i < n && !order ? &ours->route[i] : add(ours, from->addr);
		if (to)
			take(to, from);
	}
	if (ours->n > n)
		sort(ours);
}

/* ---- what the kernel has ---- */

static void add_found(void *ctx, const __be32 *addr, __u32 dev)
{
	struct route *r = add(ctx, addr);

	if (r)
		r->dev = dev;
}

static void take_found(struct route *to, const struct route *from)
{
	to->made = true;
	to->dev = from->dev;
}

void routes_read_kernel(struct vm_routes *v)
{
	struct list found = { 0 };
	size_t i;

	if (!host_route_each(&v->nl, &v->in, add_found, &found) && !found.failed) {
		for (i = 0; i < v->list.n; i++)
			v->list.route[i].made = false;
		sort(&found);
		join(&v->list, &found, take_found);
		v->stale = false;
	}
	free(found.route);
}

/* ---- what there is to be ---- */

bool vm_is_here(struct plane *p, __u32 vm_index)
{
	return p->vm_info[vm_index].used && host_is_local(p, vm_now(p, vm_index).host);
}

/*
 * What a VM only said of itself is not announced to others. And a route knows no segment: an
 * address that VMs in several VLANs have gets none.
 */
static bool is_announced(struct plane *p, __u32 vm_index, int i)
{
	const struct xr_vm_info *info = &p->vm_info[vm_index];
	const __be32 *a = info->addr[i];

	return !addr_is_zero(a) && !(info->learned >> i & 1) && !addr_is_link_local(a) &&
		!vm_ip_shared(p, a);
}

struct wanted {
	struct plane *p;
	struct list list;
};

static int want(void *ctx, __u32 vm_index)
{
	struct wanted *w = ctx;
	struct route *r;
	int i;

	if (!vm_is_here(w->p, vm_index))
		return 0;
	for (i = 0; i < XR_VM_ADDRS; i++) {
		if (!is_announced(w->p, vm_index, i))
			continue;
		r = add(&w->list, w->p->vm_info[vm_index].addr[i]);
		if (r)
			r->vm_no = vm_index + 1;
	}
	return 0;
}

static void take_wanted(struct route *to, const struct route *from)
{
	to->vm_no = from->vm_no;
	to->until = 0;
}

bool routes_find_wanted(struct vm_routes *v)
{
	struct wanted w = { .p = v->d->plane };
	size_t i;

	/* Where no program runs, nobody sends on what comes here for a VM that has left. */
	if (plane_next_device(w.p, NULL))
		vm_each(w.p, want, &w);
	if (!w.list.failed) {
		for (i = 0; i < v->list.n; i++)
			v->list.route[i].vm_no = 0;
		sort(&w.list);
		join(&v->list, &w.list, take_wanted);
	}
	free(w.list.route);
	return !w.list.failed;
}
