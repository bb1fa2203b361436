// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs on devices. libxdp attaches them: through its dispatcher where the
 * kernel has what that needs, else as the device's only program.
 *
 * A device's record is written before its program is attached and completed
 * after, so that a command killed in between leaves a record which the next
 * one can put right (attach_recover).
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "netns.h"
#include "plane.h"
#include "plane_priv.h"
#include "stats.h"
#include "text.h"

#include <xroam.skel.h>
#if __has_include(<decap.skel.h>)
#include <decap.skel.h>
#define HAVE_DECAP 1
#endif

/* ---- what is attached to a device now ---- */

#define PROGS_MAX 16

struct attached {
	bool exists;		/* the device does */
	bool single;		/* no dispatcher */
	__u8 mode;		/* enum xr_attach_mode */
	int n;			/* programs, in the order in which they run */
	__u32 id[PROGS_MAX];
};

static void note_prog(struct attached *at, const struct xdp_program *prog)
{
	if (prog && at->n < PROGS_MAX)
		at->id[at->n++] = xdp_program__id(prog);
}

static void look(int ifindex, struct attached *at)
{
	struct xdp_program *prog = NULL;
	struct xdp_multiprog *mp;
	char name[IF_NAMESIZE];

	memset(at, 0, sizeof(*at));
	at->exists = if_indextoname(ifindex, name);
	if (!at->exists)
		return;
	mp = xdp_multiprog__get_from_ifindex(ifindex);
	if (libxdp_get_error(mp))
		return;		/* no program */
	at->single = xdp_multiprog__is_legacy(mp);
	at->mode = xdp_multiprog__attach_mode(mp) == XDP_MODE_SKB ?
			   XR_MODE_GENERIC : XR_MODE_NATIVE;
	if (at->single)
		note_prog(at, xdp_multiprog__main_prog(mp));
	else
		while ((prog = xdp_multiprog__next_prog(prog, mp)))
			note_prog(at, prog);
	xdp_multiprog__close(mp);
}

/* The ids of the program's maps, -1 where it cannot be asked. */
static int prog_info(__u32 id, struct bpf_prog_info *info, __u32 *maps,
		     __u32 max)
{
	__u32 len = sizeof(*info);
	int fd = bpf_prog_get_fd_by_id(id), ret;

	if (fd < 0)
		return -errno;
	memset(info, 0, sizeof(*info));
	info->nr_map_ids = max;
	info->map_ids = (unsigned long)maps;
	ret = bpf_obj_get_info_by_fd(fd, info, &len) ? -errno : 0;
	close(fd);
	return ret;
}

static __u32 map_id(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

/* Every program of an instance counts in its reason_stats. */
static bool counts_in(__u32 prog, __u32 reason_stats)
{
	struct bpf_prog_info info;
	__u32 maps[64], i;

	if (prog_info(prog, &info, maps, 64))
		return false;
	for (i = 0; i < info.nr_map_ids && i < 64; i++) {
		if (maps[i] == reason_stats)
			return true;
	}
	return false;
}

static bool is_ours(struct plane *p, __u32 prog)
{
	return counts_in(prog, map_id(p->fd[PLANE_REASON_STATS]));
}

/* Whose program it is: "instance x", or the program's own name. */
static bool whose(__u32 prog, char *text, size_t size)
{
	struct bpf_prog_info info;
	bool xroam = false;
	char **names;
	int i;

	if (plane_list(&names, NULL))
		return false;
	for (i = 0; names[i]; i++) {
		char path[192];
		int fd;

		snprintf(path, sizeof(path), XR_PIN_ROOT "/%s/reason_stats",
			 names[i]);
		fd = xroam ? -1 : bpf_obj_get(path);
		if (fd >= 0 && counts_in(prog, map_id(fd))) {
			snprintf(text, size, "instance \"%s\"", names[i]);
			xroam = true;
		}
		if (fd >= 0)
			close(fd);
		free(names[i]);
	}
	free(names);
	if (xroam)
		return true;
	if (prog_info(prog, &info, NULL, 0))
		strcpy(info.name, "?");
	snprintf(text, size, "%s \"%s\" (id %u)",
		 strncmp(info.name, "xroam_", 6) ? "program" :
		 "the program of an instance whose pins are gone,", info.name,
		 prog);
	return false;
}

/* ---- records ---- */

static struct xr_device *find_record(struct plane *p, const char *dev)
{
	__u64 netns = netns_inode();
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		struct xr_device *d = &p->devices[i];

		if (d->ifindex && d->netns == netns &&
		    !strncmp(d->name, dev, sizeof(d->name)))
			return d;
	}
	return NULL;
}

