// SPDX-License-Identifier: GPL-2.0-only
/*
 * One program, one device, one mode. libxdp attaches it: through its
 * dispatcher where the kernel has what that needs, else as the device's only
 * program.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "attach_priv.h"
#include "lib/text.h"
#include "plane/pins.h"

static enum xdp_attach_mode libxdp_mode(__u8 mode)
{
	return mode == XR_MODE_GENERIC ? XDP_MODE_SKB : XDP_MODE_NATIVE;
}

static __u32 mode_flag(__u8 mode)
{
	return mode == XR_MODE_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

/* In libxdp's dispatcher, or, by libxdp too, alone where the kernel has no freplace. */
static int attach_by_libxdp(struct plane *p, struct xr_device *d, __u8 mode,
			    const struct program_use *use, __u32 *prog_id, struct xr_err *err)
{
	LIBBPF_OPTS(xdp_program_opts, opts);
	struct xdp_program *prog;
	struct loaded l;
	int ret;

	ret = program_open(p, &l, record_slot(p, d), d->role, use, err);
	if (ret)
		return ret;
	opts.obj = l.obj;
	opts.prog_name = l.name;
	prog = xdp_program__create(&opts);
	ret = libxdp_get_error(prog);
	if (!ret) {
		ret = xdp_program__attach(prog, d->ifindex, libxdp_mode(mode), 0);
		*prog_id = xdp_program__id(prog);
		xdp_program__close(prog);
	}
	program_close(&l);
	return ret;
}

static int attach_alone(struct plane *p, struct xr_device *d, __u8 mode,
			const struct program_use *use, __u32 *prog_id, struct xr_err *err)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int ret, fd = program_get(p, record_slot(p, d), d->role, use, err);

	if (fd < 0)
		return fd;
	ret = bpf_xdp_attach(d->ifindex, fd, mode_flag(mode) | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
	if (!ret)
		ret = bpf_obj_get_info_by_fd(fd, &info, &len) ? -errno : 0;
	*prog_id = info.id;
	close(fd);
	return ret;
}

/* Whether the device refused it, not the verifier. */
static bool refused_by_device(int ret)
{
	return ret == -EBUSY || ret == -EEXIST || ret == -EPERM || ret == -EOPNOTSUPP ||
		ret == -ERANGE || ret == -ENODEV;
}

/*
 * Since 6.13 (and in stable kernels before it) the verifier lets a program that changes
 * packets into a dispatcher only if that was built with the mark that its programs may
 * do so; libxdp 1.3's was not. Then the program is attached alone.
 */
static int attach_somehow(struct plane *p, struct xr_device *d, __u8 mode,
			  const struct program_use *use, __u32 *prog_id, struct xr_err *err)
{
	struct attached on;
	int ret;

	/* plane_ready_attach() has seen that it will be the only one; libxdp would load it again. */
	if (!use && program_is_ready(p, record_slot(p, d), d->role))
		return attach_alone(p, d, mode, use, prog_id, err);
	ret = attach_by_libxdp(p, d, mode, use, prog_id, err);
	if (!ret || refused_by_device(ret))
		return ret;
	if (!attach_query(d->ifindex, &on) && on.n)
		return xr_fail(err, -EBUSY,
			       "%s has another XDP program, and this kernel "
			       "does not let libxdp's dispatcher run xroam's "
			       "beside it: remove that one first",
			       d->name);
	return attach_alone(p, d, mode, use, prog_id, err);
}

int attach_mode(struct plane *p, struct xr_device *d, __u8 mode, const struct program_use *use,
		__u32 *prog_id, struct xr_err *err)
{
	int ret;

	err->text[0] = '\0';
	kernel_message_begin();
	ret = attach_somehow(p, d, mode, use, prog_id, err);
	kernel_message_end();
	if (!ret || err->text[0])
		return ret;
	if (ret == -EBUSY || ret == -EEXIST)
		return xr_fail(err, -EBUSY, "%s: another XDP program is there", d->name);
	if (ret == -EPERM)
		return plane_load_failed(ret, d->name, err);
	if (ret == -EOPNOTSUPP || ret == -ERANGE || kernel_message()[0])
		return xr_fail(err, -EOPNOTSUPP, "%s cannot do %s mode: %s", d->name,
			       text_mode(mode),
			       kernel_message()[0]      ? kernel_message()
				       : ret == -ERANGE ? "its MTU is too large"
							: "its driver has no XDP");
	return plane_load_failed(ret, d->name, err);
}

int attach_remove(int ifindex, const struct attached *on, __u32 id)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	struct xdp_program *prog;
	int ret;

	if (on->single) {
		/* REPLACE: only if it is still this program. */
		opts.old_prog_fd = bpf_prog_get_fd_by_id(id);
		if (opts.old_prog_fd < 0)
			return -errno;
		ret = bpf_xdp_detach(ifindex, mode_flag(on->mode) | XDP_FLAGS_REPLACE, &opts);
		close(opts.old_prog_fd);
		return ret;
	}
	prog = xdp_program__from_id(id);
	ret = libxdp_get_error(prog);
	if (ret)
		return ret;
	ret = xdp_program__detach(prog, ifindex, libxdp_mode(on->mode), 0);
	xdp_program__close(prog);
	return ret;
}

static int replace_single(struct plane *p, struct xr_device *d, const struct attached *on,
			  __u32 old, const struct program_use *use, struct xr_err *err)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int ret, fd = program_get(p, record_slot(p, d), d->role, use, err);

	if (fd < 0)
		return fd;
	opts.old_prog_fd = bpf_prog_get_fd_by_id(old);
	kernel_message_begin();
	ret = bpf_xdp_attach(d->ifindex, fd, mode_flag(on->mode) | XDP_FLAGS_REPLACE, &opts);
	kernel_message_end();
	if (ret)
		xr_fail(err, ret, "%s: replacing the program: %s", d->name, kernel_message_or(ret));
	else if (!bpf_obj_get_info_by_fd(fd, &info, &len))
		record_complete(p, d, on, info.id);
	if (opts.old_prog_fd >= 0)
		close(opts.old_prog_fd);
	close(fd);
	return ret;
}

/* Both run for a moment; a packet that the first one sends on never gets to the second. */
static int replace_in_dispatcher(struct plane *p, struct xr_device *d, const struct attached *on,
				 __u32 old, const struct program_use *use, struct xr_err *err)
{
	__u32 id = 0;
	int ret = attach_mode(p, d, on->mode, use, &id, err);

	if (ret)
		return ret;
	record_complete(p, d, on, id);
	ret = attach_remove(d->ifindex, on, old);
	if (ret)
		return xr_fail(err, ret, "%s: removing the old program: %s", d->name,
			       strerror(-ret));
	return 0;
}

int attach_replace(struct plane *p, struct xr_device *d, const struct attached *on, __u32 old,
		   const struct program_use *use, struct xr_err *err)
{
	if (on->single)
		return replace_single(p, d, on, old, use, err);
	return replace_in_dispatcher(p, d, on, old, use, err);
}
