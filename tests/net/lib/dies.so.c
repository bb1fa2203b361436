// SPDX-License-Identifier: GPL-2.0-only
/*
 * For LD_PRELOAD: the process is killed
 *
 * - DIES_AT=N: as it asks the kernel by netlink for the N-th time (sendto, as libmnl
 *   does), before that was sent;
 * - DIES_BEFORE=STEP or DIES_BEHIND=STEP: at a step of its work, one change to what others
 *   see. STEPS=FILE gets a line for each as it begins: "pin PATH", "rename PATH"; or of what has
 *   no name the kind and how many of it there were, "ask 3" (netlink by libmnl), "device 1"
 *   (by libbpf), "update 2" (an element of a map).
 *
 * Or it waits so many microseconds before each ask, WAIT_US, as where the kernel has much
 * to do.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "preload.h"

#define KINDS 16

static long asks_left = -1, wait_us;
static const char *before, *behind;
static int steps = -1;
static char step[512];

static long number(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text ? atol(text) : otherwise;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("STEPS");

	asks_left = number("DIES_AT", -1);
	wait_us = number("WAIT_US", 0);
	before = getenv("DIES_BEFORE");
	behind = getenv("DIES_BEHIND");
	if (path)
		steps = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static int count(const char *kind)
{
	static struct {
		const char *kind;
		int n;
	} counts[KINDS];
	int i;

	for (i = 0; counts[i].kind && strcmp(counts[i].kind, kind); i++)
		;
	counts[i].kind = kind;
	return ++counts[i].n;
}

/* path NULL: it has none. */
static void step_begin(const char *kind, const char *path)
{
	if (path)
		snprintf(step, sizeof(step), "%s %s", kind, path);
	else
		snprintf(step, sizeof(step), "%s %d", kind, count(kind));
	if (steps >= 0)
		dprintf(steps, "%s\n", step);
	if (before && !strcmp(before, step))
		raise(SIGKILL);
}

static void step_end(void)
{
	if (behind && !strcmp(behind, step))
		raise(SIGKILL);
}

/* A call that is a step. */
#define STEP(kind, path, call)          \
	({                              \
		__typeof__(call) ret_;  \
                                        \
		step_begin(kind, path); \
		ret_ = (call);          \
		step_end();             \
		ret_;                   \
	})

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	if (asks_left > 0 && !--asks_left)
		raise(SIGKILL);
	if (wait_us)
		usleep(wait_us);
	return STEP("ask", NULL, REAL(sendto)(fd, buf, len, flags, to, to_len));
}

/* As libbpf asks: of programs on devices. */
ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	return STEP("device", NULL, REAL(send)(fd, buf, len, flags));
}

int mkdir(const char *path, mode_t mode)
{
	return STEP("mkdir", path, REAL(mkdir)(path, mode));
}

int rmdir(const char *path)
{
	return STEP("rmdir", path, REAL(rmdir)(path));
}

int unlink(const char *path)
{
	return STEP("unlink", path, REAL(unlink)(path));
}

int rename(const char *from, const char *to)
{
	return STEP("rename", to, REAL(rename)(from, to));
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	return STEP("exchange", to, REAL(renameat2)(from_dir, from, to_dir, to, flags));
}

/* What a bpf() changes; NULL: nothing that others see. */
static const char *bpf_step(long cmd)
{
	switch (cmd) {
	case BPF_MAP_UPDATE_ELEM:
		return "update";
	case BPF_MAP_DELETE_ELEM:
		return "delete";
	case BPF_OBJ_PIN:
		return "pin";
	case BPF_PROG_ATTACH:
		return "attach";
	case BPF_PROG_DETACH:
		return "detach";
	case BPF_LINK_CREATE:
		return "link";
	case BPF_LINK_UPDATE:
		return "replace";
	default:
		return NULL;
	}
}

/* libbpf's bpf(), and others that are only passed on. */
long syscall(long nr, ...)
{
	const char *kind = NULL;
	long a[6], ret;

	TAKE_ARGUMENTS(a, nr);
	if (nr == SYS_bpf)
		kind = bpf_step((int)a[0]);
	if (kind)
		step_begin(kind,
			   (int)a[0] == BPF_OBJ_PIN
				   ? (const char *)((const union bpf_attr *)a[1])->pathname
				   : NULL);
	ret = REAL(syscall)(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (kind)
		step_end();
	return ret;
}
