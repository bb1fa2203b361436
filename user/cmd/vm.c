// SPDX-License-Identifier: GPL-2.0-only
/*
 * xroam vm: VMs, and their moves.
 *
 * JSON of `vm show`, an array of objects: mac, vlan (0: untagged), host (where it
 * is), home (where the last authoritative notice put it), state (stable, prepared,
 * blackout, moved, settled, frozen, disabled), addresses, lock, seq (of the last
 * notice obeyed), ignored (older notices, and the same again), moves, hits (frames
 * redirected), copied, replayed, lost (in blackouts), spoofed, source (of the last
 * notice: cli, file, socket, qmp, announcement). Where there is a redirect:
 * last_hit_seconds and ttl (both in seconds). While a move is under way: to, and
 * deadline_seconds. Where one is known: tap. learned: addresses that an
 * announcement taught. Where it has them: limits, rules (lists of lines as vm add takes
 * them), default; denied and limited, packets so far, each an object of in and out.
 *
 * JSON of the others, an object: outcome (done, already, ignored), seq, and
 * warning where there is one.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apply/instance.h"
#include "args/args.h"
#include "args/out.h"
#include "lib/bounds.h"
#include "cmd.h"
#include "host/host.h"
#include "local/local.h"
#include "plane/vm_event.h"
#include "vm/vm.h"

static const char notes[] =
	"add makes a VM known, or gives a known one another binding; lock holds it to\n"
	"that at the guarded ports. limit, rule and default: what it may send and get at\n"
	"its own port, wherever it is; each LIMIT and RULE is one quoted word. A move:\n"
	"prepare (it will go; what speaks for it from HOST is believed), pause (it stands\n"
	"still: frames go to both), move (it is there), or cancel (it stayed). leave\n"
	"forgets it. seq: older notices are refused.\n";

/* ---- the notice ---- */

enum { VLAN, ADDRESS, AT, TO, LOCK, DEV, TIMEOUT, SEQ, TTL, LIMIT, RULE, DEFAULT };

/* One address too many is no usage error: vm_notice() refuses it, with the VM's name. */
static int take_address(struct args *a, void *to)
{
	struct xr_notice *n = to;
	__be32 spare[XR_ADDR_WORDS];
	bool room = n->n_addrs < XR_VM_ADDRS;
	int ret = args_addr(a, room ? n->addr[n->n_addrs] : spare);

	if (!ret)
		n->n_addrs++;
	return ret;
}

/* A line of bounds, which is one word of the shell's. */
static int take_line(struct args *a, struct xr_notice *n,
		     int (*take)(struct xr_vm_bounds *, const char *, struct xr_err *))
{
	const char *text = args_need(a, a->key);
	struct xr_err err = { "" };

	if (!text)
		return EXIT_USAGE;
	return take(&n->bounds, text, &err) ? cmd_usage("%s", err.text) : 0;
}

static int take_limit(struct args *a, void *to)
{
	return take_line(a, to, bounds_add_limit);
}

static int take_rule(struct args *a, void *to)
{
	return take_line(a, to, bounds_add_rule);
}

/* struct xr_vm_bounds' deny, by its index */
static const char *const defaults[] = { "allow", "deny", NULL };

/* clang-format off */
#define IN(member) ARGS_TO(struct xr_notice, member)
static const struct args_key keys[] = {
	[VLAN] =    { "vlan", ARGS_NUMBER, IN(vlan), 1, 4094 },
	[ADDRESS] = { "address", ARGS_OTHER, .take = take_address },
	[AT] =      { "at", ARGS_TEXT, IN(host), .what = "the host's name" },
	[TO] =      { "to", ARGS_TEXT, IN(host), .what = "the host's name" },
	[LOCK] =    { "lock", ARGS_FLAG, IN(lock) },
	[DEV] =     { "dev", ARGS_TEXT, IN(tap), .what = "dev: a device" },
	[TIMEOUT] = { "timeout", ARGS_NUMBER, IN(timeout), 1, 0x7fffffff },
	[SEQ] =     { "seq", ARGS_NUMBER, IN(seq), 1, XR_SEQ_MAX },
	[TTL] =     { "ttl", ARGS_NUMBER, IN(ttl), 1, 0x7fffffff },
	[LIMIT] =   { "limit", ARGS_OTHER, .take = take_limit },
	[RULE] =    { "rule", ARGS_OTHER, .take = take_rule },
	[DEFAULT] = { "default", ARGS_WORD, IN(bounds.deny), .words = defaults },
	{ 0 }
};
#undef IN

