// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include "process.h"

__u64 process_cpu_time(__u32 pid)
{
	unsigned long long ns = 0;
	char path[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/schedstat", pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return ns;
}

__u32 process_login_uid(__u32 pid)
{
	__u32 uid = PROCESS_NOBODY;
	char path[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/loginuid", pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%u", &uid) != 1)
		uid = PROCESS_NOBODY;
	if (f)
		fclose(f);
	return uid;
}

void process_name(__u32 pid, char name[16])
{
	char path[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(name, 16, f))
		strcpy(name, "?");
	if (f)
		fclose(f);
	name[strcspn(name, "\n")] = '\0';
}
