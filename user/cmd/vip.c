// SPDX-License-Identifier: GPL-2.0-only
/* xroam vip: the virtual services. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edit_priv.h"
#include "model/model_edit.h"
#include "plane/stats.h"
#include "underlay/vip_announced.h"

static const char notes[] =
	"PROTO is tcp or udp; write IPv6 as [ADDR6]:PORT/PROTO. cid: steer QUIC by\n"
	"connection ID (udp). flow: keep an entry per 4-tuple (default on). announce: its\n"
	"address has a route, for BIRD or FRR to announce, while it serves: a program\n"
	"runs on a device that is up, and of its backends N (1) are up. health: how\n"
	"its backends are checked, see \"xroam health help\".\n";

static int edit_add(struct model *m, void *ctx, struct xr_err *err)
{
	struct model_vip *v = model_grow(&m->vips, &m->n_vips, sizeof(*v));

	if (!v)
		return xr_fail(err, -ENOMEM, "out of memory");
	*v = *(struct model_vip *)ctx;
	return 0;
}

static int take_check(struct args *a, void *to)
{
	return cmd_take_check(a, ((struct model_vip *)to)->check, false);
}

static const char *const off_on[] = { "off", "on", NULL };

/* clang-format off */
#define TO(member) ARGS_TO(struct model_vip, member)
#define KEYS_OF_BOTH \
	{ "flow", ARGS_WORD, TO(flow), false, .words = off_on }, \
	{ "announce", ARGS_WORD, TO(announce), false, .words = off_on }, \
	{ "min-up", ARGS_NUMBER, TO(min_up), 1, XR_MAX_BACKENDS }, \
	{ "health", ARGS_OTHER, .take = take_check }
static const struct args_key add_keys[] = {
	{ "cid", ARGS_FLAG, TO(cid) },
	KEYS_OF_BOTH,
	{ 0 }
};
#define SET_HEALTH 3 /* of set_keys */
static const struct args_key set_keys[] = {
	KEYS_OF_BOTH,
	{ 0 }
};
#undef KEYS_OF_BOTH
#undef TO
/* clang-format on */

static int add(int argc, char **argv)
{
	struct args args = args_after(argc, argv);
	struct args_given g = { .often = ARGS_ALL };
	struct model_vip v = { .flow = true, .min_up = 1 };
	int ret;

	args.key = "vip";
	ret = args_vip(&args, v.addr, &v.port, &v.proto);
	if (!ret)
		ret = args_take(&args, add_keys, &v, &g);
	return ret ? ret : cmd_edit(PLANE_CREATE, EDIT_PROGRAMS, edit_add, &v);
}

static int no_vip(struct xr_err *err, const struct model_vip *v)
{
	char name[TEXT_VIP];

	return xr_fail(err, -ENOENT, "there is no VIP %s; \"xroam vip show\" lists them",
		       text_vip(name, v->addr, v->port, v->proto));
}

struct vip_change {
	struct model_vip v;
	struct args_given g;
};

static int edit_set(struct model *m, void *ctx, struct xr_err *err)
{
	const struct vip_change *c = ctx;
	struct model_vip *v = model_find_vip(m, c->v.addr, c->v.port, c->v.proto);

	if (!v)
		return no_vip(err, &c->v);
	args_copy(set_keys, c->g.given & ~ARGS_BIT(SET_HEALTH), v, &c->v);
	if (args_has(&c->g, SET_HEALTH))
		memcpy(v->check, c->v.check, sizeof(v->check));
	return 0;
}

static int set(int argc, char **argv)
{
	struct args args = args_after(argc, argv);
	struct vip_change c = { .g.often = ARGS_ALL };
	int ret;

	args.key = "vip";
	ret = args_vip(&args, c.v.addr, &c.v.port, &c.v.proto);
	if (!ret && !args.argc)
		ret = cmd_usage("vip set: say what to change, such as announce on");
	if (!ret)
		ret = args_take(&args, set_keys, &c.v, &c.g);
	return ret ? ret : cmd_edit(PLANE_CHANGE, EDIT_LITTLE, edit_set, &c);
}

static bool is_key_of(const struct model_vip_key *k, const struct model_vip *v)
{
	return model_vip_is(v, k->addr, k->port, k->proto);
}

static int edit_del(struct model *m, void *ctx, struct xr_err *err)
{
	const struct model_vip *want = ctx;
	struct model_backend *b;
	struct model_vip *v;
	size_t i, j;

	v = model_find_vip(m, want->addr, want->port, want->proto);
	if (!v)
		return no_vip(err, want);
	for (i = 0; i < m->n_backends; i++) {
		b = &m->backends[i];
		for (j = b->n_vips; j-- > 0;)
			if (is_key_of(&b->vips[j], want))
				model_drop(b->vips, &b->n_vips, sizeof(*b->vips), j);
	}
	model_drop(m->vips, &m->n_vips, sizeof(*v), v - m->vips);
	return 0;
}

static int del(int argc, char **argv)
{
	struct args args = args_after(argc, argv);
	struct model_vip v = { .flow = true };
	int ret;

	args.key = "vip";
	ret = args_vip(&args, v.addr, &v.port, &v.proto);
	if (!ret)
		ret = args_end(&args);
	return ret ? ret : cmd_edit(PLANE_CHANGE, EDIT_PROGRAMS, edit_del, &v);
}

