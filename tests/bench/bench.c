// SPDX-License-Identifier: GPL-2.0-only
/*
 * ns per packet of the node program, beside floors measured in the same run.
 *
 *	bench [--quick] [--only WORD] [--rounds N] [--cpu N] [--json]
 *
 * WORD: rows whose name holds it; "figures" and "moves" are those of user space, "capture" is
 * what that costs.
 *
 * Every row is measured in turns with a program that returns XDP_TX behind the
 * same wrapper (see wrap.bpf.c), so that noise hits both; "above" is what the
 * node program costs beyond it.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user/lib/reason.h"
#include "lib/cases.h"
#include "lib/figures.h"
#include "lib/harness.h"
#include "lib/scene.h"
#include "lib/vm_rows.h"

#define MILLION (1U << 20)

static struct {
	bool quick, json;
	const char *only;
	int rounds, cpu;
} opt = { .cpu = 1 };

/* ---- rows ---- */

#define COLD_EXTRA 60 /* at a million, above the same with one: the target */

struct row {
	const char *name;
	__u32 vips, count;
	struct measured m;
	double target;    /* above the floor; 0: none */
	double elsewhere; /* share of packets that left for another reason */
};

static struct {
	struct row row[256];
	size_t n;
	struct measured floor[FLOORS];
} result;

static struct row *find_row(const char *name, __u32 vips, __u32 count)
{
	for (size_t i = 0; i < result.n; i++) {
		struct row *r = &result.row[i];

		if (!strcmp(r->name, name) && r->vips == vips && r->count == count)
			return r;
	}
	return NULL;
}

/* The fewest that a case is measured with: its hot row. */
static __u32 least_of(const struct bench_case *c, __u32 vips)
{
	return c->walks == OF_NEW_FLOWS || (c->walks == OF_FLOWS && vips > 1) ? 1024 : 1;
}

static double target_of(const struct bench_case *c, const struct row *r)
{
	struct row *clear = find_row("quic-clear", r->vips, 1);
	struct row *hot = find_row(c->name, r->vips, least_of(c, r->vips));

	if (!c->target)
		return 0;
	if (r->count == MILLION)
		return hot ? hot->m.above_min + COLD_EXTRA : 0;
	if (!c->over_clear)
		return c->target;
	return clear ? clear->m.above_min + c->target : 0;
}

/*
 * Noise only ever adds, so what runs hot is judged by its minimum. At a million
 * the caches are what is measured: the median.
 */
static double judged(const struct row *r)
{
	return r->count == MILLION ? r->m.above : r->m.above_min;
}

static void print_row(const struct row *r)
{
	char target[16] = "-", count[16];

	if (opt.json)
		return;
	snprintf(count, sizeof(count), r->count == MILLION ? "2^20" : "%u", r->count);
	if (r->target)
		snprintf(target, sizeof(target), "%.0f", r->target);
	printf("%-16s %5u %6s %8.1f %8.1f %8.1f %8.1f %7.2f %7s", r->name, r->vips, count,
	       r->m.floor.median, r->m.test.median, r->m.above_min, r->m.above,
	       r->m.test.median / r->m.floor.median, target);
	if (r->target && judged(r) > r->target)
		printf("  over by %.1f", judged(r) - r->target);
	if (r->elsewhere > 0.01)
		printf("  (%.1f %% went another way)", r->elsewhere * 100);
	printf("\n");
	fflush(stdout);
}

static void print_heading(void)
{
	if (opt.json)
		return;
	printf("%-16s %5s %6s %8s %8s %8s %8s %7s %7s\n", "case", "VIPs", "IDs or", "floor", "node",
	       "above", "above", "ratio", "target");
	printf("%-16s %5s %6s %8s %8s %8s %8s\n", "ns per packet", "", "flows", "(median)",
	       "(median)", "(min)", "(median)");
}

