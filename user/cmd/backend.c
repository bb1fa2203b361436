// SPDX-License-Identifier: GPL-2.0-only
/* xroam backend: the servers behind VIPs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edit_priv.h"
#include "lib/health_state.h"
#include "model/model_edit.h"
#include "plane/stats.h"
#include "show/health_text.h"
#include "steer/flow_table.h"

static const char notes[] =
	"vip and server-id may be given several times; set replaces all of them.\n"
	"weight 0 takes no new flows. draining keeps the flows and connections it has;\n"
	"down gets nothing. initial-rate: QUIC Initials per second, 0 for no limit.\n"
	"health: its own check; none: no check; inherit: those of its VIPs (the default).\n";

enum {
	VIP,
	ADDRESS,
	SERVER_ID,
	WEIGHT,
	STATE,
	FORWARD,
	DEV,
	PORT,
	VNI,
	MAC,
	INITIAL_RATE,
	VM,
	VLAN,
	HEALTH,
};

/* The backend as the command line describes it, and which facts that gives. */
struct backend_args {
	struct model_backend b;
	struct args_given facts;
};

static bool has(const struct backend_args *want, int fact)
{
	return args_has(&want->facts, fact);
}

static void free_args(struct backend_args *want)
{
	free(want->b.vips);
	free(want->b.sids);
}

static int no_memory(void)
{
	return cmd_refuse("out of memory");
}

static int take_vip(struct args *a, void *to)
{
	struct model_backend *b = to;
	struct model_vip_key *k = model_grow(&b->vips, &b->n_vips, sizeof(*k));

	return k ? args_vip(a, k->addr, &k->port, &k->proto) : no_memory();
}

static int take_sid(struct args *a, void *to)
{
	struct model_backend *b = to;
	struct model_sid *s = model_grow(&b->sids, &b->n_sids, sizeof(*s));
	size_t len = 0;
	int ret = s ? args_hex(a, s->octet, sizeof(s->octet), &len) : no_memory();

	if (!ret)
		s->len = len;
	return ret;
}

static int take_check(struct args *a, void *to)
{
	struct model_backend *b = to;
	int ret = cmd_take_check(a, b->check, true);

	if (!ret && !strcmp(b->check, "inherit"))
		memset(b->check, 0, sizeof(b->check));
	return ret;
}

static const char *const states[] = { "up", "draining", "down", NULL };
static const char *const forwards[] = { "ipip", "gue", "vxlan", "l2", NULL };

/* clang-format off */
#define TO(member) ARGS_TO(struct model_backend, info.member)
static const struct args_key keys[] = {
	[VIP] =          { "vip", ARGS_OTHER, .take = take_vip },
	[ADDRESS] =      { "address", ARGS_ADDR, TO(addr) },
	[SERVER_ID] =    { "server-id", ARGS_OTHER, .take = take_sid },
	[WEIGHT] =       { "weight", ARGS_NUMBER, TO(weight), 0, 65535 },
	[STATE] =        { "state", ARGS_WORD, TO(state), XR_BACKEND_UP, .words = states },
	[FORWARD] =      { "forward", ARGS_WORD, TO(forward), XR_FORWARD_IPIP, .words = forwards },
	[DEV] =          { "dev", ARGS_DEV, TO(dev) },
	[PORT] =         { "port", ARGS_NUMBER, TO(port), 1, 65535 },
	[VNI] =          { "vni", ARGS_NUMBER, TO(vni), 0, 0xffffff },
	[MAC] =          { "mac", ARGS_MAC, TO(mac) },
	[INITIAL_RATE] = { "initial-rate", ARGS_NUMBER, TO(initial_rate), 0, 0xffffffff },
	[VM] =           { "vm", ARGS_MAC, TO(vm_mac) },
	[VLAN] =         { "vlan", ARGS_NUMBER, TO(vm_vlan), 1, 4094 },
	[HEALTH] =       { "health", ARGS_OTHER, .take = take_check },
	{ 0 }
};
#undef TO
/* clang-format on */

