// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node program for test runs of the caller's ("explain"); with trace, it has copies
 * of the maps that it writes to, so that a run changes nothing.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attach_priv.h"

#include <explain.skel.h>

#define PRIVATE(upper) (1ULL << PLANE_##upper)

/* The maps that the program writes to. */
static const __u64 written = PRIVATE(FLOWS) | PRIVATE(NEXTHOPS) | PRIVATE(INITIAL_RATE) |
	PRIVATE(REASON_STATS) | PRIVATE(VIP_STATS) | PRIVATE(BACKEND_STATS) | PRIVATE(CID_STATS) |
	PRIVATE(DEV_REASONS) | PRIVATE(READY) | PRIVATE(EVENTS) | PRIVATE(VMS) |
	PRIVATE(VM_CONTROL) | PRIVATE(PATHS) | PRIVATE(OUTERS) | PRIVATE(VM_EVENTS) |
	PRIVATE(HOST_STATS) | PRIVATE(VM_BOUNDS_USED);

static int copy_nexthops(struct plane *p, int to)
{
	struct xr_nexthop *value = calloc(p->cpus, sizeof(*value));
	__u32 i;
	int ret = 0;

	if (!value)
		return -ENOMEM;
	for (i = 0; i < p->paths_max && !ret; i++) {
		if (bpf_map_lookup_elem(p->fd[PLANE_NEXTHOPS], &i, value) ||
		    bpf_map_update_elem(to, &i, value, 0))
			ret = -errno;
	}
	free(value);
	return ret;
}

static int copy_array(const void *from, int to, size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, to, 0);

	if (mem == MAP_FAILED)
		return -errno;
	memcpy(mem, from, size);
	munmap(mem, size);
	return 0;
}

/* key, value: room for one of each. */
static int copy_hash(int from, int to, void *key, void *value)
{
	bool first = true;

	while (!bpf_map_get_next_key(from, first ? NULL : key, key)) {
		first = false;
		if (!bpf_map_lookup_elem(from, key, value) &&
		    bpf_map_update_elem(to, key, value, BPF_ANY))
			return -errno;
	}
	return 0;
}

static int copy_outers(struct plane *p, int to)
{
	struct xr_outer_key key;
	struct xr_outer o;

	return copy_hash(p->fd[PLANE_OUTERS], to, &key, &o);
}

static int copy_bounds_used(struct plane *p, int to)
{
	struct xr_vm_bounds_used used;
	__u32 key;

	return copy_hash(p->fd[PLANE_VM_BOUNDS_USED], to, &key, &used);
}

static int copy_vms(struct plane *p, struct explain_bpf *to)
{
	size_t vms = p->mac_buckets * XR_TAG_LANES;
	int ret;

	ret = copy_array(p->vms, bpf_map__fd(to->maps.vms), vms * sizeof(*p->vms));
	if (!ret)
		ret = copy_array(p->vm_control, bpf_map__fd(to->maps.data_vm_control),
				 sizeof(*p->vm_control));
	if (!ret)
		ret = copy_bounds_used(p, bpf_map__fd(to->maps.vm_bounds_used));
	return ret;
}

static int copy_state(struct plane *p, struct explain_bpf *to, struct xr_err *err)
{
	__u32 backends = p->meta->limits.backends + 1;
	int ret;

	ret = copy_nexthops(p, bpf_map__fd(to->maps.nexthops));
	if (!ret)
		ret = copy_array(p->paths, bpf_map__fd(to->maps.paths),
				 p->paths_max * sizeof(*p->paths));
	if (!ret)
		ret = copy_outers(p, bpf_map__fd(to->maps.outers));
	if (!ret)
		ret = copy_array(p->flows, bpf_map__fd(to->maps.flows),
				 p->flow_buckets * sizeof(*p->flows));
	if (!ret)
		ret = copy_array(p->initial_rate, bpf_map__fd(to->maps.initial_rate),
				 backends * sizeof(*p->initial_rate));
	if (!ret && p->meta->features & XR_FEATURE_HOSTS)
		ret = copy_vms(p, to);
	if (ret)
		xr_fail(err, ret, "copying the state: %s", strerror(-ret));
	return ret;
}

int plane_load_program(struct plane *p, const char *dev, bool trace, int *prog_fd, int *trace_fd,
		       struct xr_err *err)
{
	__u32 ifindex = dev ? if_nametoindex(dev) : 0;
	const struct xr_device *d = ifindex ? record_at(p, ifindex) : NULL;
	__u32 slot = d ? record_slot(p, d) : 0;
	const struct program_use use = { .trace = trace, .private_maps = trace ? written : 0 };
	struct loaded l;
	int ret;

	ret = program_load(p, &l, slot, XR_ROLE_NODE, &use, err);
	if (ret)
		return ret;
	if (trace) {
		ret = copy_state(p, l.explaining, err);
		if (ret)
			goto out;
		*trace_fd = dup(bpf_map__fd(l.explaining->maps.trace));
	}
	*prog_fd = dup(bpf_program__fd(l.prog));
	if (*prog_fd < 0)
		ret = xr_fail(err, -errno, "%s", strerror(errno));
out:
	program_close(&l);
	return ret;
}
