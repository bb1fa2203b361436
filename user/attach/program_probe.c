// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attach_priv.h"
#include "lib/netns.h"

#include <xroam.skel.h>

#define PRIVATE(upper) (1ULL << PLANE_##upper)

/* What is the clients': a probe is nobody's packet, and no drop of one is an event. */
static const __u64 counted = PRIVATE(REASON_STATS) | PRIVATE(VIP_STATS) | PRIVATE(BACKEND_STATS) |
	PRIVATE(CID_STATS) | PRIVATE(DEV_STATS) | PRIVATE(HOST_STATS) | PRIVATE(EVENTS) |
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
	k = program_knobs(p, slot, true);
	k.ifindex = p->devices[slot].ifindex;
	return k;
}

int plane_load_probe(struct plane *p, struct probe_program *to, struct xr_err *err)
{
	const struct xr_device *d = first_node(p);
	const struct program_use use = { .trace = true, .private_maps = counted };
	struct loaded l;
	void *trace;
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
	trace = mmap(NULL, sizeof(*to->trace), PROT_READ | PROT_WRITE, MAP_SHARED,
		     bpf_map__fd(l.node->maps.trace), 0);
	if (trace == MAP_FAILED) {
		ret = xr_fail(err, -errno, "map trace: %s", strerror(errno));
		goto out;
	}
	to->trace = trace;
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
	if (g->trace)
		munmap(g->trace, sizeof(*g->trace));
	*g = PROBE_PROGRAM_NONE;
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
