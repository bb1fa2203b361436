// SPDX-License-Identifier: GPL-2.0-only
/* xroam stats: counters since load, and rates. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "args/args.h"
#include "args/out.h"
#include "counters_priv.h"
#include "show.h"
#include "stop.h"

static const char notes[] =
	"Counters since the instance was made; with --watch, again every so often,\n"
	"with rates per second. What never happened is left out of the text (-v shows\n"
	"it), not of the JSON.\n";

/* The row of the same name in the snapshot before, or NULL. */
static const struct row *before(const struct snapshot *old, size_t i, const char *name)
{
	if (!old)
		return NULL;
	if (i < old->rows && !strcmp(old->row[i].name, name))
		return &old->row[i];
	for (i = 0; i < old->rows; i++) {
		if (!strcmp(old->row[i].name, name))
			return &old->row[i];
	}
	return NULL;
}

/* Zero where the counter shrank: the slot has a new owner. */
static double rate(const struct row *now, const struct row *old, int v, double seconds)
{
	if (!old || now->value[v] < old->value[v] || seconds <= 0)
		return 0;
	return (now->value[v] - old->value[v]) / seconds;
}

static json_t *json_section(const struct section *sec, const struct snapshot *s,
			    const struct snapshot *old, double seconds)
{
	json_t *list = json_array();
	char key[32];
	size_t i;
	int v;

	for (i = 0; i < s->rows; i++) {
		const struct row *r = &s->row[i];
		const struct row *o = before(old, i, r->name);
		json_t *j = json_pack("{s:o}", sec->key, json_text(r->name));

		if (r->kind)
			json_object_set_new(j, "kind", json_string(r->kind));
		for (v = 0; sec->value[v]; v++)
			json_object_set_new(j, sec->value[v], json_integer(r->value[v]));
		for (v = 0; old && v < 2; v++) {
			snprintf(key, sizeof(key), "%s_per_second", sec->value[v]);
			json_object_set_new(j, key, json_real(rate(r, o, v, seconds)));
		}
		json_array_append_new(list, j);
	}
	return list;
}

/*
 * Rows that are left out: reasons without packets; and, where all sections are printed,
 * VMs whose counters are all zero.
 */
static bool is_silent(const struct section *sec, const struct row *r, bool only)
{
	int v;

	if (r->kind)
		return !r->value[0];
	if (only || sec != &counter_sections[BY_VM])
		return false;
	for (v = 0; sec->value[v]; v++)
		if (r->value[v])
			return false;
	return true;
}

static void print_section(const struct section *sec, const struct snapshot *s,
			  const struct snapshot *old, double seconds, bool only)
{
	const char *headings[VALUES + 6] = { NULL };
	char upper[VALUES + 1][16], per_second[2][20];
	int n = 0, v, values;
	struct table *t;
	size_t i;

	for (v = 0; v <= VALUES && (v == 0 || sec->value[v - 1]); v++) {
		const char *word = v ? sec->value[v - 1] : sec->key;
		int c;

		for (c = 0; c < 15 && word[c]; c++)
			upper[v][c] = word[c] == '_' ? '-' : word[c] & ~0x20;
		upper[v][c] = '\0';
		headings[n++] = upper[v];
	}
	values = v - 1;
	for (v = 0; old && v < 2; v++) {
		snprintf(per_second[v], sizeof(per_second[v]), "%s/S", upper[v + 1]);
		headings[n++] = per_second[v];
	}
	if (sec == &counter_sections[BY_REASON]) {
		headings[n++] = "KIND";
		headings[n++] = "MEANING";
	}
	t = table_new(headings);
	for (v = 1; v <= values + (old ? 2 : 0); v++)
		table_right(t, v);
	for (i = 0; i < s->rows; i++) {
		const struct row *r = &s->row[i];
		const struct row *o = before(old, i, r->name);

		if (is_silent(sec, r, only) && !opt.verbose)
			continue;
		table_cell(t, "%s", r->name);
		for (v = 0; v < values; v++)
			table_cell(t, "%llu", (unsigned long long)r->value[v]);
		for (v = 0; old && v < 2; v++)
			table_cell(t, "%.0f", rate(r, o, v, seconds));
		if (r->kind) {
			table_cell(t, "%s", r->kind);
			table_cell(t, "%s", r->text);
		}
	}
	table_print(t);
}