static int parse(int argc, char **argv, struct backend_args *want)
{
	struct args a = args_after(argc, argv);
	int ret = args_name(&a, "backend", want->b.info.name);

	want->facts.often = ARGS_BIT(VIP) | ARGS_BIT(SERVER_ID);
	if (!ret)
		ret = args_take(&a, keys, &want->b, &want->facts);
	if (!ret && has(want, VLAN) && !has(want, VM))
		ret = cmd_usage("vlan belongs to vm: write vm MAC vlan N");
	return ret;
}

/* The model takes over the lists of VIPs and server IDs. */
static int edit_add(struct model *m, void *ctx, struct xr_err *err)
{
	struct backend_args *want = ctx;
	struct model_backend *b;

	if (model_find_backend(m, want->b.info.name))
		return xr_fail(
			err, -EEXIST,
			"backend %s exists already; change it with \"backend set\", or take another name",
			want->b.info.name);
	b = model_grow(&m->backends, &m->n_backends, sizeof(*b));
	if (!b)
		return xr_fail(err, -ENOMEM, "out of memory");
	*b = want->b;
	want->b.vips = NULL;
	want->b.sids = NULL;
	return 0;
}

static enum edit_what touches(const struct backend_args *want)
{
	return has(want, SERVER_ID) ? EDIT_SIDS : EDIT_LITTLE;
}

static int add(int argc, char **argv)
{
	struct backend_args want = { .b.info = { .weight = 1, .state = XR_BACKEND_UP } };
	int ret = parse(argc, argv, &want);

	if (!ret && !has(&want, VIP))
		ret = cmd_usage("backend add: vip ADDR:PORT/PROTO is missing");
	if (!ret && !has(&want, ADDRESS))
		ret = cmd_usage("backend add: address ADDR is missing");
	if (!ret)
		ret = cmd_edit(PLANE_CHANGE, touches(&want), edit_add, &want);
	free_args(&want);
	return ret;
}

static int no_backend(struct xr_err *err, const char *name)
{
	return xr_fail(err, -ENOENT, "there is no backend %s; \"xroam backend show\" lists them",
		       name);
}

static int edit_set(struct model *m, void *ctx, struct xr_err *err)
{
	struct backend_args *want = ctx;
	struct model_backend *b = model_find_backend(m, want->b.info.name);
	__u32 given;

	if (!b)
		return no_backend(err, want->b.info.name);
	given = want->facts.given;
	if (has(want, VM))
		given |= ARGS_BIT(VLAN); /* a MAC alone is an untagged VM's */
	args_copy(keys, given, b, &want->b);
	if (has(want, HEALTH))
		memcpy(b->check, want->b.check, sizeof(b->check));
	if (has(want, VIP)) {
		free(b->vips);
		b->vips = want->b.vips;
		b->n_vips = want->b.n_vips;
		want->b.vips = NULL;
	}
	if (has(want, SERVER_ID)) {
		free(b->sids);
		b->sids = want->b.sids;
		b->n_sids = want->b.n_sids;
		want->b.sids = NULL;
	}
	return 0;
}

static int set(int argc, char **argv)
{
	struct backend_args want = { .b.n_vips = 0 };
	int ret = parse(argc, argv, &want);

	if (!ret && argc < 3)
		ret = cmd_usage("backend set: say what to change, such as state draining");
	if (!ret)
		ret = cmd_edit(PLANE_CHANGE, touches(&want), edit_set, &want);
	free_args(&want);
	return ret;
}

static int edit_del(struct model *m, void *ctx, struct xr_err *err)
{
	struct model_backend *b = model_find_backend(m, ctx);

	if (!b)
		return no_backend(err, ctx);
	model_drop_backend(m, b);
	return 0;
}

static int del(int argc, char **argv)
{
	struct args args = args_after(argc, argv);
	char *name = args_need(&args, "the backend's name");
	int ret = name ? args_end(&args) : EXIT_USAGE;

	return ret ? ret : cmd_edit(PLANE_CHANGE, EDIT_SIDS, edit_del, name);
}

/* ---- show ---- */

struct shown {
	struct plane *p;
	const struct model_backend *b;
	struct xr_backend_counter c;
	__u32 flows;
	bool ties;   /* some backend is tied to a VM: the table has a column VM */
	bool checks; /* some backend is checked: it has columns for that */
};