static struct xr_device *free_record(struct plane *p)
{
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		if (!p->devices[i].ifindex)
			return &p->devices[i];
	}
	return NULL;
}

static __u32 slot_of(struct plane *p, const struct xr_device *d)
{
	return d - p->devices;
}

/* Names in bpffs have no dots; devices ("eth0.7") have. */
static void pin_name(struct plane *p, const struct xr_device *d,
		     const char *suffix, char *path, size_t size)
{
	char *c;
	int n;

	n = snprintf(path, size, "%s/", p->dir);
	snprintf(path + n, size - n, "dev_%u_%s%s", slot_of(p, d), d->name,
		 suffix);
	for (c = path + n; *c; c++) {
		if (*c == '.')
			*c = '~';
	}
}

static void pin_program(struct plane *p, const struct xr_device *d)
{
	char path[256], tmp[256];
	int fd = bpf_prog_get_fd_by_id(d->prog_id);

	if (fd < 0)
		return;
	pin_name(p, d, "", path, sizeof(path));
	pin_name(p, d, "~new", tmp, sizeof(tmp));
	unlink(tmp);
	if (!bpf_obj_pin(fd, tmp) && rename(tmp, path))
		unlink(tmp);
	close(fd);
}

static void drop_record(struct plane *p, struct xr_device *d)
{
	char path[256];

	pin_name(p, d, "", path, sizeof(path));
	unlink(path);
	/* ifindex says that the slot is taken: last to come, first to go. */
	__atomic_store_n(&d->ifindex, 0, __ATOMIC_RELEASE);
	memset(d, 0, sizeof(*d));
}

static void complete_record(struct plane *p, struct xr_device *d,
			    const struct attached *at, __u32 prog)
{
	d->mode = at->mode;
	d->how = at->single ? XR_ATTACH_SINGLE : XR_ATTACH_DISPATCHER;
	if (!d->attached)
		d->attached = time(NULL);
	d->prog_id = prog;
	pin_program(p, d);
}

/* ---- programs ---- */

/* One of the two, opened for a device; close with unload(). */
struct loaded {
	struct xroam_bpf *node;
#ifdef HAVE_DECAP
	struct decap_bpf *decap;
#endif
	struct bpf_object *obj;
	struct bpf_program *prog;
	const char *name;
};

static void unload(struct loaded *l)
{
	xroam_bpf__destroy(l->node);
#ifdef HAVE_DECAP
	decap_bpf__destroy(l->decap);
#endif
	memset(l, 0, sizeof(*l));
}

static struct xr_knobs make_knobs(struct plane *p, __u32 slot, bool trace)
{
	const struct xr_policy *policy = &p->meta->policy;

	return (struct xr_knobs){
		.dev_slot = slot,
		.vip_mask = p->vip_buckets - 1,
		.sid_mask = p->sid_buckets - 1,
		.flow_mask = p->flow_buckets - 1,
		.flow_idle = policy->flow_idle,
		.reply_rate = policy->reply_rate,
		.too_big = policy->too_big,
		.down = policy->down,
		.trace = trace,
	};
}

static int open_node(struct loaded *l, const struct xr_knobs *knobs,
		     struct xr_err *err)
{
	l->node = xroam_bpf__open();
	if (!l->node)
		return xr_fail(err, -errno, "BPF object: %s", strerror(errno));
	l->node->rodata->knobs = *knobs;
	l->obj = l->node->obj;
	l->prog = l->node->progs.xroam_node;
	l->name = "xroam_node";
	return 0;
}