#define HAS(key) ARGS_BIT(key)
static const __u32 keys_of[] = {
	[XR_NOTICE_ADD] =     HAS(VLAN) | HAS(ADDRESS) | HAS(AT) | HAS(LOCK) | HAS(DEV) |
			      HAS(LIMIT) | HAS(RULE) | HAS(DEFAULT),
	[XR_NOTICE_PREPARE] = HAS(VLAN) | HAS(TO) | HAS(TIMEOUT) | HAS(SEQ) | HAS(TTL) | HAS(DEV),
	[XR_NOTICE_PAUSE] =   HAS(VLAN) | HAS(SEQ),
	[XR_NOTICE_MOVED] =   HAS(VLAN) | HAS(TO) | HAS(SEQ) | HAS(TTL),
	[XR_NOTICE_CANCEL] =  HAS(VLAN) | HAS(SEQ),
	[XR_NOTICE_LEAVE] =   HAS(VLAN) | HAS(SEQ),
};
/* clang-format on */

static int parse_keys(struct args *a, struct xr_notice *n)
{
	struct args_given g = { .allowed = keys_of[n->kind],
				.often = HAS(ADDRESS) | HAS(LIMIT) | HAS(RULE) };
	int ret = args_take(a, keys, n, &g);

	if (ret)
		return ret;
	if (g.allowed & HAS(AT) && !n->host)
		return cmd_usage("at HOST is missing");
	if (g.allowed & HAS(TO) && !n->host)
		return cmd_usage("to HOST is missing");
	return 0;
}

/* ---- its outcome ---- */

static const char *const outcomes[] = {
	[XR_DONE] = "done",
	[XR_ALREADY] = "already",
	[XR_IGNORED] = "ignored",
};

static void print_outcome(const struct xr_notice *n, const struct xr_answer *a)
{
	char name[VM_NAME];

	vm_name(name, vm_key(n->mac, n->vlan));
	if (a->outcome == XR_IGNORED)
		printf("VM %s: seq %llu is known already; ignored\n", name,
		       (unsigned long long)a->seq);
	else if (a->outcome == XR_ALREADY && n->kind == XR_NOTICE_MOVED)
		printf("VM %s is at %s already\n", name, n->host);
	else if (a->outcome == XR_ALREADY)
		printf("VM %s: so it is already\n", name);
	else if (opt.verbose)
		printf("VM %s: done, seq %llu\n", name, (unsigned long long)a->seq);
}

static int print_answer(const struct xr_notice *n, const struct xr_answer *a)
{
	json_t *o;

	if (a->warning[0])
		cmd_warn("%s", a->warning);
	if (!opt.json) {
		print_outcome(n, a);
		return EXIT_DONE;
	}
	o = json_pack("{s:s, s:I}", "outcome", outcomes[a->outcome], "seq", (json_int_t)a->seq);
	if (o && a->warning[0])
		json_object_set_new(o, "warning", json_text(a->warning));
	return out_json(o);
}

/* Samples the VM's ring for a while, without the lock between the samples. */
static void sample_ring(struct plane *p, __u32 index)
{
	int i, empty = 0;
	struct xr_err err;

	for (i = 0; i < SAMPLES_MOST && empty < SAMPLES_EMPTY && p->vms[index].ring; i++) {
		plane_unlock(p);
		usleep(vm_local_sample_wait(i));
		if (instance_relock(p, &err))
			return;
		empty = vm_local_sample(p, index) ? empty + 1 : 0;
	}
}

