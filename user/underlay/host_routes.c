// SPDX-License-Identifier: GPL-2.0-only
/* The note of where an instance's host routes are, and their end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_routes.h"
#include "model/model_edit.h"
#include "plane/pins.h"

#define NOTE "vm_routes"

int host_routes_note(const char *instance, const struct host_routes *in, struct xr_err *err)
{
	int ret = 0, fd = run_open(instance, NOTE, 0600, err);

	if (fd < 0)
		return fd;
	if (ftruncate(fd, 0) || dprintf(fd, "%u %u\n", in->table, in->metric) < 0)
		ret = xr_fail(err, -errno, XR_RUN_ROOT "/%s/" NOTE ": %s", instance,
			      strerror(errno));
	close(fd);
	return ret;
}

bool host_routes_noted(const char *instance, struct host_routes *in)
{
	char path[RUN_PATH];
	bool noted = false;
	FILE *f;

	run_path(path, instance, NOTE);
	f = fopen(path, "re");
	if (f) {
		noted = fscanf(f, "%u %u", &in->table, &in->metric) == 2;
		fclose(f);
	}
	return noted;
}

struct found {
	struct host_route {
		__be32 addr[XR_ADDR_WORDS];
	} *route;
	size_t n;
};

static void add(void *ctx, const __be32 *addr, __u32 ifindex)
{
	struct found *f = ctx;
	struct host_route *to = model_grow(&f->route, &f->n, sizeof(*to));

	(void)ifindex;
	if (to)
		memcpy(to->addr, addr, sizeof(to->addr));
}

void host_routes_sweep(const char *instance)
{
	struct found f = { NULL, 0 };
	struct netlink nl = { 0 };
	struct host_routes in;
	size_t i;

	if (!host_routes_noted(instance, &in))
		return;
	if (!netlink_open(&nl) && !host_route_each(&nl, &in, add, &f)) {
		for (i = 0; i < f.n; i++)
			host_route_del(&nl, &in, f.route[i].addr);
		run_remove(instance, NOTE);
	}
	netlink_close(&nl);
	free(f.route);
}
