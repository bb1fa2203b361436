// SPDX-License-Identifier: GPL-2.0-only
/* xroam stats: counters since load, and rates. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "args/args.h"
#include "args/out.h"
#include "lib/reason.h"
#include "plane/stats.h"
#include "plane/vm_state.h"
#include "show.h"
#include "show_priv.h"

static const char notes[] =
	"Counters since the instance was made; with --watch, again every so often,\n"
	"with rates per second. What never happened is left out of the text (-v shows\n"
	"it), not of the JSON.\n";

#define VALUES 7

struct row {
	char name[TEXT_VIP + XR_NAME_LEN];
	const char *kind, *text; /* reasons only */
	__u64 value[VALUES];
};

struct snapshot {
	struct row *row;
	size_t rows, room;
};

struct vms {
	struct plane *p;
	struct snapshot *s;
};

/* A kind of thing that has counters: its names, and how to read them all. */
struct section {
	const char *word, *plural, *key;
	const char *value[VALUES + 1];
	int (*read)(struct plane *p, struct snapshot *s);
};

static struct row *add_row(struct snapshot *s)
{
	struct row *more;

	if (s->rows == s->room) {
		s->room = s->room ? 2 * s->room : 64;
		more = realloc(s->row, s->room * sizeof(*more));
		if (!more)
			exit(cmd_refuse("out of memory"));
		s->row = more;
	}
	return memset(&s->row[s->rows++], 0, sizeof(*s->row));
}

static int read_reasons(struct plane *p, struct snapshot *s)
{
	struct xr_counter sum[XR_REASON_MAX];
	int i, ret = stats_reasons(p, sum);

	for (i = XR_REASON_NONE + 1; !ret && i < XR_REASON_MAX; i++) {
		struct row *r = add_row(s);

		strcpy(r->name, reason_word(i));
		r->kind = reason_kind_word(reason_kind(i));
		r->text = reason_text(i);
		r->value[0] = sum[i].packets;
		r->value[1] = sum[i].bytes;
	}
	return ret;
}

static int read_vips(struct plane *p, struct snapshot *s)
{
	__u32 i;

	for (i = 1; i <= p->meta->limits.vips; i++) {
		const struct xr_vip *v = &p->vips[i];
		struct xr_counter sum;
		struct row *r;
		int ret;

		if (!v->used)
			continue;
		ret = stats_vip(p, i, &sum);
		if (ret)
			return ret;
		r = add_row(s);
		text_vip(r->name, v->addr, v->port, v->proto);
		r->value[0] = sum.packets;
		r->value[1] = sum.bytes;
	}
	return 0;
}

static int read_backends(struct plane *p, struct snapshot *s)
{
	__u32 i;

	for (i = 1; i <= p->meta->limits.backends; i++) {
		const struct xr_backend_info *b = &p->backend_info[i];
		struct xr_backend_counter sum;
		struct row *r;
		int ret;

		if (b->state == XR_BACKEND_NONE)
			continue;
		ret = stats_backend(p, i, &sum);
		if (ret)
			return ret;
		r = add_row(s);
		snprintf(r->name, sizeof(r->name), "%.*s", XR_NAME_LEN, b->name);
		r->value[0] = sum.packets;
		r->value[1] = sum.bytes;
		r->value[2] = sum.initials;
		r->value[3] = stats_sum_codepoints(sum.by_cid, STATS_ALL_CODEPOINTS);
	}
	return 0;
}

static int add_vm(void *ctx, __u32 index)
{
	struct vms *vms = ctx;
	const struct xr_vm_info *info = &vms->p->vm_info[index];
	struct row *r = add_row(vms->s);

	vm_name(r->name, vms->p->vms[index].key);
	r->value[0] = vms->p->vms[index].hits;
	r->value[1] = info->moves;
	r->value[2] = info->old;
	r->value[3] = info->copied;
	r->value[4] = info->replayed;
	r->value[5] = info->lost;
	r->value[6] = info->spoofed;
	return 0;
}

static int read_vms(struct plane *p, struct snapshot *s)
{
	struct vms vms = { p, s };

	return vm_each(p, add_vm, &vms);
}

static int read_hosts(struct plane *p, struct snapshot *s)
{
	struct xr_counter sum;
	struct row *r;
	__u32 i;
	int ret;

	for (i = 1; i <= p->meta->limits.hosts; i++) {
		if (!p->host_info[i].name[0])
			continue;
		ret = stats_host(p, i, &sum);
		if (ret)
			return ret;
		r = add_row(s);
		strcpy(r->name, p->host_info[i].name);
		r->value[0] = sum.packets;
		r->value[1] = sum.bytes;
	}
	return 0;
}

static int read_devices(struct plane *p, struct snapshot *s)
{
	int i, k;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		struct xr_dev_counter sum;
		struct row *r;
		int ret;

		if (!p->devices[i].ifindex)
			continue;
		ret = stats_dev(p, i, &sum);
		if (ret)
			return ret;
		r = add_row(s);
		strcpy(r->name, p->devices[i].name);
		for (k = 0; k < XR_KIND_NOTE; k++) {
			r->value[0] += sum.kind[k].packets;
			r->value[1] += sum.kind[k].bytes;
			r->value[2 + k] = sum.kind[k].packets;
		}
	}
	return 0;
}

static const struct section sections[] = {
	{ "reason", "reasons", "reason", { "packets", "bytes" }, read_reasons },
	{ "vip", "vips", "vip", { "packets", "bytes" }, read_vips },
	{ "backend",
	  "backends",
	  "backend",
	  { "packets", "bytes", "initials", "by_cid" },
	  read_backends },
	{ "vm",
	  "vms",
	  "vm",
	  { "hits", "moves", "ignored", "copied", "replayed", "lost", "spoofed" },
	  read_vms },
	{ "host", "hosts", "host", { "packets", "bytes" }, read_hosts },
	{ "dev",
	  "devices",
	  "device",
	  { "packets", "bytes", "tx", "reply", "pass", "drop", "decap" },
	  read_devices },
};

#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

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
	if (only || sec->read != read_vms)
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
	if (sec->read == read_reasons) {
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
		const struct section *sec = &sections[i];
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
		if (only && only != &sections[i])
			continue;
		ret = sections[i].read(p, &s[i]);
		if (ret)
			return cmd_refuse("reading %s counters: %s", sections[i].word,
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
			*only = &sections[key];
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