static int open_decap(struct loaded *l, const struct xr_knobs *knobs,
		      struct xr_err *err)
{
#ifdef HAVE_DECAP
	l->decap = decap_bpf__open();
	if (!l->decap)
		return xr_fail(err, -errno, "BPF object: %s", strerror(errno));
	l->decap->rodata->knobs = *knobs;
	l->obj = l->decap->obj;
	l->prog = l->decap->progs.xroam_decap;
	l->name = "xroam_decap";
	return 0;
#else
	return xr_fail(err, -EOPNOTSUPP, "role backend is not built in");
#endif
}

/* Everything but the kernel's load: knobs, and the instance's maps. */
static int prepare(struct plane *p, struct loaded *l, __u32 slot,
		   enum xr_role role, bool trace, __u32 private_maps,
		   struct xr_err *err)
{
	struct xr_knobs knobs = make_knobs(p, slot, trace);
	struct bpf_program *prog;
	int ret;

	memset(l, 0, sizeof(*l));
	if (role == XR_ROLE_BACKEND)
		ret = open_decap(l, &knobs, err);
	else
		ret = open_node(l, &knobs, err);
	if (ret)
		return ret;
	bpf_object__for_each_program(prog, l->obj)
		bpf_program__set_autoload(prog, prog == l->prog);
	ret = plane_reuse_maps(p, l->obj, private_maps, err);
	if (ret)
		unload(l);
	return ret;
}

/* Kernels without multi-buffer XDP (before 5.18) refuse the flag. */
static void without_frags(struct bpf_program *prog)
{
	__u32 flags = bpf_program__flags(prog);

	bpf_program__set_flags(prog, flags & ~BPF_F_XDP_HAS_FRAGS);
}

static int load(struct plane *p, struct loaded *l, __u32 slot,
		enum xr_role role, bool trace, __u32 private_maps,
		struct xr_err *err)
{
	int ret, frags;

	for (frags = 1; frags >= 0; frags--) {
		ret = prepare(p, l, slot, role, trace, private_maps, err);
		if (ret)
			return ret;
		if (!frags)
			without_frags(l->prog);
		ret = bpf_object__load(l->obj);
		if (!ret)
			return 0;
		unload(l);
		if (ret != -EINVAL)
			break;
	}
	return plane_load_failed(ret, "loading the program", err);
}

/* ---- the kernel's own words ---- */

static char kernel_words[192];
static libbpf_print_fn_t pass_on;

/* libbpf prints what the kernel answered over netlink, and keeps only errno. */
static int hear(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	static const char mark[] = "Kernel error message: ";
	char line[512], *at;
	va_list copy;

	va_copy(copy, ap);
	vsnprintf(line, sizeof(line), fmt, copy);
	va_end(copy);
	at = strstr(line, mark);
	if (at) {
		snprintf(kernel_words, sizeof(kernel_words), "%.190s",
			 at + strlen(mark));
		kernel_words[strcspn(kernel_words, "\n")] = '\0';
	}
	return pass_on ? pass_on(level, fmt, ap) : 0;
}

static void start_listening(void)
{
	kernel_words[0] = '\0';
	pass_on = libbpf_set_print(hear);
}

static void stop_listening(void)
{
	libbpf_set_print(pass_on);
}

/* ---- attaching ---- */

static enum xdp_attach_mode libxdp_mode(__u8 mode)
{
	return mode == XR_MODE_GENERIC ? XDP_MODE_SKB : XDP_MODE_NATIVE;
}

/* By libxdp: in its dispatcher, or alone where the kernel has no freplace. */
static int attach_by_libxdp(struct plane *p, struct xr_device *d, __u8 mode,
			    __u32 *prog_id, struct xr_err *err)
{
	LIBBPF_OPTS(xdp_program_opts, opts);
	struct xdp_program *prog;
	struct loaded l;
	int ret;

	ret = prepare(p, &l, slot_of(p, d), d->role, false, 0, err);
	if (ret)
		return ret;
	opts.obj = l.obj;
	opts.prog_name = l.name;
	prog = xdp_program__create(&opts);
	ret = libxdp_get_error(prog);
	if (!ret) {
		ret = xdp_program__attach(prog, d->ifindex, libxdp_mode(mode),
					  0);
		*prog_id = xdp_program__id(prog);
		xdp_program__close(prog);
	}
	unload(&l);
	return ret;
}

