// SPDX-License-Identifier: GPL-2.0-only
/* The tc programs, loaded once and pinned beside the instance's maps. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attach_priv.h"
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

/* ---- loading ---- */

/* One of each kind: descriptors. */
struct programs {
	__u32 maps; /* program_maps(); 0: none are loaded */
	int fd[KINDS];
};

static struct programs ready; /* for the next tc_load() */
static __u32 loaded;          /* program_maps() of the last one */

static void close_all(struct programs *l)
{
	size_t kind;

	for (kind = 0; l->maps && kind < KINDS; kind++)
		close(l->fd[kind]);
	l->maps = 0;
}

static int load_all(struct plane *p, struct programs *l, struct xr_err *err)
{
	struct tc_bpf *skel = tc_bpf__open();
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
	for (kind = 0; kind < KINDS; kind++)
		l->fd[kind] = fcntl(bpf_program__fd(program_of(skel, kind)), F_DUPFD_CLOEXEC, 0);
	l->maps = program_maps(p);
out:
	tc_bpf__destroy(skel);
	return ret;
}

static int pin_all(struct plane *p, const struct programs *l, struct xr_err *err)
{
	char path[512];
	size_t kind;
	int ret = 0;

	for (kind = 0; !ret && kind < KINDS; kind++) {
		ret = plane_pin_path(path, sizeof(path), p->dir, kind_of[kind].name);
		if (!ret)
			ret = pin_replace(path, l->fd[kind]);
	}
	return ret ? xr_fail(err, ret, "pinning the tc programs: %s", strerror(-ret)) : 0;
}

void tc_drop_ready(void)
{
	close_all(&ready);
}

/* Where a host is this machine they are loaded with the first device. */
static bool will_load(struct plane *p, bool anew)
{
	char path[512];
	int at = 0;

	if (plane_pin_path(path, sizeof(path), p->dir, kind_of[0].name) || access(path, F_OK))
		return p->meta->features & XR_FEATURE_LOCAL;
	return anew && tc_next(p, &at);
}

void tc_make_ready(struct plane *p, bool anew)
{
	if (ready.maps == program_maps(p) || !will_load(p, anew))
		return;
	tc_drop_ready();
	load_all(p, &ready, NULL);
}

bool tc_is_loaded(const struct plane *p)
{
	return loaded && loaded == program_maps(p);
}

int tc_load(struct plane *p, struct xr_err *err)
{
	struct programs l = { 0 };
	int ret = 0;

	if (ready.maps && ready.maps == program_maps(p)) {
		l = ready;
		ready.maps = 0;
	} else {
		ret = load_all(p, &l, err);
	}
	if (!ret)
		ret = pin_all(p, &l, err);
	if (!ret)
		loaded = l.maps;
	close_all(&l);
	return ret;
}

/* ---- one of them ---- */

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
