// SPDX-License-Identifier: GPL-2.0-only
/* What the process and the machine must have, and the errors where they do not. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "plane_priv.h"

static bool has_cap(__u32 cap)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return true; /* unknown: let the kernel refuse */
	return data[cap / 32].effective & (1U << cap % 32);
}

static bool has_bpf_cap(__u32 cap)
{
	return has_cap(cap) || has_cap(CAP_SYS_ADMIN);
}

int plane_check_caps(enum plane_access how, struct xr_err *err)
{
	char lack[64] = "";

	if (!has_bpf_cap(CAP_BPF))
		strcat(lack, " CAP_BPF");
	if (how != PLANE_READ) {
		if (!has_bpf_cap(CAP_PERFMON))
			strcat(lack, " CAP_PERFMON");
		if (!has_cap(CAP_NET_ADMIN))
			strcat(lack, " CAP_NET_ADMIN");
		/* To open attached programs by their id; other namespaces. */
		if (!has_cap(CAP_SYS_ADMIN))
			strcat(lack, " CAP_SYS_ADMIN");
	}
	if (!lack[0])
		return 0;
	return xr_fail(err, -EPERM, "too little privilege: this process lacks%s; run as root",
		       lack);
}

/* The end of an error about that file: what to do about it, or "". */
static const char *cure_of(const char *path, int error)
{
	bool run = !strncmp(path, "/run/", 5);

	if (error == EROFS)
		return run
			? ": xroam writes there; \"mount -o remount,rw /run\", a tmpfs at " XR_RUN_ROOT
			  ", or ReadWritePaths=" XR_RUN_ROOT " in a unit"
			: ": pins are there; \"mount -o remount,rw " XR_BPFFS "\"";
	if (error == ENOSPC)
		return run ? ": make room in /run" : "";
	if (error == EMFILE)
		return ": raise \"ulimit -n\", or LimitNOFILE= of a unit";
	if (error == ENOENT && run && access("/run", F_OK))
		return ": there is no /run; make it, and mount a tmpfs there";
	return "";
}

/* FILES_SPARE is more than the maps: each program of a dispatcher, our files and sockets. */
int plane_count_files(void)
{
	int fd[FILES_SPARE], n = 0, error = 0, i;

	while (n < FILES_SPARE && !error) {
		fd[n] = open("/", O_PATH | O_CLOEXEC);
		if (fd[n] < 0)
			error = errno;
		else
			n++;
	}
	for (i = 0; i < n; i++)
		close(fd[i]);
	errno = error;
	return n;
}

/*
 * Checked before a change begins: a change that runs out of descriptors half way is
 * worse than none, and not every library tells that from "there is nothing".
 */
int plane_need_files(struct xr_err *err)
{
	int n = plane_count_files(), error = errno;

	if (n == FILES_SPARE)
		return 0;
	return xr_fail(err, -error, "%d more files can be opened, but a change needs %d: %s%s", n,
		       FILES_SPARE, strerror(error), cure_of("", error));
}

int plane_write(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= n;
	}
	return 0;
}

int plane_file_fail(struct xr_err *err, const char *doing, const char *path)
{
	int error = errno ? errno : EIO;

	return xr_fail(err, -error, "%s%s: %s%s", doing, path, strerror(error),
		       cure_of(path, error));
}

bool plane_has_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (__u32)fs.f_type == BPF_FS_MAGIC;
}

static int parent_of(int pid)
{
	char path[64], line[512], *end;
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	/* The name in parentheses may hold anything. */
	end = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
		parent = 0;
	fclose(f);
	return parent;
}

/*
 * A mount made in a private namespace dies with it, and the pins with it,
 * while the program stays on the device.
 */
bool plane_has_private_mounts(void)
{
	struct stat self, other;
	char path[64];
	int pid;

	if (stat("/proc/self/ns/mnt", &self))
		return false;
	for (pid = getppid(); pid > 0; pid = parent_of(pid)) {
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
		if (!stat(path, &other) && other.st_ino != self.st_ino)
			return true;
	}
	return false;
}

/* Two that mounted at once would hide the first one's pins under the second's. */
static int mount_once(void)
{
	int fd = open("/sys/fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = 0;

	if (fd >= 0)
		flock(fd, LOCK_EX);
	if (!plane_has_bpffs(XR_BPFFS) && mount("bpf", XR_BPFFS, "bpf", 0, "mode=0700"))
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

int plane_need_bpffs(const char *name, enum plane_access how, struct xr_err *err)
{
	int ret;

	if (plane_has_bpffs(XR_BPFFS))
		return 0;
	if (access(XR_BPFFS, F_OK) && errno == ENOENT)
		return xr_fail(
			err, -ENODEV,
			"there is no directory " XR_BPFFS
			": \"mount -t sysfs sysfs /sys\" makes it, of a kernel with CONFIG_BPF_SYSCALL");
	if (plane_has_private_mounts())
		return xr_fail(err, -ENODEV,
			       "no bpffs at " XR_BPFFS " in this mount "
			       "namespace: \"ip netns exec\" hides it, enter "
			       "with \"nsenter --net=/run/netns/NAME\" (or "
			       "mount -t bpf bpf " XR_BPFFS ")");
	if (how != PLANE_CREATE)
		return xr_fail(err, -ENOENT,
			       "no instance \"%s\": no bpffs is "
			       "mounted at " XR_BPFFS,
			       name);
	ret = mount_once();
	if (ret)
		return xr_fail(err, -ENODEV,
			       "no bpffs at " XR_BPFFS ", and mounting it "
			       "failed (%s): mount -t bpf bpf " XR_BPFFS,
			       ret == -EPERM ? "CAP_SYS_ADMIN is needed" : strerror(-ret));
	return 0;
}

const char *plane_missing_feature(void)
{
	static const struct {
		enum bpf_func_id helper;
		const char *what;
	} need[] = {
		{ BPF_FUNC_ringbuf_output, "BPF ring buffers (5.8)" },
		{ BPF_FUNC_timer_init, "BPF timers (5.15)" },
		{ BPF_FUNC_loop, "bpf_loop (5.17)" },
	};
	size_t i;

	if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SYSCALL, NULL) == 0)
		return "BPF system-call programs (5.14)";
	for (i = 0; i < sizeof(need) / sizeof(need[0]); i++)
		if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, need[i].helper, NULL) == 0)
			return need[i].what;
	return NULL;
}

int plane_load_failed(int code, const char *what, struct xr_err *err)
{
	const char *missing = plane_missing_feature();
	struct utsname u;

	if (uname(&u))
		strcpy(u.release, "?");
	if (missing)
		return xr_fail(err, -EOPNOTSUPP,
			       "kernel %s is too old for %s: xroam needs 6.1 or newer", u.release,
			       missing);
	if (code == -EPERM)
		return xr_fail(err, -EPERM,
			       "%s: the kernel refuses (%s); CAP_BPF, "
			       "CAP_PERFMON and CAP_NET_ADMIN are needed, and "
			       "no lockdown",
			       what, strerror(-code));
	return xr_fail(err, code, "%s: %s (the kernel's words: -v)", what, strerror(-code));
}