static __u32 mode_flag(__u8 mode)
{
	return mode == XR_MODE_GENERIC ? XDP_FLAGS_SKB_MODE :
					 XDP_FLAGS_DRV_MODE;
}

static int attach_alone(struct plane *p, struct xr_device *d, __u8 mode,
			__u32 *prog_id, struct xr_err *err)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	struct loaded l;
	int fd, ret;

	ret = load(p, &l, slot_of(p, d), d->role, false, 0, err);
	if (ret)
		return ret;
	fd = bpf_program__fd(l.prog);
	ret = bpf_xdp_attach(d->ifindex, fd,
			     mode_flag(mode) | XDP_FLAGS_UPDATE_IF_NOEXIST,
			     NULL);
	if (!ret)
		ret = bpf_obj_get_info_by_fd(fd, &info, &len) ? -errno : 0;
	*prog_id = info.id;
	unload(&l);
	return ret;
}

/* Whether it is the device that says no, and not the verifier. */
static bool refused_by_device(int ret)
{
	return ret == -EBUSY || ret == -EEXIST || ret == -EPERM ||
	       ret == -EOPNOTSUPP || ret == -ERANGE || ret == -ENODEV;
}

/*
 * From 6.13 on (and in stable kernels before it) the verifier lets no program
 * that changes packets into a dispatcher that was not built to say that it may
 * hold such; that of libxdp 1.3 was not. Then the program goes alone.
 */
static int attach_somehow(struct plane *p, struct xr_device *d, __u8 mode,
			  __u32 *prog_id, struct xr_err *err)
{
	struct attached at;
	int ret = attach_by_libxdp(p, d, mode, prog_id, err);

	if (!ret || refused_by_device(ret))
		return ret;
	look(d->ifindex, &at);
	if (at.n)
		return xr_fail(err, -EBUSY,
			       "%s has another XDP program, and this kernel "
			       "does not let libxdp's dispatcher run xroam's "
			       "beside it: remove that one first", d->name);
	return attach_alone(p, d, mode, prog_id, err);
}

static int attach_mode(struct plane *p, struct xr_device *d, __u8 mode,
		       __u32 *prog_id, struct xr_err *err)
{
	int ret;

	err->text[0] = '\0';
	start_listening();
	ret = attach_somehow(p, d, mode, prog_id, err);
	stop_listening();
	if (!ret || err->text[0])
		return ret;
	if (ret == -EBUSY || ret == -EEXIST)
		return xr_fail(err, -EBUSY,
			       "%s: another XDP program is there", d->name);
	if (ret == -EPERM)
		return plane_load_failed(ret, d->name, err);
	if (ret == -EOPNOTSUPP || ret == -ERANGE || kernel_words[0])
		return xr_fail(err, -EOPNOTSUPP, "%s cannot do %s mode: %s",
			       d->name, text_mode(mode),
			       kernel_words[0] ? kernel_words :
			       ret == -ERANGE ? "its MTU is too large" :
						"its driver has no XDP");
	return plane_load_failed(ret, d->name, err);
}

/* Neither a second xroam, nor a neighbour that cannot be lived with. */
static int check_free(struct plane *p, const char *dev, int ifindex,
		      struct xr_err *err)
{
	struct attached at;
	char text[160];
	int i;

	look(ifindex, &at);
	for (i = 0; i < at.n; i++) {
		if (is_ours(p, at.id[i]))
			return xr_fail(err, -EEXIST, "%s is attached already",
				       dev);
		if (whose(at.id[i], text, sizeof(text)))
			return xr_fail(err, -EBUSY,
				       "%s belongs to %s: detach it there "
				       "first", dev, text);
	}
	if (at.n && at.single)
		return xr_fail(err, -EBUSY,
			       "%s has %s, attached without a dispatcher that "
			       "could run both: remove it first (ip link set "
			       "dev %s xdp off)", dev, text, dev);
	return 0;
}

static int try_modes(struct plane *p, struct xr_device *d,
		     enum attach_want want, __u32 *prog_id, struct xr_err *err)
{
	struct xr_err native = { "" };
	int ret = -EOPNOTSUPP;

