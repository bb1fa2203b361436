// SPDX-License-Identifier: GPL-2.0-only
/* What top shows: rates between two readings, and what they were before. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/instance.h"
#include "args/out.h"
#include "host/host.h"
#include "lib/reason.h"
#include "plane/vm_state.h"
#include "report/health.h"
#include "top_priv.h"
#include "vm/vm.h"

#define CHECK_EACH 5 /* seconds: it looks at devices, too */

const struct top_section_name top_names[TOP_SECTIONS] = {
	[TOP_VIPS] = { "VIP", "vips", "vip", BY_VIP },
	[TOP_BACKENDS] = { "BACKEND", "backends", "backend", BY_BACKEND },
	[TOP_REASONS] = { "REASON", "reasons", "reason", BY_REASON },
	[TOP_DEVICES] = { "DEVICE", "devices", "device", BY_DEVICE },
	[TOP_HOSTS] = { "HOST", "hosts", "host", BY_HOST },
};

/* ---- rates ---- */

static void remember(struct top_trend *t, double packets)
{
	t->at[t->n++ % TOP_TRENDS] = packets;
}

/* What a counter grew by. It shrinks where its slot was cleared: then it began at 0. */
static double growth(__u64 now, __u64 before)
{
	return now >= before ? now - before : now;
}

/* The row of that name, from *at on: both lists are in the same order, nearly. */
static const struct top_row *find_row(const struct top_list *old, const char *name, size_t *at)
{
	size_t i;

	for (i = 0; i < old->rows; i++) {
		const struct top_row *r = &old->row[(*at + i) % old->rows];

		if (strcmp(r->now.name, name))
			continue;
		*at = (*at + i + 1) % old->rows;
		return r;
	}
	return NULL;
}

static struct top_list rates(const struct top_list *old, const struct snapshot *s, double seconds)
{
	struct top_list list = { calloc(s->rows + 1, sizeof(*list.row)), s->rows };
	const struct top_row *o;
	size_t i, at = 0;

	if (!list.row)
		out_no_memory();
	for (i = 0; i < s->rows; i++) {
		struct top_row *r = &list.row[i];

		r->now = s->row[i];
		o = seconds > 0 ? find_row(old, r->now.name, &at) : NULL;
		if (o) {
			r->measured = true;
			r->packets = growth(r->now.value[0], o->now.value[0]) / seconds;
			r->bits = 8 * growth(r->now.value[1], o->now.value[1]) / seconds;
			r->trend = o->trend;
			remember(&r->trend, r->packets);
		}
	}
	return list;
}

static void sum_reasons(struct top *t)
{
	const struct top_list *reasons = &t->list[TOP_REASONS];
	size_t i;
	int k;

	memset(t->kind, 0, sizeof(t->kind));
	t->packets = t->bits = 0;
	for (i = 0; i < reasons->rows; i++) {
		const struct top_row *r = &reasons->row[i];

		for (k = 0; k < XR_KIND_NOTE; k++)
			if (!strcmp(reason_kind_word(k), r->now.kind)) {
				t->kind[k] += r->packets;
				t->packets += r->packets;
				t->bits += r->bits;
			}
	}
	if (t->seconds > 0)
		remember(&t->trend, t->packets);
}

/* ---- moves, and what is wrong ---- */

struct moves {
	struct top *t;
	struct plane *p;
};

static int add_move(void *ctx, __u32 index)
{
	struct moves *m = ctx;
	struct top *t = m->t;
	struct xr_vm_now now = vm_now(m->p, index);
	struct top_move *to;

	if (!vm_under_way(now))
		return 0;
	t->under_way++;
	if (t->n_moves == TOP_MOVES)
		return 0;
	to = &t->move[t->n_moves++];
	vm_name_at(m->p, to->vm, index);
	to->state = vm_state_name(m->p, index, plane_tick(m->p));
	snprintf(to->from, sizeof(to->from), "%s", host_name(m->p, now.host));
	snprintf(to->to, sizeof(to->to), "%s", host_name(m->p, now.next));
	to->hits = m->p->vms[index].hits;
	return 0;
}

/* The program counts those under way, so that a large table need not be looked through. */
static void read_moves(struct top *t, struct plane *p)
{
	struct moves m = { t, p };

	t->n_moves = t->under_way = 0;
	if (p->vm_control->watching)
		vm_each(p, add_move, &m);
}

static void add_wrong(void *ctx, const char *line)
{
	struct top *t = ctx;

	if (!t->n_wrong++)
		snprintf(t->wrong, sizeof(t->wrong), "%s", line);
}

static void check(struct top *t, struct plane *p)
{
	if (t->baseline && t->at - t->checked < CHECK_EACH)
		return;
	t->n_wrong = 0;
	t->wrong[0] = '\0';
	health_check(p, t->baseline, add_wrong, t);
	health_baseline_free(t->baseline);
	t->baseline = health_baseline(p);
	t->checked = t->at;
}

/* ---- reading ---- */

static void forget(struct top *t)
{
	int i;

	for (i = 0; i < TOP_SECTIONS; i++) {
		free(t->list[i].row);
		t->list[i] = (struct top_list){ NULL, 0 };
	}
	health_baseline_free(t->baseline);
	t->baseline = NULL;
	t->n_moves = t->under_way = t->n_wrong = 0;
	t->wrong[0] = '\0';
	t->at = 0;
	memset(&t->trend, 0, sizeof(t->trend));
}

