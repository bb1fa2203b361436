// SPDX-License-Identifier: GPL-2.0-only
/*
 * The objects that need libcurl, libmicrohttpd or libpcap. With what these need in turn a
 * process takes twice as long to begin, and hooks call the command for each step of a move:
 * so the command is not linked with them, and becomes the program that is, which is the same
 * with all objects in it.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "args/args.h"
#include "args/out.h"
#include "cluster/cluster.h"
#include "cmd/cmd.h"
#include "lib/libexec.h"
#include "packets/packets.h"

static int hand_over(void)
{
	char program[PATH_MAX];

	if (!libexec_find("xroam", program, sizeof(program)))
		return cmd_refuse(
			"%s: the program that does it is missing; install PREFIX/libexec/xroam/xroam beside PREFIX/sbin/xroam, as \"make install\" does",
			opt.object);
	execv(program, opt.words);
	return cmd_refuse("%s: %s: %s", opt.object, program, strerror(errno));
}

#define X(object)                              \
	int do_##object(int argc, char **argv) \
	{                                      \
		(void)argc;                    \
		(void)argv;                    \
		return hand_over();            \
	}
X(capture)
X(etcd)
X(explain)
X(run)
#undef X
