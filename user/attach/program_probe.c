// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xroam/probes.h>

#include "attach_priv.h"
#include "lib/netns.h"

#include <explain.skel.h>

#define PRIVATE(upper) (1ULL << PLANE_##upper)

/* What is the clients': a probe is nobody's packet, and no drop of one is an event. */
static const __u64 counted = PRIVATE(REASON_STATS) | PRIVATE(VIP_STATS) | PRIVATE(BACKEND_STATS) |
	PRIVATE(CID_STATS) | PRIVATE(DEV_REASONS) | PRIVATE(HOST_STATS) | PRIVATE(EVENTS) |
	PRIVATE(VM_EVENTS);

/* Where packets come in: routes depend on it. NULL: there is none here. */
static const struct xr_device *first_node(struct plane *p)
{
	const struct xr_device *d = NULL;
	__u64 netns = netns_id();

	while ((d = plane_next_device(p, d)))
		if (d->netns == netns && d->role == XR_ROLE_NODE)
			return d;
	return NULL;
}

static struct xr_knobs knobs_for(struct plane *p, __u32 slot)
{
	struct xr_knobs k;

	memset(&k, 0, sizeof(k)); /* they are compared whole */
	k = program_knobs(p, slot);
	k.ifindex = p->devices[slot].ifindex;
	return k;
}

int plane_load_probe(struct plane *p, struct probe_program *to, struct xr_err *err)
{
	const struct xr_device *d = first_node(p);
	const struct program_use use = { .trace = true, .private_maps = counted };
	struct loaded l;
	void *all;
	int ret;

	*to = PROBE_PROGRAM_NONE;
	if (!d)
		return xr_fail(
			err, -ENODEV,
			"no device of role node is attached in the daemon's network namespace");
	to->slot = record_slot(p, d);
	to->knobs = knobs_for(p, to->slot);
	ret = program_load(p, &l, to->slot, ROLE_PROBE, &use, err);
	if (ret)
		return ret;
	all = mmap(NULL, sizeof(*to->all), PROT_READ | PROT_WRITE, MAP_SHARED,
		   bpf_map__fd(l.explaining->maps.probes), 0);
	if (all == MAP_FAILED) {
		ret = xr_fail(err, -errno, "map probes: %s", strerror(errno));
		goto out;
	}
	to->all = all;
	to->fd = dup(bpf_program__fd(l.prog));
	if (to->fd < 0) {
		ret = xr_fail(err, -errno, "%s", strerror(errno));
		plane_close_probe(to);
	}
out:
	program_close(&l);
	return ret;
}

void plane_close_probe(struct probe_program *g)
{
	if (g->fd >= 0)
		close(g->fd);
	if (g->all)
		munmap(g->all, sizeof(*g->all));
	*g = PROBE_PROGRAM_NONE;
}

int plane_run_probes(struct probe_program *g)
{
	static const __u8 room[64]; /* the program puts each frame there */
	struct xr_probes *all = g->all;
	__u32 i;
	int ret;

	for (i = 0; i < all->n; i++)
		all->probe[i].reason = 0;
	/* A run ends behind a frame that is not sent. */
	for (all->done = 0; all->done < all->n;) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = room, .data_size_in = sizeof(room),
			    .repeat = 1);

		i = all->done;
		ret = bpf_prog_test_run_opts(g->fd, &run);
		if (ret)
			return ret;
		if (all->done == i)
			return -EIO;
	}
	return 0;
}

bool plane_probe_is_current(struct plane *p, const struct probe_program *g)
{
	const struct xr_device *d = first_node(p);
	struct xr_knobs now;

	if (g->fd < 0 || !d || record_slot(p, d) != g->slot)
		return false;
	now = knobs_for(p, g->slot);
	return !memcmp(&now, &g->knobs, sizeof(now));
}