static int send_notice(int argc, char **argv, enum xr_notice_kind kind)
{
	struct xr_notice n = { .kind = kind, .source = XR_SOURCE_CLI };
	struct args args = args_after(argc, argv);
	struct xr_err err = { "" };
	struct xr_answer a;
	struct plane *p;
	int ret;

	args.key = "vm";
	ret = args.argc ? args_mac(&args, n.mac) : cmd_usage("the VM's MAC is missing");
	if (!ret)
		ret = parse_keys(&args, &n);
	if (!ret)
		ret = cmd_open(&p, PLANE_CHANGE);
	if (ret)
		return ret;
	/* A command names a port that exists already: see vm prepare in xroam-vm(8). */
	if (kind == XR_NOTICE_PREPARE && n.tap && !text_check_dev(NULL, n.tap, NULL) &&
	    !if_nametoindex(n.tap))
		ret = xr_fail(
			&err, -ENODEV,
			"dev: there is no device \"%s\" here; name the VM's port, or leave dev out and say so again when it is there",
			n.tap);
	else
		ret = vm_notice(p, &n, &a, &err);
	if (!ret && kind == XR_NOTICE_PREPARE)
		sample_ring(p, a.vm_index);
	ret = ret ? cmd_fail(&err) : print_answer(&n, &a);
	plane_close(p);
	return ret;
}

static int add(int argc, char **argv)
{
	return send_notice(argc, argv, XR_NOTICE_ADD);
}

static int prepare(int argc, char **argv)
{
	return send_notice(argc, argv, XR_NOTICE_PREPARE);
}

static int pause_it(int argc, char **argv)
{
	return send_notice(argc, argv, XR_NOTICE_PAUSE);
}

static int move(int argc, char **argv)
{
	return send_notice(argc, argv, XR_NOTICE_MOVED);
}

static int cancel(int argc, char **argv)
{
	return send_notice(argc, argv, XR_NOTICE_CANCEL);
}

static int leave(int argc, char **argv)
{
	return send_notice(argc, argv, XR_NOTICE_LEAVE);
}

/* ---- show ---- */

struct shown {
	struct plane *p;
	__u32 tick;
	bool one, any_vlan;
	bool any_bounds; /* of any VM of the instance: there is a column for them */
	__u64 key;
	__u32 found;
	json_t *list;
	struct table *t;
};

static json_t *addresses(const struct xr_vm_info *info, bool learned)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < XR_VM_ADDRS; i++)
		if (!addr_is_zero(info->addr[i]) && !!(info->learned >> i & 1) == learned)
			json_array_append_new(list, json_addr(info->addr[i]));
	return list;
}

static void add_tap(json_t *o, const struct xr_vm *v, const struct xr_vm_info *info)
{
	char name[IF_NAMESIZE];

	if (info->tap[0])
		json_object_set_new(o, "tap", json_text(info->tap));
	else if (v->tap && if_indextoname(v->tap, name))
		json_object_set_new(o, "tap", json_text(name));
	if (v->tap)
		json_object_set_new(o, "residual", json_boolean(!(info->learned & XR_PORT_NO_TAP)));
}

static void add_move(json_t *o, struct shown *s, __u32 index, struct xr_vm_now now)
{
	const struct xr_vm *v = &s->p->vms[index];
	__s32 left = v->deadline - s->tick;

	if (now.next) {
		json_object_set_new(o, "to", json_string(host_name(s->p, now.next)));
		json_object_set_new(o, "ready", json_boolean(vm_is_ready(s->p, index)));
		if (v->deadline)
			json_object_set_new(o, "deadline_seconds",
					    json_integer(left > 0 ? left : 0));
	}
	if (v->ttl && now.state != XR_VM_STABLE) {
		json_object_set_new(o, "last_hit_seconds", json_integer(s->tick - v->last));
		json_object_set_new(o, "ttl", json_integer(v->ttl));
	}
}