	if (want != ATTACH_GENERIC) {
		ret = attach_mode(p, d, XR_MODE_NATIVE, prog_id, err);
		if (!ret || ret != -EOPNOTSUPP)
			return ret;
		native = *err;
	}
	if (want == ATTACH_NATIVE)
		return xr_fail(err, ret, "%s; try \"mode generic\"",
			       native.text);
	ret = attach_mode(p, d, XR_MODE_GENERIC, prog_id, err);
	if (!ret)
		*err = native;	/* why it is not native: a note */
	return ret;
}

static int new_record(struct plane *p, const char *dev, int ifindex,
		      enum xr_role role, struct xr_device **out,
		      struct xr_err *err)
{
	struct xr_device *d = find_record(p, dev);

	/* What it tells of is gone, or check_free() would have seen it. */
	if (d)
		drop_record(p, d);
	d = free_record(p);
	if (!d)
		return xr_fail(err, -ENOSPC,
			       "%s: %d devices are attached, the most there "
			       "can be", dev, XR_MAX_DEVICES);
	memset(d, 0, sizeof(*d));
	strncpy(d->name, dev, sizeof(d->name) - 1);
	d->netns = netns_inode();
	d->role = role;
	stats_clear(p, PLANE_DEV_STATS, slot_of(p, d));
	__atomic_store_n(&d->ifindex, ifindex, __ATOMIC_RELEASE);
	*out = d;
	return 0;
}

int plane_attach(struct plane *p, const char *dev, enum attach_want want,
		 enum xr_role role, struct xr_err *err)
{
	int ifindex = if_nametoindex(dev), ret;
	struct xr_err local = { "" };
	struct xr_device *d = NULL;
	struct attached at;
	__u32 prog_id = 0;

	err = err ? err : &local;
	err->text[0] = '\0';
	if (!ifindex)
		return xr_fail(err, -ENODEV,
			       "no device \"%s\" in this network namespace",
			       dev);
	ret = check_free(p, dev, ifindex, err);
	if (ret)
		return ret;
	ret = new_record(p, dev, ifindex, role, &d, err);
	if (ret)
		return ret;
	ret = try_modes(p, d, want, &prog_id, err);
	if (ret) {
		drop_record(p, d);
		return ret;
	}
	look(ifindex, &at);
	complete_record(p, d, &at, prog_id);
	plane_event(p, "dev %s attached: %s, %s, role %s", dev,
		    text_mode(d->mode), text_how(d->how), text_role(d->role));
	return 0;
}

/* ---- detaching ---- */

static int remove_prog(int ifindex, const struct attached *at, __u32 id)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	struct xdp_program *prog;
	int ret;

	if (at->single) {
		/* REPLACE: only if it is still this program. */
		opts.old_prog_fd = bpf_prog_get_fd_by_id(id);
		if (opts.old_prog_fd < 0)
			return -errno;
		ret = bpf_xdp_detach(ifindex,
				     mode_flag(at->mode) | XDP_FLAGS_REPLACE,
				     &opts);
		close(opts.old_prog_fd);
		return ret;
	}
	prog = xdp_program__from_id(id);
	ret = libxdp_get_error(prog);
	if (ret)
		return ret;
	ret = xdp_program__detach(prog, ifindex, libxdp_mode(at->mode), 0);
	xdp_program__close(prog);
	return ret;
}

/* In the device's own namespace. What is not there any more is no error. */
static int detach_here(struct plane *p, struct xr_device *d,
		       struct xr_err *err)
{
	struct attached at;
	int i, ret = 0;

	look(d->ifindex, &at);
	for (i = 0; i < at.n && !ret; i++) {
		if (is_ours(p, at.id[i]))
			ret = remove_prog(d->ifindex, &at, at.id[i]);
	}
	if (ret)
		return xr_fail(err, ret, "%s: detaching: %s", d->name,
			       kernel_words[0] ? kernel_words : strerror(-ret));
	return 0;
}

static int detach(struct plane *p, struct xr_device *d, struct xr_err *err)
{
	char name[XR_NAME_LEN];
	int back, ret = 0;

	/* A namespace that nobody can reach any more took its devices along. */
	if (!netns_enter(d->netns, &back)) {
		start_listening();
		ret = detach_here(p, d, err);
		stop_listening();
		netns_leave(back);
	}
	if (ret)
		return ret;
	strcpy(name, d->name);
	drop_record(p, d);
	plane_event(p, "dev %s detached", name);
	return 0;
}

