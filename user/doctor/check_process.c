// SPDX-License-Identifier: GPL-2.0-only
/* This process: what it may do, and how much it may use. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "doctor_priv.h"
#include "lib/defaults.h"
#include "plane/needs.h"

/* ---- capabilities ---- */

static const struct {
	int cap;
	const char *name;
} needed[] = {
	{ CAP_BPF, "CAP_BPF" },
	{ CAP_PERFMON, "CAP_PERFMON" },
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
};

/* Those that not even root can have here, as in a container. */
static bool list_barred(char *text, size_t size)
{
	size_t i, n = 0;

	text[0] = '\0';
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!prctl(PR_CAPBSET_READ, needed[i].cap, 0, 0, 0) && n < size)
			n += snprintf(text + n, size - n, " %s", needed[i].name);
	return n;
}

static void look_capabilities(struct doctor *d)
{
	struct doctor_finding *f;
	char barred[96], *c;
	struct xr_err err;

	doctor_looked(d);
	if (!plane_check_caps(PLANE_CHANGE, &err))
		return;
	f = doctor_found(d, "this process");
	if (list_barred(barred, sizeof(barred))) {
		doctor_wrong(f, "it cannot have%s, root or not", barred);
		/* docker's and podman's option; systemd's is a line of the unit. */
		doctor_cure(f, "# start the container with");
		for (c = strtok(barred, " "); c; c = strtok(NULL, " "))
			doctor_cure(f, " --cap-add %s", c + 4);
		doctor_cure(f, ", or the unit with CapabilityBoundingSet=");
		f->severity = DOCTOR_ERROR;
		return;
	}
	doctor_wrong(f, "%s", err.text);
	doctor_cure(f, "sudo ");
	doctor_cure_xroam(f, d->instance);
	doctor_cure(f, "doctor");
}

/* ---- memory ---- */

/* What a new instance takes, with room for a second program while one is replaced. */
#define MEMORY_SPARE (64LL << 20)

static long long memory_needed(const struct doctor *d)
{
	const struct xr_limits *l = d->p ? &d->p->meta->limits : &xr_default_limits;
	long long n = MEMORY_SPARE;

	/* The large maps; vms and their two indexes have twice the room. */
	n += (long long)l->flows * sizeof(struct xr_flow) + l->server_ids * 16LL;
	n += (long long)l->server_id_pages * sizeof(struct xr_sid_page);
	n += 2LL * l->vms * (sizeof(struct xr_vm) + sizeof(struct xr_vm_info) + 16);
	n += (long long)l->rings * XR_RING_FRAMES * sizeof(struct xr_ring_frame);
	return n;
}

#define GROUP 320

/* The group's directory below /sys/fs/cgroup, of version 2, or of version 1's memory. */
static bool find_group(char path[GROUP], bool *v2)
{
	char at[MACHINE_PATH], line[GROUP - 32], *name;
	FILE *f = fopen(machine_path("/proc/self/cgroup", at), "re");
	bool found = false;

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		name = strstr(line, ":memory:");
		if (name) {
			snprintf(path, GROUP, "/sys/fs/cgroup/memory%s", name + 8);
			*v2 = false;
			found = true;
			break;
		}
		if (!strncmp(line, "0::", 3)) {
			snprintf(path, GROUP, "/sys/fs/cgroup%s", line + 3);
			*v2 = found = true;
		}
	}
	if (f)
		fclose(f);
	return found;
}

static void look_memory(struct doctor *d)
{
	char group[GROUP], path[GROUP + 32];
	long long limit, used, need = memory_needed(d);
	struct doctor_finding *f;
	bool v2 = true;

	doctor_looked(d);
	if (!find_group(group, &v2))
		return;
	snprintf(path, sizeof(path), "%s/%s", group, v2 ? "memory.max" : "memory.limit_in_bytes");
	if (machine_read_number(path, &limit))
		return; /* "max", or the group is not seen from here: no limit that is known */
	snprintf(path, sizeof(path), "%s/%s", group,
		 v2 ? "memory.current" : "memory.usage_in_bytes");
	if (machine_read_number(path, &used) || limit - used >= need)
		return;
	f = doctor_found(d, "this process");
	doctor_wrong(f, "its control group may use %lld MB more, %s takes %lld MB",
		     (limit - used) >> 20, d->p ? "making the instance anew" : "a new instance",
		     need >> 20);
	doctor_cure(f, "echo %lld > %s/%s", used + need, group,
		    v2 ? "memory.max" : "memory.limit_in_bytes");
}

#define FILES_NEEDED (PLANE_MAPS + FILES_SPARE + 16)

static void look_files(struct doctor *d)
{
	struct doctor_finding *f;
	struct rlimit limit;

	doctor_looked(d);
	if (getrlimit(RLIMIT_NOFILE, &limit) ||
	    (limit.rlim_cur >= FILES_NEEDED && plane_count_files() == FILES_SPARE))
		return;
	f = doctor_found(d, "this process");
	doctor_wrong(f, "it may have %llu files open, and a change needs %d",
		     (unsigned long long)limit.rlim_cur, FILES_NEEDED);
	doctor_cure(f, "ulimit -n 1024 # or LimitNOFILE= of a unit");
}

static void look_run(struct doctor *d)
{
	const char *dir = access(XR_RUN_ROOT, F_OK) ? "/run" : XR_RUN_ROOT;
	struct doctor_finding *f;

	doctor_looked(d);
	if (!access(dir, W_OK) || errno == EACCES)
		return; /* of who is not root, the capabilities tell */
	f = doctor_found(d, "%s", dir);
	doctor_wrong(f, "nothing can be written there: %s", strerror(errno));
	doctor_cure(f,
		    errno == ENOENT ? "mkdir -p /run && mount -t tmpfs tmpfs /run"
				    : "mount -o remount,rw /run");
}

const struct doctor_check doctor_process_checks[] = {
	{ "capability", DOCTOR_WARNING, "this process may change what xroam changes",
	  "what it cannot look at is listed; changes are refused", .look = look_capabilities },
	{ "memory", DOCTOR_ERROR, "the control group has memory for an instance's maps",
	  "maps are refused, or the kernel kills a process of the group", .look = look_memory },
	{ "open-files", DOCTOR_ERROR, "this process may open as many files as a change needs",
	  "changes are refused", .look = look_files },
	{ "run", DOCTOR_ERROR, "lock, journal and socket can be written below /run",
	  "changes are refused", .look = look_run },
	{ .id = NULL },
};
