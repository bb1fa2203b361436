// SPDX-License-Identifier: GPL-2.0-only
/* The programs: opened for a device, with the instance's maps and knobs. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "attach_priv.h"
#include "net/netlink.h"
#include "plane/pins.h"

#include <capture.skel.h>
#include <explain.skel.h>
#include <xroam.skel.h>
#if __has_include(<decap.skel.h>)
#include <decap.skel.h>
#define HAVE_DECAP 1
#endif

void program_close(struct loaded *l)
{
	xroam_bpf__destroy(l->node);
	explain_bpf__destroy(l->explaining);
	capture_bpf__destroy(l->capturing);
#ifdef HAVE_DECAP
	decap_bpf__destroy(l->decap);
#endif
	memset(l, 0, sizeof(*l));
}

/* ---- knobs ---- */

/*
 * The UDP port of tunnels by that method which end here: that of the host which is this
 * machine, or else of any host, as a fabric has one for all.
 */
static __be16 tunnel_port(const struct plane *p, enum xr_forward method, __u16 usual)
{
	__u16 port = 0;
	__u32 i;

	for (i = 1; i <= p->meta->limits.hosts; i++) {
		const struct xr_host_info *h = &p->host_info[i];

		if (!h->name[0] || h->method != method)
			continue;
		if (!port || h->local)
			port = h->port ? h->port : usual;
		if (h->local)
			break;
	}
	return htons(port ? port : usual);
}

struct xr_knobs program_knobs(struct plane *p, __u32 slot)
{
	const struct xr_policy *policy = &p->meta->policy;
	__u32 features = p->meta->features;
	struct xr_knobs k = {
		.dev_slot = slot,
		.vip_mask = p->vip_buckets - 1,
		.sid_mask = p->sid_buckets - 1,
		.sid_dir_mask = p->sid_dir_buckets - 1,
		.sid_pages = !!(features & XR_FEATURE_SID_PAGES),
		.sid_table = !!(features & XR_FEATURE_SID_TABLE),
		.flow_mask = p->flow_buckets - 1,
		.flow_idle = policy->flow_idle,
		.reply_rate = policy->reply_rate,
		.too_big = policy->too_big,
		.down = policy->down,
		.vips = !!(features & XR_FEATURE_VIPS),
		.hosts = !!(features & XR_FEATURE_HOSTS),
		.vip_other = policy->vip_other,
		.vip_echo = policy->vip_echo,
		.maglev = p->meta->limits.maglev,
	};

	if (p->devices[slot].ifindex)
		k.master = netlink_master_of(p->devices[slot].ifindex);
	if (!k.hosts)
		return k;
	k.by_ip = !!(features & XR_FEATURE_BY_IP);
	k.local = !!(features & XR_FEATURE_LOCAL);
	k.moves = policy->moves;
	k.mac_buckets = p->mac_buckets;
	k.ip_buckets = p->ip_buckets;
	k.flap_moves = policy->flap_moves;
	k.flap_seconds = policy->flap_seconds;
	k.vm_ttl = policy->vm_ttl;
	k.tunnels = policy->tunnels;
	k.vxlan_port = tunnel_port(p, XR_FORWARD_VXLAN, XR_PORT_VXLAN);
	k.gue_port = tunnel_port(p, XR_FORWARD_GUE, XR_PORT_GUE);
	return k;
}

/* ---- loading ---- */

__u32 program_maps(const struct plane *p)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(p->fd[PLANE_META], &info, &len) ? 0 : info.id;
}

static int open_node(struct loaded *l, const struct xr_knobs *knobs, struct xr_err *err)
{
	l->node = xroam_bpf__open();
	if (!l->node)
		return xr_fail(err, -errno, "BPF object: %s", strerror(errno));
	l->node->rodata->knobs = *knobs;
	l->obj = l->node->obj;
	l->prog = knobs->hosts ? l->node->progs.xroam_vm_node : l->node->progs.xroam_node;
	l->name = bpf_program__name(l->prog);
	return 0;
}

/* The same for test runs, with a trace; or the one for probes. */
static int open_explaining(struct loaded *l, const struct xr_knobs *knobs, bool probe,
			   struct xr_err *err)
{
	struct explain_bpf *e = explain_bpf__open();

	if (!e)
		return xr_fail(err, -errno, "BPF object: %s", strerror(errno));
	l->explaining = e;
	e->rodata->knobs = *knobs;
	l->obj = e->obj;
	l->prog = probe        ? e->progs.xroam_probe
		: knobs->hosts ? e->progs.xroam_vm_node
			       : e->progs.xroam_node;
	l->name = bpf_program__name(l->prog);
	return 0;
}

