// SPDX-License-Identifier: GPL-2.0-only
/* Instances by their names: the directories in bpffs and the pins in these. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/text.h"
#include "plane_priv.h"

int plane_pin_path(char *path, size_t size, const char *dir, const char *name)
{
	return snprintf(path, size, "%s/%s", dir, name) < (int)size ? 0 : -ENAMETOOLONG;
}

int pin_replace(const char *path, int fd)
{
	char tmp[512];
	int ret = 0;

	if (snprintf(tmp, sizeof(tmp), "%s" PLANE_UNFINISHED, path) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	unlink(tmp);
	if (bpf_obj_pin(fd, tmp))
		return -errno;
	if (rename(tmp, path)) {
		ret = -errno;
		unlink(tmp);
	}
	return ret;
}

void pins_each(const char *dir, void (*each)(const char *path, const char *name))
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return;
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
		    !plane_pin_path(path, sizeof(path), dir, e->d_name))
			each(path, e->d_name);
	closedir(d);
}

static void remove_file(const char *path, const char *name)
{
	(void)name;
	unlink(path);
}

void plane_remove_dir(const char *dir)
{
	pins_each(dir, remove_file);
	rmdir(dir);
}

bool plane_exists(const struct plane *p)
{
	struct stat st;
	char meta[192];

	/* Not access(): that checks what the real user may do. */
	snprintf(meta, sizeof(meta), "%s/meta", p->dir);
	return !stat(meta, &st);
}

int plane_missing(const char *name, struct xr_err *err)
{
	return xr_fail(err, -ENOENT,
		       "no instance \"%s\": \"xroam apply\" or \"xroam dev "
		       "attach\" makes it",
		       name);
}

int plane_not_opened(const struct plane *p, struct xr_err *err)
{
	if (errno == EACCES)
		return xr_fail(err, -EPERM,
			       "%s: permission denied: run as root, or "
			       "with CAP_DAC_OVERRIDE",
			       p->dir);
	return plane_missing(p->name, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int plane_list(char ***names, struct xr_err *err)
{
	struct xr_err ignored;
	struct dirent *e;
	char **list, **more;
	size_t n = 0;
	DIR *d;

	list = calloc(1, sizeof(*list));
	if (!list)
		return xr_fail(err, -ENOMEM, "out of memory");
	d = plane_has_bpffs(XR_BPFFS) ? opendir(XR_PIN_ROOT) : NULL;
	while (d && (e = readdir(d))) {
		if (text_check_instance(e->d_name, &ignored))
			continue;
		more = realloc(list, (n + 2) * sizeof(*list));
		if (!more)
			break;
		list = more;
		list[n] = strdup(e->d_name);
		if (!list[n])
			break;
		list[++n] = NULL;
	}
	if (d)
		closedir(d);
	qsort(list, n, sizeof(*list), by_name);
	*names = list;
	return 0;
}
