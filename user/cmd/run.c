// SPDX-License-Identifier: GPL-2.0-only
/* xroam run: the daemon. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "args/args.h"
#include "args/out.h"
#include "audit/audit.h"
#include "cmd.h"
#include "source/source.h"

static const char notes[] =
	"The daemon: checks backends' health, keeps the routes of VIPs that are\n"
	"announced, takes notices of VMs that move from its socket, from whom FILE\n"
	"names and from what the data plane saw, and keeps what a move needs in order.\n"
	"With -c it applies FILE first, and again on SIGHUP, and does what FILE alone\n"
	"can ask for: it listens to QEMU, libvirt, bridges, OVN and etcd, serves metrics\n"
	"and their page, and tells others. Stays in the foreground; SIGTERM or Ctrl-C\n"
	"ends it, and what it set up stays.\n"
	"\n"
	"The socket: /run/xroam/INSTANCE.sock. One JSON object a line, one answer each:\n"
	"  {\"notice\":\"moved\",\"mac\":\"52:54:00:12:34:56\",\"vlan\":5,\"to\":\"h2\",\"seq\":7}\n"
	"  {\"ok\":true,\"seq\":7}\n"
	"Notices: add (at, addresses, lock, tap, limits, rules, default), prepare (to,\n"
	"timeout, ttl, tap), pause, moved (to, ttl), cancel, leave; each with mac, and\n"
	"vlan and seq where wanted.\n";

int do_run(int argc, char **argv)
{
	struct args a = args_after(argc, argv);
	const char *file = NULL, *word;
	struct xr_err err = { "" };

	if (cmd_help(notes, argc, argv))
		return EXIT_DONE;
	while ((word = args_next(&a))) {
		if (strcmp(word, "-c") && strcmp(word, "--config"))
			return cmd_usage("\"%s\" is not expected here; write -c FILE or nothing",
					 word);
		if (file)
			return cmd_usage("-c is given twice");
		file = args_need(&a, "FILE after -c");
		if (!file)
			return EXIT_USAGE;
	}
	audit_end(opt.instance, NULL); /* its notices and files each have an entry of their own */
	out_never_wait();
	/* The daemon survives a lack of memory: plain malloc, and its callers check. */
	json_set_alloc_funcs(malloc, free);
	return daemon_run(opt.instance, file, opt.verbose, &err) ? cmd_fail(&err) : EXIT_DONE;
}
