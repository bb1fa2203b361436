// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "netns.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define SELF  "/proc/thread-self/ns/net"
#define NAMED "/run/netns"

/* Where the process began: it cannot go while the process is there. */
static __u64 home;

/* 0: there is none, or it cannot be looked at. */
static __u32 inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

/*
 * The kernel counts namespaces; the count is never given out again, as inode
 * numbers are. Before 5.14 it does not give it: 0 then.
 */
static int cookie(__u32 *low)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret = 0;
	socklen_t len = sizeof(__u64);
	__u64 count = 0;

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &count, &len))
		ret = errno == ENOPROTOOPT ? 0 : -errno;
	close(fd);
	*low = count;
	return ret;
}

__u64 netns_id(void)
{
	__u32 inode = inode_of(SELF), count = 0;
	bool first = !home;
	__u64 id;

	if (!inode || (!first && inode == (__u32)home))
		return inode ? home : 0;
	if (cookie(&count))
		return 0;
	id = (__u64)count << 32 | inode;
	if (first)
		home = id;
	return id;
}

bool netns_is_here(const char *path)
{
	__u32 inode = inode_of(path);

	return inode && inode == inode_of(SELF);
}

int netns_open(void)
{
	int fd = open(SELF, O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

int netns_enter_path(const char *path, int *back)
{
	int self, fd, ret;

	*back = -1;
	if (!netns_id()) /* home is noted before it is left */
		return -EMFILE;
	self = netns_open();
	if (self < 0)
		return self;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ret = fd < 0 || setns(fd, CLONE_NEWNET) ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (ret)
		close(self);
	else
		*back = self;
	return ret;
}

/* Calls visit() with the paths of namespaces, until it returns other than 0. */
static int walk(const char *dir, const char *suffix, int (*visit)(void *ctx, const char *path),
		void *ctx)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(dir);
	int ret = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (!ret && (e = readdir(d))) {
		if (e->d_name[0] == '.' || (*suffix && !isdigit((unsigned char)e->d_name[0])))
			continue;
		snprintf(path, sizeof(path), "%s/%s%s", dir, e->d_name, suffix);
		ret = visit(ctx, path);
	}
	closedir(d);
	return ret;
}

/* Named ones first: there are fewer. */
int netns_walk(int (*visit)(void *ctx, const char *path), void *ctx)
{
	int ret = walk(NAMED, "", visit, ctx);

	return ret ? ret : walk("/proc", "/ns/net", visit, ctx);
}

struct search {
	__u32 inode;
	char path[NETNS_PATH];
};

static int has_inode(void *ctx, const char *path)
{
	struct search *s = ctx;

	if (inode_of(path) != s->inode)
		return 0;
	snprintf(s->path, sizeof(s->path), "%s", path);
	return 1;
}

/*
 * Namespaces that were searched for in vain within the last second: one that is gone may
 * be searched for again and again, and each time all of /proc is walked.
 */
#define ABSENT 64

static __thread struct {
	__u64 id;
	time_t until;
} absent[ABSENT];

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static int is_absent(__u64 id)
{
	absent[id % ABSENT].id = id;
	absent[id % ABSENT].until = seconds() + 1;
	return -ENOENT;
}

int netns_enter(__u64 id, int *back)
{
	struct search s = { .inode = id };
	__u64 there;
	int ret;

	*back = -1;
	if (id && id == netns_id())
		return 0;
	if (!id || (absent[id % ABSENT].id == id && seconds() < absent[id % ABSENT].until))
		return -ENOENT;
	ret = netns_walk(has_inode, &s);
	if (ret <= 0)
		return ret ? ret : is_absent(id);
	ret = netns_enter_path(s.path, back);
	if (ret)
		return ret;
	there = netns_id();
	if (there == id)
		return 0;
	/* Another one that got its inode number: it is gone for certain. */
	netns_leave(*back);
	*back = -1;
	return there ? is_absent(id) : -EMFILE;
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

bool netns_path(__u64 id, char path[NETNS_PATH])
{
	struct search s = { .inode = id };
	int back;

	*path = '\0';
	if (!id || netns_walk(has_inode, &s) != 1 || netns_enter(id, &back))
		return false;
	netns_leave(back);
	strcpy(path, s.path);
	return true;
}

/* ---- names ---- */

bool netns_name(__u64 id, char *name, size_t size)
{
	struct search s = { .inode = id };
	int back;

	*name = '\0';
	if (!id || walk(NAMED, "", has_inode, &s) != 1)
		return false;
	if (netns_enter(id, &back))
		return false;
	netns_leave(back);
	if (strlen(s.path + sizeof(NAMED)) >= size)
		return false;
	strcpy(name, s.path + sizeof(NAMED));
	return true;
}

const char *netns_text(__u64 id, char text[NETNS_TEXT])
{
	if (!netns_name(id, text, NETNS_NAME))
		snprintf(text, NETNS_TEXT, "net:[%u]", (__u32)id);
	return text;
}

const char *netns_suffix(__u64 id, char text[NETNS_SUFFIX])
{
	text[0] = '\0';
	if (id != netns_id()) {
		memcpy(text, " netns ", 8);
		netns_text(id, text + 7);
	}
	return text;
}

int netns_by_name(const char *name, __u64 *id)
{
	char path[512];
	int back, ret;

	*id = 0;
	if (!*name || *name == '.' || strchr(name, '/'))
		return -ENOENT;
	snprintf(path, sizeof(path), NAMED "/%s", name);
	ret = netns_enter_path(path, &back);
	if (ret) /* a name that nothing is mounted at is not one either */
		return ret == -EINVAL ? -ENOENT : ret;
	*id = netns_id();
	netns_leave(back);
	return *id ? 0 : -EMFILE;
}

/* ---- all of them ---- */

struct tour {
	void (*each)(void *ctx);
	void *ctx;
	__u32 *seen;
	size_t n;
};

static int visit_once(void *ctx, const char *path)
{
	struct tour *t = ctx;
	__u32 inode = inode_of(path), *seen;
	size_t i;
	int back;

	for (i = 0; i < t->n; i++)
		if (t->seen[i] == inode)
			return 0;
	seen = inode ? realloc(t->seen, (t->n + 1) * sizeof(*seen)) : NULL;
	if (!seen)
		return 0;
	t->seen = seen;
	seen[t->n++] = inode;
	if (netns_is_here(path)) {
		t->each(t->ctx);
	} else if (!netns_enter_path(path, &back)) {
		t->each(t->ctx);
		netns_leave(back);
	}
	return 0;
}

void netns_each(void (*each)(void *ctx), void *ctx)
{
	struct tour t = { each, ctx, NULL, 0 };

	visit_once(&t, SELF);
	netns_walk(visit_once, &t);
	free(t.seen);
}
