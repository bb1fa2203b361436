// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/attach.h"
#include "explain.h"
#include "lib/netns.h"
#include "lib/text.h"

struct explain {
	int prog_fd, trace_fd;
	__u32 ifindex; /* 0: loopback */
};

/* A device where packets come in: routes, and tx or redirect, depend on it. */
static const char *first_device(struct plane *p, char name[IF_NAMESIZE])
{
	__u64 netns = netns_id();
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		const struct xr_device *d = &p->devices[i];

		if (d->ifindex && d->netns == netns && d->role == XR_ROLE_NODE &&
		    if_indextoname(d->ifindex, name))
			return name;
	}
	return NULL;
}

/* The node program's verdict would be wrong there. */
static int check_role(struct plane *p, __u32 ifindex, struct xr_err *err)
{
	const struct xr_device *d = NULL;

	while ((d = plane_next_device(p, d)))
		if (d->ifindex == ifindex && d->netns == netns_id() && d->role != XR_ROLE_NODE)
			return xr_fail(
				err, -EINVAL,
				"%s has role %s, and it is role node's program that is explained; \"xroam capture dev %s\" shows what that one does",
				d->name, text_role(d->role), d->name);
	return 0;
}

int explain_open(struct plane *p, const char *dev, struct explain **out, struct xr_err *err)
{
	struct explain *e = calloc(1, sizeof(*e));
	char first[IF_NAMESIZE];
	int ret;

	if (!e)
		return xr_fail(err, -ENOMEM, "out of memory");
	e->prog_fd = e->trace_fd = -1;
	if (!dev)
		dev = first_device(p, first);
	if (dev) {
		e->ifindex = if_nametoindex(dev);
		if (!e->ifindex) {
			explain_close(e);
			return xr_fail(err, -ENODEV, "no device \"%s\" in this network namespace",
				       dev);
		}
	}
	ret = check_role(p, e->ifindex, err);
	if (!ret)
		ret = plane_load_program(p, dev, true, &e->prog_fd, &e->trace_fd, err);
	if (ret) {
		explain_close(e);
		return ret;
	}
	*out = e;
	return 0;
}

static int run(struct explain *e, const void *frame, __u32 len, struct explain_result *r,
	       __u32 ifindex)
{
	struct xdp_md ctx = { .data_end = len, .ingress_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len,
		    .data_out = r->frame, .data_size_out = sizeof(r->frame), .repeat = 1);
	static const struct xr_trace none;
	__u32 zero = 0;
	int ret;

	if (bpf_map_update_elem(e->trace_fd, &zero, &none, 0))
		return -errno;
	if (ifindex) {
		opts.ctx_in = &ctx;
		opts.ctx_size_in = sizeof(ctx);
	}
	ret = bpf_prog_test_run_opts(e->prog_fd, &opts);
	if (ret)
		return ret;
	r->action = opts.retval;
	r->len = opts.data_size_out;
	r->with_device = ifindex;
	return bpf_map_lookup_elem(e->trace_fd, &zero, &r->trace) ? -errno : 0;
}

int explain_packet(struct explain *e, const void *frame, __u32 len, struct explain_result *result,
		   struct xr_err *err)
{
	int ret;

	/* The kernel's own bound for a test run. */
	if (len < 14)
		return xr_fail(err, -EINVAL, "%u octets are no Ethernet frame: 14 at least", len);
	ret = run(e, frame, len, result, e->ifindex);
	/* Devices without native XDP have no receive queue for a test run. */
	if (ret == -EINVAL && e->ifindex)
		ret = run(e, frame, len, result, 0);
	if (ret == -ENOSPC)
		return xr_fail(
			err, ret,
			"%u octets are too many for a test run: frames of up to %zu can be explained",
			len, sizeof(result->frame));
	if (ret)
		return xr_fail(err, ret, "test run of %u octets: %s", len, strerror(-ret));
	return 0;
}

void explain_close(struct explain *e)
{
	if (!e)
		return;
	if (e->prog_fd >= 0)
		close(e->prog_fd);
	if (e->trace_fd >= 0)
		close(e->trace_fd);
	free(e);
}
