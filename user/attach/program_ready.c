// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that are loaded before the instance's lock is taken. The kernel verifies one for
 * some tenths of a second, in which the daemon could follow no VM if it had to wait for the
 * lock. One is used where what it was loaded with is what is wanted under the lock; whatever
 * else is needed then is loaded then.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach_priv.h"
#include "lib/netns.h"
#include "tc_priv.h"

struct ready {
	struct ready *next;
	__u32 maps; /* program_maps() */
	enum xr_role role;
	struct xr_knobs knobs;
	int fd;
};

static struct ready *all;

/* The link to the one for that device slot, or to NULL. */
static struct ready **find(struct plane *p, __u32 slot, enum xr_role role)
{
	struct xr_knobs knobs = program_knobs(p, slot);
	__u32 maps = program_maps(p);
	struct ready **link = &all, *r;

	while ((r = *link) &&
	       (r->maps != maps || r->role != role || memcmp(&r->knobs, &knobs, sizeof(knobs))))
		link = &r->next;
	return link;
}

static bool is_plain(const struct program_use *use)
{
	return !use || (!use->trace && !use->private_maps && !use->capture);
}

static int load(struct plane *p, __u32 slot, enum xr_role role, const struct program_use *use,
		struct xr_err *err)
{
	struct loaded l;
	int fd, ret = program_load(p, &l, slot, role, use, err);

	if (ret)
		return ret;
	fd = fcntl(bpf_program__fd(l.prog), F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		fd = xr_fail(err, -errno, "%s", strerror(errno));
	program_close(&l);
	return fd;
}

int program_get(struct plane *p, __u32 slot, enum xr_role role, const struct program_use *use,
		struct xr_err *err)
{
	struct ready **link = is_plain(use) ? find(p, slot, role) : NULL, *r;
	int fd;

	if (!link || !*link)
		return load(p, slot, role, use, err);
	r = *link;
	fd = r->fd;
	*link = r->next;
	free(r);
	return fd;
}

bool program_is_ready(struct plane *p, __u32 slot, enum xr_role role)
{
	return *find(p, slot, role);
}

static void make_ready(struct plane *p, __u32 slot, enum xr_role role)
{
	struct ready **link = find(p, slot, role), *r = *link ? NULL : calloc(1, sizeof(*r));

	if (!r)
		return;
	r->maps = program_maps(p);
	r->role = role;
	r->knobs = program_knobs(p, slot);
	r->fd = load(p, slot, role, NULL, NULL);
	if (r->fd < 0)
		free(r);
	else
		*link = r;
}

void plane_ready_programs(struct plane *p, const struct xr_policy *policy, __u32 features)
{
	struct xr_meta meta = *p->meta;
	struct plane as = *p; /* as it will be */
	const struct xr_device *d = NULL;
	int back;

	meta.policy = *policy;
	meta.features = features;
	as.meta = &meta;
	while ((d = plane_next_device(&as, d))) {
		/* libxdp loads those of its dispatcher itself. */
		if (d->how == XR_ATTACH_DISPATCHER || netns_enter(d->netns, &back))
			continue;
		make_ready(&as, record_slot(&as, d), d->role);
		netns_leave(back);
	}
	tc_make_ready(&as, true);
}

/* Then libxdp's dispatcher cannot be had on this machine: it is tried first. */
static bool any_alone(const struct plane *p)
{
	const struct xr_device *d = NULL;

	while ((d = plane_next_device(p, d)) && d->how != XR_ATTACH_SINGLE)
		;
	return d;
}

static void ready_for(struct plane *p, char **dev, int n, enum xr_role role)
{
	struct xr_device device[XR_MAX_DEVICES], *d;
	struct plane as = *p;
	int i;

	memcpy(device, p->devices, sizeof(device));
	as.devices = device;
	for (i = 0; i < n; i++) {
		if (record_find(&as, dev[i]))
			continue;
		d = record_free(&as);
		if (!d)
			return;
		memset(d, 0, sizeof(*d));
		strncpy(d->name, dev[i], sizeof(d->name) - 1);
		d->netns = netns_id();
		d->ifindex = if_nametoindex(dev[i]);
		if (d->ifindex)
			make_ready(&as, record_slot(&as, d), role);
	}
}

void plane_ready_attach(const char *instance, char **dev, int n, enum xr_role role)
{
	struct plane *p;

	if (plane_open(&p, instance, PLANE_READ, NULL, NULL, NULL))
		return;
	tc_make_ready(p, false);
	if (any_alone(p))
		ready_for(p, dev, n, role);
	plane_close(p);
}

void plane_ready_reload(const char *instance)
{
	struct plane *p;

	if (plane_open(&p, instance, PLANE_READ, NULL, NULL, NULL))
		return;
	plane_ready_programs(p, &p->meta->policy, p->meta->features);
	plane_close(p);
}

void plane_drop_ready(void)
{
	struct ready *r;

	while ((r = all)) {
		all = r->next;
		close(r->fd);
		free(r);
	}
	tc_drop_ready();
}
