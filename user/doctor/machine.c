// SPDX-License-Identifier: GPL-2.0-only
/*
 * What /proc and /sys tell. What a test cannot break on the machine that it runs on it puts
 * into files below $XROAM_DOCTOR_ROOT, which are read in place of the machine's own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor_priv.h"

const char *machine_path(const char *path, char to[MACHINE_PATH])
{
	const char *root = getenv("XROAM_DOCTOR_ROOT");

	if (!root || !*root || snprintf(to, MACHINE_PATH, "%s%s", root, path) >= MACHINE_PATH ||
	    access(to, F_OK))
		snprintf(to, MACHINE_PATH, "%s", path);
	return to;
}

int machine_read(const char *path, char *line, size_t size)
{
	char at[MACHINE_PATH];
	FILE *f = fopen(machine_path(path, at), "re");
	int ret = 0;

	line[0] = '\0';
	if (!f)
		return -errno;
	if (!fgets(line, size, f))
		ret = ferror(f) ? -EIO : 0;
	line[strcspn(line, "\n")] = '\0';
	fclose(f);
	return ret;
}

int machine_read_number(const char *path, long long *value)
{
	char line[64], *end;
	int ret = machine_read(path, line, sizeof(line));

	if (ret)
		return ret;
	errno = 0;
	*value = strtoll(line, &end, 10);
	return end == line || errno ? -EINVAL : 0;
}

int machine_read_conf(int v, const char *dev, const char *name, bool with_all, int *value)
{
	char path[160];
	long long own, all = 0;
	int ret;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv%d/conf/%s/%s", v, dev, name);
	ret = machine_read_number(path, &own);
	if (!ret && with_all) {
		snprintf(path, sizeof(path), "/proc/sys/net/ipv%d/conf/all/%s", v, name);
		ret = machine_read_number(path, &all);
	}
	*value = own > all ? own : all;
	return ret;
}
