// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a packet of each of the bench's cases takes, which no noise can touch: BPF
 * instructions, calls, cache lines of maps; by stage, which is a source file.
 *
 *	count [--only WORD] [--json | --check FILE | --record FILE]
 *
 * The kernel's translated program is run here, over copies of its maps, and what comes
 * of the packet is compared with what the kernel makes of it.
 *
 * A call counts as one instruction, whatever a helper does inside, and of memory what the
 * program itself reaches into: not what a hash's look-up walks over. Lines of the packet,
 * the stack and the context are not counted.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "lib/cases.h"
#include "lib/record.h"

/* ---- as text ---- */

#define WIDTH 100

/* As many to a line as it has room for. */
static void print_tallies(const char *what, const struct tallies *t, bool with_lines)
{
	int column = printf("    %-8s", what), margin = column;

	for (int i = 0; i < t->n; i++) {
		const struct tally *y = &t->of[i];
		char text[96];
		int len = snprintf(text, sizeof(text), "%s %u", y->name, y->n ?: y->lines);

		if (with_lines && y->lines)
			len += snprintf(text + len, sizeof(text) - len, "/%u", y->lines);
		if (column + len + 2 > WIDTH) {
			printf(",\n%*s", margin, "");
			column = margin;
		}
		column += printf("%s%s", i && column > margin ? ", " : "", text);
	}
	printf("\n");
}

static void print_case(void *to, const char *name, const struct counted *c)
{
	printf("%-16s %12u %9u %8u %6u\n", name, c->insns, c->calls, c->helper_calls, c->lines);
	print_tallies("stages", &c->stage, true);
	print_tallies("lines", &c->map, false);
	if (c->helper.n)
		print_tallies("helpers", &c->helper, false);
}

static int print(const char *only)
{
	printf("%-16s %12s %9s %8s %6s\n", "case", "instructions", "calls", "helpers", "lines");
	printf("    stages: instructions/lines; lines: of each map; helpers: calls of each\n");
	return cases_count(only, print_case, NULL);
}

/* ---- as JSON ---- */

static json_t *json_tallies(const struct tallies *t, bool lines)
{
	json_t *j = json_object();

	for (int i = 0; i < t->n; i++)
		json_object_set_new(j, t->of[i].name,
				    json_integer(lines ? t->of[i].lines : t->of[i].n));
	return j;
}

static void json_case(void *to, const char *name, const struct counted *c)
{
	json_array_append_new(to,
			      json_pack("{s:s, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:o}", "case",
					name, "instructions", c->insns, "calls", c->calls,
					"helper_calls", c->helper_calls, "lines", c->lines,
					"stage_instructions", json_tallies(&c->stage, false),
					"stage_lines", json_tallies(&c->stage, true), "map_lines",
					json_tallies(&c->map, true), "helpers",
					json_tallies(&c->helper, false)));
}

static int print_json(const char *only)
{
	json_t *cases = json_array();
	int err = cases_count(only, json_case, cases);

	if (!err) {
		json_dumpf(cases, stdout, JSON_INDENT(2));
		printf("\n");
	}
	json_decref(cases);
	return err;
}

/* ---- beside the record ---- */

struct check {
	struct record record;
	int off;
};

static void check_case(void *to, const char *name, const struct counted *c)
{
	struct check *k = to;

	k->off += record_compare(&k->record, name, c->insns, stdout);
}

/* Where a case is off: -ERANGE. */
static int check(const char *only, const char *path)
{
	struct check k = {};
	int err = record_read(&k.record, path) ?: cases_count(only, check_case, &k);

	if (k.off)
		printf("if that is meant: make bench-count COUNT_ARGS=\"--record %s\"\n", path);
	return err ?: k.off ? -ERANGE : 0;
}

static void record_case(void *to, const char *name, const struct counted *c)
{
	record_write(to, name, c->insns);
}

static int record(const char *path)
{
	FILE *f = fopen(path, "w");
	int err;

	if (!f)
		return -errno;
	record_begin(f);
	err = cases_count(NULL, record_case, f);
	return fclose(f) && !err ? -errno : err;
}

/* ---- ---- */

static int usage(FILE *to)
{
	fprintf(to, "usage: count [--only WORD] [--json | --check FILE | --record FILE]\n");
	return to == stderr ? 2 : 0;
}

/* Counters and next hops per CPU are one CPU's. */
static int stay_here(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option words[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "json", no_argument, NULL, 'j' },
		{ "check", required_argument, NULL, 'c' },
		{ "record", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	const char *only = NULL, *path = NULL;
	int c, what = 't', err;

	while ((c = getopt_long(argc, argv, "h", words, NULL)) != -1) {
		if (c == 'h' || c == '?')
			return usage(c == 'h' ? stdout : stderr);
		if (c == 'o') {
			only = optarg;
			continue;
		}
		what = c;
		path = optarg;
	}
	libbpf_set_print(quiet);
	err = stay_here();
	if (!err)
		err = what == 'j'     ? print_json(only)
			: what == 'c' ? check(only, path)
			: what == 'r' ? record(path)
				      : print(only);
	if (err && err != -ERANGE)
		fprintf(stderr, "count: %s\n", strerror(-err));
	return err ? 1 : 0;
}
