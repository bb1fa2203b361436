// SPDX-License-Identifier: GPL-2.0-only
/* What is attached to a device now, and whose it is. */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "attach_priv.h"

static void note_prog(struct attached *at, const struct xdp_program *prog)
{
	if (prog && at->n < PROGS_MAX)
		at->id[at->n++] = xdp_program__id(prog);
}

void attach_look(int ifindex, struct attached *at)
{
	struct xdp_program *prog = NULL;
	struct xdp_multiprog *mp;

	memset(at, 0, sizeof(*at));
	at->exists = if_indextoname(ifindex, at->name);
	if (!at->exists)
		return;
	mp = xdp_multiprog__get_from_ifindex(ifindex);
	if (libxdp_get_error(mp))
		return; /* no program */
	at->single = xdp_multiprog__is_legacy(mp);
	at->mode = xdp_multiprog__attach_mode(mp) == XDP_MODE_SKB ? XR_MODE_GENERIC
								  : XR_MODE_NATIVE;
	if (at->single)
		note_prog(at, xdp_multiprog__main_prog(mp));
	else
		while ((prog = xdp_multiprog__next_prog(prog, mp)))
			note_prog(at, prog);
	xdp_multiprog__close(mp);
}

/* The ids of the program's maps, -1 where it cannot be asked. */
static int prog_info(__u32 id, struct bpf_prog_info *info, __u32 *maps, __u32 max)
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

bool attach_is_ours(struct plane *p, __u32 prog)
{
	return counts_in(prog, map_id(p->fd[PLANE_REASON_STATS]));
}

/* Whose program it is: "instance x", or the program's own name. */
bool attach_whose(__u32 prog, char *text, size_t size)
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

		snprintf(path, sizeof(path), XR_PIN_ROOT "/%s/reason_stats", names[i]);
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
		 strncmp(info.name, "xroam_", 6)
			 ? "program"
			 : "the program of an instance whose pins are gone,",
		 info.name, prog);
	return false;
}
