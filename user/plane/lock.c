// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instance's lock: /run/xroam/NAME/lock. The process that has it may have been
 * stopped (SIGSTOP) in the middle of its work: so nobody waits for ever, and the error
 * names that process.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "lib/process.h"
#include "lib/progress.h"
#include "layout.h"
#include "plane_priv.h"

#define MS            1000000L
#define FIRST_PAUSE   (50000L) /* ns between two attempts ... */
#define LONGEST_PAUSE (5 * MS) /* ... of which each is twice as long */
#define CHECK_EACH    0.25     /* seconds between two checks of the process that has it */
#define IDLE_MOST     5.0      /* seconds in which it makes no progress */
#define WAIT_MOST     60.0     /* seconds in all */

static int held; /* locks that this process has */
static bool at_once;

bool plane_any_locked(void)
{
	return held > 0;
}

void plane_never_wait(bool never)
{
	at_once = never;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* ---- the process that has it ---- */

/* "4: FLOCK  ADVISORY  WRITE 1234 00:19:567 0 EOF"; a waiting one has "->" in it. */
static __u32 holder_of(const struct stat *lock)
{
	unsigned long long inode;
	unsigned int major, minor, pid, found = 0;
	char line[256];
	FILE *f = fopen("/proc/locks", "re");

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s FLOCK ADVISORY WRITE %u %x:%x:%llu", &pid, &major, &minor,
			   &inode) == 4 &&
		    inode == lock->st_ino && major == major(lock->st_dev) &&
		    minor == minor(lock->st_dev))
			found = pid;
	if (f)
		fclose(f);
	return found;
}

__u32 plane_lock_holder(const char *name)
{
	char path[RUN_PATH];
	struct stat st;

	run_path(path, name, "lock");
	return stat(path, &st) ? 0 : holder_of(&st);
}

static void command_of(__u32 pid, char *text, size_t size)
{
	size_t len = 0, i;
	char path[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	f = fopen(path, "re");
	if (f) {
		len = fread(text, 1, size - 1, f);
		fclose(f);
	}
	while (len && !text[len - 1])
		len--;
	for (i = 0; i < len; i++)
		if (!text[i])
			text[i] = ' ';
	text[len] = '\0';
}

static void name_holder(const struct lock_wait *w, const char *name, struct xr_err *err)
{
	char command[160];

	if (!w->pid) {
		xr_fail(err, 0,
			"instance \"%s\" is being changed by another "
			"process, for %.0f s: it has to end first",
			name, seconds_now() - w->since);
		return;
	}
	command_of(w->pid, command, sizeof(command));
	xr_fail(err, 0,
		"instance \"%s\" is being changed by pid %u (%s), for "
		"%.0f s: it has to go on (kill -CONT %u), or to end",
		name, w->pid, command[0] ? command : "?", seconds_now() - w->since, w->pid);
}

bool plane_lock_waited(struct lock_wait *w, const char *name, double idle_most, double most,
		       struct xr_err *err)
{
	double now = seconds_now();
	__u32 pid;
	__u64 ran;

	if (!w->since)
		w->since = w->idle_since = now;
	if (now < w->check_at)
		return false;
	w->check_at = now + CHECK_EACH;
	pid = plane_lock_holder(name);
	ran = pid ? process_cpu_time(pid) : 0;
	if (pid != w->pid || ran != w->ran)
		w->idle_since = now; /* it makes progress, or is another one */
	w->pid = pid;
	w->ran = ran;
	if (now - w->idle_since < idle_most && now - w->since < most)
		return false;
	name_holder(w, name, err);
	return true;
}

/* ---- taking it ---- */

static int take(int fd, const char *name, struct xr_err *err)
{
	struct timespec pause = { .tv_nsec = FIRST_PAUSE };
	struct lock_wait w = { 0 };

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (progress_stopped())
			return xr_fail(err, -EINTR, PROGRESS_STOPPED);
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return xr_fail(err, -errno, "locking instance \"%s\": %s", name,
				       strerror(errno));
		if (at_once)
			return xr_fail(err, -EAGAIN,
				       "instance \"%s\" is being "
				       "changed by another process",
				       name);
		if (plane_lock_waited(&w, name, IDLE_MOST, WAIT_MOST, err))
			return -EBUSY;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < LONGEST_PAUSE)
			pause.tv_nsec *= 2;
	}
	held++;
	return 0;
}

int plane_lock(const char *name, struct xr_err *err)
{
	int fd, ret;

	for (;;) {
		fd = run_open(name, "lock", 0600, err);
		if (fd < 0)
			return fd;
		ret = take(fd, name, err);
		if (ret) {
			close(fd);
			return ret;
		}
		/* "destroy" may have removed the file meanwhile. */
		if (run_is_current(fd, name, "lock"))
			return fd;
		held--;
		close(fd);
	}
}

int plane_renew_lock(struct plane *p, struct xr_err *err)
{
	char from[RUN_PATH], to[RUN_PATH];
	int fd = run_open(p->name, "lock" PLANE_UNFINISHED, 0600, err);

	if (fd < 0)
		return fd;
	run_path(from, p->name, "lock" PLANE_UNFINISHED);
	run_path(to, p->name, "lock");
	if (flock(fd, LOCK_EX | LOCK_NB) || rename(from, to)) {
		int ret = plane_file_fail(err, "", from);

		close(fd);
		return ret;
	}
	close(p->lock_fd);
	p->lock_fd = fd;
	return 0;
}

void plane_remove_lock(const char *name)
{
	run_remove(name, "lock");
}

void plane_unlock(struct plane *p)
{
	if (p->locked) {
		flock(p->lock_fd, LOCK_UN);
		held--;
	}
	p->locked = false;
}

/* ---- a plane that is kept open ---- */

/* Whether the pinned maps are those that are open here. */
static bool is_same_instance(const struct plane *p)
{
	struct bpf_map_info mine = {}, pinned = {};
	__u32 len = sizeof(mine);
	char path[192];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/meta", p->dir);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	ret = bpf_obj_get_info_by_fd(fd, &pinned, &len);
	len = sizeof(mine);
	if (!ret)
		ret = bpf_obj_get_info_by_fd(p->fd[PLANE_META], &mine, &len);
	close(fd);
	return !ret && mine.id == pinned.id;
}

static int stale(struct plane *p, struct xr_err *err)
{
	__u32 abi;

	plane_unlock(p);
	if (!plane_pinned_abi(p->dir, &abi, NULL) && abi != XR_ABI_VERSION)
		return xr_fail(err, -EPROTO,
			       "instance \"%s\" was converted to map layout %u by another xroam; "
			       "this one, which runs still, has %u: start that one in its place",
			       p->name, abi, XR_ABI_VERSION);
	return xr_fail(err, -ESTALE, "instance \"%s\" was destroyed or made anew", p->name);
}

int plane_relock(struct plane *p, struct xr_err *err)
{
	int ret;

	if (p->lock_fd >= 0) {
		ret = take(p->lock_fd, p->name, err);
		if (ret)
			return ret;
		p->locked = true;
		if (!run_is_current(p->lock_fd, p->name, "lock"))
			return stale(p, err);
	} else {
		if (!plane_exists(p))
			return stale(p, err);
		ret = plane_lock(p->name, err);
		if (ret < 0)
			return ret;
		p->lock_fd = ret;
		p->locked = true;
		if (!is_same_instance(p))
			return stale(p, err);
	}
	return 0;
}
