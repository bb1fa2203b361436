// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the daemon gives up as soon as it begins, whoever started it. Its systemd unit has
 * the same limits, but not everybody starts it by that.
 */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon.h"

/* The same as in scripts/xroam@.service, which tells what each is for. */
static const unsigned int needed[] = {
	CAP_BPF,          CAP_NET_ADMIN, CAP_NET_RAW,      CAP_PERFMON, CAP_SYS_ADMIN,
	CAP_SYS_RESOURCE, CAP_SYS_NICE,  CAP_DAC_OVERRIDE, CAP_CHOWN,   CAP_SYS_PTRACE,
};

void daemon_keep_capabilities(const unsigned int *caps, size_t n)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	__u32 keep[2] = { 0, 0 };
	unsigned int i;

	for (i = 0; i < n; i++)
		keep[caps[i] / 32] |= 1U << caps[i] % 32;
	/* prctl() fails where the kernel does not know a capability, or may not drop it. */
	for (i = 0; i < 64; i++)
		if (!(keep[i / 32] & 1U << i % 32) && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &head, data))
		return;
	for (i = 0; i < 2; i++) {
		data[i].permitted &= keep[i];
		data[i].effective &= keep[i];
		data[i].inheritable = 0;
	}
	syscall(SYS_capset, &head, data);
}

void daemon_harden(void)
{
	const struct rlimit none = { 0, 0 };

	/* Maps with keys are in its memory. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	daemon_keep_capabilities(needed, sizeof(needed) / sizeof(needed[0]));
}
