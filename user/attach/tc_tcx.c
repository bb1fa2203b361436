// SPDX-License-Identifier: GPL-2.0-only
/*
 * tc programs in tcx: a device's own lists of programs, since kernel 6.6. Making or
 * removing clsact stops the device for some ms, and what is sent to it meanwhile is
 * lost; these do not. As filters do, they stay when the process ends.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

#include "attach_priv.h"
#include "tc_priv.h"

#define PROGRAMS 64 /* on one device, as the kernel has it */

bool tcx_is_supported(__u32 ifindex)
{
	__u32 n = 0;

	return !bpf_prog_query(ifindex, TCX_INGRESS, 0, NULL, NULL, &n);
}

/* An fd to close of the list's program that is ours, or (id not 0) that has this id. */
static int tcx_find(struct plane *p, __u32 ifindex, enum bpf_attach_type list, __u32 id)
{
	__u32 ids[PROGRAMS] = { 0 }, n = PROGRAMS, i;

	if (bpf_prog_query(ifindex, list, 0, NULL, ids, &n))
		return -errno;
	for (i = 0; i < n; i++)
		if (id ? ids[i] == id : attach_is_ours(p, ids[i]))
			return bpf_prog_get_fd_by_id(ids[i]);
	return -ENOENT;
}

static bool is_same_program(int fd, int other)
{
	struct bpf_prog_info a = { 0 }, b = { 0 };
	__u32 len = sizeof(a);

	return !bpf_obj_get_info_by_fd(fd, &a, &len) && !bpf_obj_get_info_by_fd(other, &b, &len) &&
		a.id == b.id;
}

int tcx_attach(struct plane *p, const struct xr_tc_hook *h, int fd, bool anew)
{
	enum bpf_attach_type list = tc_list(tc_point(h->kind));
	int was = tcx_find(p, h->ifindex, list, 0), ret = 0;
	LIBBPF_OPTS(bpf_prog_attach_opts, opts);

	if (was >= 0) {
		opts.flags = BPF_F_REPLACE;
		opts.replace_prog_fd = was;
	}
	/* No program may take its own place, where finishing a journal has put it. */
	if (was < 0 || (anew && !is_same_program(was, fd)))
		ret = bpf_prog_attach_opts(fd, h->ifindex, list, &opts);
	if (was >= 0)
		close(was);
	return ret;
}

void tcx_detach(struct plane *p, __u32 ifindex, enum bpf_tc_attach_point point, __u32 id)
{
	int fd = tcx_find(p, ifindex, tc_list(point), id);

	if (fd < 0)
		return;
	bpf_prog_detach2(fd, ifindex, tc_list(point));
	close(fd);
}
