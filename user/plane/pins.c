// SPDX-License-Identifier: GPL-2.0-only
/* The files of an instance's directories, by their names. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pins.h"

int plane_pin_path(char *path, size_t size, const char *dir, const char *word)
{
	return snprintf(path, size, "%s/%s", dir, word) < (int)size ? 0 : -ENAMETOOLONG;
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
