// SPDX-License-Identifier: GPL-2.0-only
/* xroam health show: the checks, and how many backends each has. */
#include <string.h>
#include <time.h>

#include "apply/model_load.h"
#include "args/args.h"
#include "args/out.h"
#include "lib/health_state.h"
#include "model/model_edit.h"
#include "health_text.h"
#include "show.h"

/* "up", "down damped", "kept": what its probes say, and what came of it. */
const char *show_health_text(const struct xr_backend_health *h, char buf[HEALTH_TEXT])
{
	snprintf(buf, HEALTH_TEXT, "%s%s",
		 health_word(h->applied == XR_HEALTH_KEPT ? h->applied : h->found),
		 h->damped ? " damped" : "");
	return buf;
}

const char *show_age_text(__u64 since, char buf[HEALTH_TEXT])
{
	__u64 now = time(NULL), s = now > since ? now - since : 0;

	if (s < 120)
		snprintf(buf, HEALTH_TEXT, "%us", (unsigned int)s);
	else if (s < 7200)
		snprintf(buf, HEALTH_TEXT, "%um", (unsigned int)(s / 60));
	else if (s < 48 * 3600)
		snprintf(buf, HEALTH_TEXT, "%uh", (unsigned int)(s / 3600));
	else
		snprintf(buf, HEALTH_TEXT, "%ud", (unsigned int)(s / 86400));
	return buf;
}

struct users {
	size_t backends, up, down;
};

static bool uses(const struct model *m, const struct model_backend *b, const char *name)
{
	const struct model_vip *v;
	size_t i;

	if (b->check[0])
		return !strcmp(b->check, name);
	for (i = 0; i < b->n_vips; i++) {
		v = model_find_vip(m, b->vips[i].addr, b->vips[i].port, b->vips[i].proto);
		if (v && !strcmp(v->check, name))
			return true;
	}
	return false;
}

static struct users count_users(struct plane *p, const struct model *m, const char *name)
{
	struct users u = { 0, 0, 0 };
	size_t i;

	for (i = 0; i < m->n_backends; i++) {
		if (!uses(m, &m->backends[i], name))
			continue;
		u.backends++;
		u.up += p->backend_health[m->backends[i].index].found == XR_HEALTH_UP;
		u.down += p->backend_health[m->backends[i].index].found == XR_HEALTH_DOWN;
	}
	return u;
}

static json_t *show_json(const struct xr_health_check *k, struct users u)
{
	char text[HEALTH_TEXT];
	json_t *o, *words;
	unsigned int i;

	o = json_pack("{s:s, s:s, s:f, s:f, s:i, s:i, s:i, s:I, s:I, s:I}", "name", k->name, "type",
		      health_type_word(k->type), "interval", k->interval_ms / 1000.0, "timeout",
		      k->timeout_ms / 1000.0, "rise", k->rise, "fall", k->fall, "jitter", k->jitter,
		      "backends", (json_int_t)u.backends, "up", (json_int_t)u.up, "down",
		      (json_int_t)u.down);
	if (!o)
		return NULL;
	if (k->port)
		json_object_set_new(o, "port", json_integer(k->port));
	if (!addr_is_zero(k->source))
		json_object_set_new(o, "source", json_addr(k->source));
	if (k->type == XR_CHECK_HTTP || k->type == XR_CHECK_HTTPS) {
		json_object_set_new(o, "path", json_text(k->path));
		json_object_set_new(o, "status", json_string(health_ranges_text(k->status, text)));
		if (k->host[0])
			json_object_set_new(o, "host", json_text(k->host));
		json_object_set_new(o, "verify", json_boolean(k->verify));
	}
	if (k->words) {
		words = json_array();
		for (i = 0; i < k->words; i++)
			json_array_append_new(words, json_text(health_check_word(k, i)));
		json_object_set_new(o, "command", words);
	}
	return o;
}

static void show_row(struct table *t, const struct xr_health_check *k, struct users u)
{
	char text[HEALTH_TEXT];

	table_cell(t, "%s", k->name);
	table_cell(t, "%s", health_type_word(k->type));
	if (k->port)
		table_cell(t, "%u", k->port);
	else
		table_cell(t, "-");
	table_cell(t, "%s", health_ms_text(k->interval_ms, text));
	table_cell(t, "%s", health_ms_text(k->timeout_ms, text));
	table_cell(t, "%u", k->rise);
	table_cell(t, "%u", k->fall);
	table_cell(t, "%zu", u.backends);
	table_cell(t, "%zu", u.up);
	table_cell(t, "%zu", u.down);
	table_cell(t, "%s",
		   k->words ? health_check_word(k, 0)
			   : k->type == XR_CHECK_HTTP || k->type == XR_CHECK_HTTPS ? k->path
										   : "-");
}

static int show_all(struct plane *p, const struct model *m, const char *name)
{
	static const char *const headings[] = { "NAME",    "TYPE", "PORT", "INTERVAL",
						"TIMEOUT", "RISE", "FALL", "BACKENDS",
						"UP",      "DOWN", "WHAT", NULL };
	struct table *t = table_new(headings);
	json_t *list = json_array();
	struct users u;
	size_t i;

	for (i = 2; i < 10; i++)
		table_right(t, i);
	for (i = 0; i < m->n_health; i++) {
		const struct xr_health_check *k = &m->health[i].check;

		if (name && strcmp(k->name, name))
			continue;
		u = count_users(p, m, k->name);
		if (opt.json)
			json_array_append_new(list, show_json(k, u));
		else
			show_row(t, k, u);
	}
	return out_list(list, t);
}

int show_health_checks(int argc, char **argv)
{
	struct args args = args_after(argc, argv);
	char *name = args_next(&args);
	struct xr_err err = { "" };
	struct plane *p;
	struct model m;
	int ret = args_end(&args);

	/* With the lock, so that nobody's half-made change is seen. */
	if (!ret)
		ret = cmd_open(&p, PLANE_CHANGE);
	if (ret)
		return ret;
	if (model_load_without_sids(p, &m, &err)) {
		plane_close(p);
		return cmd_fail(&err);
	}
	if (name && !model_find_health(&m, name)) {
		ret = cmd_refuse("there is no health check %s; \"xroam health show\" lists them",
				 name);
	} else {
		ret = show_all(p, &m, name);
	}
	model_free(&m);
	plane_close(p);
	return ret;
}
