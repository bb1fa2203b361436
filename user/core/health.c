// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "health.h"
#include "text.h"

void health_count(struct plane *p, struct health *h)
{
	const struct xr_limits *l = &p->meta->limits;
	__u32 i, w;

	memset(h, 0, sizeof(*h));
	for (i = 1; i <= l->vips; i++)
		h->vips += p->vips[i].used;
	for (i = 1; i <= l->backends; i++) {
		__u8 state = p->backend_info[i].state;

		if (state <= XR_BACKEND_DOWN)
			h->backends[state]++;
	}
	for (i = 1; i < XR_CID_SLOTS; i++)
		h->cids += p->cid_info[i].used;
	for (i = 0; i < p->sid_buckets; i++) {
		for (w = 0; w < XR_SID_WAYS; w++)
			h->server_ids += p->server_ids[i].key[w] != 0;
	}
	for (i = 0; i < XR_MAX_DEVICES; i++)
		h->devices += p->devices[i].ifindex != 0;
}

struct check {
	struct plane *p;
	void (*each)(void *ctx, const char *line);
	void *ctx;
};

static void __attribute__((format(printf, 2, 3)))
wrong(struct check *c, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	c->each(c->ctx, line);
}

/* A table with any backend has one in every slot; an empty one has none. */
static bool has_backend(struct plane *p, __u32 vip)
{
	struct xr_maglev_row row = {};
	__u32 id, zero = 0;
	int fd;

	/* The kernel gives the id of the inner table; an empty slot has none. */
	if (bpf_map_lookup_elem(p->fd[PLANE_MAGLEV], &vip, &id))
		return errno != ENOENT;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return true;	/* replaced this moment */
	if (bpf_map_lookup_elem(fd, &zero, &row))
		row.backend[0] = 0;
	close(fd);
	return row.backend[0] != 0;
}

static void check_vips(struct check *c)
{
	struct plane *p = c->p;
	__u32 i;

	for (i = 1; i <= p->meta->limits.vips; i++) {
		const struct xr_vip *v = &p->vips[i];
		char buf[TEXT_VIP];

		if (v->used && !has_backend(p, i))
			wrong(c, "vip %s: no backend is up",
			      text_vip(buf, v->addr, v->port, v->proto));
	}
}

static void check_devices(struct check *c)
{
	struct plane *p = c->p;
	bool any = false;
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		const struct xr_device *d = &p->devices[i];

		if (!d->ifindex)
			continue;
		any = true;
		switch (plane_device_state(p, d)) {
		case DEVICE_GONE:
			wrong(c, "dev %s: the device is gone", d->name);
			break;
		case DEVICE_NO_PROGRAM:
			wrong(c, "dev %s: the program is no longer attached",
			      d->name);
			break;
		case DEVICE_ATTACHED:
			break;
		}
	}
	if (!any)
		wrong(c, "no device is attached");
}

void health_check(struct plane *p, void (*each)(void *ctx, const char *line),
		  void *ctx)
{
	struct check c = { p, each, ctx };

	check_devices(&c);
	check_vips(&c);
}