static json_t *vips_json(const struct model_backend *b)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < b->n_vips; i++)
		json_array_append_new(list,
				      json_vip(b->vips[i].addr, b->vips[i].port, b->vips[i].proto));
	return list;
}

static json_t *sids_json(const struct model_backend *b)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < b->n_sids; i++)
		json_array_append_new(list, json_hex(b->sids[i].octet, b->sids[i].len));
	return list;
}

static __u64 by_cid(const struct shown *s)
{
	return stats_sum_codepoints(s->c.by_cid, STATS_ALL_CODEPOINTS);
}

/* The check that it has, by itself or by a VIP: see commit_health.c. */
static bool is_checked(const struct plane *p, const struct model_backend *b)
{
	return p->backend_health[b->index].since != 0;
}

static json_t *health_json(const struct shown *s)
{
	const struct xr_backend_health *h = &s->p->backend_health[s->b->index];
	json_t *o;

	if (!is_checked(s->p, s->b))
		return json_null();
	o = json_pack("{s:s, s:b, s:b, s:I, s:I}", "state", health_word(h->found), "kept",
		      h->applied == XR_HEALTH_KEPT, "damped", h->damped, "since",
		      (json_int_t)h->since, "failures", (json_int_t)h->failures);
	json_object_set_new(o, "last_probe", h->seen ? json_integer(h->seen) : json_null());
	json_object_set_new(o, "last_error", h->error[0] ? json_text(h->error) : json_null());
	return o;
}

static json_t *show_json(const struct shown *s)
{
	const struct xr_backend_info *i = &s->b->info;
	json_t *o;

	o = json_pack("{s:s, s:o, s:s, s:I, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "name",
		      i->name, "address", json_addr(i->addr), "state", text_state(i->state),
		      "weight", (json_int_t)i->weight, "forward", text_forward(i->forward), "vips",
		      vips_json(s->b), "server_ids", sids_json(s->b), "packets",
		      (json_int_t)s->c.packets, "bytes", (json_int_t)s->c.bytes, "by_cid",
		      (json_int_t)by_cid(s), "initials", (json_int_t)s->c.initials, "initial_rate",
		      (json_int_t)i->initial_rate, "flows", (json_int_t)s->flows);
	if (!o)
		return NULL;
	json_object_set_new(o, "serves_as",
			    json_string(text_state(s->p->backends[s->b->index].state)));
	json_object_set_new(o, "health", health_json(s));
	if (s->b->check[0])
		json_object_set_new(o, "health_check", json_text(s->b->check));
	json_add_mtu(o, s->p, s->p->backends[s->b->index].path);
	if (i->dev[0])
		json_object_set_new(o, "dev", json_text(i->dev));
	if (i->port)
		json_object_set_new(o, "port", json_integer(i->port));
	if (i->forward == XR_FORWARD_VXLAN)
		json_object_set_new(o, "vni", json_integer(i->vni));
	if (!mac_is_zero(i->mac))
		json_object_set_new(o, "mac", json_mac(i->mac));
	if (!mac_is_zero(i->vm_mac)) {
		json_object_set_new(o, "vm_mac", json_mac(i->vm_mac));
		json_object_set_new(o, "vm_vlan", json_integer(i->vm_vlan));
	}
	return o;
}

static void show_health(struct table *t, const struct shown *s)
{
	const struct xr_backend_health *h = &s->p->backend_health[s->b->index];
	char buf[HEALTH_TEXT];

	if (!s->checks)
		return;
	if (!is_checked(s->p, s->b)) {
		table_cell(t, "-");
		table_cell(t, "-");
		table_cell(t, "-");
		return;
	}
	table_cell(t, "%s", show_health_text(h, buf));
	table_cell(t, "%s", show_age_text(h->since, buf));
	table_cell(t, "%.*s", (int)sizeof(h->error), h->error[0] ? h->error : "-");
}

