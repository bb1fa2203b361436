// SPDX-License-Identifier: GPL-2.0-only
/* An instance's directory in /run: the files of its lock and of its daemon's claim. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plane_priv.h"

void run_path(char path[RUN_PATH], const char *instance, const char *file)
{
	snprintf(path, RUN_PATH, XR_RUN_ROOT "/%s/%s", instance, file);
}

int run_open(const char *instance, const char *file, mode_t mode, struct xr_err *err)
{
	char dir[RUN_PATH], path[RUN_PATH];
	int fd;

	snprintf(dir, sizeof(dir), XR_RUN_ROOT "/%s", instance);
	run_path(path, instance, file);
	for (;;) {
		if ((mkdir(XR_RUN_ROOT, 0755) && errno != EEXIST) ||
		    (mkdir(dir, 0700) && errno != EEXIST))
			return plane_file_fail(err, "making ", dir);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode);
		if (fd >= 0)
			return fd;
		/* ENOENT: "destroy" removed the directory just now. */
		if (errno != ENOENT)
			return plane_file_fail(err, "", path);
	}
}

bool run_is_current(int fd, const char *instance, const char *file)
{
	struct stat open_file, named;
	char path[RUN_PATH];

	run_path(path, instance, file);
	return !fstat(fd, &open_file) && !stat(path, &named) && open_file.st_ino == named.st_ino &&
		open_file.st_dev == named.st_dev;
}

void run_remove(const char *instance, const char *file)
{
	char path[RUN_PATH];

	run_path(path, instance, file);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path); /* refused where another file is in it */
}
