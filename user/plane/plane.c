// SPDX-License-Identifier: GPL-2.0-only
/* Opening and closing an instance, and waiting for the programs that read it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/netns.h"
#include "lib/text.h"
#include "maglev_map.h"
#include "plane_priv.h"

struct plane *plane_new(const char *name)
{
	static __u64 opened;
	struct plane *p = calloc(1, sizeof(*p));
	int m;

	if (!p)
		return NULL;
	p->serial = __atomic_add_fetch(&opened, 1, __ATOMIC_RELAXED);
	strcpy(p->name, name);
	snprintf(p->dir, sizeof(p->dir), XR_PIN_ROOT "/%s", name);
	p->lock_fd = -1;
	p->emit_fd = -1;
	for (m = 0; m < PLANE_MAPS; m++)
		p->fd[m] = -1;
	p->cpus = libbpf_num_possible_cpus();
	return p;
}

static int open_pins(struct plane *p, enum plane_access how, const struct xr_limits *limits,
		     const __u8 *secret, struct xr_err *err)
{
	int ret;

	if (!plane_exists(p)) {
		if (how != PLANE_CREATE || errno == EACCES)
			return plane_not_opened(p, err);
		ret = plane_create(p, limits, secret, err);
		if (ret)
			return ret;
		p->created = true;
	}
	return plane_open_maps(p, how != PLANE_READ, err);
}

static bool was_to_change;

bool plane_was_to_change(void)
{
	return was_to_change;
}

int plane_open(struct plane **out, const char *name, enum plane_access how,
	       const struct xr_limits *limits, const __u8 *secret, struct xr_err *err)
{
	struct plane *p;
	int ret;

	*out = NULL;
	was_to_change |= how != PLANE_READ;
	ret = text_check_instance(name, err);
	if (ret)
		return ret;
	ret = plane_check_caps(how, err);
	if (ret)
		return ret;
	ret = plane_need_bpffs(name, how, err);
	if (ret)
		return ret;
	p = plane_new(name);
	if (!p)
		return xr_fail(err, -ENOMEM, "out of memory");
	if (p->cpus < 0) {
		ret = xr_fail(err, p->cpus, "cannot count the CPUs: %s", strerror(-p->cpus));
		goto fail;
	}
	if (how != PLANE_READ) {
		/* Checked again under the lock; this saves making a lock file. */
		if (how == PLANE_CHANGE && !plane_exists(p)) {
			ret = plane_not_opened(p, err);
			goto fail;
		}
		ret = plane_lock(name, err);
		if (ret < 0)
			goto fail;
		p->lock_fd = ret;
		p->locked = true;
	}
	ret = open_pins(p, how, limits, secret, err);
	if (!ret && how != PLANE_READ)
		ret = plane_need_files(err);
	if (ret)
		goto fail;
	*out = p;
	return 0;
fail:
	/* What was to be made and was not leaves no trace. */
	if (how == PLANE_CREATE && p->lock_fd >= 0 && !plane_exists(p))
		plane_remove_lock(p->name);
	plane_close(p);
	return ret;
}

void plane_close(struct plane *p)
{
	if (!p)
		return;
	plane_close_maps(p);
	plane_unlock(p);
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	if (p->emit_fd >= 0)
		close(p->emit_fd);
	free(p);
}

/*
 * The kernel waits for all who may see the old value when a slot of an array of maps
 * changes; slot 0 is no VIP's.
 */
static int grace_of_map(struct plane *p)
{
	__u16 *empty = calloc(p->meta->limits.maglev, sizeof(*empty));
	int fd = -ENOMEM, ret = 0;
	__u32 zero = 0;

	if (empty)
		fd = maglev_map_new(empty, p->meta->limits.maglev, NULL);
	free(empty);
	if (fd < 0)
		return fd;
	if (bpf_map_update_elem(p->fd[PLANE_MAGLEV], &zero, &fd, 0) ||
	    bpf_map_delete_elem(p->fd[PLANE_MAGLEV], &zero))
		ret = -errno;
	close(fd);
	return ret;
}

struct xr_device *plane_next_device(const struct plane *p, const struct xr_device *d)
{
	struct xr_device *next = d ? p->devices + (d - p->devices) + 1 : p->devices;

	for (; next < p->devices + XR_MAX_DEVICES; next++)
		if (next->ifindex)
			return next;
	return NULL;
}

void plane_each_netns(struct plane *p, void (*visit)(void *ctx), void *ctx)
{
	__u64 here = netns_id(), seen = 0;
	const struct xr_device *d = NULL;
	int back;

	visit(ctx);
	while ((d = plane_next_device(p, d))) {
		if (d->netns == here || d->netns == seen || netns_enter(d->netns, &back))
			continue;
		seen = d->netns;
		visit(ctx);
		netns_leave(back);
	}
}

void plane_grace(struct plane *p)
{
	/* XDP programs run under RCU; this waits for all who were in it. */
	if (!syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return;
	/* Refused with nohz_full. Refused as well: longer than any program runs. */
	if (grace_of_map(p))
		sleep(1);
}