static json_t *count_json(const __u64 count[XR_WAYS])
{
	return json_pack("{s:I, s:I}", "in", (json_int_t)count[XR_WAY_IN], "out",
			 (json_int_t)count[XR_WAY_OUT]);
}

static void add_bounds(json_t *o, struct shown *s, __u32 index)
{
	json_t *limits = json_array(), *rules = json_array();
	struct xr_vm_bounds_used used = { 0 };
	struct xr_vm_bounds b = { 0 };
	char text[BOUNDS_TEXT];
	__u32 i;

	vm_get_bounds(s->p, index, &b);
	vm_get_bounds_used(s->p, index, &used);
	for (i = 0; i < (__u32)bounds_limits(&b); i++)
		json_array_append_new(limits, json_string(bounds_limit_text(text, &b, i)));
	for (i = 0; i < b.n_rules; i++)
		json_array_append_new(rules, json_string(bounds_rule_text(text, &b.rule[i])));
	json_object_set_new(o, "limits", limits);
	json_object_set_new(o, "rules", rules);
	json_object_set_new(o, "default", json_string(bounds_default_text(&b)));
	json_object_set_new(o, "denied", count_json(used.denied));
	json_object_set_new(o, "limited", count_json(used.limited));
}

/* In few words; JSON has the lines. */
static void bounds_cell(struct shown *s, __u32 index)
{
	struct xr_vm_bounds b;
	int limits;

	if (!vm_get_bounds(s->p, index, &b)) {
		table_cell(s->t, "-");
		return;
	}
	limits = bounds_limits(&b);
	table_cell(s->t, "%d limit%s, %u rule%s, %s", limits, limits == 1 ? "" : "s", b.n_rules,
		   b.n_rules == 1 ? "" : "s", bounds_default_text(&b));
}

static json_t *show_json(struct shown *s, __u32 index)
{
	const struct xr_vm_info *info = &s->p->vm_info[index];
	const struct xr_vm *v = &s->p->vms[index];
	struct xr_vm_now now = vm_now(s->p, index);
	json_t *o, *learned = addresses(info, true);
	__u8 mac[6];

	vm_mac_of(v->key, mac);
	o = json_pack(
		"{s:o, s:i, s:s, s:s, s:s, s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}",
		"mac", json_mac(mac), "vlan", vm_vlan_of(v->key), "host", host_name(s->p, now.host),
		"home", host_name(s->p, now.home), "state", vm_state_name(s->p, index, s->tick),
		"addresses", addresses(info, false), "lock", !!(now.flags & XR_VM_LOCK), "seq",
		(json_int_t)info->seq, "ignored", (json_int_t)info->old, "moves",
		(json_int_t)info->moves, "hits", (json_int_t)v->hits, "copied",
		(json_int_t)info->copied, "replayed", (json_int_t)info->replayed, "lost",
		(json_int_t)info->lost, "spoofed", (json_int_t)info->spoofed, "source",
		vm_source_name(info->source));
	if (!o)
		return NULL;
	if (json_array_size(learned))
		json_object_set(o, "learned", learned);
	json_decref(learned);
	add_tap(o, v, info);
	add_move(o, s, index, now);
	if (now.flags & XR_VM_BOUNDS)
		add_bounds(o, s, index);
	return o;
}

