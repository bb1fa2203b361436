// SPDX-License-Identifier: GPL-2.0-only
/*
 * What differs between the kernel's routes and those that there are to be, of a lot a part at
 * a time.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "host/vm_ip.h"
#include "lib/text.h"
#include "local/local.h"
#include "routes_priv.h"

#define AT_ONCE     (15 * US_PER_MS)     /* of work in one look */
#define AGAIN       (10 * US_PER_SECOND) /* before ports that were not found are searched again */
#define SHARE_AGAIN 50                   /* or 50 times what the searches took */
#define NAMED       3                    /* that status names */

static void tell(struct vm_routes *v, const char *what, const char *why)
{
	if (v->named++ < NAMED)
		problem_add(&v->lines, "vm_routes: %s: %s", what, why);
	else if (v->named == NAMED + 1)
		problem_add(&v->lines, "vm_routes: (and more)");
}

static void tell_of(struct vm_routes *v, const struct route *r, int ret)
{
	char text[TEXT_ADDR], why[160];

	if (ret == -EEXIST)
		snprintf(
			why, sizeof(why),
			"table %u has another route of metric %u to it, which xroam did not make; give vm_routes a metric of its own",
			v->in.table, v->in.metric);
	else
		snprintf(why, sizeof(why), "the kernel refuses its route: %s", strerror(-ret));
	tell(v, text_addr(text, r->addr), why);
}

/* The first of a look's works always has. */
static bool has_time(struct vm_routes *v)
{
	if (!v->works++)
		v->until = daemon_clock_us() + AT_ONCE;
	v->unfinished |= daemon_clock_us() >= v->until;
	return !v->unfinished;
}

static void write_route(struct vm_routes *v, struct route *r, __u32 dev)
{
	int ret;

	if (!has_time(v))
		return;
	ret = host_route_set(&v->nl, &v->in, r->addr, dev, r->made);
	if (ret) {
		tell_of(v, r, ret);
		return;
	}
	r->made = true;
	r->dev = dev;
}

static void unmake(struct vm_routes *v, struct route *r)
{
	if (!r->made || !has_time(v))
		return;
	host_route_del(&v->nl, &v->in, r->addr);
	r->made = false;
}

/* false: later. */
static bool find_device(struct vm_routes *v, struct route *r)
{
	__u32 tap = v->d->plane->vms[r->vm_no - 1].tap;
	uint64_t began;

	if (r->looked == v->links && r->tap == tap)
		return true;
	if (!has_time(v))
		return false;
	began = daemon_clock_us();
	r->by = vm_local_reach(v->d->plane, r->vm_no - 1);
	v->searched += daemon_clock_us() - began;
	r->tap = tap;
	r->looked = v->links;
	return true;
}

static void tell_no_way(struct vm_routes *v, const struct route *r)
{
	char vm[VM_NAME + 4] = "VM ", master[IF_NAMESIZE], why[240];

	vm_name_at(v->d->plane, vm + strlen(vm), r->vm_no - 1);
	if (!r->by.master || !if_indextoname(r->by.master, master))
		snprintf(
			why, sizeof(why),
			"there is no route to it, as its port is not known; \"xroam vm add ... dev DEV\" names it");
	else if (r->by.lacks_vlan)
		snprintf(
			why, sizeof(why),
			"there is no route to it, as %s has no device of its VLAN; \"ip link add link %s name NAME type vlan id N\" makes it",
			master, master);
	else
		snprintf(why, sizeof(why),
			 "there is no route to it, as its port is one of %s, which is no bridge",
			 master);
	tell(v, vm, why);
}

static void place(struct vm_routes *v, struct route *r)
{
	if (!find_device(v, r))
		return;
	if (r->by.dev) {
		if (!r->made || r->dev != r->by.dev)
			write_route(v, r, r->by.dev);
		return;
	}
	v->missing = true;
	/* Where its port is not known any more a route stays, but not one that leads nowhere. */
	if (r->made && r->dev)
		return;
	unmake(v, r);
	tell_no_way(v, r);
}

/* The VM has it, and is elsewhere. */
static bool has_moved(struct plane *p, const struct route *r)
{
	__u32 vm_index = vm_by_ip(p, r->addr);

	return vm_index != VM_NOWHERE && p->vm_info[vm_index].used && !vm_is_here(p, vm_index);
}

static void leave(struct vm_routes *v, struct route *r)
{
	bool moved = v->conf.hold && (r->made || r->until) && has_moved(v->d->plane, r);

	r->looked = 0;
	if (moved && !r->until)
		r->until = v->now + v->conf.hold * US_PER_SECOND;
	if (moved && v->now < r->until) {
		/* A VM's own port may go, and a route by it with it. */
		if (!r->made || (r->dev && r->dev == r->tap))
			write_route(v, r, 0);
		v->next = r->until < v->next ? r->until : v->next;
		return;
	}
	unmake(v, r);
	r->gone = !r->made;
}

void routes_make_equal(struct vm_routes *v)
{
	struct list *l = &v->list;
	size_t i, n = 0, first = v->first < l->n ? v->first : 0;
	uint64_t pause;

	v->works = 0;
	v->missing = false;
	for (i = 0; i < l->n; i++) {
		struct route *r = &l->route[(first + i) % l->n];

		if (!v->unfinished)
			v->first = (first + i) % l->n;
		if (r->vm_no)
			place(v, r);
		else
			leave(v, r);
	}
	for (i = 0; i < l->n; i++)
		if (!l->route[i].gone)
			l->route[n++] = l->route[i];
	l->n = n;
	if (v->missing && !v->unfinished && !v->again) {
		pause = v->searched * SHARE_AGAIN;
		v->again = v->now + (pause > AGAIN ? pause : AGAIN);
	}
}
