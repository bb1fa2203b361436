// SPDX-License-Identifier: GPL-2.0-only
/*
 * xroam host: places where VMs live.
 *
 * JSON of `host show`, an array of objects: name, method (vxlan, ipip, gue, dev,
 * mac), local, vms (how many are there), packets and bytes (redirected to it);
 * mtu, mtu_learned where they are known (cmd/mtu.c); vxlan, ipip, gue: address, and
 * port where it is not the method's own; vxlan: vni; dev, mac: dev; mac: mac.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edit_priv.h"
#include "host/host.h"
#include "model/model_edit.h"
#include "net/path.h"
#include "plane/stats.h"
#include "plane/vm_state.h"

static const char notes[] =
	"vxlan: whole frames into the tenant's segment. ipip, gue: IP packets. dev:\n"
	"frames as they are, out of that port. mac: IP packets, with the next router's\n"
	"MAC.\n"
	"local: this machine is that host.\n";

/* ---- add, del ---- */

enum { VXLAN, IPIP, GUE, DEV, MAC, VNI, PORT, LOCAL };

/* clang-format off */
#define TO(member) ARGS_TO(struct xr_host_info, member)
static const struct args_key keys[] = {
	[VXLAN] = { "vxlan", ARGS_ADDR, TO(addr) },
	[IPIP] =  { "ipip", ARGS_ADDR, TO(addr) },
	[GUE] =   { "gue", ARGS_ADDR, TO(addr) },
	[DEV] =   { "dev", ARGS_DEV, TO(dev) },
	[MAC] =   { "mac", ARGS_MAC, TO(mac) },
	[VNI] =   { "vni", ARGS_NUMBER, TO(vni), 1, 0xffffff },
	[PORT] =  { "port", ARGS_NUMBER, TO(port), 1, 65535 },
	[LOCAL] = { "local", ARGS_FLAG, TO(local) },
	{ 0 }
};
#undef TO
/* clang-format on */

static int choose_method(const struct args_given *g, struct xr_host_info *h)
{
	int ways = args_has(g, VXLAN) + args_has(g, IPIP) + args_has(g, GUE) +
		(args_has(g, DEV) || args_has(g, MAC));

	if (ways != 1)
		return cmd_usage(
			"host add: say how it is reached, one of vxlan ADDR vni N, ipip ADDR, gue ADDR, dev DEV, mac MAC dev DEV");
	if (args_has(g, VXLAN) && !args_has(g, VNI))
		return cmd_usage("host add: vxlan needs vni N");
	if (args_has(g, MAC) && !args_has(g, DEV))
		return cmd_usage("host add: mac MAC needs dev DEV");
	if (args_has(g, VNI) && !args_has(g, VXLAN))
		return cmd_usage("host add: vni is for vxlan only");
	if (args_has(g, PORT) && !args_has(g, VXLAN) && !args_has(g, GUE))
		return cmd_usage("host add: port is for vxlan and gue only");
	h->method = args_has(g, VXLAN) ? XR_FORWARD_VXLAN
		: args_has(g, IPIP)    ? XR_FORWARD_IPIP
		: args_has(g, GUE)     ? XR_FORWARD_GUE
		: args_has(g, MAC)     ? XR_FORWARD_L2
				       : XR_FORWARD_PORT;
	return 0;
}

static int parse(int argc, char **argv, struct xr_host_info *h)
{
	struct args a = args_after(argc, argv);
	struct args_given g = { 0 };
	int ret = args_name(&a, "host", h->name);

	if (!ret)
		ret = args_take(&a, keys, h, &g);
	return ret ? ret : choose_method(&g, h);
}

static int edit_add(struct model *m, void *ctx, struct xr_err *err)
{
	const struct xr_host_info *info = ctx;
	char addr[TEXT_ADDR];
	struct model_host *h;
	int ret = 0;

	if (model_find_host(m, info->name))
		return xr_fail(err, -EEXIST,
			       "host %s exists already; \"xroam host show\" lists them",
			       info->name);
	/*
	 * The model's check asks for no route, as a file may be applied at boot, before
	 * there are any. An operator who types this can add the route first. An address
	 * that no host can have is left to that check.
	 */
	if (!info->local && !addr_is_zero(info->addr) && !vm_addr_fault(info->addr))
		ret = path_has_route(info->addr);
	if (xr_is_shortage(ret))
		return xr_fail(err, ret, "host %s: cannot ask the kernel for routes: %s",
			       info->name, strerror(-ret));
	if (ret)
		return xr_fail(err, -EHOSTUNREACH,
			       "host %s: there is no route to %s; add the route first", info->name,
			       text_addr(addr, info->addr));
	h = model_grow(&m->hosts, &m->n_hosts, sizeof(*h));
	if (!h)
		return xr_fail(err, -ENOMEM, "out of memory");
	h->info = *info;
	return 0;
}

