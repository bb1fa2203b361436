// SPDX-License-Identifier: GPL-2.0-only
/* xroam drain, xroam undrain: a node out of service, and back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apply/drain.h"
#include "apply/instance.h"
#include "args/args.h"
#include "args/out.h"
#include "attach/drained.h"
#include "cmd.h"
#include "plane/stats.h"
#include "state_priv.h"

static const char drain_notes[] =
	"Withdraws the VIPs that are announced, waits at most SECONDS (60) until no\n"
	"packet has come for any VIP for the quiet SECONDS (3), and takes the programs\n"
	"off. Where packets still come then, it says for which VIPs, ends with status\n"
	"1, and leaves the programs; --force takes them off all the same. --vms: also\n"
	"where the node redirects VMs. --state: flows and VMs are written to FILE\n"
	"before that, for \"xroam state import\" on another node. Nothing attaches or\n"
	"announces before \"xroam undrain\", or a reboot.\n";

static const char undrain_notes[] =
	"Attaches what drain has taken off, in the same modes, and announces what serves.\n";

struct drain_args {
	__u64 wait, quiet;
	const char *state; /* FILE; NULL: its state is not wanted */
	bool vms, force;
};

/* What comes for VIPs, over all CPUs. */
struct watch {
	struct plane *p;
	__u64 *packets; /* by VIP index */
	__u64 *before;  /* the same, one look earlier */
	double began, moved;
	double seconds; /* between the two */
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* true: some came since the last look. */
static bool look(struct watch *w)
{
	struct xr_counter c;
	bool came = false;
	__u32 i;

	for (i = 1; i <= w->p->meta->limits.vips; i++) {
		if (!w->p->vips[i].used || stats_vip(w->p, i, &c))
			continue;
		w->before[i] = w->packets[i];
		w->packets[i] = c.packets;
		came |= c.packets != w->before[i];
	}
	return came;
}

/* By "undrain", or with the instance. */
static bool is_undone(const struct plane *p, __u64 since)
{
	return !plane_exists(p) || p->drain->state == XR_DRAIN_NONE || p->drain->since != since;
}

/* Waits without the lock: other commands go on. true: it was quiet for long enough. */
static bool wait_for_quiet(struct watch *w, const struct drain_args *a, __u64 since)
{
	const struct timespec pause = { .tv_nsec = 200000000 };
	double t;

	look(w);
	w->began = w->moved = now();
	for (;;) {
		t = now();
		if (t - w->moved >= a->quiet && t > w->began)
			return true;
		if (t - w->began >= a->wait || is_undone(w->p, since))
			return false;
		nanosleep(&pause, NULL);
		w->seconds = now() - t;
		if (look(w))
			w->moved = now();
	}
}

/* The rates of the last look; a list of {"vip": ..., "packets_per_second": ...}. */
static json_t *still(const struct watch *w)
{
	json_t *list = json_array();
	__u32 i;

	for (i = 1; i <= w->p->meta->limits.vips; i++) {
		const struct xr_vip *v = &w->p->vips[i];
		double rate = w->seconds > 0 ? (w->packets[i] - w->before[i]) / w->seconds : 0;

		if (v->used && rate > 0)
			json_array_append_new(list,
					      json_pack("{s:o, s:f}", "vip",
							json_vip(v->addr, v->port, v->proto),
							"packets_per_second", rate));
	}
	return list;
}

#define NAMED 3 /* VIPs in the line of an error */

static int refuse_noisy(const struct watch *w, const struct drain_args *a)
{
	json_t *list = still(w), *one;
	char text[320] = "";
	size_t i, n = 0;

	json_array_foreach(list, i, one)
		if (i < NAMED)
			n += snprintf(text + n, sizeof(text) - n, "%s%s (%.0f a second)",
				      i ? ", " : "", json_string_value(json_object_get(one, "vip")),
				      json_real_value(json_object_get(one, "packets_per_second")));
	n = json_array_size(list);
	json_decref(list);
	if (!n)
		return cmd_refuse(
			"withdrawn, but not yet drained: no packet comes now, but some came within %llu seconds; \"xroam drain\" again waits on",
			(unsigned long long)a->quiet);
	return cmd_refuse(
		"withdrawn, but not drained: after %llu seconds packets still come for %s%s; \"xroam drain\" again waits on, --force takes the programs off all the same",
		(unsigned long long)a->wait, text, n > NAMED ? " and more" : "");
}

static int print_drained(struct plane *p, const char *kept)
{
	const struct xr_device *d = NULL;
	json_t *list = json_array();

	while ((d = drained_next(p, d))) {
		if (opt.json)
			json_array_append_new(list, json_text(d->name));
		else
			printf("%s: detached\n", d->name);
	}
	if (opt.json)
		return out_json(json_pack("{s:b, s:o, s:o}", "drained", 1, "detached", list, "kept",
					  kept ? json_text(kept) : json_null()));
	json_decref(list);
	if (kept)
		printf("the programs stay: %s\n", kept);
	printf("drained; \"xroam undrain\" takes it back\n");
	return EXIT_DONE;
}

/* For another node: nothing comes any more that would change it. */
static int save_state(struct plane *p, const char *file)
{
	struct state_options o = { .what = STATE_ALL };
	struct state_sent sent;
	struct xr_err err = { "" };

	return file && cmd_export_state(p, file, &o, &sent, &err) ? cmd_fail(&err) : EXIT_DONE;
}

/* The second half, under the lock. */
static int finish(struct plane *p, const struct drain_args *a, __u64 since)
{
	struct xr_err err = { "" };
	const char *kept;
	int ret;

	if (is_undone(p, since))
		return cmd_refuse("somebody has undrained the node meanwhile");
	kept = drain_keeps_programs(p, a->vms);
	if (kept && a->vms)
		return cmd_refuse("withdrawn, but not drained: %s", kept);
	ret = save_state(p, a->state);
	if (ret)
		return ret;
	if (kept)
		drain_finish(p);
	ret = kept ? 0 : drain_detach(p, &err);
	return ret ? cmd_fail(&err) : print_drained(p, kept);
}

static int drain(struct plane *p, const struct drain_args *a, struct watch *w)
{
	struct xr_err err = { "" };
	__u64 since;
	int ret;

	drain_begin(p);
	since = p->drain->since;
	if (p->drain->state == XR_DRAINED && (p->drain->detached || !a->vms))
		return print_drained(p, drain_keeps_programs(p, a->vms));
	plane_unlock(p);
	if (!wait_for_quiet(w, a, since) && !a->force && !is_undone(p, since))
		return refuse_noisy(w, a);
	ret = instance_relock(p, &err);
	return ret ? cmd_fail(&err) : finish(p, a, since);
}

int do_drain(int argc, char **argv)
{
	static const struct args_key keys[] = {
		{ "--wait", ARGS_NUMBER, ARGS_TO(struct drain_args, wait), 0, 86400 },
		{ "--quiet", ARGS_NUMBER, ARGS_TO(struct drain_args, quiet), 1, 3600 },
		{ "--state", ARGS_TEXT, ARGS_TO(struct drain_args, state), .what = "FILE" },
		{ "--vms", ARGS_FLAG, ARGS_TO(struct drain_args, vms) },
		{ "--force", ARGS_FLAG, ARGS_TO(struct drain_args, force) },
		{ 0 }
	};
	struct drain_args a = { .wait = 60, .quiet = 3 };
	struct args_given g = { .often = ARGS_ALL };
	struct args args = args_after(argc, argv);
	struct watch w = { .p = NULL };
	int ret;

	if (cmd_help(drain_notes, argc, argv))
		return EXIT_DONE;
	ret = args_take(&args, keys, &a, &g);
	if (!ret)
		ret = cmd_open(&w.p, PLANE_CHANGE);
	if (ret)
		return ret;
	w.packets = calloc(w.p->meta->limits.vips + 1, sizeof(*w.packets));
	w.before = calloc(w.p->meta->limits.vips + 1, sizeof(*w.before));
	ret = w.packets && w.before ? drain(w.p, &a, &w) : cmd_refuse("out of memory");
	free(w.packets);
	free(w.before);
	plane_close(w.p);
	return ret;
}

static void warn_gone(void *ctx, const char *dev)
{
	(void)ctx;
	cmd_warn("%s is gone, and is forgotten", dev);
}

int do_undrain(int argc, char **argv)
{
	struct xr_err err = { "" };
	struct plane *p;
	bool was;
	int ret;

	if (cmd_help(undrain_notes, argc, argv))
		return EXIT_DONE;
	ret = args_none(argc, argv);
	if (!ret)
		ret = cmd_open(&p, PLANE_CHANGE);
	if (ret)
		return ret;
	was = p->drain->state != XR_DRAIN_NONE;
	ret = was ? drain_undo(p, warn_gone, NULL, &err) : 0;
	plane_close(p);
	if (ret)
		return cmd_fail(&err);
	if (opt.json)
		return out_json(json_pack("{s:b, s:b}", "drained", 0, "changed", was));
	printf(was ? "the node serves again\n" : "the node was not drained\n");
	return EXIT_DONE;
}
