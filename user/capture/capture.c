// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "apply/instance.h"
#include "attach/attach.h"
#include "capture.h"
#include "lib/netns.h"
#include "maps.h"
#include "steer/vip_table.h"

#define LEASE 3 /* seconds */

struct capture {
	struct plane *p;
	struct capture_want want;
	struct capture_maps maps;
	struct xr_capture_control *control;
	struct ring_buffer *ring;
	int claim_fd;
	__u64 netns;  /* the one in which device names are meant */
	__u32 looked; /* the tick in which all was looked at */
	unsigned int gaps;
	capture_each *each;
	void *ctx;
	struct capture_device device[XR_MAX_DEVICES];
};

/* ---- devices ---- */

static bool is_called(const struct xr_device *d, const char *name)
{
	return !strncmp(d->name, name, sizeof(d->name));
}

/* A name means the device of this network namespace, or else those of others. */
static bool is_named(const struct capture *c, const struct xr_device *d, const char *name)
{
	const struct xr_device *here = NULL;

	if (!is_called(d, name))
		return false;
	if (d->netns == c->netns)
		return true;
	while ((here = plane_next_device(c->p, here)))
		if (here->netns == c->netns && is_called(here, name))
			return false;
	return true;
}

static bool is_wanted(const struct capture *c, const struct xr_device *d)
{
	int i;

	if (!c->want.n_devs)
		return d->role != XR_ROLE_PASS;
	for (i = 0; i < c->want.n_devs; i++)
		if (is_named(c, d, c->want.dev[i]))
			return true;
	return false;
}

/* Under the lock. */
static int put_on(struct capture *c, const struct xr_device *d, struct xr_err *err)
{
	struct capture_device *on = &c->device[d - c->p->devices];
	int ret = plane_capture(c->p, d, &c->maps, err);

	if (ret)
		return ret;
	*on = (struct capture_device){
		.netns = d->netns,
		.ifindex = d->ifindex,
		.prog = d->prog_id,
		.role = d->role,
		.mode = d->mode,
	};
	memcpy(on->name, d->name, sizeof(on->name));
	on->name[sizeof(on->name) - 1] = '\0';
	return 0;
}

static int put_on_all(struct capture *c, struct xr_err *err)
{
	const struct xr_device *d = NULL;
	int i, ret, n = 0;

	for (i = 0; i < c->want.n_devs; i++) {
		d = NULL;
		while ((d = plane_next_device(c->p, d)) && !is_named(c, d, c->want.dev[i]))
			;
		if (!d)
			return xr_fail(err, -ENODEV, "%s is not attached; see \"xroam dev show\"",
				       c->want.dev[i]);
	}
	for (d = NULL; (d = plane_next_device(c->p, d));) {
		if (!is_wanted(c, d))
			continue;
		ret = put_on(c, d, err);
		if (ret && (ret != -ENODEV || c->want.n_devs))
			return ret;
		n += !ret;
	}
	return n ? 0 : xr_fail(err, -ENODEV, "%s", plane_unattached(c->p));
}

/* Whether there is a device that should capture and does not, or not any more. */
static bool is_missing(const struct capture *c, const struct xr_device *d)
{
	const struct capture_device *on = &c->device[d - c->p->devices];

	/* 0: it is being attached. A record's name and place may be corrected at any time. */
	return d->prog_id && (!on->prog || on->prog != d->prog_id) && is_wanted(c, d);
}

static int follow_devices(struct capture *c, capture_warn *warn, void *ctx, struct xr_err *err)
{
	const struct xr_device *d = NULL;
	struct capture_device *on;
	struct xr_err why;
	bool was;
	int ret;

	while ((d = plane_next_device(c->p, d)) && !is_missing(c, d))
		;
	if (!d)
		return 0;
	ret = instance_relock(c->p, err);
	if (ret)
		return ret == -ESTALE ? ret : 0; /* somebody is at work: soon again */
	for (d = NULL; (d = plane_next_device(c->p, d));) {
		if (!is_missing(c, d))
			continue;
		on = &c->device[d - c->p->devices];
		was = on->prog && on->netns == d->netns && on->ifindex == d->ifindex;
		why.text[0] = '\0';
		ret = put_on(c, d, &why);
		c->gaps += !ret && was;
		if (ret && !on->failed)
			warn(ctx, why.text);
		on->failed = ret;
	}
	plane_unlock(c->p);
	return 0;
}

/* ---- what the programs read ---- */

static __u16 vip_index(const struct capture *c)
{
	const struct plane *p = c->p;
	const struct vip_table t = {
		.bucket = p->vip_index,
		.mask = p->vip_buckets - 1,
		.keys = p->hash_keys,
		.vips = p->vips,
	};

	return vip_table_find(&t, c->want.vip, c->want.port, c->want.proto);
}

static void store(__u32 *to, __u32 value)
{
	__atomic_store_n(to, value, __ATOMIC_RELAXED);
}

/* A VIP that is deleted and added again may have another index. */
static void follow_vip(struct capture *c)
{
	__u16 index = c->want.has_vip ? vip_index(c) : 0;

	/* No packet has the index that stands for one which is not there. */
	store(&c->control->vip, index ? index : ~0U);
}

