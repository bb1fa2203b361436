// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon_claim.h"
#include "plane_priv.h"

#define CLAIM "daemon" /* the file: its pid, then what it finds wrong, a line each */

static pid_t read_pid(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : 0;
}

/*
 * A lock of the open file description: F_OFD_GETLK reads who has it without taking it,
 * so that "status" never keeps a daemon from starting.
 */
static int lock(int fd, int cmd, struct flock *l)
{
	*l = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
	return fcntl(fd, cmd, l);
}

int daemon_claim(const char *instance, struct xr_err *err)
{
	const struct timespec moment = { .tv_nsec = 100 * 1000 * 1000 };
	struct flock l;
	char path[RUN_PATH];
	int fd, tries = 20;

again:
	fd = run_open(instance, CLAIM, 0644, err);
	if (fd < 0)
		return fd;
	if (lock(fd, F_OFD_SETLK, &l)) {
		pid_t pid = read_pid(fd);

		close(fd);
		/* A daemon whose instance was destroyed takes a moment to notice. */
		if (tries-- > 0) {
			nanosleep(&moment, NULL);
			goto again;
		}
		return xr_fail(err, -EBUSY,
			       "instance \"%s\" has its daemon already, pid "
			       "%d: stop that one first",
			       instance, (int)pid);
	}
	/* A daemon that ended just now may have removed this file. */
	if (!daemon_has_claim(instance, fd)) {
		close(fd);
		goto again;
	}
	if (ftruncate(fd, 0) || dprintf(fd, "%d\n", (int)getpid()) < 0) {
		int ret;

		run_path(path, instance, CLAIM);
		ret = plane_file_fail(err, "", path);
		close(fd);
		return ret;
	}
	return fd;
}

bool daemon_has_claim(const char *instance, int fd)
{
	return run_is_current(fd, instance, CLAIM);
}

/* The directory goes with it if the instance was never made: no lock is in it. */
void daemon_release(const char *instance, int fd)
{
	if (daemon_has_claim(instance, fd))
		run_remove(instance, CLAIM);
	close(fd);
}

void daemon_socket_address(const char *instance, struct sockaddr_un *to)
{
	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(to->sun_path, sizeof(to->sun_path), XR_RUN_ROOT "/%s.sock", instance);
}

int daemon_socket_probe(const struct sockaddr_un *to)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const void *)to, sizeof(*to)))
		ret = -errno;
	close(fd);
	return ret;
}

void daemon_socket_remove_dead(const char *instance)
{
	struct sockaddr_un to;

	daemon_socket_address(instance, &to);
	if (daemon_socket_probe(&to) == -ECONNREFUSED)
		unlink(to.sun_path);
}

/* They follow the line with the pid. */
void daemon_write_problems(int fd, const char *lines)
{
	char text[DAEMON_PROBLEMS_TEXT + 200];
	int len = snprintf(text, sizeof(text), "%d\n%.*s", (int)getpid(), DAEMON_PROBLEMS_TEXT,
			   lines);

	if (pwrite(fd, text, len, 0) == len && ftruncate(fd, len))
		return; /* if not, the end of longer ones is left there: no harm */
}

bool daemon_read_problems(const char *instance, char *lines, size_t size)
{
	char path[RUN_PATH], *begin;
	ssize_t len = 0;
	int fd;

	lines[0] = '\0';
	if (!daemon_pid(instance))
		return false;
	run_path(path, instance, CLAIM);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = pread(fd, lines, size - 1, 0);
		close(fd);
	}
	lines[len > 0 ? len : 0] = '\0';
	begin = strchr(lines, '\n');
	if (begin)
		memmove(lines, begin + 1, strlen(begin + 1) + 1);
	else
		lines[0] = '\0';
	return true;
}

/* The pid in the claim; held: whether a process has the lock on it. */
static pid_t read_claim(const char *instance, bool *held)
{
	pid_t pid = 0;
	struct flock l;
	char path[RUN_PATH];
	int fd;

	*held = false;
	run_path(path, instance, CLAIM);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (!lock(fd, F_OFD_GETLK, &l)) {
		*held = l.l_type != F_UNLCK;
		pid = read_pid(fd);
	}
	close(fd);
	return pid;
}

pid_t daemon_pid(const char *instance)
{
	bool held;
	pid_t pid = read_claim(instance, &held);

	return held ? pid : 0;
}

pid_t daemon_lost_pid(const char *instance)
{
	bool held;
	pid_t pid = read_claim(instance, &held);

	return held ? 0 : pid;
}
