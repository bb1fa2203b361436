/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs of the operator's: begun with their arguments as they are, no shell in
 * between, in a process group of their own, which ends with them. Nobody waits for one.
 */
#ifndef XR_DAEMON_PROGRAM_H
#define XR_DAEMON_PROGRAM_H

#include <systemd/sd-event.h>
#include "lib/error.h"

#define PROGRAM_PATH  "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
#define PROGRAM_INPUT 16384 /* octets that one may get */

struct program;

/* Those of one owner: at most so many at once, with those that were killed and die slowly. */
struct programs {
	sd_event *loop;
	unsigned int most;
	/* program.c's own */
	unsigned int running;
	bool closed;
};

/* NULL: no memory. */
struct programs *programs_open(sd_event *loop, unsigned int most);
/* Those that still run must have been killed. */
void programs_close(struct programs *all);
bool programs_are_many(const struct programs *all);

/* good: exit status 0. text: else how it ended, with the first line that it wrote. */
typedef void program_ended(void *ctx, bool good, const char *text);

/*
 * argv[0] is a path; argv and envp end with NULL. input: what it reads, NULL for nothing.
 * ended() is called once, from the loop, but not after program_kill(). -EBUSY: as many
 * run as may; -EINVAL: input is too large; -ENOMEM and others of fork() and pipe().
 */
int program_start(struct programs *all, struct program **p, char *const argv[], char *const envp[],
		  const char *input, program_ended *ended, void *ctx, struct xr_err *err);
void program_kill(struct program *p);

/*
 * In a child that was forked, before it begins another program: it ends with the daemon, has
 * signals as usual, these as standard input and output, and no other descriptor of the
 * daemon's but standard error. false: it cannot.
 */
bool program_leave_daemon(int input, int output);

#endif
