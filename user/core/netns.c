// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netns.h"

#define SELF "/proc/thread-self/ns/net"
#define NAMED "/run/netns"

static __u64 inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

__u64 netns_inode(void)
{
	return inode_of(SELF);
}

int netns_open(void)
{
	int fd = open(SELF, O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

static int go(const char *path, int *back)
{
	int self = open(SELF, O_RDONLY | O_CLOEXEC);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = -ENOENT;

	if (self >= 0 && fd >= 0)
		ret = setns(fd, CLONE_NEWNET) ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (ret && self >= 0)
		close(self);
	else
		*back = self;
	return ret;
}

/* The path of a namespace with this inode among dir/NAME/suffix. */
static int find(const char *dir, const char *suffix, __u64 inode, char *path,
		size_t size)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int ret = -ENOENT;

	while (ret && d && (e = readdir(d))) {
		if (*suffix && !isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, size, "%s/%s%s", dir, e->d_name, suffix);
		if (inode_of(path) == inode)
			ret = 0;
	}
	if (d)
		closedir(d);
	return ret;
}

int netns_enter(__u64 inode, int *back)
{
	char path[512];

	*back = -1;
	if (inode == netns_inode())
		return 0;
	if (find(NAMED, "", inode, path, sizeof(path)) &&
	    find("/proc", "/ns/net", inode, path, sizeof(path)))
		return -ENOENT;
	return go(path, back);
}

void netns_leave(int back)
{
	if (back < 0)
		return;
	/* Cannot fail: the namespace is held open, and we were in it. */
	if (setns(back, CLONE_NEWNET))
		perror("setns");
	close(back);
}

void netns_each(void (*each)(void *ctx), void *ctx)
{
	__u64 self = netns_inode();
	struct dirent *e;
	DIR *d = opendir(NAMED);

	each(ctx);
	while (d && (e = readdir(d))) {
		char path[512];
		int back;

		snprintf(path, sizeof(path), NAMED "/%s", e->d_name);
		if (e->d_name[0] == '.' || inode_of(path) == self ||
		    go(path, &back))
			continue;
		each(ctx);
		netns_leave(back);
	}
	if (d)
		closedir(d);
}