static void show_row(struct table *t, const struct shown *s)
{
	const struct xr_backend_info *i = &s->b->info;
	char addr[TEXT_ADDR], vip[TEXT_VIP], sid[2 * XR_SID_MAX + 1];

	table_cell(t, "%s", i->name);
	table_cell(t, "%s", text_addr(addr, i->addr));
	table_cell(t, "%s", text_state(i->state));
	table_cell(t, "%u", i->weight);
	table_cell(t, "%s", text_forward(i->forward));
	if (s->b->n_vips == 1)
		table_cell(t, "%s",
			   text_vip(vip, s->b->vips->addr, s->b->vips->port, s->b->vips->proto));
	else
		table_cell(t, "%zu VIPs", s->b->n_vips);
	if (s->b->n_sids == 1)
		table_cell(t, "%s", text_hex(sid, sizeof(sid), s->b->sids->octet, s->b->sids->len));
	else
		table_cell(t, "%zu IDs", s->b->n_sids);
	table_cell(t, "%llu", (unsigned long long)s->c.packets);
	table_cell(t, "%llu", (unsigned long long)by_cid(s));
	table_cell(t, "%llu", (unsigned long long)s->c.initials);
	table_cell(t, "%u", s->flows);
	if (!s->ties) {
		show_health(t, s);
		return;
	}
	if (mac_is_zero(i->vm_mac))
		table_cell(t, "-");
	else if (i->vm_vlan)
		table_cell(t, "%s vlan %u", text_mac(addr, i->vm_mac), i->vm_vlan);
	else
		table_cell(t, "%s", text_mac(addr, i->vm_mac));
	show_health(t, s);
}

static __u32 *count_flows(struct plane *p)
{
	__u32 *n = calloc(XR_MAX_BACKENDS + 1, sizeof(*n));

	if (n)
		flow_table_count(p->flows, p->flow_buckets, plane_tick(p),
				 p->meta->policy.flow_idle, n);
	return n;
}

static int show_all(struct plane *p, const struct model *m, const char *name)
{
	static const char *const headings[] = { "NAME",    "ADDRESS",  "STATE",     "WEIGHT",
						"FORWARD", "VIP",      "SERVER-ID", "PACKETS",
						"BY-CID",  "INITIALS", "FLOWS",     NULL };
	const char *shown[16] = { NULL };
	json_t *list = json_array();
	__u32 *flows = count_flows(p);
	struct shown s = { .p = p };
	struct table *t;
	size_t i;

	for (i = 0; i < m->n_backends; i++) {
		s.ties |= !mac_is_zero(m->backends[i].info.vm_mac);
		s.checks |= is_checked(p, &m->backends[i]);
	}
	for (i = 0; headings[i]; i++)
		shown[i] = headings[i];
	if (s.ties)
		shown[i++] = "VM";
	if (s.checks) {
		shown[i++] = "HEALTH";
		shown[i++] = "FOR";
		shown[i] = "LAST ERROR";
	}
	t = table_new(shown);

	table_right(t, 3);
	for (i = 7; i < 11; i++)
		table_right(t, i);
	for (i = 0; i < m->n_backends; i++) {
		s.b = &m->backends[i];
		if (name && strcmp(name, s.b->info.name))
			continue;
		stats_backend(p, s.b->index, &s.c);
		s.flows = flows ? flows[s.b->index] : 0;
		if (opt.json)
			json_array_append_new(list, show_json(&s));
		else
			show_row(t, &s);
	}
	free(flows);
	return out_list(list, t);
}

static int show(int argc, char **argv)
{
	struct args args = args_after(argc, argv);
	char *name = args_next(&args);
	struct xr_err err;
	struct plane *p;
	struct model m;
	int ret = args_end(&args);

	if (!ret)
		ret = cmd_load_model(&p, &m);
	if (ret)
		return ret;
	if (name && !model_find_backend(&m, name)) {
		no_backend(&err, name);
		ret = cmd_fail(&err);
	} else {
		ret = show_all(p, &m, name);
	}
	model_free(&m);
	plane_close(p);
	return ret;
}

static const struct cmd commands[] = {
	{ "add", add }, { "set", set }, { "del", del }, { "show", show }, { NULL, NULL }
};

int do_backend(int argc, char **argv)
{
	return cmd_select(commands, notes, argc, argv);
}
