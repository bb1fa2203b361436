// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "maps.h"

#include <capture.skel.h>

#define RING_OCTETS (16U << 20)

static int make(const struct bpf_map *like, const char *name, __u32 entries, struct xr_err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = bpf_map__map_flags(like));
	int fd = bpf_map_create(bpf_map__type(like), name, bpf_map__key_size(like),
				bpf_map__value_size(like), entries, &opts);

	return fd >= 0 ? fd : xr_fail(err, -errno, "map %s: %s", name, strerror(errno));
}

int capture_maps_filter(const struct capture_maps *m, const struct capture_filter *f)
{
	__u32 i;

	for (i = 0; i < f->insns; i++)
		if (bpf_map_update_elem(m->filter, &i, &f->insn[i], 0))
			return -errno;
	return 0;
}

int capture_maps_make(struct capture_maps *m, const struct capture_filter *f, struct xr_err *err)
{
	struct capture_bpf *c = capture_bpf__open();
	int ret;

	*m = CAPTURE_NO_MAPS;
	if (!c)
		return xr_fail(err, -errno, "BPF object: %s", strerror(errno));
	ret = m->control = make(c->maps.capture_control, "capture_control", 1, err);
	if (ret >= 0)
		ret = m->filter = make(c->maps.capture_filter, "capture_filter", XR_CAPTURE_INSNS,
				       err);
	if (ret >= 0)
		ret = m->packet = make(c->maps.capture_packet, "capture_packet", 1, err);
	if (ret >= 0)
		ret = m->counts = make(c->maps.capture_counts, "capture_counts", XR_MAX_DEVICES,
				       err);
	if (ret >= 0)
		ret = m->ring = make(c->maps.capture_ring, "capture_ring", RING_OCTETS, err);
	capture_bpf__destroy(c);
	if (ret < 0)
		return ret;
	ret = capture_maps_filter(m, f);
	return ret ? xr_fail(err, ret, "writing the filter: %s", strerror(-ret)) : 0;
}

void capture_maps_close(struct capture_maps *m)
{
	const int fd[] = { m->control, m->filter, m->packet, m->counts, m->ring };
	size_t i;

	for (i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		if (fd[i] >= 0)
			close(fd[i]);
	*m = CAPTURE_NO_MAPS;
}

static void add_slot(const struct capture_maps *m, int cpus, __u32 slot,
		     struct xr_capture_counts *value, struct xr_capture_counts *sum)
{
	int cpu;

	if (bpf_map_lookup_elem(m->counts, &slot, value))
		return;
	for (cpu = 0; cpu < cpus; cpu++) {
		sum->seen += value[cpu].seen;
		sum->filtered += value[cpu].filtered;
		sum->over += value[cpu].over;
		sum->lost += value[cpu].lost;
		sum->captured += value[cpu].captured;
	}
}

void capture_maps_count(const struct capture_maps *m, int cpus, __u32 slot,
			struct xr_capture_counts *sum)
{
	struct xr_capture_counts *value = calloc(cpus, sizeof(*value));
	__u32 i;

	memset(sum, 0, sizeof(*sum));
	if (!value)
		return;
	for (i = 0; i < XR_MAX_DEVICES; i++)
		if (slot == i || slot == XR_MAX_DEVICES)
			add_slot(m, cpus, i, value, sum);
	free(value);
}
