// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "convert.h"
#include "layout.h"
#include "plane_priv.h"

#include <xroam.skel.h>

struct conversion {
	__u32 abi;     /* of the old pins */
	bool adopted;  /* a killed conversion's: programs may be attached that use its maps */
	char dir[128]; /* the old pins; next->dir is where the new ones are made */
	struct plane *next;
	struct xr_meta meta;                /* as the new one will have it */
	struct layout_map old[PLANE_MAPS];  /* fd -1: the old layout has none */
	struct layout_map made[PLANE_MAPS]; /* fd -1: the old one is carried over */
};

/* ---- what is there ---- */

static int map_of_fd(struct layout_map *m, int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	*m = (struct layout_map){
		.fd = fd,
		.id = info.id,
		.type = info.type,
		.key = info.key_size,
		.value = info.value_size,
		.entries = info.max_entries,
	};
	return 0;
}

/* fd -1 where nothing is pinned there. */
static int open_pin(struct layout_map *m, const char *dir, const char *name, struct xr_err *err)
{
	char path[512];
	int fd, ret = plane_pin_path(path, sizeof(path), dir, name);

	m->fd = -1;
	if (ret)
		return ret;
	fd = bpf_obj_get(path);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || map_of_fd(m, fd)) {
		ret = plane_file_fail(err, "", path);
		if (fd >= 0)
			close(fd);
		m->fd = -1;
	}
	return ret;
}

static int read_meta(struct conversion *c, struct xr_err *err)
{
	const struct layout_map *old = &c->old[PLANE_META];
	char *value = calloc(1, old->value);
	__u32 zero = 0;
	int ret = value ? 0 : -ENOMEM;

	if (!ret && bpf_map_lookup_elem(old->fd, &zero, value))
		ret = -errno;
	if (!ret)
		ret = layout_meta(c->abi, value, old->value, &c->meta);
	if (value)
		explicit_bzero(value, old->value);
	free(value);
	if (ret == -EPROTO)
		return plane_other_layout(c->next->name, c->abi, err);
	return ret ? xr_fail(err, ret, "map meta: %s", strerror(-ret)) : 0;
}

static int open_old(struct conversion *c, struct xr_err *err)
{
	int m, ret = 0;

	for (m = 0; m < PLANE_MAPS && !ret; m++)
		ret = open_pin(&c->old[m], c->dir, plane_map_name[m], err);
	return ret ? ret : read_meta(c, err);
}

/* ---- what a killed conversion left ---- */

static bool fits(const struct conversion *c, int m, const struct layout_map *map)
{
	const struct bpf_map_info info = {
		.type = map->type,
		.key_size = map->key,
		.value_size = map->value,
		.max_entries = map->entries,
	};

	return plane_map_fits(m, &info, &c->meta.limits);
}

static bool is_carried(const struct conversion *c, int m)
{
	return c->old[m].fd >= 0 && !layout_change(m, c->abi);
}

/*
 * Where it was complete, its maps are used: programs may be attached that do. Another
 * xroam's goes, but programs that it attached are known.
 */
static int adopt_next(struct conversion *c, struct xr_err *err)
{
	const char *dir = c->next->dir;
	struct layout_map stats;
	__u32 abi;
	int m, ret = plane_pinned_abi(dir, &abi, err);

	if (ret == -ENOENT) {
		plane_remove_dir(dir);
		return 0;
	}
	if (ret)
		return ret;
	if (abi != XR_ABI_VERSION) {
		ret = open_pin(&stats, dir, plane_map_name[PLANE_REASON_STATS], err);
		if (stats.fd >= 0) {
			c->next->former_stats[1] = stats.id;
			close(stats.fd);
		}
		plane_remove_dir(dir);
		return ret;
	}
	c->adopted = true;
	for (m = 0; m < PLANE_MAPS && !ret; m++) {
		ret = open_pin(&c->made[m], dir, plane_map_name[m], err);
		if (c->made[m].fd < 0 || (fits(c, m, &c->made[m]) && !is_carried(c, m)))
			continue;
		close(c->made[m].fd);
		c->made[m].fd = -1;
	}
	return ret;
}

