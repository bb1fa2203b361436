// SPDX-License-Identifier: GPL-2.0-only
/* xroam reload, xroam destroy. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/instance.h"
#include "apply/model_load.h"
#include "args/args.h"
#include "args/out.h"
#include "audit/audit.h"
#include "attach/attach.h"
#include "cmd.h"
#include "devices/devices.h"
#include "host/hops.h"
#include "model/model.h"
#include "write/write.h"

#define KEPT XR_RUN_ROOT "/INSTANCE.destroyed.yaml"

static const char reload_notes[] =
	"Puts this xroam's program in the place of the attached one, on every device,\n"
	"without a gap; maps, and so state, stay as they are. Where an older xroam made\n"
	"the instance, its maps are converted to this one's layout, under traffic.\n";

static const char destroy_notes[] =
	"Detaches everywhere and removes every pin of the instance. What it was is kept\n"
	"in " KEPT ", with its keys, until the next\n"
	"destroy of that name or a reboot: \"xroam apply\" takes it back.\n";

static int count_devices(struct plane *p, int *gone)
{
	int i, n = 0;

	*gone = 0;
	for (i = 0; i < XR_MAX_DEVICES; i++) {
		if (!p->devices[i].ifindex)
			continue;
		if (plane_device_state(p, &p->devices[i]) == DEVICE_GONE)
			++*gone;
		else
			n++;
	}
	return n;
}

/* *from: the map layout that was converted, which replaced the programs, too; 0: none. */
static int replace_programs(struct plane **p, __u32 *from)
{
	struct xr_err err = { "" };
	int ret;

	plane_ready_reload(opt.instance);
	if (instance_upgrade(opt.instance, from, &err))
		return cmd_fail(&err);
	if (err.text[0])
		cmd_warn("%s", err.text);
	ret = cmd_open(p, PLANE_CHANGE);
	if (ret)
		return ret;
	if (!*from && devices_reload(*p, &err)) {
		plane_close(*p);
		return cmd_fail(&err);
	}
	hops_follow(*p);
	return EXIT_DONE;
}

int do_reload(int argc, char **argv)
{
	struct plane *p;
	int ret, n, gone;
	__u32 from;
	json_t *o;

	if (cmd_help(reload_notes, argc, argv))
		return EXIT_DONE;
	ret = args_none(argc, argv);
	if (!ret)
		ret = replace_programs(&p, &from);
	if (ret)
		return ret;
	n = count_devices(p, &gone);
	plane_close(p);
	if (opt.json) {
		o = json_pack("{s:i}", "reloaded_devices", n);
		if (from)
			json_object_set_new(o, "from_layout", json_integer(from));
		return out_json(o);
	}
	if (from)
		printf("map layout %u converted to %d; ", from, XR_ABI_VERSION);
	printf("reloaded on %d device%s", n, n == 1 ? "" : "s");
	if (gone)
		printf("; %d %s gone, see \"xroam status\"", gone, gone == 1 ? "is" : "are");
	putchar('\n');
	return EXIT_DONE;
}

/* ---- destroy ---- */

static bool is_empty(const struct model *m)
{
	return !m->n_vips && !m->n_cids && !m->n_backends && !m->n_hosts && !m->n_vms &&
		!m->n_devs && !m->n_gateways && !m->n_protect;
}

static int write_kept(const char *path, const char *text, size_t len, struct xr_err *err)
{
	char part[512];
	int fd, ret = 0;

	snprintf(part, sizeof(part), "%s.part", path);
	unlink(part);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || plane_write(fd, text, len) || rename(part, path))
		ret = xr_fail(err, errno ? -errno : -EIO, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (ret)
		unlink(part);
	return ret;
}

static void left_out(void *ctx, const char *line)
{
	(void)ctx;
	cmd_warn("%s", line);
}

/* 1: the instance was empty; the file of an earlier destroy is not overwritten then. */
static int keep_export(struct plane *p, const char *path, struct xr_err *err)
{
	char *text = NULL;
	struct model m;
	size_t len = 0;
	int ret = model_load(p, &m, err);

	if (ret)
		return ret;
	m.devs_given = true;
	ret = model_load_vms(p, &m, err);
	if (!ret && is_empty(&m))
		ret = 1;
	if (!ret) {
		model_name_devices(p, &m, left_out, NULL);
		ret = config_write(&m, true, true, &text, &len, err);
	}
	if (!ret)
		ret = write_kept(path, text, len, err);
	if (text)
		explicit_bzero(text, len);
	free(text);
	model_free(&m);
	return ret;
}

/* Destroys the instance even where the copy cannot be made. */
static int remove_keeping(const char *path, bool *kept, struct xr_err *err)
{
	struct xr_err why = { "" };
	struct plane *p;
	int ret;

	*kept = false;
	ret = instance_open(&p, opt.instance, PLANE_CHANGE, NULL, NULL, &why);
	/* Another error, such as somebody else's lock, keeps the instance. */
	if (ret && ret != -EPROTO && ret != -ENOENT) {
		*err = why;
		return ret;
	}
	if (ret == -EPROTO)
		cmd_warn("what the instance was cannot be read, nor kept: %s", why.text);
	if (ret)
		return instance_remove(opt.instance, err);
	ret = keep_export(p, path, &why);
	if (ret < 0)
		cmd_warn("what the instance was is not kept: %s", why.text);
	*kept = !ret;
	ret = instance_destroy(p, err);
	plane_close(p);
	return ret;
}

int do_destroy(int argc, char **argv)
{
	struct xr_err err = { "" };
	char path[256];
	bool kept;
	json_t *o;
	int ret;

	if (cmd_help(destroy_notes, argc, argv))
		return EXIT_DONE;
	ret = args_none(argc, argv);
	if (ret)
		return ret;
	audit_intend(true);
	snprintf(path, sizeof(path), XR_RUN_ROOT "/%s.destroyed.yaml", opt.instance);
	if (remove_keeping(path, &kept, &err))
		return cmd_fail(&err);
	audit_line("- instance %s", opt.instance);
	if (opt.json) {
		o = json_pack("{s:s}", "destroyed", opt.instance);
		if (kept)
			json_object_set_new(o, "export", json_string(path));
		return out_json(o);
	}
	printf("instance \"%s\" is gone%s%s\n", opt.instance,
	       kept ? "; what it was, its keys too, is in " : "", kept ? path : "");
	return EXIT_DONE;
}
