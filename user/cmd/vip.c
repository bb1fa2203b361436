// SPDX-License-Identifier: GPL-2.0-only
/* xroam vip: the virtual services. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edit_priv.h"
#include "model/model_edit.h"
#include "plane/stats.h"

static const char notes[] =
	"PROTO is tcp or udp; write IPv6 as [ADDR6]:PORT/PROTO. cid: steer QUIC by\n"
	"connection ID (udp). flow: keep an entry per 4-tuple (default on).\n";

static int edit_add(struct model *m, void *ctx, struct xr_err *err)
{
	struct model_vip *v = model_grow(&m->vips, &m->n_vips, sizeof(*v));

	if (!v)
		return xr_fail(err, -ENOMEM, "out of memory");
	*v = *(struct model_vip *)ctx;
	return 0;
}

static int add(int argc, char **argv)
{
	static const char *const off_on[] = { "off", "on", NULL };
	static const struct args_key keys[] = {
		{ "cid", ARGS_FLAG, ARGS_TO(struct model_vip, cid) },
		{ "flow", ARGS_WORD, ARGS_TO(struct model_vip, flow), false, .words = off_on },
		{ 0 }
	};
	struct args args = args_after(argc, argv);
	struct args_given g = { .often = ARGS_ALL };
	struct model_vip v = { .flow = true };
	int ret;

	args.key = "vip";
	ret = args_vip(&args, v.addr, &v.port, &v.proto);
	if (!ret)
		ret = args_take(&args, keys, &v, &g);
	return ret ? ret : cmd_edit(PLANE_CREATE, edit_add, &v);
}

static bool is_key_of(const struct model_vip_key *k, const struct model_vip *v)
{
	return model_vip_is(v, k->addr, k->port, k->proto);
}

static int edit_del(struct model *m, void *ctx, struct xr_err *err)
{
	const struct model_vip *want = ctx;
	char name[TEXT_VIP];
	struct model_backend *b;
	struct model_vip *v;
	size_t i, j;

	v = model_find_vip(m, want->addr, want->port, want->proto);
	if (!v)
		return xr_fail(err, -ENOENT, "there is no VIP %s; \"xroam vip show\" lists them",
			       text_vip(name, want->addr, want->port, want->proto));
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
	return ret ? ret : cmd_edit(PLANE_CHANGE, edit_del, &v);
}

struct behind {
	size_t all, up;
	json_t *names; /* of the backends; NULL without -j */
};

static struct behind find_behind(const struct model *m, const struct model_vip *v)
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
			n.up += b->info.state == XR_BACKEND_UP && b->info.weight;
			if (n.names)
				json_array_append_new(n.names, json_string(b->info.name));
		}
	}
	return n;
}

static json_t *show_json(struct plane *p, const struct model *m, const struct model_vip *v)
{
	struct behind n = find_behind(m, v);
	struct xr_counter c;

	stats_vip(p, v->index, &c);
	return json_pack("{s:o, s:o, s:i, s:s, s:b, s:b, s:o, s:I, s:I, s:I}", "vip",
			 json_vip(v->addr, v->port, v->proto), "address", json_addr(v->addr),
			 "port", ntohs(v->port), "protocol", text_proto(v->proto), "cid", v->cid,
			 "flow", v->flow, "backends", n.names, "backends_up", (json_int_t)n.up,
			 "packets", (json_int_t)c.packets, "bytes", (json_int_t)c.bytes);
}

static void show_row(struct plane *p, struct table *t, const struct model *m,
		     const struct model_vip *v)
{
	struct behind n = find_behind(m, v);
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
}

static int show(int argc, char **argv)
{
	static const char *const headings[] = { "VIP", "CID",     "FLOW",  "BACKENDS",
						"UP",  "PACKETS", "BYTES", NULL };
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
	{ "add", add }, { "del", del }, { "show", show }, { NULL, NULL }
};

int do_vip(int argc, char **argv)
{
	return cmd_select(commands, notes, argc, argv);
}