/* ---- the new maps ---- */

/* The object uses old maps where they are the same, and makes the others. */
static int choose_maps(struct conversion *c, struct bpf_object *obj, struct xr_err *err)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) {
		int m = plane_map_of(map), fd, ret;

		if (m < 0)
			continue;
		fd = c->made[m].fd;
		if (is_carried(c, m)) {
			if (!fits(c, m, &c->old[m]))
				return xr_fail(
					err, -EPROTO,
					"instance \"%s\": map %s of layout %u (key %u, value "
					"%u octets, %u entries) is none that this xroam "
					"converts: save it with the old xroam (export), "
					"then \"xroam -i %s destroy\" and apply",
					c->next->name, plane_map_name[m], c->abi, c->old[m].key,
					c->old[m].value, c->old[m].entries, c->next->name);
			fd = c->old[m].fd;
		}
		ret = fd >= 0 ? bpf_map__reuse_fd(map, fd) : 0;
		if (ret)
			return xr_fail(err, ret, "map %s: %s", bpf_map__name(map), strerror(-ret));
	}
	return plane_size_maps(&c->meta.limits, obj, err);
}

static int copy_map(const struct conversion *c, int m)
{
	const struct layout_change *change = layout_change(m, c->abi);
	__u32 zero = 0;

	if (m == PLANE_META)
		return bpf_map_update_elem(c->made[m].fd, &zero, &c->meta, 0) ? -errno : 0;
	if (c->old[m].fd < 0 || !change || !change->copy)
		return 0;
	return change->copy(&c->old[m], &c->made[m]);
}

static int pin_map(const struct conversion *c, int m, int fd)
{
	char path[512];
	int ret = plane_pin_path(path, sizeof(path), c->next->dir, plane_map_name[m]);

	return ret ? ret : pin_replace(path, fd);
}

/* Fills and pins all of them, meta last: where that is pinned, all are. */
static int make_maps(struct conversion *c, struct bpf_object *obj, struct xr_err *err)
{
	struct bpf_map *map, *of[PLANE_MAPS] = { NULL };
	int m, fd, ret;

	bpf_object__for_each_map(map, obj)
		if (plane_map_of(map) >= 0)
			of[plane_map_of(map)] = map;
	for (m = PLANE_MAPS - 1; m >= 0; m--) {
		ret = 0;
		if (!is_carried(c, m) && c->made[m].fd < 0) {
			fd = dup(bpf_map__fd(of[m]));
			ret = fd < 0 ? -errno : map_of_fd(&c->made[m], fd);
		}
		if (!ret)
			ret = copy_map(c, m);
		if (!ret)
			ret = pin_map(c, m, bpf_map__fd(of[m]));
		if (ret)
			return xr_fail(err, ret, "instance \"%s\": converting map %s: %s",
				       c->next->name, plane_map_name[m], strerror(-ret));
	}
	return 0;
}

static int make_next(struct conversion *c, struct xr_err *err)
{
	struct xroam_bpf *skel = xroam_bpf__open();
	int ret;

	if (!skel)
		return xr_fail(err, -errno, "BPF object: %s", strerror(errno));
	if (mkdir(c->next->dir, 0700) && errno != EEXIST) {
		ret = plane_file_fail(err, "making ", c->next->dir);
		goto out;
	}
	plane_only_helpers(skel);
	ret = choose_maps(c, skel->obj, err);
	if (ret)
		goto out;
	ret = xroam_bpf__load(skel);
	if (ret) {
		ret = plane_load_failed(ret, "making the instance's maps", err);
		goto out;
	}
	ret = make_maps(c, skel->obj, err);
	if (!ret)
		ret = plane_start_helpers(skel, c->next->dir, err);
	if (!ret)
		ret = plane_open_maps(c->next, true, err);
out:
	xroam_bpf__destroy(skel);
	return ret;
}

/* ---- its life ---- */

static struct conversion *conversion_new(const char *name)
{
	struct conversion *c = calloc(1, sizeof(*c));
	int m;