/* One packet alone: does it leave as it should? */
static int check_one(struct harness *h, const struct scene *s, const struct bench_case *c,
		     const struct shot *shot)
{
	__u8 out[FRAME_MAX];
	__u32 len;
	int action = harness_once(h, scene_prog(s), shot, out, &len);

	if (action == (int)c->action)
		return 0;
	fprintf(stderr, "bench: %s: action %d where %u is right\n", c->name, action, c->action);
	return -EINVAL;
}

static int measure(struct harness *h, struct scene *s, const struct bench_case *c, __u32 vips,
		   __u32 count)
{
	struct row *r = &result.row[result.n];
	struct shot shot;
	__u64 packets, left;
	int err;

	if (result.n == sizeof(result.row) / sizeof(result.row[0]))
		return -ENOSPC;
	c->shot(&shot);
	shot.walk.vips = vips;
	shot.walk.vip_of_flow = c->walks == OF_FLOWS;
	shot.walk.mask = c->walks == OF_NEW_FLOWS ? ~0U : count - 1;
	err = shot.walk.walk_cid
		? scene_cids(c->cid, &shot.frame[shot.walk.cid], harness_cids(h), count)
		: 0;
	if (c->walks == OF_FLOWS)
		scene_forget_flows(s);
	err = err ?: harness_warm(h, scene_prog(s), &shot, 2 * count) ?: check_one(h, s, c, &shot);
	if (err)
		return err;

	packets = harness_packets(h);
	left = scene_count(s, c->reason);
	err = harness_measure(h, scene_prog(s), FLOOR_TX, &shot, opt.rounds, &r->m);
	if (err)
		return err;
	packets = harness_packets(h) - packets;
	left = scene_count(s, c->reason) - left;
	r->elsewhere = 1 - (double)left / packets;
	r->name = c->name;
	r->vips = vips;
	r->count = count;
	result.n++;
	r->target = target_of(c, r);
	print_row(r);
	return 0;
}

static bool wanted(const struct bench_case *c)
{
	return !opt.only || strstr(c->name, opt.only) ||
		(c == &bench_cases[0] && strstr("quic-single quic-four", opt.only));
}

/* All cases over one instance. */
static int measure_scene(struct harness *h, struct scene *s, __u32 vips, bool small, bool apart)
{
	static const __u32 counts[] = { 1, 1024, MILLION };
	int err = 0;

	for (size_t i = 0; i < BENCH_CASES && !err; i++) {
		const struct bench_case *c = &bench_cases[i];

		if (!wanted(c) || c->apart != apart || (vips > 1 && !c->vips))
			continue;
		for (int k = 0; k < 3 && !err; k++) {
			if (c->walks == OF_NOTHING && k)
				continue;
			/* A flow has but one VIP. */
			if (c->walks == OF_FLOWS && counts[k] < vips)
				continue;
			/* New flows: their number is the table's size. */
			if (small ? c->walks != OF_NEW_FLOWS || k != 1
				  : c->walks == OF_NEW_FLOWS && k != 2)
				continue;
			err = measure(h, s, c, vips, counts[k]);
		}
	}
	return err;
}

static int measure_floors(struct harness *h)
{
	static const char *const name[] = {
		[FLOOR_TX] = "XDP_TX",   [FLOOR_PASS] = "XDP_PASS", [FLOOR_IPIP] = "IPIP alone",
		[FLOOR_VXLAN] = "VXLAN", [FLOOR_PORT] = "redirect",
	};
	struct shot shot;
	int err = 0;

	bench_cases[0].shot(&shot);
	for (int i = 0; i < FLOORS && !err; i++) {
		struct measured *m = &result.floor[i];

		err = harness_measure(h, harness_floor(h, i), FLOOR_TX, &shot, opt.rounds, m);
		if (!err && !opt.json)
			printf("floor %-10s %18s %8.1f %8.1f %8.1f %8.1f %7.2f\n", name[i], "",
			       m->floor.median, m->test.median, m->above_min, m->above,
			       m->test.median / m->floor.median);
	}
	return err;
}