static int add(int argc, char **argv)
{
	struct xr_host_info info;
	int ret;

	memset(&info, 0, sizeof(info));
	ret = parse(argc, argv, &info);
	return ret ? ret : cmd_edit(PLANE_CREATE, EDIT_PROGRAMS, edit_add, &info);
}

static int no_host(struct xr_err *err, const char *name)
{
	return xr_fail(err, -ENOENT, "there is no host %s; \"xroam host show\" lists them", name);
}

static int edit_del(struct model *m, void *ctx, struct xr_err *err)
{
	struct model_host *h = model_find_host(m, ctx);

	if (!h)
		return no_host(err, ctx);
	model_drop(m->hosts, &m->n_hosts, sizeof(*h), h - m->hosts);
	return 0;
}

static int del(int argc, char **argv)
{
	struct args args = args_after(argc, argv);
	char *name = args_need(&args, "the host's name");
	int ret = name ? args_end(&args) : EXIT_USAGE;

	return ret ? ret : cmd_edit(PLANE_CHANGE, EDIT_PROGRAMS, edit_del, name);
}

/* ---- show ---- */

#define HOST_INDICES 65536 /* whatever xr_vm_now.host says */

struct shown {
	struct plane *p;
	__u32 *vms; /* how many are there, by host index */
};

static int count_vm(void *ctx, __u32 index)
{
	struct shown *s = ctx;

	s->vms[vm_now(s->p, index).host]++;
	return 0;
}

static json_t *show_json(struct shown *s, __u32 i)
{
	const struct xr_host_info *h = &s->p->host_info[i];
	struct xr_counter c;
	json_t *o;

	stats_host(s->p, i, &c);
	o = json_pack("{s:s, s:s, s:b, s:I, s:I, s:I}", "name", h->name, "method",
		      h->method == XR_FORWARD_L2 ? "mac" : text_forward(h->method), "local",
		      h->local, "vms", (json_int_t)s->vms[i], "packets", (json_int_t)c.packets,
		      "bytes", (json_int_t)c.bytes);
	if (!o)
		return NULL;
	json_add_mtu(o, s->p, s->p->hosts[i].path);
	if (!addr_is_zero(h->addr))
		json_object_set_new(o, "address", json_addr(h->addr));
	if (h->port)
		json_object_set_new(o, "port", json_integer(h->port));
	if (h->vni)
		json_object_set_new(o, "vni", json_integer(h->vni));
	if (h->dev[0])
		json_object_set_new(o, "dev", json_text(h->dev));
	if (!mac_is_zero(h->mac))
		json_object_set_new(o, "mac", json_mac(h->mac));
	return o;
}

static void show_row(struct shown *s, struct table *t, __u32 i)
{
	const struct xr_host_info *h = &s->p->host_info[i];
	struct xr_counter c;
	char way[128];

	stats_host(s->p, i, &c);
	table_cell(t, "%s", h->name);
	table_cell(t, "%s", host_words(way, sizeof(way), h));
	table_cell(t, "%u", s->vms[i]);
	table_cell(t, "%llu", (unsigned long long)c.packets);
	table_cell(t, "%llu", (unsigned long long)c.bytes);
}

static int show_all(struct shown *s, const char *name)
{
	static const char *const headings[] = { "NAME", "WAY", "VMS", "PACKETS", "BYTES", NULL };
	struct table *t = table_new(headings);
	json_t *list = json_array();
	int col;
	__u32 i;

	for (col = 2; col < 5; col++)
		table_right(t, col);
	for (i = 1; i <= s->p->meta->limits.hosts; i++) {
		if (!s->p->host_info[i].name[0] || (name && strcmp(name, s->p->host_info[i].name)))
			continue;
		if (opt.json)
			json_array_append_new(list, show_json(s, i));
		else
			show_row(s, t, i);
	}
	return out_list(list, t);
}

static int show(int argc, char **argv)
{
	struct args args = args_after(argc, argv);
	char *name = args_next(&args);
	struct shown s = { NULL, NULL };
	struct xr_err err;
	int ret = args_end(&args);

	if (!ret)
		ret = cmd_open(&s.p, PLANE_READ);
	if (ret)
		return ret;
	s.vms = calloc(HOST_INDICES, sizeof(*s.vms));
	if (!s.vms) {
		ret = cmd_refuse("out of memory");
	} else if (name && !host_find(s.p, name)) {
		no_host(&err, name);
		ret = cmd_fail(&err);
	} else {
		vm_each(s.p, count_vm, &s);
		ret = show_all(&s, name);
	}
	free(s.vms);
	plane_close(s.p);
	return ret;
}

static const struct cmd commands[] = {
	{ "add", add }, { "del", del }, { "show", show }, { NULL, NULL }
};

int do_host(int argc, char **argv)
{
	return cmd_select(commands, notes, argc, argv);
}
