// SPDX-License-Identifier: GPL-2.0-only
/* Putting right what a killed command left, and records of devices that moved. */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "attach_priv.h"
#include "lib/netns.h"
#include "plane/pins.h"

/* The record goes where its program went. */
static void move_record(struct plane *p, struct xr_device *d, const struct device_location *at,
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

/*
 * In the record's namespace: makes the record and the programs on its device agree.
 * true: the device is not there any more, and may be somewhere else.
 */
static bool recover_here(struct plane *p, struct xr_device *d, devices_changed_fn *changed)
{
	struct device_location place = { .netns = d->netns, .ifindex = d->ifindex };
	struct attached on;
	__u32 keep;
	int i;

	if (attach_query(d->ifindex, &on))
		return false; /* unknown: the record stays as it is */
	keep = attach_ours(p, &on, d->prog_id);
	if (!keep) {
		/* A killed attach or detach: nothing came of it, or all. */
		if (!d->prog_id)
			record_drop(p, d);
		return d->ifindex && (!on.exists || strcmp(on.name, d->name));
	}
	memcpy(place.name, on.name, sizeof(place.name));
	if (strcmp(place.name, d->name))
		move_record(p, d, &place, changed);
	/* A killed attach or reload: its program is the one to keep. */
	if (keep != d->prog_id)
		record_complete(p, d, &on, keep);
	for (i = 0; i < on.n; i++) {
		if (on.id[i] != keep && attach_is_ours(p, on.id[i]))
			attach_remove(d->ifindex, &on, on.id[i]);
	}
	return false;
}

/* A record whose device is not there, and whose name another one has: drops it. */
static void drop_twins(struct plane *p)
{
	struct xr_device *a = NULL, *b;

	while ((a = plane_next_device(p, a))) {
		b = NULL;
		while (a->ifindex && (b = plane_next_device(p, b)))
			if (b != a && b->netns == a->netns && !strcmp(b->name, a->name) &&
			    plane_device_state(p, a) != DEVICE_ATTACHED)
				record_drop(p, a);
	}
}

void plane_follow_names(struct plane *p, devices_changed_fn *changed)
{
	struct xr_device *d = NULL;
	__u64 here = netns_id();
	char name[IF_NAMESIZE];

	while ((d = plane_next_device(p, d)))
		if (d->netns == here && if_indextoname(d->ifindex, name) && strcmp(d->name, name))
			recover_here(p, d, changed);
	drop_twins(p);
}

void attach_recover(struct plane *p, devices_changed_fn *changed)
{
	__u32 missing[XR_MAX_DEVICES] = { 0 };
	struct xr_device *d = NULL;
	struct device_location at;
	bool any = false;
	int i, back, ret;

	while ((d = plane_next_device(p, d))) {
		ret = netns_enter(d->netns, &back);
		if (ret && ret != -ENOENT)
			continue; /* unknown: the record stays as it is */
		if (ret || recover_here(p, d, changed))
			missing[record_slot(p, d)] = d->prog_id;
		any |= missing[record_slot(p, d)];
		if (!ret)
			netns_leave(back);
	}
	if (any)
		attach_collect();
	for (i = 0; any && i < XR_MAX_DEVICES; i++)
		if (attach_find(missing[i], &at))
			move_record(p, &p->devices[i], &at, changed);
	drop_twins(p);
	plane_capture_recover(p);
}

/* ---- without records ---- */

static void remove_program(void *ctx, __u32 ifindex, const struct attached *on, __u32 prog)
{
	if (prog == *(__u32 *)ctx)
		attach_remove(ifindex, on, prog);
}

static void sweep_here(void *id)
{
	attach_each_program(remove_program, id);
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
