// SPDX-License-Identifier: GPL-2.0-only
/* The kernel: its version, what it has, and settings that slow BPF programs down. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor_priv.h"
#include "plane/needs.h"

#define OLDEST_MAJOR 6
#define OLDEST_MINOR 1

static void look_version(struct doctor *d)
{
	struct doctor_finding *f;
	unsigned int major, minor;
	char text[96];

	if (machine_read("/proc/sys/kernel/osrelease", text, sizeof(text)) ||
	    sscanf(text, "%u.%u", &major, &minor) != 2) {
		doctor_unseen(d, "/proc/sys/kernel/osrelease");
		return;
	}
	doctor_looked(d);
	if (major > OLDEST_MAJOR || (major == OLDEST_MAJOR && minor >= OLDEST_MINOR))
		return;
	f = doctor_found(d, "kernel");
	doctor_wrong(f, "it is %s, and xroam needs %d.%d or newer", text, OLDEST_MAJOR,
		     OLDEST_MINOR);
	doctor_cure(f, "# install and boot a newer one, as apt install linux-image-amd64 does");
}

static void look_features(struct doctor *d)
{
	struct xr_err err;
	const char *missing;
	struct doctor_finding *f;
	char text[96];

	/* To a process without CAP_BPF the kernel seems to have nothing. */
	if (plane_check_caps(PLANE_CHANGE, &err)) {
		doctor_unseen(d, "what the kernel has is for root to see");
		return;
	}
	doctor_looked(d);
	missing = plane_missing_feature();
	if (!machine_read("/kernel/missing", text, sizeof(text)))
		missing = text;
	if (!missing)
		return;
	f = doctor_found(d, "kernel");
	doctor_wrong(f, "it has no %s", missing);
	doctor_cure(f, "# install and boot a newer one, as apt install linux-image-amd64 does");
}

static void look_btf(struct doctor *d)
{
	struct doctor_finding *f;
	char at[MACHINE_PATH];

	doctor_looked(d);
	if (!access(machine_path("/sys/kernel/btf", at), F_OK) &&
	    access(strcat(at, "/vmlinux"), F_OK)) {
		f = doctor_found(d, "kernel");
		doctor_wrong(f, "it has no BTF: there is no /sys/kernel/btf/vmlinux");
		doctor_cure(f, "# boot a kernel with CONFIG_DEBUG_INFO_BTF, as distributions' are");
	}
}

/* A setting of the whole machine that has to be within least and most. */
static void look_setting(struct doctor *d, const char *key, int least, int most, const char *words)
{
	struct doctor_finding *f;
	char path[128];
	long long value;
	int ret;

	snprintf(path, sizeof(path), "/proc/sys/%s", key);
	ret = machine_read_number(path, &value);
	if (ret == -ENOENT)
		return; /* it is fixed, or of the first network namespace alone */
	if (ret) {
		doctor_unseen(d, "%s: %s", path, strerror(-ret));
		return;
	}
	doctor_looked(d);
	if (value >= least && value <= most)
		return;
	f = doctor_found(d, "kernel");
	doctor_wrong(f, "%s is %lld: %s", key, value, words);
	doctor_cure(f, "sysctl -w %s=%d", key, value < least ? least : most);
}

static void look_jit(struct doctor *d)
{
	look_setting(d, "net/core/bpf_jit_enable", 1, 2, "programs are interpreted, not compiled");
}

/* 1 is for unprivileged programs alone, of which ours is none. */
static void look_hardening(struct doctor *d)
{
	look_setting(d, "net/core/bpf_jit_harden", 0, 1, "constants of all programs are hidden");
}

static void look_stats(struct doctor *d)
{
	look_setting(d, "kernel/bpf_stats_enabled", 0, 0, "each run of a program is timed");
}

/* ---- bpffs ---- */

static void look_bpffs(struct doctor *d)
{
	char name[NETNS_NAME], at[MACHINE_PATH];
	struct doctor_finding *f;

	if (access(machine_path(XR_BPFFS, at), F_OK) && errno == EACCES) {
		doctor_unseen(d, XR_BPFFS ": %s", strerror(errno));
		return;
	}
	doctor_looked(d);
	if (plane_has_bpffs(at))
		return;
	f = doctor_found(d, XR_BPFFS);
	if (access(at, F_OK)) {
		doctor_wrong(f, "there is no such directory");
		doctor_cure(f, "mount -t sysfs sysfs /sys");
		f->severity = DOCTOR_ERROR;
	} else if (plane_has_private_mounts()) {
		doctor_wrong(
			f,
			"no bpffs is mounted there in this mount namespace: \"ip netns exec\" hides it");
		doctor_cure(f, "nsenter --net=/run/netns/%s ",
			    netns_name(netns_id(), name, sizeof(name)) ? QUOTE(name) : "NAME");
		doctor_cure_xroam(f, d->instance);
		doctor_cure(f, "doctor # from outside");
		f->severity = DOCTOR_ERROR;
	} else {
		doctor_wrong(f, "no bpffs is mounted there");
		doctor_cure(f, "mount -t bpf bpf " XR_BPFFS " -o mode=0700");
	}
}

const struct doctor_check doctor_kernel_checks[] = {
	{ "kernel-version", DOCTOR_ERROR, "the kernel is new enough",
	  "older ones refuse the programs", .look = look_version },
	{ "kernel-feature", DOCTOR_ERROR, "the kernel has ring buffers, timers, bpf_loop",
	  "the kernel refuses the programs", .look = look_features },
	{ "btf", DOCTOR_WARNING, "the kernel has BTF",
	  "libxdp has no dispatcher then: xroam cannot run beside other programs",
	  .look = look_btf },
	{ "jit", DOCTOR_WARNING, "BPF programs are compiled",
	  "each packet costs several times more", .look = look_jit },
	{ "jit-harden", DOCTOR_WARNING, "the compiler hides no constants of root's programs",
	  "each packet costs more", .look = look_hardening },
	{ "bpf-stats", DOCTOR_WARNING, "the kernel does not time programs",
	  "each packet costs more", .look = look_stats },
	{ "bpffs", DOCTOR_WARNING, "a bpffs is mounted at " XR_BPFFS,
	  "the maps are pinned there; \"dev attach\" and \"apply\" mount one where none is",
	  .look = look_bpffs },
	{ .id = NULL },
};