static void renew(struct capture *c, __u32 tick)
{
	store(&c->control->until, tick + LEASE);
}

int capture_tend(struct capture *c, capture_warn *warn, void *ctx, struct xr_err *err)
{
	__u32 tick = plane_tick(c->p);

	renew(c, tick);
	if (tick != c->looked && !plane_exists(c->p))
		return xr_fail(err, -ESTALE, "instance \"%s\" is gone", c->p->name);
	if (tick != c->looked)
		follow_vip(c);
	c->looked = tick;
	return follow_devices(c, warn, ctx, err);
}

/* ---- beginning ---- */

static int make_maps(struct capture *c, struct xr_err *err)
{
	const struct capture_want *w = &c->want;
	int ret = capture_maps_make(&c->maps, w->filter, err);

	if (ret)
		return ret;
	c->control = mmap(NULL, sizeof(*c->control), PROT_READ | PROT_WRITE, MAP_SHARED,
			  c->maps.control, 0);
	if (c->control == MAP_FAILED) {
		c->control = NULL;
		return xr_fail(err, -errno, "mapping the capture's control: %s", strerror(errno));
	}
	c->control->rate = w->rate;
	c->control->snap = w->snap;
	c->control->reach = w->filter->reach;
	c->control->insns = w->filter->insns;
	c->control->which = w->which;
	memcpy(c->control->reasons, w->reasons, sizeof(w->reasons));
	c->control->any_vip = !w->has_vip;
	c->control->mac = w->mac;
	follow_vip(c);
	return 0;
}

static int on_packet(void *ctx, void *data, size_t size)
{
	const struct xr_capture_packet *packet = data;
	struct capture *c = ctx;

	if (size < sizeof(*packet) || packet->dev_slot >= XR_MAX_DEVICES)
		return 0;
	return c->each(c->ctx, packet, (const __u8 *)(packet + 1));
}

static int begin(struct capture *c, struct xr_err *err)
{
	char vip[TEXT_VIP];
	int ret;

	ret = c->claim_fd = capture_claim(c->p->name, err);
	if (ret < 0)
		return ret;
	if (c->want.has_vip && !vip_index(c))
		return xr_fail(err, -ENOENT, "there is no VIP %s; see \"xroam vip show\"",
			       text_vip(vip, c->want.vip, c->want.port, c->want.proto));
	ret = make_maps(c, err);
	if (ret)
		return ret;
	c->ring = ring_buffer__new(c->maps.ring, on_packet, c, NULL);
	if (!c->ring)
		return xr_fail(err, -errno, "the capture's ring: %s", strerror(errno));
	/* Of a process that was killed, on devices that are not captured now. */
	ret = plane_capture_end(c->p, err);
	if (!ret)
		ret = put_on_all(c, err);
	/* All at the same time. */
	if (!ret)
		renew(c, plane_tick(c->p));
	return ret;
}

int capture_open(struct plane *p, const struct capture_want *want, struct capture **out,
		 struct xr_err *err)
{
	struct capture *c = calloc(1, sizeof(*c));
	int ret;

	*out = NULL;
	if (!c)
		return xr_fail(err, -ENOMEM, "out of memory");
	c->p = p;
	c->want = *want;
	c->claim_fd = -1;
	c->maps = CAPTURE_NO_MAPS;
	c->netns = netns_id();
	ret = begin(c, err);
	if (ret) {
		capture_close(c, NULL);
		return ret;
	}
	plane_unlock(p);
	plane_never_wait(true);
	*out = c;
	return 0;
}

/* ---- packets ---- */

int capture_read(struct capture *c, capture_each *each, void *ctx)
{
	c->each = each;
	c->ctx = ctx;
	return ring_buffer__consume(c->ring);
}

const struct capture_device *capture_device(const struct capture *c, __u32 slot)
{
	return &c->device[slot];
}

void capture_count(const struct capture *c, __u32 slot, struct xr_capture_counts *sum)
{
	capture_maps_count(&c->maps, c->p->cpus, slot, sum);
}

unsigned int capture_gaps(const struct capture *c)
{
	return c->gaps;
}

/* ---- the end ---- */

void capture_stop(struct capture *c)
{
	store(&c->control->until, plane_tick(c->p) - 1);
	plane_grace(c->p);
}

static int put_plain_back(struct capture *c, struct xr_err *err)
{
	int ret = 0;

	plane_never_wait(false);
	if (!plane_exists(c->p))
		return 0;
	if (!c->p->locked)
		ret = instance_relock(c->p, err);
	if (ret == -ESTALE)
		return 0; /* made anew: its programs are */
	return ret ? ret : plane_capture_end(c->p, err);
}

int capture_close(struct capture *c, struct xr_err *err)
{
	int ret = 0;

	if (!c)
		return 0;
	if (c->claim_fd >= 0) {
		ret = put_plain_back(c, err);
		if (ret)
			close(c->claim_fd); /* whoever comes next does it */
		else
			capture_unclaim(c->p->name, c->claim_fd);
	}
	ring_buffer__free(c->ring);
	if (c->control)
		munmap(c->control, sizeof(*c->control));
	capture_maps_close(&c->maps);
	free(c);
	return ret;
}
