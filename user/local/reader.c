// SPDX-License-Identifier: GPL-2.0-only
/* The process that reads a VM's tap: which one it is, and what it does. */
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

/* ---- which process it is ---- */

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

/* What a process has open. */
struct holdings {
	bool tap, vhost;
};

static struct holdings holdings_of(const char *pid, const char *tap)
{
	struct holdings h = { false, false };
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
	bool here; /* certain: the process is in this network namespace */
};

/* Whether the process has the tap open. */
static void check_process(struct reader *r, const char *pid)
{
	struct holdings h = holdings_of(pid, r->tap);

	if (!h.tap)
		return;
	r->here = is_here(pid);
	r->pid = atoi(pid);
	r->is = h.vhost ? TAP_READER_VHOST : is_qemu(pid) ? TAP_READER_QEMU : TAP_READER_OTHER;
}

/* All processes, or only those that are a QEMU: of others there are many. */
static void check_all(struct reader *r, bool qemus)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && !r->here && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]) && (!qemus || is_qemu(e->d_name)))
			check_process(r, e->d_name);
	if (d)
		closedir(d);
}

/*
 * Taps in several namespaces may have the same name. A QEMU in another namespace, which may
 * have been handed its tap from outside, counts only where there is none in this one.
 */
enum tap_reader tap_reader(const char *tap, __u32 likely, __u32 *pid)
{
	struct reader r = { .tap = tap, .is = TAP_READER_OTHER };
	char text[16];

	snprintf(text, sizeof(text), "%u", likely);
	if (likely)
		check_process(&r, text);
	if (!r.here)
		check_all(&r, true);
	if (r.pid && !r.here)
		check_all(&r, false);
	*pid = r.pid;
	return r.is;
}

/* ---- whether a process has the tap ---- */

#define FDS_MOST 4096 /* descriptors that are looked at: a tap is opened early */

/*
 * Whether the descriptor is of the tap of that name in this namespace. A process can make a tap of
 * any name in a namespace of its own, so the descriptor itself is duplicated and asked. Where it
 * cannot be had, the name alone counts.
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
	/* A process that hands on what a QEMU says need not hold the tap itself. */
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
	/* None seen: they cannot be looked at, or the process is ending. */
	return held ? TAP_HELD : seen ? TAP_NOT_HELD : TAP_UNSEEN;
}

/* ---- what the process does ---- */

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