/* only: one section, or NULL for all. old: SECTIONS of them, or NULL. */
static int print_all(const struct section *only, const struct snapshot *s,
		     const struct snapshot *old, double seconds)
{
	json_t *all = json_object();
	bool first = true;
	size_t i;

	for (i = 0; i < SECTIONS; i++) {
		const struct section *sec = &counter_sections[i];
		const struct snapshot *o = old ? &old[i] : NULL;

		if (only && only != sec)
			continue;
		if (opt.json) {
			json_object_set_new(all, sec->plural, json_section(sec, &s[i], o, seconds));
			continue;
		}
		if (!only && !s[i].rows)
			continue;
		if (!first)
			putchar('\n');
		first = false;
		print_section(sec, &s[i], o, seconds, only == sec);
	}
	if (opt.json)
		return out_json(all);
	json_decref(all);
	return EXIT_DONE;
}

static int read_sections(struct plane *p, const struct section *only, struct snapshot *s)
{
	size_t i;
	int ret;

	memset(s, 0, SECTIONS * sizeof(*s));
	for (i = 0; i < SECTIONS; i++) {
		if (only && only != &counter_sections[i])
			continue;
		ret = counter_sections[i].read(p, &s[i]);
		if (ret)
			return cmd_refuse("reading %s counters: %s", counter_sections[i].word,
					  strerror(-ret));
	}
	return EXIT_DONE;
}

static void free_sections(struct snapshot *s)
{
	size_t i;

	for (i = 0; i < SECTIONS; i++)
		free(s[i].row);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int watch(struct plane *p, const struct section *only, __u64 seconds)
{
	struct snapshot old[SECTIONS], new[SECTIONS];
	double last = now(), at;
	int ret;

	show_until_stopped();
	ret = read_sections(p, only, old);
	while (!ret) {
		struct timespec wait = { .tv_sec = seconds };

		if (nanosleep(&wait, NULL) || show_stopped)
			break;
		ret = read_sections(p, only, new);
		if (ret)
			break;
		at = now();
		ret = print_all(only, new, old, at - last);
		if (!opt.json)
			putchar('\n');
		if (fflush(stdout))
			break;
		last = at;
		free_sections(old);
		memcpy(old, new, sizeof(old));
	}
	free_sections(old);
	return ret;
}

static int parse(int argc, char **argv, const struct section **only, __u64 *seconds)
{
	static const char *const keys[] = { "reason", "vip",     "backend", "vm", "host",
					    "dev",    "--watch", "watch",   "-w", NULL };
	struct args a = args_after(argc, argv);
	int key;

	while (a.argc) {
		key = args_next_key(&a, keys);
		if (key < 0)
			return EXIT_USAGE;
		if (key < (int)SECTIONS) {
			if (*only)
				return cmd_usage("\"%s\" is not expected here", a.key);
			*only = &counter_sections[key];
		} else if (args_u64(&a, 1, 86400, seconds)) {
			return EXIT_USAGE;
		}
	}
	return EXIT_DONE;
}

int do_stats(int argc, char **argv)
{
	const struct section *only = NULL;
	struct snapshot s[SECTIONS];
	__u64 seconds = 0;
	struct plane *p;
	int ret;

	if (cmd_help(notes, argc, argv) || cmd_help(notes, argc - 1, argv + 1))
		return EXIT_DONE;
	ret = parse(argc, argv, &only, &seconds);
	if (ret)
		return ret;
	ret = cmd_open(&p, PLANE_READ);
	if (ret)
		return ret;
	if (seconds) {
		ret = watch(p, only, seconds);
	} else {
		ret = read_sections(p, only, s);
		if (!ret)
			ret = print_all(only, s, NULL, 0);
		free_sections(s);
	}
	plane_close(p);
	return ret;
}