int plane_detach(struct plane *p, const char *dev, struct xr_err *err)
{
	struct xr_device *d = find_record(p, dev);
	int i;

	/* Unique elsewhere is good enough. */
	for (i = 0; !d && i < XR_MAX_DEVICES; i++) {
		if (p->devices[i].ifindex && !strcmp(p->devices[i].name, dev))
			d = &p->devices[i];
	}
	if (!d)
		return xr_fail(err, -ENODEV,
			       "%s is not attached; see \"xroam dev show\"",
			       dev);
	return detach(p, d, err);
}

int plane_detach_all(struct plane *p, struct xr_err *err)
{
	int i, ret, first = 0;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		if (!p->devices[i].ifindex)
			continue;
		ret = detach(p, &p->devices[i], first ? NULL : err);
		first = first ? first : ret;
	}
	return first;
}

/* ---- replacing ---- */

static int replace_single(struct plane *p, struct xr_device *d,
			  const struct attached *at, __u32 old,
			  struct xr_err *err)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	struct loaded l;
	int ret;

	ret = load(p, &l, slot_of(p, d), d->role, false, 0, err);
	if (ret)
		return ret;
	opts.old_prog_fd = bpf_prog_get_fd_by_id(old);
	start_listening();
	ret = bpf_xdp_attach(d->ifindex, bpf_program__fd(l.prog),
			     mode_flag(at->mode) | XDP_FLAGS_REPLACE, &opts);
	stop_listening();
	if (ret)
		xr_fail(err, ret, "%s: replacing the program: %s", d->name,
			kernel_words[0] ? kernel_words : strerror(-ret));
	else if (!bpf_obj_get_info_by_fd(bpf_program__fd(l.prog), &info, &len))
		complete_record(p, d, at, info.id);
	if (opts.old_prog_fd >= 0)
		close(opts.old_prog_fd);
	unload(&l);
	return ret;
}

/* Both run for a moment; what the first sends, the second never sees. */
static int replace_in_dispatcher(struct plane *p, struct xr_device *d,
				 const struct attached *at, __u32 old,
				 struct xr_err *err)
{
	__u32 id = 0;
	int ret = attach_mode(p, d, at->mode, &id, err);

	if (ret)
		return ret;
	complete_record(p, d, at, id);
	ret = remove_prog(d->ifindex, at, old);
	if (ret)
		return xr_fail(err, ret, "%s: removing the old program: %s",
			       d->name, strerror(-ret));
	return 0;
}

static int reload_here(struct plane *p, struct xr_device *d,
		       struct xr_err *err)
{
	struct attached at;
	int i;

	look(d->ifindex, &at);
	if (!at.exists)
		return 0;	/* status tells */
	for (i = 0; i < at.n; i++) {
		if (!is_ours(p, at.id[i]))
			continue;
		if (at.single)
			return replace_single(p, d, &at, at.id[i], err);
		return replace_in_dispatcher(p, d, &at, at.id[i], err);
	}
	return xr_fail(err, -ENOENT,
		       "%s: its program was removed by somebody else; \"xroam "
		       "dev attach %s\"", d->name, d->name);
}

int plane_reload(struct plane *p, struct xr_err *err)
{
	struct xr_err local = { "" };
	int i, ret, first, done = 0;

	first = plane_refresh(p, err);
	for (i = 0; i < XR_MAX_DEVICES && !first; i++) {
		struct xr_device *d = &p->devices[i];
		int back;

		if (!d->ifindex || netns_enter(d->netns, &back))
			continue;
		local.text[0] = '\0';
		ret = reload_here(p, d, &local);
		netns_leave(back);
		if (ret)
			first = xr_fail(err, ret, "%s", local.text);
		done += !ret;
	}
	plane_event(p, "reload: %d device%s%s", done, done == 1 ? "" : "s",
		    first ? ", then failed" : "");
	return first;
}

/* ---- the state of records ---- */

