/* SPDX-License-Identifier: GPL-2.0-only */
/*
 *	enter NETNS CMD...	CMD in the network namespace of this file, as nsenter --net does
 *	in_ns NODE CMD...	in /run/netns/$WORLD-NODE
 *	xr_on NODE ARGS...	$XROAM ARGS there, of the instance $WORLD-NODE
 *	xr ARGS...		on $XR_NODE
 *
 * One program by its four names. Tests begin most of their commands so: a program that is
 * static, and no function of their shell, which would be one process more, and two in a pipe.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What nsenter and env end with: where they fail themselves, and where CMD is not there. */
enum { FAILED = 1, NO_COMMAND = 127 };

static int usage(void)
{
	fprintf(stderr,
		"usage: enter NETNS CMD... | in_ns NODE CMD... | xr_on NODE ARGS... | xr ARGS...\n");
	return FAILED;
}

static int enter(const char *netns, char **cmd)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		perror(netns);
		return FAILED;
	}
	execvp(cmd[0], cmd);
	perror(cmd[0]);
	return NO_COMMAND;
}

/* enter_node() of a node, its name at words[0], and what follows. */
static int enter_node(char **words, int n, bool xroam)
{
	const char *world = getenv("WORLD");
	char *program = getenv("XROAM");
	char netns[128], instance[128];
	char *cmd[n + 4], **next = cmd;

	if (!world || (xroam && !program) || (!xroam && n < 2))
		return usage();
	snprintf(netns, sizeof(netns), "/run/netns/%s-%s", world, words[0]);
	snprintf(instance, sizeof(instance), "%s-%s", world, words[0]);
	if (xroam) {
		*next++ = program;
		*next++ = "-i";
		*next++ = instance;
	}
	memcpy(next, words + 1, n * sizeof(*words)); /* and the NULL at their end */
	/* They are this program's, and would mean something to hooks. */
	unsetenv("WORLD");
	unsetenv("XROAM");
	unsetenv("XR_NODE");
	return enter(netns, cmd);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');

	name = name ? name + 1 : argv[0];
	if (!strcmp(name, "xr")) {
		argv[0] = getenv("XR_NODE");
		return argv[0] ? enter_node(argv, argc, true) : usage();
	}
	if (argc < 2)
		return usage();
	if (!strcmp(name, "xr_on"))
		return enter_node(argv + 1, argc - 1, true);
	if (!strcmp(name, "in_ns"))
		return enter_node(argv + 1, argc - 1, false);
	return argc > 2 ? enter(argv[1], argv + 2) : usage();
}
