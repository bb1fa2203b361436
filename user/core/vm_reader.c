// SPDX-License-Identifier: GPL-2.0-only
/* The process that reads a VM's port. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netns.h"
#include "vm_local_priv.h"

/* ---- who it is ---- */

/* fdinfo of a tun descriptor: "iff:	tap0". */
static bool is_tap_of(const char *pid, const char *fd, const char *tap)
{
	char path[300], line[64], name[32];
	bool yes = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, fd);
	f = fopen(path, "re");
	while (f && !yes && fgets(line, sizeof(line), f))
		yes = sscanf(line, "iff: %31s", name) == 1 && !strcmp(name, tap);
	if (f)
		fclose(f);
	return yes;
}

struct holder {
	bool tap, vhost;
};

static struct holder look_at(const char *pid, const char *tap)
{
	struct holder h = { false, false };
	char path[300], target[256];
	struct dirent *e;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		if (!strcmp(target, "/dev/net/tun"))
			h.tap = h.tap || is_tap_of(pid, e->d_name, tap);
		else if (!strcmp(target, "/dev/vhost-net"))
			h.vhost = true;
	}
	if (d)
		closedir(d);
	return h;
}

static bool is_qemu(const char *pid)
{
	char path[300], exe[256];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n < 0)
		return false;
	exe[n] = '\0';
	base = strrchr(exe, '/');
	base = base ? base + 1 : exe;
	return !strncmp(base, "qemu", 4) || !strncmp(base, "kvm", 3);
}

static bool is_here(const char *pid)
{
	char path[300];

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	return netns_is_here(path);
}

struct reader {
	const char *tap;
	enum tap_reader is;
	__u32 pid;
	bool here;		/* certainly: it is in this namespace */
};

static void ask(struct reader *r, const char *pid)
{
	struct holder h = look_at(pid, r->tap);

	if (!h.tap)
		return;
	r->here = is_here(pid);
	r->pid = atoi(pid);
	r->is = h.vhost ? TAP_READER_VHOST :
		is_qemu(pid) ? TAP_READER_QEMU : TAP_READER_OTHER;
}

/* All processes, or those alone that are a QEMU: of the others there are many. */
static void ask_all(struct reader *r, bool qemus)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && !r->here && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]) &&
		    (!qemus || is_qemu(e->d_name)))
			ask(r, e->d_name);
	if (d)
		closedir(d);
}

/*
 * A name may be a tap's in several namespaces; a QEMU that was handed its tap from
 * outside is taken for want of one inside.
 */
enum tap_reader tap_reader(const char *tap, __u32 likely, __u32 *pid)
{
	struct reader r = { .tap = tap, .is = TAP_READER_OTHER };
	char text[16];

	snprintf(text, sizeof(text), "%u", likely);
	if (likely)
		ask(&r, text);
	if (!r.here)
		ask_all(&r, true);
	if (r.pid && !r.here)
		ask_all(&r, false);
	*pid = r.pid;
	return r.is;
}

/* ---- what it does ---- */

enum sleep reader_sleeps(__u32 pid)
{
	char path[32];
	int call = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/syscall", pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%d", &call) != 1)	/* "running" */
		call = -1;
	if (f)
		fclose(f);
	switch (call) {
	case -1:
		return AWAKE;
#ifdef SYS_poll
	case SYS_poll:
#endif
#ifdef SYS_epoll_wait
	case SYS_epoll_wait:
#endif
	case SYS_ppoll:
	case SYS_epoll_pwait:
		return POLLS;
	default:
		return WAITS;
	}
}

__u64 reader_ran(__u32 pid)
{
	unsigned long long ns = 0;
	char path[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/schedstat", pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return ns;
}
