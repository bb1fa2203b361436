// SPDX-License-Identifier: GPL-2.0-only
#include "lib/libexec.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool libexec_find(const char *name, char *path, size_t size)
{
	static const char *const places[] = { "", "/libexec", "/../libexec/xroam" };
	char self[PATH_MAX], dir[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t i;

	if (n < 0)
		return false;
	self[n] = '\0';
	strcpy(dir, self);
	*strrchr(dir, '/') = '\0';
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		n = snprintf(path, size, "%s%s/%s", dir, places[i], name);
		if (n > 0 && (size_t)n < size && strcmp(path, self) && !access(path, X_OK))
			return true;
	}
	return false;
}