static void show_row(struct shown *s, __u32 index)
{
	const struct xr_vm_info *info = &s->p->vm_info[index];
	const struct xr_vm *v = &s->p->vms[index];
	struct xr_vm_now now = vm_now(s->p, index);
	char addr[TEXT_ADDR];
	__u8 mac[6];
	int i, n = 0;

	vm_mac_of(v->key, mac);
	table_cell(s->t, "%s", text_mac(addr, mac));
	table_cell(s->t, "%u", vm_vlan_of(v->key));
	table_cell(s->t, "%s", host_name(s->p, now.host));
	table_cell(s->t, "%s", now.next ? host_name(s->p, now.next) : "-");
	table_cell(s->t, "%s", vm_state_name(s->p, index, s->tick));
	table_cell(s->t, "%llu", (unsigned long long)info->seq);
	table_cell(s->t, "%llu", (unsigned long long)v->hits);
	if (v->ttl && now.state != XR_VM_STABLE)
		table_cell(s->t, "%u s of %u", s->tick - v->last, v->ttl);
	else
		table_cell(s->t, "-");
	table_cell(s->t, "%s", now.flags & XR_VM_LOCK ? "yes" : "no");
	if (s->any_bounds)
		bounds_cell(s, index);
	for (i = 0; i < XR_VM_ADDRS; i++)
		n += !addr_is_zero(info->addr[i]);
	if (n == 1)
		table_cell(s->t, "%s", text_addr(addr, info->addr[0]));
	else
		table_cell(s->t, "%d addresses", n);
}

static int on_vm(void *ctx, __u32 index)
{
	struct shown *s = ctx;
	__u64 key = s->p->vms[index].key;

	if (s->one && key != s->key && !(s->any_vlan && vm_same_mac(key, s->key)))
		return 0;
	s->found++;
	if (opt.json)
		json_array_append_new(s->list, show_json(s, index));
	else
		show_row(s, index);
	return 0;
}

static int parse_show(int argc, char **argv, struct shown *s)
{
	struct args_given g = { .allowed = HAS(VLAN) };
	struct args args = args_after(argc, argv);
	struct xr_notice n = { .vlan = 0 };
	int ret;

	if (!args.argc)
		return 0;
	args.key = "vm";
	ret = args_mac(&args, n.mac);
	if (!ret)
		ret = args_take(&args, keys, &n, &g);
	s->one = true;
	s->any_vlan = !n.vlan;
	s->key = vm_key(n.mac, n.vlan);
	return ret;
}

static int show(int argc, char **argv)
{
	static const char *const headings[] = { "MAC",   "VLAN",    "HOST", "TO",
						"STATE", "SEQ",     "HITS", "LAST-HIT",
						"LOCK",  "ADDRESS", NULL };
	static const char *const with_bounds[] = { "MAC",   "VLAN",   "HOST",    "TO",
						   "STATE", "SEQ",    "HITS",    "LAST-HIT",
						   "LOCK",  "BOUNDS", "ADDRESS", NULL };
	struct shown s = { .p = NULL };
	char name[VM_NAME];
	int ret = parse_show(argc, argv, &s);

	if (!ret)
		ret = cmd_open(&s.p, PLANE_READ);
	if (ret)
		return ret;
	s.tick = plane_tick(s.p);
	s.list = json_array();
	s.any_bounds = s.p->vm_control->bounded;
	s.t = table_new(s.any_bounds ? with_bounds : headings);
	table_right(s.t, 1);
	table_right(s.t, 5);
	table_right(s.t, 6);
	if (s.one && !s.any_vlan) {
		__u32 index = vm_find(s.p, s.key);

		if (index != VM_NOWHERE)
			on_vm(&s, index);
	} else {
		vm_each(s.p, on_vm, &s);
	}
	plane_close(s.p);
	if (!s.one || s.found)
		return out_list(s.list, s.t);
	json_decref(s.list);
	table_free(s.t);
	return cmd_refuse("there is no VM %s; \"xroam vm show\" lists them", vm_name(name, s.key));
}

static const struct cmd commands[] = { { "add", add },        { "prepare", prepare },
				       { "pause", pause_it }, { "move", move },
				       { "cancel", cancel },  { "leave", leave },
				       { "show", show },      { NULL, NULL } };

int do_vm(int argc, char **argv)
{
	return cmd_select(commands, notes, argc, argv);
}