static int read_lists(struct top *t, struct plane *p)
{
	int i, ret = 0;

	for (i = 0; !ret && i < TOP_SECTIONS; i++) {
		struct snapshot s = { NULL, 0, 0 };
		struct top_list list;

		ret = counter_sections[top_names[i].counters].read(p, &s);
		if (!ret) {
			list = rates(&t->list[i], &s, t->seconds);
			free(t->list[i].row);
			t->list[i] = list;
		}
		free(s.row);
	}
	return ret;
}

void top_read(struct top *t)
{
	struct xr_err err = { "" };
	struct timespec mono;
	struct plane *p;
	int ret;

	clock_gettime(CLOCK_REALTIME, &t->wall);
	/* Opened each time: so another one of that name is noticed. */
	ret = instance_open(&p, t->instance, PLANE_READ, NULL, NULL, &err);
	if (!ret) {
		clock_gettime(CLOCK_MONOTONIC, &mono);
		if (p->meta->created != t->created)
			forget(t);
		t->created = p->meta->created;
		t->seconds = t->at > 0 ? mono.tv_sec + mono.tv_nsec / 1e9 - t->at : 0;
		t->at = mono.tv_sec + mono.tv_nsec / 1e9;
		ret = read_lists(t, p);
		if (ret)
			xr_fail(&err, ret, "reading counters: %s", strerror(-ret));
	}
	t->there = !ret;
	if (ret) {
		forget(t);
		snprintf(t->why, sizeof(t->why), "%s", err.text);
	} else {
		sum_reasons(t);
		read_moves(t, p);
		check(t, p);
	}
	plane_close(p);
}

void top_free(struct top *t)
{
	forget(t);
}

/* ---- order ---- */

static const struct top_list *sorted;
static enum top_order sorted_by;

static int compare(const void *a, const void *b)
{
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	const struct top_row *x = &sorted->row[i], *y = &sorted->row[j];
	double d = 0;

	if (sorted_by == TOP_BY_PACKETS)
		d = y->packets - x->packets;
	else if (sorted_by == TOP_BY_BITS)
		d = y->bits - x->bits;
	if (sorted_by != TOP_BY_NAME && d == 0)
		d = y->now.value[0] == x->now.value[0]      ? 0
			: y->now.value[0] > x->now.value[0] ? 1
							    : -1;
	if (sorted_by == TOP_BY_NAME || d == 0)
		d = strverscmp(x->now.name, y->now.name) ?: (i > j) - (i < j);
	return (d > 0) - (d < 0);
}

size_t *top_sort(const struct top_list *list, enum top_order order)
{
	size_t *index = calloc(list->rows + 1, sizeof(*index)), i;

	if (!index)
		out_no_memory();
	for (i = 0; i < list->rows; i++)
		index[i] = i;
	sorted = list;
	sorted_by = order;
	qsort(index, list->rows, sizeof(*index), compare);
	return index;
}

/* ---- JSON ---- */

static json_t *json_rate(bool measured, double rate)
{
	return measured ? json_real(rate) : json_null();
}

static json_t *json_rows(const struct top *t, int section)
{
	const struct top_list *list = &t->list[section];
	json_t *a = json_array(), *j;
	size_t i;

	for (i = 0; i < list->rows; i++) {
		const struct top_row *r = &list->row[i];

		j = json_pack("{s:o, s:I, s:I, s:o, s:o}", top_names[section].key,
			      json_text(r->now.name), "packets", (json_int_t)r->now.value[0],
			      "bytes", (json_int_t)r->now.value[1], "packets_per_second",
			      json_rate(r->measured, r->packets), "bits_per_second",
			      json_rate(r->measured, r->bits));
		if (r->now.kind)
			json_object_set_new(j, "kind", json_string(r->now.kind));
		json_array_append_new(a, j);
	}
	return a;
}

static json_t *json_moves(const struct top *t)
{
	json_t *a = json_array();
	size_t i;

	for (i = 0; i < t->n_moves; i++) {
		const struct top_move *m = &t->move[i];

		json_array_append_new(a,
				      json_pack("{s:s, s:s, s:s, s:s, s:I}", "vm", m->vm, "state",
						m->state, "from", m->from, "to", m->to, "hits",
						(json_int_t)m->hits));
	}
	return a;
}

json_t *top_json(const struct top *t)
{
	json_t *j = json_pack("{s:s, s:f, s:b}", "instance", t->instance, "time",
			      t->wall.tv_sec + t->wall.tv_nsec / 1e9, "there", t->there);
	int i;

	if (!t->there) {
		json_object_set_new(j, "error", json_text(t->why));
		return j;
	}
	json_object_set_new(j, "seconds", json_real(t->seconds));
	json_object_set_new(j, "packets_per_second", json_rate(t->seconds > 0, t->packets));
	json_object_set_new(j, "bits_per_second", json_rate(t->seconds > 0, t->bits));
	for (i = 0; i < TOP_SECTIONS; i++)
		json_object_set_new(j, top_names[i].plural, json_rows(t, i));
	json_object_set_new(j, "moves", json_moves(t));
	json_object_set_new(j, "under_way", json_integer(t->under_way));
	json_object_set_new(j, "wrong", t->n_wrong ? json_text(t->wrong) : json_null());
	json_object_set_new(j, "wrong_lines", json_integer(t->n_wrong));
	return j;
}
