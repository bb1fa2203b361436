// SPDX-License-Identifier: GPL-2.0-only
/* The tc programs, loaded once and pinned beside the instance's maps. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plane/pins.h"
#include "tc_priv.h"

#include <tc.skel.h>

static const struct {
	const char *name; /* its pin's */
	enum bpf_tc_attach_point point;
} kind_of[] = {
	[0] = { "tc_replay", 0 }, /* is on no device */
	[XR_TC_TAP_OUT] = { "tc_tap_out", BPF_TC_EGRESS },
	[XR_TC_UPLINK_IN] = { "tc_uplink_in", BPF_TC_INGRESS },
	[XR_TC_UPLINK_OUT] = { "tc_uplink_out", BPF_TC_EGRESS },
	[XR_TC_TUNNEL_IN] = { "tc_tunnel_in", BPF_TC_INGRESS },
	[XR_TC_TAP_IN] = { "tc_tap_in", BPF_TC_INGRESS },
	[XR_TC_TUNNEL_OUT] = { "tc_tunnel_out", BPF_TC_EGRESS },
};

#define KINDS (sizeof(kind_of) / sizeof(kind_of[0]))

const char *tc_kind_name(__u32 kind)
{
	return kind_of[kind].name;
}

enum bpf_tc_attach_point tc_point(__u32 kind)
{
	return kind_of[kind].point;
}

enum bpf_attach_type tc_list(enum bpf_tc_attach_point point)
{
	return point == BPF_TC_EGRESS ? TCX_EGRESS : TCX_INGRESS;
}

static struct bpf_program *program_of(struct tc_bpf *skel, size_t kind)
{
	struct bpf_program *prog[] = {
		[0] = skel->progs.xroam_replay,
		[XR_TC_TAP_OUT] = skel->progs.xroam_tap_out,
		[XR_TC_UPLINK_IN] = skel->progs.xroam_uplink_in,
		[XR_TC_UPLINK_OUT] = skel->progs.xroam_uplink_out,
		[XR_TC_TUNNEL_IN] = skel->progs.xroam_tunnel_in,
		[XR_TC_TAP_IN] = skel->progs.xroam_tap_in,
		[XR_TC_TUNNEL_OUT] = skel->progs.xroam_tunnel_out,
	};

	return prog[kind];
}

int tc_load(struct plane *p, struct xr_err *err)
{
	struct tc_bpf *skel = tc_bpf__open();
	char path[512];
	size_t kind;
	int ret;

	if (!skel)
		return xr_fail(err, -errno, "BPF object: %s", strerror(errno));
	skel->rodata->knobs.mac_buckets = p->mac_buckets;
	skel->rodata->knobs.ip_buckets = p->ip_buckets;
	ret = plane_reuse_maps(p, skel->obj, 0, err);
	if (ret)
		goto out;
	ret = tc_bpf__load(skel);
	if (ret) {
		ret = plane_load_failed(ret, "loading the tc programs", err);
		goto out;
	}
	for (kind = 0; !ret && kind < KINDS; kind++) {
		ret = plane_pin_path(path, sizeof(path), p->dir, kind_of[kind].name);
		if (!ret)
			ret = pin_replace(path, bpf_program__fd(program_of(skel, kind)));
	}
	if (ret)
		xr_fail(err, ret, "pinning the tc programs: %s", strerror(-ret));
out:
	tc_bpf__destroy(skel);
	return ret;
}

int tc_program(struct plane *p, __u32 kind, struct xr_err *err)
{
	char path[512];
	int fd, ret;

	ret = plane_pin_path(path, sizeof(path), p->dir, kind_of[kind].name);
	if (ret)
		return ret;
	fd = bpf_obj_get(path);
	if (fd >= 0)
		return fd;
	ret = tc_load(p, err);
	if (ret)
		return ret;
	fd = bpf_obj_get(path);
	return fd >= 0 ? fd : xr_fail(err, -errno, "%s: %s", path, strerror(errno));
}

int tc_replay_program(struct plane *p, struct xr_err *err)
{
	return tc_program(p, 0, err);
}