struct behind {
	size_t all, up;
	json_t *names; /* of the backends; NULL without -j */
};

static struct behind find_behind(struct plane *p, const struct model *m, const struct model_vip *v)
{
	struct behind n = { 0, 0, opt.json ? json_array() : NULL };
	const struct model_backend *b;
	size_t i, j;

	for (i = 0; i < m->n_backends; i++) {
		b = &m->backends[i];
		for (j = 0; j < b->n_vips; j++) {
			if (!is_key_of(&b->vips[j], v))
				continue;
			n.all++;
			n.up += p->backends[b->index].state == XR_BACKEND_UP && b->info.weight;
			if (n.names)
				json_array_append_new(n.names, json_string(b->info.name));
		}
	}
	return n;
}

static json_t *show_json(struct plane *p, const struct model *m, const struct model_vip *v)
{
	struct behind n = find_behind(p, m, v);
	struct xr_counter c;
	json_t *o;

	struct xr_announced a = { 0 };
	char why[VIP_ANNOUNCED_WHY] = "";

	stats_vip(p, v->index, &c);
	if (vip_announced_get(p, v->index, &a))
		vip_announced_why(p, &a, why);
	o = json_pack("{s:o, s:o, s:i, s:s, s:b, s:b, s:b, s:i, s:b, s:o, s:o, s:o, s:I, s:I, s:I}",
		      "vip", json_vip(v->addr, v->port, v->proto), "address", json_addr(v->addr),
		      "port", ntohs(v->port), "protocol", text_proto(v->proto), "cid", v->cid,
		      "flow", v->flow, "announce", v->announce, "min_up", v->min_up, "announced",
		      a.announced, "announced_since", a.since ? json_integer(a.since) : json_null(),
		      "not_announced", why[0] ? json_text(why) : json_null(), "backends", n.names,
		      "backends_up", (json_int_t)n.up, "packets", (json_int_t)c.packets, "bytes",
		      (json_int_t)c.bytes);
	if (o && v->check[0])
		json_object_set_new(o, "health_check", json_text(v->check));
	return o;
}

/* "yes", "no: 1 of 2 ..."; "-": it does not ask for it. */
static void announced_cell(struct plane *p, struct table *t, const struct model_vip *v)
{
	char why[VIP_ANNOUNCED_WHY];
	struct xr_announced a;

	if (!vip_announced_get(p, v->index, &a))
		table_cell(t, "-");
	else if (a.announced)
		table_cell(t, "yes");
	else
		table_cell(t, "no: %s", vip_announced_why(p, &a, why));
}

static void show_row(struct plane *p, struct table *t, const struct model *m,
		     const struct model_vip *v)
{
	struct behind n = find_behind(p, m, v);
	char name[TEXT_VIP];
	struct xr_counter c;

	stats_vip(p, v->index, &c);
	table_cell(t, "%s", text_vip(name, v->addr, v->port, v->proto));
	table_cell(t, "%s", v->cid ? "yes" : "no");
	table_cell(t, "%s", v->flow ? "on" : "off");
	table_cell(t, "%zu", n.all);
	table_cell(t, "%zu", n.up);
	table_cell(t, "%llu", (unsigned long long)c.packets);
	table_cell(t, "%llu", (unsigned long long)c.bytes);
	announced_cell(p, t, v);
}

static int show(int argc, char **argv)
{
	static const char *const headings[] = { "VIP",     "CID",   "FLOW",      "BACKENDS", "UP",
						"PACKETS", "BYTES", "ANNOUNCED", NULL };
	struct args args = args_after(argc, argv);
	struct model_vip want = { .flow = true };
	bool one = args.argc;
	struct table *t;
	struct plane *p;
	struct model m;
	json_t *list;
	size_t i, n = 0;
	int ret = 0;

	args.key = "vip";
	if (one)
		ret = args_vip(&args, want.addr, &want.port, &want.proto);
	if (!ret)
		ret = args_end(&args);
	if (!ret)
		ret = cmd_load_model(&p, &m);
	if (ret)
		return ret;
	list = json_array();
	t = table_new(headings);
	for (i = 3; i < 7; i++)
		table_right(t, i);
	for (i = 0; i < m.n_vips; i++) {
		const struct model_vip *v = &m.vips[i];

		if (one && !model_vip_is(v, want.addr, want.port, want.proto))
			continue;
		n++;
		if (opt.json)
			json_array_append_new(list, show_json(p, &m, v));
		else
			show_row(p, t, &m, v);
	}
	model_free(&m);
	plane_close(p);
	if (one && !n) {
		json_decref(list);
		table_free(t);
		return cmd_refuse("there is no VIP %s; \"xroam vip show\" lists them", argv[1]);
	}
	return out_list(list, t);
}

static const struct cmd commands[] = {
	{ "add", add }, { "set", set }, { "del", del }, { "show", show }, { NULL, NULL }
};

int do_vip(int argc, char **argv)
{
	return cmd_select(commands, notes, argc, argv);
}
