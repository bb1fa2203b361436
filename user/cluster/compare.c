// SPDX-License-Identifier: GPL-2.0-only
/* What etcd has, beside what a file wants it to have. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster_priv.h"
#include "lib/progress.h"
#include "model/model_edit.h"

/* ---- reading ---- */

static int on_value(void *ctx, const struct etcd_value *v)
{
	json_t *value = json_loadb(v->text, v->len, 0, NULL);
	struct differences *d = ctx;

	/* What is no JSON differs from anything. */
	json_object_set_new(d->have, v->key, value ? value : json_null());
	json_object_set_new(d->revisions, v->key, json_integer(v->revision));
	return 0;
}

static int read_all(struct etcd_session *s, const struct model *m, struct differences *d,
		    struct xr_err *err)
{
	__u8 segments[sizeof(m->etcd.segments)];
	__s64 revision = 0;
	char below[ETCD_KEY];
	unsigned int vlan;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < ETCD_SECTIONS; i++) {
		if (!(m->sections >> etcd_sections[i].key & 1))
			continue;
		snprintf(below, sizeof(below), "%s/", etcd_sections[i].word);
		ret = etcd_range(s, below, &revision, on_value, NULL, d, err);
	}
	if (ret || !(m->sections >> MODEL_VMS & 1))
		return ret;
	memcpy(segments, m->etcd.segments, sizeof(segments));
	for (i = 0; i < m->n_vms; i++)
		segments[m->vms[i].vlan / 8] |= 1 << m->vms[i].vlan % 8;
	for (vlan = 0; !ret && vlan <= XR_MAX_VLAN; vlan++) {
		if (!(segments[vlan / 8] >> vlan % 8 & 1))
			continue;
		etcd_segment_key(below, vlan);
		ret = etcd_range(s, below, &revision, on_value, NULL, d, err);
	}
	return ret;
}

/* ---- comparing ---- */

/* 5 and "5" are the same to the file's reader. */
static bool same(const json_t *a, const json_t *b)
{
	char *x, *y;
	bool is;

	if (json_equal(a, b))
		return true;
	if (!a || !b || json_is_object(a) || json_is_array(a))
		return false;
	x = json_is_string(a) ? strdup(json_string_value(a)) : json_dumps(a, JSON_ENCODE_ANY);
	y = json_is_string(b) ? strdup(json_string_value(b)) : json_dumps(b, JSON_ENCODE_ANY);
	is = x && y && !strcmp(x, y);
	free(x);
	free(y);
	return is;
}

/* What a node adds, or its key says already. */
static bool is_said(const char *key, const char *member)
{
	return !strncmp(key, "segments/", 9) && (!strcmp(member, "seq") || !strcmp(member, "vlan"));
}

static bool member_differs(const char *key, const char *member, const json_t *have,
			   const json_t *want)
{
	return !is_said(key, member) &&
		!same(json_object_get(have, member), json_object_get(want, member));
}

static bool differs(const char *key, const json_t *have, const json_t *want)
{
	const char *member;
	json_t *value;

	if (!json_is_object(have) || !json_is_object(want))
		return true;
	json_object_foreach((json_t *)want, member, value)
		if (member_differs(key, member, have, want))
			return true;
	json_object_foreach((json_t *)have, member, value)
		if (member_differs(key, member, have, want))
			return true;
	return false;
}

static int add(struct differences *d, const char *key, const json_t *have, const json_t *want)
{
	struct difference *x = model_grow(&d->item, &d->n, sizeof(*x));

	if (!x)
		return -ENOMEM;
	*x = (struct difference){ key, have, want,
				  json_integer_value(json_object_get(d->revisions, key)) };
	return 0;
}

int differences_find(struct etcd_session *s, const struct model *m, const json_t *want,
		     struct differences *d, struct xr_err *err)
{
	const char *key;
	json_t *value, *have;
	int ret;

	*d = (struct differences){ .have = json_object(), .revisions = json_object() };
	ret = read_all(s, m, d, err);
	if (ret)
		return ret;
	json_object_foreach((json_t *)want, key, value) {
		have = json_object_get(d->have, key);
		if (!ret && (!have || differs(key, have, value)))
			ret = add(d, key, have, value);
	}
	json_object_foreach(d->have, key, value)
		if (!ret && !json_object_get(want, key))
			ret = add(d, key, value, NULL);
	return ret ? xr_fail(err, ret, "out of memory") : 0;
}

void differences_free(struct differences *d)
{
	json_decref(d->have);
	json_decref(d->revisions);
	free(d->item);
}

/* ---- in words ---- */

static void add_member(FILE *to, const char *member, const json_t *have, const json_t *want)
{
	char *was = have ? json_dumps(have, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	char *is = want ? json_dumps(want, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	fprintf(to, " %s %s -> %s", member, was ? was : "none", is ? is : "none");
	free(was);
	free(is);
}

char *difference_line(const struct difference *d)
{
	const char *member;
	char *line = NULL;
	size_t len;
	FILE *to = open_memstream(&line, &len);
	json_t *value;

	if (!to)
		return NULL;
	fprintf(to, "%c %s", !d->have ? '+' : !d->want ? '-' : '~', d->key);
	if (d->have && d->want) {
		fputc(':', to);
		json_object_foreach((json_t *)d->want, member, value)
			if (member_differs(d->key, member, d->have, d->want))
				add_member(to, member, json_object_get(d->have, member), value);
		json_object_foreach((json_t *)d->have, member, value)
			if (!is_said(d->key, member) && !json_object_get(d->want, member))
				add_member(to, member, value, NULL);
	}
	fclose(to);
	return line;
}
