// SPDX-License-Identifier: GPL-2.0-only
/* Putting right what a killed command left, and pins that tell too little. */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attach_priv.h"
#include "lib/netns.h"
#include "plane/pins.h"

/* The record goes where its program went. */
static void follow(struct plane *p, struct xr_device *d, const struct device_place *at,
		   devices_changed_fn *changed)
{
	char space[NETNS_TEXT];
	__u64 left = d->netns;

	if (at->netns == left)
		plane_event(p, "dev %s is called %s now", d->name, at->name);
	else
		plane_event(p, "dev %s is %s in network namespace %s now", d->name, at->name,
			    netns_text(at->netns, space));
	record_move(p, d, at->netns, at->ifindex, at->name);
	changed(p, left);
}

/* In the record's namespace; whether the device is not there any more. */
static bool went(struct plane *p, struct xr_device *d, devices_changed_fn *changed)
{
	struct device_place place = { .netns = d->netns, .ifindex = d->ifindex };
	struct attached at;
	__u32 keep = 0;
	int i;

	attach_look(d->ifindex, &at);
	for (i = 0; i < at.n; i++) {
		if (!attach_is_ours(p, at.id[i]))
			continue;
		if (!keep || at.id[i] == d->prog_id)
			keep = at.id[i];
	}
	if (!keep) {
		/* A killed attach or detach: nothing came of it, or all. */
		if (!d->prog_id)
			record_drop(p, d);
		return d->ifindex && (!at.exists || strcmp(at.name, d->name));
	}
	memcpy(place.name, at.name, sizeof(place.name));
	if (strcmp(place.name, d->name))
		follow(p, d, &place, changed);
	/* A killed attach or reload: take over what it did. */
	if (keep != d->prog_id)
		record_complete(p, d, &at, keep);
	for (i = 0; i < at.n; i++) {
		if (at.id[i] != keep && attach_is_ours(p, at.id[i]))
			attach_remove(d->ifindex, &at, at.id[i]);
	}
	return false;
}

/* Another one has the name now: what it was known by tells nothing any more. */
static void drop_twins(struct plane *p)
{
	struct xr_device *a = p->devices, *b;
	int i, j;

	for (i = 0; i < XR_MAX_DEVICES; i++, a++) {
		for (j = 0, b = p->devices; a->ifindex && j < XR_MAX_DEVICES; j++, b++)
			if (b != a && b->ifindex && b->netns == a->netns &&
			    !strcmp(b->name, a->name) &&
			    plane_device_state(p, a) != DEVICE_ATTACHED)
				record_drop(p, a);
	}
}

void plane_follow_names(struct plane *p, devices_changed_fn *changed)
{
	__u64 here = netns_id();
	struct xr_device *d = p->devices;
	char name[IF_NAMESIZE];
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++, d++)
		if (d->ifindex && d->netns == here && if_indextoname(d->ifindex, name) &&
		    strcmp(d->name, name))
			went(p, d, changed);
	drop_twins(p);
}

void attach_recover(struct plane *p, devices_changed_fn *changed)
{
	struct xr_device *d = p->devices;
	__u32 missing[XR_MAX_DEVICES] = { 0 };
	struct device_place at;
	bool any = false;
	int i, back;

	for (i = 0; i < XR_MAX_DEVICES; i++, d++) {
		int ret = d->ifindex ? netns_enter(d->netns, &back) : -EAGAIN;

		if (ret && ret != -ENOENT)
			continue; /* that says nothing of it */
		if (ret || went(p, d, changed))
			missing[i] = d->prog_id;
		any |= missing[i];
		if (!ret)
			netns_leave(back);
	}
	if (any)
		attach_look_everywhere();
	for (i = 0; any && i < XR_MAX_DEVICES; i++)
		if (attach_find(missing[i], &at))
			follow(p, &p->devices[i], &at, changed);
	drop_twins(p);
}

/* Takes the program off every device of this namespace. */
static void sweep_here(void *ctx)
{
	__u32 id = *(__u32 *)ctx;
	struct if_nameindex *list = if_nameindex(), *i;
	struct attached at;
	int n;

	for (i = list; i && i->if_index; i++) {
		attach_look(i->if_index, &at);
		for (n = 0; n < at.n; n++) {
			if (at.id[n] == id)
				attach_remove(i->if_index, &at, id);
		}
	}
	if (list)
		if_freenameindex(list);
}

void attach_each_netns(const char *pin, void (*each)(void *id))
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(pin);

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len))
		netns_each(each, &info.id);
	close(fd);
}

void attach_sweep(const char *pin)
{
	attach_each_netns(pin, sweep_here);
}
