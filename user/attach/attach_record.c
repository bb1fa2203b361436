// SPDX-License-Identifier: GPL-2.0-only
/* The records of devices, and the pins of the programs on them. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attach_priv.h"
#include "lib/netns.h"
#include "plane/pins.h"
#include "plane/stats.h"

struct xr_device *record_find(struct plane *p, const char *dev)
{
	struct xr_device *d = NULL;
	__u64 netns = netns_id();

	while ((d = plane_next_device(p, d)))
		if (d->netns == netns && !strncmp(d->name, dev, sizeof(d->name)))
			break;
	return d;
}

struct xr_device *record_at(struct plane *p, __u32 ifindex)
{
	struct xr_device *d = NULL;
	__u64 netns = netns_id();

	while (ifindex && (d = plane_next_device(p, d)))
		if (d->ifindex == ifindex && d->netns == netns)
			break;
	return d;
}

struct xr_device *record_free(struct plane *p)
{
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		if (!p->devices[i].ifindex)
			return &p->devices[i];
	}
	return NULL;
}

__u32 record_slot(struct plane *p, const struct xr_device *d)
{
	return d - p->devices;
}

/* Names in bpffs have no dots; devices ("eth0.7") have. */
static void pin_name(struct plane *p, const struct xr_device *d, char *path, size_t size)
{
	char *c;
	int n;

	n = snprintf(path, size, "%s/", p->dir);
	snprintf(path + n, size - n, "dev_%u_%s", record_slot(p, d), d->name);
	for (c = path + n; *c; c++) {
		if (*c == '.')
			*c = '~';
	}
}

static void pin_program(struct plane *p, const struct xr_device *d)
{
	int fd = bpf_prog_get_fd_by_id(d->prog_id);
	char path[256];

	if (fd < 0)
		return;
	pin_name(p, d, path, sizeof(path));
	pin_replace(path, fd);
	close(fd);
}

void record_move(struct plane *p, struct xr_device *d, __u64 netns, __u32 ifindex, const char *name)
{
	char from[256], to[256];

	pin_name(p, d, from, sizeof(from));
	memset(d->name, 0, sizeof(d->name));
	strncpy(d->name, name, sizeof(d->name) - 1);
	d->netns = netns;
	__atomic_store_n(&d->ifindex, ifindex, __ATOMIC_RELEASE);
	pin_name(p, d, to, sizeof(to));
	if (strcmp(from, to))
		rename(from, to);
}

void record_drop(struct plane *p, struct xr_device *d)
{
	char path[256];

	pin_name(p, d, path, sizeof(path));
	unlink(path);
	/* A slot is taken while ifindex is not 0: it is written last, and cleared first. */
	__atomic_store_n(&d->ifindex, 0, __ATOMIC_RELEASE);
	memset(d, 0, sizeof(*d));
}

/* Records of devices that are gone take no slot from one that is there. */
static void drop_gone(struct plane *p)
{
	struct xr_device *d = NULL;

	while ((d = plane_next_device(p, d)))
		if (plane_device_state(p, d) == DEVICE_GONE)
			record_drop(p, d);
}

int record_new(struct plane *p, const char *dev, int ifindex, enum xr_role role,
	       struct xr_device **out, struct xr_err *err)
{
	struct xr_device *d;

	/* Their devices are gone, or check_free() would have found the program. */
	while ((d = record_find(p, dev)) || (d = record_at(p, ifindex)))
		record_drop(p, d);
	d = record_free(p);
	if (!d) {
		drop_gone(p);
		d = record_free(p);
	}
	if (!d)
		return xr_fail(err, -ENOSPC,
			       "%s: %d devices are attached, the most there "
			       "can be",
			       dev, XR_MAX_DEVICES);
	memset(d, 0, sizeof(*d));
	strncpy(d->name, dev, sizeof(d->name) - 1);
	d->netns = netns_id();
	d->role = role;
	stats_begin_dev(p, record_slot(p, d));
	__atomic_store_n(&d->ifindex, ifindex, __ATOMIC_RELEASE);
	*out = d;
	return 0;
}

void record_complete(struct plane *p, struct xr_device *d, const struct attached *on, __u32 prog)
{
	d->mode = on->mode;
	d->how = on->single ? XR_ATTACH_SINGLE : XR_ATTACH_DISPATCHER;
	if (!d->attached)
		d->attached = time(NULL);
	d->prog_id = prog;
	pin_program(p, d);
}

const struct xr_device *plane_device(struct plane *p, const char *dev)
{
	return record_find(p, dev);
}
