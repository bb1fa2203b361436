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
#include "lib/clean.h"
#include "plane_priv.h"

/* The file: its pid, and where it serves metrics; then what it finds wrong, a line each. */
#define CLAIM "daemon"

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

int daemon_socket_clear(const struct sockaddr_un *to, struct xr_err *err)
{
	const char *path = to->sun_path;
	struct stat st;
	int ret;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : xr_fail(err, -errno, "%s: %s", path, strerror(errno));
	ret = S_ISSOCK(st.st_mode) ? daemon_socket_probe(to) : -ENOTSOCK;
	if (!ret || ret == -EAGAIN)
		return xr_fail(err, -EADDRINUSE, "%s: another process listens there", path);
	if (ret == -ENOTSOCK || ret == -EPROTOTYPE)
		return xr_fail(err, -EEXIST,
			       "%s is there, and no %s: give another path, or remove it", path,
			       ret == -ENOTSOCK ? "socket" : "socket of this kind");
	if (ret != -ECONNREFUSED)
		return xr_fail(err, ret, "%s: %s", path, strerror(-ret));
	return unlink(path) ? xr_fail(err, -errno, "%s: %s", path, strerror(errno)) : 0;
}

void daemon_socket_remove_dead(const char *instance)
{
	struct sockaddr_un to;

	daemon_socket_address(instance, &to);
	if (daemon_socket_probe(&to) == -ECONNREFUSED)
		unlink(to.sun_path);
}

void daemon_write_claim(int fd, const char *metrics, const char *lines)
{
	char where[DAEMON_METRICS_TEXT], text[DAEMON_CLAIM_TEXT];
	int len;

	snprintf(where, sizeof(where), "%s", metrics);
	clean_line(where);
	len = snprintf(text, sizeof(text), "%d%s%s\n%.*s", (int)getpid(), *where ? " " : "", where,
		       DAEMON_PROBLEMS_TEXT, lines);
	if (pwrite(fd, text, len, 0) == len && ftruncate(fd, len))
		return; /* if not, the end of longer ones is left there: no harm */
}

/* All that a daemon that runs has written: what is behind the first line. */
static const char *read_lines(const char *instance, char *text, size_t size)
{
	char path[RUN_PATH], *end;
	ssize_t len = 0;
	int fd;

	text[0] = '\0';
	if (!daemon_pid(instance))
		return text;
	run_path(path, instance, CLAIM);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = pread(fd, text, size - 1, 0);
		close(fd);
	}
	text[len > 0 ? len : 0] = '\0';
	end = strchrnul(text, '\n');
	if (!*end)
		return end;
	*end = '\0';
	return end + 1;
}

void daemon_read_problems(const char *instance, char lines[DAEMON_CLAIM_TEXT])
{
	const char *begin = read_lines(instance, lines, DAEMON_CLAIM_TEXT);

	memmove(lines, begin, strlen(begin) + 1);
}

void daemon_read_metrics(const char *instance, char where[DAEMON_METRICS_TEXT])
{
	char text[DAEMON_CLAIM_TEXT];
	const char *space;

	read_lines(instance, text, sizeof(text));
	space = strchr(text, ' ');
	snprintf(where, DAEMON_METRICS_TEXT, "%.*s", DAEMON_METRICS_TEXT - 1,
		 space ? space + 1 : "");
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
