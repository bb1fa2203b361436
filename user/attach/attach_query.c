// SPDX-License-Identifier: GPL-2.0-only
/* What is attached to a device now, and whose it is. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "attach_priv.h"
#include "net/link_end.h"

#define DISPATCHER "xdp_dispatcher" /* libxdp's: it runs several programs */

/* Fills info and the ids of the program's maps, at most max. 0 or -errno. */
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

/*
 * A program that is there without a dispatcher. libxdp 1.3 finds it, too, but leaves the
 * descriptor open by which it does: one for each query, and each keeps the program loaded
 * when another one has replaced it. 0, -errno, or 1: it is for libxdp to tell.
 */
static int query_single(int ifindex, struct attached *on)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, xdp);
	struct bpf_prog_info info;
	int ret = bpf_xdp_query(ifindex, 0, &xdp);

	if (ret || xdp.attach_mode == XDP_ATTACHED_NONE)
		return ret;
	if (xdp.attach_mode != XDP_ATTACHED_SKB && xdp.attach_mode != XDP_ATTACHED_DRV)
		return 1;
	ret = prog_info(xdp.prog_id, &info, NULL, 0);
	if (ret == -ENOENT || (!ret && !strcmp(info.name, DISPATCHER)))
		return 1;
	if (ret)
		return ret;
	on->single = true;
	on->mode = xdp.attach_mode == XDP_ATTACHED_SKB ? XR_MODE_GENERIC : XR_MODE_NATIVE;
	on->id[on->n++] = xdp.prog_id;
	return 0;
}

static void add_program(struct attached *on, const struct xdp_program *prog)
{
	if (prog && on->n < PROGS_MAX)
		on->id[on->n++] = xdp_program__id(prog);
}

int attach_query(int ifindex, struct attached *on)
{
	struct xdp_program *prog = NULL;
	struct xdp_multiprog *mp;
	int ret;

	memset(on, 0, sizeof(*on));
	on->exists = if_indextoname(ifindex, on->name);
	if (!on->exists)
		return errno == ENXIO ? 0 : -errno;
	ret = query_single(ifindex, on);
	if (ret <= 0)
		return ret;
	mp = xdp_multiprog__get_from_ifindex(ifindex);
	ret = libxdp_get_error(mp);
	if (ret)
		return ret == -ENOENT ? 0 : ret; /* ENOENT: there is no program */
	on->single = xdp_multiprog__is_legacy(mp);
	on->mode = xdp_multiprog__attach_mode(mp) == XDP_MODE_SKB ? XR_MODE_GENERIC
								  : XR_MODE_NATIVE;
	if (on->single)
		add_program(on, xdp_multiprog__main_prog(mp));
	else
		while ((prog = xdp_multiprog__next_prog(prog, mp)))
			add_program(on, prog);
	/* libxdp 1.3 leaves out a program that it cannot open, without an error. */
	if (!on->n && !xdp_multiprog__hw_prog(mp))
		ret = -EIO;
	xdp_multiprog__close(mp);
	return ret;
}

void attach_each_program(attach_program_fn *each, void *ctx)
{
	struct attached on;
	__u32 *list;
	int i, n, devices = link_list_xdp(&list);

	for (i = 0; i < devices; i++) {
		attach_query(list[i], &on);
		for (n = 0; n < on.n; n++)
			each(ctx, list[i], &on, on.id[n]);
	}
	if (devices >= 0)
		free(list);
}

/* ---- whose a program is ---- */

static __u32 map_id(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

/*
 * Every program of an instance counts in its dev_reasons, those of layout 3 in its
 * reason_stats. 0: no map.
 */
static bool counts_in(__u32 prog, __u32 map)
{
	struct bpf_prog_info info;
	__u32 maps[64], i;

	if (!map || prog_info(prog, &info, maps, 64))
		return false;
	for (i = 0; i < info.nr_map_ids && i < 64; i++) {
		if (maps[i] == map)
			return true;
	}
	return false;
}

bool attach_is_ours(struct plane *p, __u32 prog)
{
	return counts_in(prog, map_id(p->fd[PLANE_DEV_REASONS])) ||
		counts_in(prog, map_id(p->fd[PLANE_REASON_STATS])) ||
		counts_in(prog, p->former_stats[0]) || counts_in(prog, p->former_stats[1]);
}

__u32 attach_ours(struct plane *p, const struct attached *on, __u32 likely)
{
	__u32 ours = 0;
	int i;

	for (i = 0; i < on->n; i++)
		if ((!ours || on->id[i] == likely) && attach_is_ours(p, on->id[i]))
			ours = on->id[i];
	return ours;
}

static bool counts_in_pin(__u32 prog, const char *instance, const char *map)
{
	char path[192];
	bool found;
	int fd;

	snprintf(path, sizeof(path), XR_PIN_ROOT "/%s/%s", instance, map);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	found = counts_in(prog, map_id(fd));
	close(fd);
	return found;
}

/* The name of the instance that the program belongs to. */
static bool find_instance(__u32 prog, char name[XR_NAME_LEN])
{
	bool found = false;
	char **names;
	int i;

	if (plane_list(&names, NULL))
		return false;
	for (i = 0; names[i]; i++) {
		if (!found &&
		    (counts_in_pin(prog, names[i], "dev_reasons") ||
		     counts_in_pin(prog, names[i], "reason_stats"))) {
			strncpy(name, names[i], XR_NAME_LEN - 1);
			found = true;
		}
		free(names[i]);
	}
	free(names);
	return found;
}

static bool is_xroams(const struct bpf_prog_info *info)
{
	return !strncmp(info->name, "xroam_", 6);
}

bool attach_owner(__u32 prog, char *text, size_t size)
{
	char name[XR_NAME_LEN] = "";
	struct bpf_prog_info info;

	if (find_instance(prog, name)) {
		snprintf(text, size, "instance \"%s\"", name);
		return true;
	}
	if (prog_info(prog, &info, NULL, 0))
		strcpy(info.name, "?");
	snprintf(text, size, "%s \"%s\" (id %u)",
		 is_xroams(&info) ? "the program of an instance whose pins are gone," : "program",
		 info.name, prog);
	return false;
}

int plane_device_programs(struct plane *p, __u32 ifindex, struct device_program *list, int max)
{
	struct bpf_prog_info info;
	struct attached on;
	int i, ret = attach_query(ifindex, &on);

	for (i = 0; !ret && i < on.n && i < max; i++) {
		struct device_program *to = &list[i];

		*to = (struct device_program){ .id = on.id[i],
					       .single = on.single,
					       .native = on.mode == XR_MODE_NATIVE };
		if (prog_info(on.id[i], &info, NULL, 0)) {
			strcpy(to->name, "?");
			continue;
		}
		memcpy(to->name, info.name, sizeof(to->name));
		memcpy(to->tag, info.tag, sizeof(to->tag));
		to->ours = p && attach_is_ours(p, on.id[i]);
		if (!to->ours && !find_instance(on.id[i], to->instance))
			to->orphan = is_xroams(&info);
	}
	return ret ? ret : i;
}
