// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include "vm_cases.h"
#include "vm_rows.h"

#define MILLION (1U << 20)

/*
 * So many VMs there are, and over so many (a power of two) the frames walk: as
 * many as a busy machine hears of, and, the worst there is, each in its turn.
 */
enum { TEN, SOME, ALL, LEVELS };

static const struct level {
	__u32 vms, walked;
	const char *name;
} levels[LEVELS] = {
	[TEN] = { 10, 8, "10" },
	[SOME] = { MILLION, 4096, "2^20/4096" },
	[ALL] = { MILLION, MILLION, "2^20" },
};

struct vm_row {
	struct measured m;
	double times; /* of what a frame costs with ten */
};

/* One frame alone: does it leave as it should? */
static int check_one(struct harness *h, const struct vm_case *c, int prog, const struct shot *shot)
{
	__u8 out[FRAME_MAX];
	__u32 len;
	int action = harness_once(h, prog, shot, out, &len);

	if (action == (int)c->action)
		return 0;
	fprintf(stderr, "bench: %s: action %d where %u is right\n", c->name, action, c->action);
	return -EINVAL;
}

static int measure(struct harness *h, struct vm_scene *s, const struct vm_case *c,
		   const struct level *l, int rounds, struct vm_row *row)
{
	int prog = vm_scene_prog(s, c->knobs), err = 0;
	__u64 packets, left;
	struct shot shot;

	vm_case_shot(c, l->walked, &shot);
	err = vm_case_set(s, c);
	if (!err && !c->activates)
		err = harness_warm(h, prog, &shot, 2 * shot.walk.mask)
			?: check_one(h, c, prog, &shot);
	if (err)
		return err;
	packets = harness_packets(h);
	left = vm_scene_count(s, c->reason);
	err = harness_measure(h, prog, c->floor, &shot, c->activates && rounds > 6 ? 6 : rounds,
			      &row->m);
	packets = harness_packets(h) - packets;
	left = vm_scene_count(s, c->reason) - left;
	if (err || left >= packets - packets / 100)
		return err;
	fprintf(stderr, "bench: %s: %.1f %% of the frames went another way\n", c->name,
		100 - 100.0 * left / packets);
	return -EINVAL;
}

static double target_of(const struct vm_case *c, int level)
{
	return level == TEN || c->million_too ? c->target : 0;
}

/* Noise only adds: the minimum, but where caches are what is measured. */
static double judged(const struct vm_row *r, int level)
{
	return level == ALL ? r->m.above : r->m.above_min;
}

static void print_row(const struct vm_case *c, const struct vm_row *r, int level)
{
	double target = target_of(c, level);
	char text[16] = "-";

	if (target)
		snprintf(text, sizeof(text), "%.0f", target);
	printf("%-16s %12s %8.1f %8.1f %8.1f %8.1f %7.2f %7s", c->name, levels[level].name,
	       r->m.floor.median, r->m.test.median, r->m.above_min, r->m.above,
	       r->m.test.median / r->m.floor.median, text);
	if (target && judged(r, level) > target)
		printf("  over by %.1f", judged(r, level) - target);
	if (r->times) {
		printf("  %.2f times ten's", r->times);
		if (c->times)
			printf(" (%.1f%s)", c->times, r->times > c->times ? ": missed" : "");
	}
	printf("\n");
	fflush(stdout);
}

static json_t *json_row(const struct vm_case *c, const struct vm_row *r, int level)
{
	double target = target_of(c, level);
	json_t *j = json_pack("{s:s, s:i, s:i, s:{s:f, s:f}, s:{s:f, s:f}, s:f, s:f}", "case",
			      c->name, "vms", levels[level].vms, "walked", levels[level].walked,
			      "floor", "min", r->m.floor.min, "median", r->m.floor.median, "node",
			      "min", r->m.test.min, "median", r->m.test.median, "above_min",
			      r->m.above_min, "above", r->m.above);

	if (target) {
		json_object_set_new(j, "target", json_real(target));
		json_object_set_new(j, "met", json_boolean(judged(r, level) <= target));
	}
	if (r->times)
		json_object_set_new(j, "times_ten", json_real(r->times));
	return j;
}

/* Every case at one level; ten: the rows with ten VMs. */
static int measure_level(struct harness *h, struct vm_scene *s, int level, int rounds,
			 const char *only, bool print, json_t *rows, struct vm_row *ten)
{
	for (size_t i = 0; i < VM_CASES; i++) {
		const struct vm_case *c = &vm_cases[i];
		struct vm_row r = {};
		int err;

		if ((only && !strstr(c->name, only)) || (c->activates && level != ALL))
			continue;
		err = measure(h, s, c, &levels[level], rounds, &r);
		if (err)
			return err;
		if (level == TEN)
			ten[i] = r;
		else if (!c->activates)
			r.times = r.m.test.median / ten[i].m.test.median;
		if (print)
			print_row(c, &r, level);
		json_array_append_new(rows, json_row(c, &r, level));
	}
	return 0;
}

static bool any_wanted(const char *only)
{
	for (size_t i = 0; i < VM_CASES; i++)
		if (!only || strstr(vm_cases[i].name, only))
			return true;
	return false;
}

int vm_rows_measure(struct harness *h, int rounds, const char *only, bool print, json_t *rows)
{
	struct vm_row ten[VM_CASES] = {};
	struct vm_scene *s = NULL;
	int err = 0;

	if (!any_wanted(only))
		return 0;
	if (print)
		printf("\n%-16s %12s %8s %8s %8s %8s %7s %7s\n"
		       "%-16s %12s %8s %8s %8s %8s\n",
		       "case", "VMs/walked", "floor", "node", "above", "above", "ratio", "target",
		       "ns per frame", "", "(median)", "(median)", "(min)", "(median)");
	for (int level = TEN; level < LEVELS && !err; level++) {
		if (!level || levels[level].vms != levels[level - 1].vms) {
			vm_scene_close(s);
			s = vm_scene_open(levels[level].vms);
			if (!s)
				return -EINVAL;
		}
		err = measure_level(h, s, level, rounds, only, print, rows, ten);
	}
	vm_scene_close(s);
	return err;
}