	if (!c)
		return NULL;
	c->next = plane_new(name);
	if (!c->next) {
		free(c);
		return NULL;
	}
	strcpy(c->dir, c->next->dir);
	strcat(c->next->dir, PLANE_NEXT); /* there is room: a name has 63 octets at most */
	for (m = 0; m < PLANE_MAPS; m++)
		c->old[m].fd = c->made[m].fd = -1;
	return c;
}

void conversion_free(struct conversion *c)
{
	int m;

	for (m = 0; c && m < PLANE_MAPS; m++) {
		if (c->old[m].fd >= 0)
			close(c->old[m].fd);
		if (c->made[m].fd >= 0)
			close(c->made[m].fd);
	}
	free(c);
}

void conversion_undo(struct conversion *c)
{
	if (c->next->locked && !c->adopted)
		plane_remove_dir(c->next->dir);
	plane_close(c->next);
	conversion_free(c);
}

/* Under the lock. 1: another process was quicker. */
static int prepare(struct conversion *c, struct xr_err *err)
{
	int ret = plane_pinned_abi(c->dir, &c->abi, err);

	if (ret || c->abi == XR_ABI_VERSION)
		return ret && ret != -ENOENT ? ret : 1;
	ret = plane_need_files(err);
	if (!ret)
		ret = open_old(c, err);
	if (!ret)
		ret = adopt_next(c, err);
	if (ret)
		return ret;
	c->next->former_stats[0] = c->old[PLANE_REASON_STATS].id;
	return make_next(c, err);
}

int plane_convert(struct conversion **out, struct plane **next, const char *name,
		  struct xr_err *err)
{
	struct conversion *c;
	int ret;

	*out = NULL;
	*next = NULL;
	ret = plane_check_caps(PLANE_CHANGE, err);
	if (ret)
		return ret;
	c = conversion_new(name);
	if (!c)
		return xr_fail(err, -ENOMEM, "out of memory");
	ret = plane_pinned_abi(c->dir, &c->abi, err);
	if (!ret && (c->abi > XR_ABI_VERSION || c->abi < LAYOUT_OLDEST))
		ret = plane_other_layout(name, c->abi, err);
	if (!ret && c->abi != XR_ABI_VERSION) {
		ret = c->next->lock_fd = plane_lock(name, err);
		c->next->locked = ret >= 0;
		if (ret >= 0)
			ret = prepare(c, err);
	} else if (!ret || ret == -ENOENT) {
		ret = 1;
	}
	if (ret) {
		conversion_undo(c);
		return ret < 0 ? ret : 0;
	}
	*out = c;
	*next = c->next;
	return 0;
}

__u32 conversion_from(const struct conversion *c)
{
	return c->abi;
}

int conversion_claim(struct conversion *c, struct xr_err *err)
{
	return plane_renew_lock(c->next, err);
}

static int finish_maps(const struct conversion *c, struct xr_err *err)
{
	int m, ret;

	for (m = 0; m < PLANE_MAPS; m++) {
		const struct layout_change *change = layout_change(m, c->abi);

		if (c->old[m].fd < 0 || !change || !change->finish)
			continue;
		ret = change->finish(&c->old[m], &c->made[m]);
		if (ret)
			return xr_fail(err, ret, "instance \"%s\": converting map %s: %s",
				       c->next->name, plane_map_name[m], strerror(-ret));
	}
	return 0;
}

int conversion_finish(struct conversion *c, struct xr_err *err)
{
	char next[sizeof(c->next->dir)];
	int ret;

	plane_grace(c->next);
	ret = finish_maps(c, err);
	if (ret)
		return ret;
	strcpy(next, c->next->dir);
	if (renameat2(AT_FDCWD, next, AT_FDCWD, c->dir, RENAME_EXCHANGE))
		return plane_file_fail(err, "putting the new pins in place of ", c->dir);
	strcpy(c->next->dir, c->dir);
	memset(c->next->former_stats, 0, sizeof(c->next->former_stats));
	plane_remove_dir(next);
	return 0;
}

void conversion_sweep(const struct plane *p)
{
	char dir[160];

	snprintf(dir, sizeof(dir), "%s" PLANE_NEXT, p->dir);
	plane_remove_dir(dir);
}
