// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies of the programs that capture, on devices: put there for as long as a process
 * captures, and taken away by whoever comes next where that one was killed.
 *
 * Whether it lives is known by its lock on a file, which the kernel drops with it. The file
 * is removed when the last plain program is back: where there is none, nothing is to be
 * done, and that is what anybody else has to look at.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach_priv.h"
#include "lib/netns.h"
#include "plane/pins.h"

#define CLAIM     "capture"
#define CAPTURING "xroam_cap_" /* how the copies' names begin */

#define TIDY_PAUSE 50000 /* microseconds between two looks at whether it is done */
#define TIDY_MOST  200   /* looks */

/* ---- the claim ---- */

static struct flock whole_file(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

/* Who has it, by what he wrote; 0: nothing yet. */
static int owner_of(int fd)
{
	char pid[16] = "";

	return pread(fd, pid, sizeof(pid) - 1, 0) > 0 ? atoi(pid) : 0;
}

/* 0, or -EBUSY for a process that lives; whoever tidies up after a dead one is waited for. */
static int lock_claim(const char *instance, int fd, struct xr_err *err)
{
	struct flock lock = whole_file();
	int i, pid;

	for (i = 0; fcntl(fd, F_OFD_SETLK, &lock); i++) {
		pid = owner_of(fd);
		if ((pid && (!kill(pid, 0) || errno == EPERM)) || i == TIDY_MOST)
			return xr_fail(
				err, -EBUSY,
				"instance \"%s\" is captured by another process (pid %d), and only one at a time can: end it first",
				instance, pid);
		usleep(TIDY_PAUSE);
	}
	return 0;
}

int capture_claim(const char *instance, struct xr_err *err)
{
	char pid[16];
	int fd, len, ret;

	for (;;) {
		fd = run_open(instance, CLAIM, 0600, err);
		if (fd < 0)
			return fd;
		ret = lock_claim(instance, fd, err);
		if (ret) {
			close(fd);
			return ret;
		}
		/* Whoever had it removed the file, perhaps, before this one was locked. */
		if (run_is_current(fd, instance, CLAIM))
			break;
		close(fd);
	}
	len = snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(fd, 0) || pwrite(fd, pid, len, 0) != len) {
		ret = -errno;
		close(fd);
		return xr_fail(err, ret, XR_RUN_ROOT "/%s/" CLAIM ": %s", instance, strerror(-ret));
	}
	return fd;
}

void capture_unclaim(const char *instance, int fd)
{
	if (run_is_current(fd, instance, CLAIM))
		run_remove(instance, CLAIM);
	close(fd);
}

/* The file's descriptor; < 0: there is none. */
static int open_claim(const struct plane *p)
{
	char path[RUN_PATH];

	run_path(path, p->name, CLAIM);
	return open(path, O_RDWR | O_CLOEXEC);
}

bool plane_capture_is_dead(const struct plane *p)
{
	struct flock lock = whole_file();
	int fd = open_claim(p);
	bool dead;

	if (fd < 0)
		return false;
	dead = !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type == F_UNLCK;
	close(fd);
	return dead;
}

/* ---- the copies ---- */

static bool is_capturing(__u32 prog)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(prog);
	bool yes = fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
		!strncmp(info.name, CAPTURING, strlen(CAPTURING));

	if (fd >= 0)
		close(fd);
	return yes;
}

/* In the device's namespace. maps: NULL: the plain one, where a copy is. */
static int exchange_here(struct plane *p, struct xr_device *d, const struct capture_maps *maps,
			 struct xr_err *err)
{
	const struct program_use use = { .capture = maps };
	struct attached on;
	__u32 old;
	int ret = attach_query(d->ifindex, &on);

	if (ret)
		return xr_fail(err, ret, "%s: what is attached there cannot be read: %s", d->name,
			       strerror(-ret));
	old = attach_ours(p, &on, d->prog_id);
	if (!old)
		return xr_fail(err, -ENODEV, "%s: no program of the instance is there", d->name);
	if (!maps && !is_capturing(old))
		return 0;
	return attach_replace(p, d, &on, old, &use, err);
}

static int exchange(struct plane *p, const struct xr_device *record,
		    const struct capture_maps *maps, struct xr_err *err)
{
	struct xr_device *d = &p->devices[record_slot(p, record)];
	int back, ret = netns_enter(d->netns, &back);

	if (ret == -ENOENT)
		return xr_fail(err, -ENODEV, "%s: its network namespace is gone", d->name);
	if (ret)
		return xr_fail(err, ret, "%s: going to its network namespace: %s", d->name,
			       strerror(-ret));
	ret = exchange_here(p, d, maps, err);
	netns_leave(back);
	return ret;
}

int plane_capture(struct plane *p, const struct xr_device *d, const struct capture_maps *maps,
		  struct xr_err *err)
{
	return exchange(p, d, maps, err);
}

int plane_capture_end(struct plane *p, struct xr_err *err)
{
	const struct xr_device *d = NULL;
	int ret, first = 0;

	while ((d = plane_next_device(p, d))) {
		ret = exchange(p, d, NULL, first ? NULL : err);
		if (ret && ret != -ENODEV && !first)
			first = ret;
	}
	return first;
}

void plane_capture_recover(struct plane *p)
{
	struct flock lock = whole_file();
	int fd = open_claim(p);

	if (fd < 0)
		return;
	if (!fcntl(fd, F_OFD_SETLK, &lock) && run_is_current(fd, p->name, CLAIM) &&
	    !plane_capture_end(p, NULL)) {
		run_remove(p->name, CLAIM);
		plane_event(p, "capture: its process was killed; the plain programs are back");
	}
	close(fd);
}

int plane_load_capturing(struct plane *p, const char *dev, enum xr_role role,
			 const struct capture_maps *maps, struct xr_err *err)
{
	const struct program_use use = { .capture = maps };
	__u32 ifindex = dev ? if_nametoindex(dev) : 0;
	const struct xr_device *d = ifindex ? record_at(p, ifindex) : NULL;

	return program_get(p, d ? record_slot(p, d) : 0, role, &use, err);
}