enum device_state plane_device_state(struct plane *p,
				     const struct xr_device *d)
{
	enum device_state state = DEVICE_NO_PROGRAM;
	struct attached at;
	int back, i;

	if (netns_enter(d->netns, &back))
		return DEVICE_GONE;
	look(d->ifindex, &at);
	netns_leave(back);
	if (!at.exists)
		return DEVICE_GONE;
	for (i = 0; i < at.n; i++) {
		if (is_ours(p, at.id[i]))
			state = DEVICE_ATTACHED;
	}
	return state;
}

const struct xr_device *plane_device(struct plane *p, const char *dev)
{
	return find_record(p, dev);
}

/* A killed attach or reload: take over what it did, or forget the record. */
static void recover(struct plane *p, struct xr_device *d)
{
	struct attached at;
	__u32 keep = 0;
	int i;

	look(d->ifindex, &at);
	for (i = 0; i < at.n; i++) {
		if (!is_ours(p, at.id[i]))
			continue;
		if (!keep || at.id[i] == d->prog_id)
			keep = at.id[i];
	}
	if (!keep) {
		if (!d->prog_id)
			drop_record(p, d);
		return;
	}
	if (keep != d->prog_id)
		complete_record(p, d, &at, keep);
	for (i = 0; i < at.n; i++) {
		if (at.id[i] != keep && is_ours(p, at.id[i]))
			remove_prog(d->ifindex, &at, at.id[i]);
	}
}

void attach_recover(struct plane *p)
{
	__u64 netns = netns_inode();
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		struct xr_device *d = &p->devices[i];

		if (d->ifindex && d->netns == netns)
			recover(p, d);
	}
}

/* Takes the program off every device of this namespace. */
static void sweep_here(void *ctx)
{
	__u32 id = *(__u32 *)ctx;
	struct if_nameindex *list = if_nameindex(), *i;
	struct attached at;
	int n;

	for (i = list; i && i->if_index; i++) {
		look(i->if_index, &at);
		for (n = 0; n < at.n; n++) {
			if (at.id[n] == id)
				remove_prog(i->if_index, &at, id);
		}
	}
	if (list)
		if_freenameindex(list);
}

void attach_sweep(const char *pin)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(pin);

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len))
		netns_each(sweep_here, &info.id);
	close(fd);
}

/* ---- a copy that changes nothing (explain) ---- */

#define PRIVATE(upper) (1U << PLANE_##upper)

/* What the program writes to. */
static const __u32 written =
	PRIVATE(FLOWS) | PRIVATE(NEXTHOPS) | PRIVATE(INITIAL_RATE) |
	PRIVATE(REASON_STATS) | PRIVATE(VIP_STATS) | PRIVATE(BACKEND_STATS) |
	PRIVATE(DEV_STATS) | PRIVATE(EVENTS);

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

static int copy_state(struct plane *p, struct xroam_bpf *to,
		      struct xr_err *err)
{
	__u32 backends = p->meta->limits.backends + 1;
	int ret;

	ret = copy_nexthops(p, bpf_map__fd(to->maps.nexthops));
	if (!ret)
		ret = copy_array(p->flows, bpf_map__fd(to->maps.flows),
				 p->flow_buckets * sizeof(*p->flows));
	if (!ret)
		ret = copy_array(p->initial_rate,
				 bpf_map__fd(to->maps.initial_rate),
				 backends * sizeof(*p->initial_rate));
	if (ret)
		xr_fail(err, ret, "copying the state: %s", strerror(-ret));
	return ret;
}

int plane_load(struct plane *p, const char *dev, bool trace, int *prog_fd,
	       int *trace_fd, struct xr_err *err)
{
	const struct xr_device *d = dev ? find_record(p, dev) : NULL;
	__u32 slot = d ? slot_of(p, d) : 0;
	struct loaded l;
	int ret;

	ret = load(p, &l, slot, XR_ROLE_NODE, trace, trace ? written : 0, err);
	if (ret)
		return ret;
	if (trace) {
		ret = copy_state(p, l.node, err);
		if (ret)
			goto out;
		*trace_fd = dup(bpf_map__fd(l.node->maps.trace));
	}
	*prog_fd = dup(bpf_program__fd(l.prog));
	if (*prog_fd < 0)
		ret = xr_fail(err, -errno, "%s", strerror(errno));
out:
	unload(&l);
	return ret;
}