static int open_decap(struct loaded *l, const struct xr_knobs *knobs, bool pass, struct xr_err *err)
{
#ifdef HAVE_DECAP
	l->decap = decap_bpf__open();
	if (!l->decap)
		return xr_fail(err, -errno, "BPF object: %s", strerror(errno));
	l->decap->rodata->knobs = *knobs;
	l->obj = l->decap->obj;
	l->prog = pass ? l->decap->progs.xroam_pass : l->decap->progs.xroam_decap;
	l->name = pass ? "xroam_pass" : "xroam_decap";
	return 0;
#else
	return xr_fail(err, -EOPNOTSUPP, "roles backend and pass are not built in");
#endif
}

/* The copy of the role's program that captures. */
static int open_capturing(struct loaded *l, const struct xr_knobs *knobs, enum xr_role role,
			  const struct capture_maps *maps, struct xr_err *err)
{
	struct capture_bpf *c = capture_bpf__open();

	if (!c)
		return xr_fail(err, -errno, "BPF object: %s", strerror(errno));
	l->capturing = c;
	c->rodata->knobs = *knobs;
	l->obj = c->obj;
	l->prog = role == XR_ROLE_BACKEND ? c->progs.xroam_cap_decap
		: role == XR_ROLE_PASS    ? c->progs.xroam_cap_pass
		: knobs->hosts            ? c->progs.xroam_cap_vm
					  : c->progs.xroam_cap_node;
	l->name = bpf_program__name(l->prog);
	/* explain runs one packet at a time; here each CPU has one. */
	if (bpf_map__set_type(c->maps.trace, BPF_MAP_TYPE_PERCPU_ARRAY) ||
	    bpf_map__set_map_flags(c->maps.trace, 0) || /* such a one cannot be mapped */
	    bpf_map__reuse_fd(c->maps.capture_control, maps->control) ||
	    bpf_map__reuse_fd(c->maps.capture_filter, maps->filter) ||
	    bpf_map__reuse_fd(c->maps.capture_packet, maps->packet) ||
	    bpf_map__reuse_fd(c->maps.capture_counts, maps->counts) ||
	    bpf_map__reuse_fd(c->maps.capture_ring, maps->ring)) {
		program_close(l);
		return xr_fail(err, -EINVAL, "the capture's maps cannot be used");
	}
	return 0;
}

int program_open(struct plane *p, struct loaded *l, __u32 slot, enum xr_role role,
		 const struct program_use *use, struct xr_err *err)
{
	static const struct program_use as_it_is;
	struct bpf_program *prog;
	struct xr_knobs knobs;
	int ret;

	use = use ? use : &as_it_is;
	knobs = program_knobs(p, slot);
	/* Its packets seem to come in there, which a test run may not be able to say. */
	if (role == ROLE_PROBE)
		knobs.ifindex = p->devices[slot].ifindex;
	memset(l, 0, sizeof(*l));
	if (use->capture)
		ret = open_capturing(l, &knobs, role, use->capture, err);
	else if (use->trace)
		ret = open_explaining(l, &knobs, role == ROLE_PROBE, err);
	else if (role == XR_ROLE_NODE)
		ret = open_node(l, &knobs, err);
	else
		ret = open_decap(l, &knobs, role == XR_ROLE_PASS, err);
	if (ret)
		return ret;
	bpf_object__for_each_program(prog, l->obj)
		bpf_program__set_autoload(prog, prog == l->prog);
	ret = plane_reuse_maps(p, l->obj, use->private_maps, err);
	if (ret)
		program_close(l);
	return ret;
}

/* Kernels without multi-buffer XDP (before 5.18) refuse the flag. */
static void without_frags(struct bpf_program *prog)
{
	__u32 flags = bpf_program__flags(prog);

	bpf_program__set_flags(prog, flags & ~BPF_F_XDP_HAS_FRAGS);
}

int program_load(struct plane *p, struct loaded *l, __u32 slot, enum xr_role role,
		 const struct program_use *use, struct xr_err *err)
{
	int ret, frags;

	for (frags = 1; frags >= 0; frags--) {
		ret = program_open(p, l, slot, role, use, err);
		if (ret)
			return ret;
		if (!frags)
			without_frags(l->prog);
		ret = bpf_object__load(l->obj);
		if (!ret)
			return 0;
		program_close(l);
		if (ret != -EINVAL)
			break;
	}
	return plane_load_failed(ret, "loading the program", err);
}
