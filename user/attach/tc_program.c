// SPDX-License-Identifier: GPL-2.0-only
/* The tc programs, loaded once and pinned beside the instance's maps. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plane/pins.h"
#include "tc_priv.h"

#include <copy.skel.h>

static const char *const pin_word[] = {
	[0] = "tc_replay",
	[XR_TC_TAP_OUT] = "tc_tap_out",
	[XR_TC_UPLINK_IN] = "tc_uplink_in",
	[XR_TC_UPLINK_OUT] = "tc_uplink_out",
	[XR_TC_TUNNEL_IN] = "tc_tunnel_in",
	[XR_TC_TAP_IN] = "tc_tap_in",
	[XR_TC_TUNNEL_OUT] = "tc_tunnel_out",
};

#define KINDS (sizeof(pin_word) / sizeof(pin_word[0]))

static struct bpf_program *program_of(struct copy_bpf *skel, size_t kind)
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

static int pin(struct plane *p, struct copy_bpf *skel, size_t kind)
{
	char path[512], tmp[512];

	if (plane_pin_path(path, sizeof(path), p->dir, pin_word[kind]) ||
	    snprintf(tmp, sizeof(tmp), "%s" PLANE_UNFINISHED, path) < 0)
		return -ENAMETOOLONG;
	unlink(tmp);
	if (bpf_obj_pin(bpf_program__fd(program_of(skel, kind)), tmp) || rename(tmp, path))
		return -errno;
	return 0;
}

const char *tc_word(__u32 kind)
{
	return pin_word[kind];
}

int tc_load(struct plane *p, struct xr_err *err)
{
	struct copy_bpf *skel = copy_bpf__open();
	size_t kind;
	int ret;

	if (!skel)
		return xr_fail(err, -errno, "BPF object: %s", strerror(errno));
	skel->rodata->knobs.mac_buckets = p->mac_buckets;
	skel->rodata->knobs.ip_buckets = p->ip_buckets;
	ret = plane_reuse_maps(p, skel->obj, 0, err);
	if (ret)
		goto out;
	ret = copy_bpf__load(skel);
	if (ret) {
		ret = plane_load_failed(ret, "loading the tc programs", err);
		goto out;
	}
	for (kind = 0; !ret && kind < KINDS; kind++)
		ret = pin(p, skel, kind);
	if (ret)
		xr_fail(err, ret, "pinning the tc programs: %s", strerror(-ret));
out:
	copy_bpf__destroy(skel);
	return ret;
}

int tc_program(struct plane *p, __u32 kind, struct xr_err *err)
{
	char path[512];
	int fd, ret;

	ret = plane_pin_path(path, sizeof(path), p->dir, pin_word[kind]);
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
