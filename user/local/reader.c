// SPDX-License-Identifier: GPL-2.0-only
/* The process that reads a VM's port. */
#include <ctype.h>
#include <dirent.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/netns.h"
#include "local_priv.h"

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
	bool here; /* certainly: it is in this namespace */
};

static void ask(struct reader *r, const char *pid)
{
	struct holder h = look_at(pid, r->tap);

	if (!h.tap)
		return;
	r->here = is_here(pid);
	r->pid = atoi(pid);
	r->is = h.vhost ? TAP_READER_VHOST : is_qemu(pid) ? TAP_READER_QEMU : TAP_READER_OTHER;
}

/* All processes, or those alone that are a QEMU: of the others there are many. */
static void ask_all(struct reader *r, bool qemus)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && !r->here && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]) && (!qemus || is_qemu(e->d_name)))
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

/* ---- whether it has it ---- */

#define FDS_MOST 4096 /* of one who opens more, the tap is among the first */

/*
 * Its own descriptor is asked, in which namespace that tap is: a process can make one
 * of any name in a namespace of its own. Where it is not to be had, its name counts.
 */
static bool is_this_tap(const char *pid, const char *fd, const char *tap)
{
	struct ifreq ifr = { .ifr_name = "" };
	int process = syscall(SYS_pidfd_open, atoi(pid), 0);
	int tun = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, atoi(fd), 0);
	int space = tun < 0 ? -1 : ioctl(tun, TUNGETDEVNETNS);
	char path[40];
	bool is;

	if (tun < 0) {
		is = is_tap_of(pid, fd, tap);
	} else {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", space);
		is = !ioctl(tun, TUNGETIFF, &ifr) && !strncmp(ifr.ifr_name, tap, IFNAMSIZ) &&
			(space < 0 || netns_is_here(path));
	}
	if (space >= 0)
		close(space);
	if (tun >= 0)
		close(tun);
	if (process >= 0)
		close(process);
	return is;
}

static bool ends_in_tun(const char *path)
{
	size_t n = strlen(path);

	return *path == '/' && n >= 4 && !strcmp(path + n - 4, "/tun");
}

enum tap_held tap_held_by(const char *tap, __u32 pid)
{
	char path[300], target[256], text[16];
	struct dirent *e;
	bool held = false;
	unsigned int seen = 0;
	ssize_t n;
	DIR *d;

	snprintf(text, sizeof(text), "%u", pid);
	/* Another one's process, which hands on what a QEMU says, holds nothing. */
	if (!pid || !is_qemu(text))
		return TAP_UNSEEN;
	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	d = opendir(path);
	while (d && !held && seen < FDS_MOST && (e = readdir(d))) {
		n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		seen++;
		held = ends_in_tun(target) && is_this_tap(text, e->d_name, tap);
	}
	if (d)
		closedir(d);
	/* It has none that can be seen, or ends just now. */
	return held ? TAP_HELD : seen ? TAP_NOT_HELD : TAP_UNSEEN;
}

/* ---- what it does ---- */

enum reader_state reader_state(__u32 pid)
{
	char path[32];
	int call = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/syscall", pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%d", &call) != 1) /* "running" */
		call = -1;
	if (f)
		fclose(f);
	switch (call) {
	case -1:
		return READER_AWAKE;
#ifdef SYS_poll
	case SYS_poll:
#endif
#ifdef SYS_epoll_wait
	case SYS_epoll_wait:
#endif
	case SYS_ppoll:
	case SYS_epoll_pwait:
		return READER_POLLS;
	default:
		return READER_WAITS;
	}
}