/* One instance after another: each is some hundred megabytes. */
static int measure_all(struct harness *h)
{
	static const struct {
		__u32 vips, sids, flows;
		bool apart;
	} scenes[] = {
		{ 1, 1024, 1024, false },
		{ 1, MILLION, 2 * MILLION, false },
		{ 1, MILLION, 1024, true },
		{ 1000, MILLION, 2 * MILLION, false },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]) && !err; i++) {
		struct scene *s;

		if (opt.quick && scenes[i].vips > 1)
			break;
		s = scene_open(scenes[i].vips, scenes[i].sids, scenes[i].flows, scenes[i].apart);
		if (!s)
			return -EINVAL;
		err = measure_scene(h, s, scenes[i].vips, scenes[i].sids < MILLION,
				    scenes[i].apart);
		scene_close(s);
	}
	return err;
}

static json_t *json_spread(const struct spread *s)
{
	return json_pack("{s:f, s:f}", "min", s->min, "median", s->median);
}

/* rows: those of the VMs, which are given up. */
static void print_json(const json_t *figures, json_t *vm_rows)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < result.n; i++) {
		const struct row *r = &result.row[i];
		json_t *j = json_pack("{s:s, s:i, s:i, s:o, s:o, s:f, s:f}", "case", r->name,
				      "vips", r->vips, "count", r->count, "floor",
				      json_spread(&r->m.floor), "node", json_spread(&r->m.test),
				      "above_min", r->m.above_min, "above", r->m.above);

		if (r->target) {
			json_object_set_new(j, "target", json_real(r->target));
			json_object_set_new(j, "met", json_boolean(judged(r) <= r->target));
		}
		json_array_append_new(rows, j);
	}
	json_array_extend(rows, vm_rows);
	json_decref(vm_rows);
	rows = json_pack("{s:o, s:{s:f, s:f, s:f, s:f, s:f}, s:O}", "cases", rows, "floors_ns",
			 "tx", result.floor[FLOOR_TX].test.median, "pass",
			 result.floor[FLOOR_PASS].test.median, "ipip",
			 result.floor[FLOOR_IPIP].test.median, "vxlan",
			 result.floor[FLOOR_VXLAN].test.median, "port",
			 result.floor[FLOOR_PORT].test.median, "figures", figures);
	json_dumpf(rows, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(5));
	printf("\n");
	json_decref(rows);
}

static int usage(FILE *to)
{
	fprintf(to, "usage: bench [--quick] [--only WORD] [--rounds N] [--cpu N] [--json]\n");
	return to == stderr ? 2 : 0;
}

int main(int argc, char **argv)
{
	static const struct option words[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "only", required_argument, NULL, 'o' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	struct harness *h;
	json_t *figures, *vm_rows;
	int c, err;

	while ((c = getopt_long(argc, argv, "h", words, NULL)) != -1) {
		switch (c) {
		case 'q':
			opt.quick = true;
			break;
		case 'o':
			opt.only = optarg;
			break;
		case 'r':
			opt.rounds = atoi(optarg);
			break;
		case 'c':
			opt.cpu = atoi(optarg);
			break;
		case 'j':
			opt.json = true;
			break;
		default:
			return usage(c == 'h' ? stdout : stderr);
		}
	}
	if (opt.rounds <= 0)
		opt.rounds = opt.quick ? 4 : 10;

	h = harness_open(opt.cpu);
	if (!h)
		return 1;
	vm_rows = json_array();
	print_heading();
	err = measure_floors(h) ?: measure_all(h) ?:
	      vm_rows_measure(h, opt.rounds, opt.only, !opt.json, vm_rows);
	harness_close(h);
	if (err) {
		fprintf(stderr, "bench: %s\n", strerror(-err));
		return 1;
	}
	figures = figures_measure(opt.only, !opt.json);
	if (opt.json)
		print_json(figures, vm_rows);
	json_decref(figures);
	return 0;
}
