// SPDX-License-Identifier: GPL-2.0-only
/* xroam reload, xroam destroy. */
#include <stdio.h>

#include "../core/hops.h"
#include "cmd.h"

static const char reload_help[] =
	"Usage: xroam reload\n"
	"\n"
	"Puts this xroam's program in the place of the attached one, on every device,\n"
	"without a gap; maps, and so state, stay as they are.\n";

static const char destroy_help[] =
	"Usage: xroam destroy\n"
	"\n"
	"Detaches everywhere and removes every pin of the instance.\n";

static int count_devices(const struct plane *p)
{
	int i, n = 0;

	for (i = 0; i < XR_MAX_DEVICES; i++)
		n += p->devices[i].ifindex != 0;
	return n;
}

int do_reload(int argc, char **argv)
{
	struct xr_err err = { "" };
	struct plane *p;
	int ret, n;

	if (cmd_help(reload_help, argc, argv))
		return EXIT_DONE;
	if (argc > 1)
		return cmd_usage("\"%s\" is not expected here", argv[1]);
	ret = cmd_open(&p, PLANE_CHANGE);
	if (ret)
		return ret;
	n = count_devices(p);
	ret = plane_reload(p, &err);
	if (!ret)
		hops_follow(p);
	plane_close(p);
	if (ret)
		return cmd_fail(&err);
	if (opt.json)
		return out_json(json_pack("{s:i}", "reloaded_devices", n));
	printf("reloaded on %d device%s\n", n, n == 1 ? "" : "s");
	return EXIT_DONE;
}

int do_destroy(int argc, char **argv)
{
	struct xr_err err = { "" };

	if (cmd_help(destroy_help, argc, argv))
		return EXIT_DONE;
	if (argc > 1)
		return cmd_usage("\"%s\" is not expected here", argv[1]);
	if (plane_remove(opt.instance, &err))
		return cmd_fail(&err);
	if (opt.json)
		return out_json(json_pack("{s:s}", "destroyed", opt.instance));
	printf("instance \"%s\" is gone\n", opt.instance);
	return EXIT_DONE;
}
