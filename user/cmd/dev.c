// SPDX-License-Identifier: GPL-2.0-only
/* xroam dev: the program on devices. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "apply/instance.h"
#include "args/args.h"
#include "args/out.h"
#include "attach/drained.h"
#include "cmd.h"
#include "devices/devices.h"
#include "lib/netns.h"

static const char notes[] =
	"attach makes the instance if there is none. mode auto (the default) takes\n"
	"native mode where the driver has it, else generic, and says which it got.\n"
	"role node balances; role backend takes tunnel headers off, for servers whose\n"
	"kernel does not: of packets to and for this machine's addresses, to and for any\n"
	"ADDR, and of VXLAN segment N, which is else left to another overlay. role pass\n"
	"lets all through, native only: for the other end of a node's veth. trusted:\n"
	"with \"policy moves: ports\", announcements that come in here are believed.\n";

static const char *state_word(enum device_state state)
{
	return state == DEVICE_ATTACHED ? "attached"
		: state == DEVICE_GONE  ? "device-gone"
					: "no-program";
}

/* Its state in a word; and where it is. */
static const char *state_of(struct plane *p, const struct xr_device *d, struct device_location *at)
{
	enum device_state state = plane_device_location(p, d, at);

	return drained_find(p, d->netns, d->name) == d ? "drained" : state_word(state);
}

static json_t *json_vnis(const struct xr_listed *l)
{
	json_t *list = json_array();
	__u32 i;

	for (i = 0; i < l->vnis; i++)
		json_array_append_new(list, json_integer(l->vni[i]));
	return list;
}

static json_t *json_addresses(const struct xr_listed *l)
{
	json_t *list = json_array();
	__u32 i;

	for (i = 0; i < l->addrs; i++)
		json_array_append_new(list, json_addr(l->addr[i]));
	return list;
}

/* A device, as "dev attach" and "dev show" print it. */
static json_t *json_device(struct plane *p, const struct xr_device *d)
{
	struct device_location at;
	const char *state = state_of(p, d, &at);

	return json_pack("{s:o, s:o, s:i, s:s, s:s, s:s, s:b, s:o, s:o, s:i, s:I, s:s}", "device",
			 json_text(at.name), "namespace", json_netns(at.netns), "ifindex",
			 at.ifindex, "mode", text_mode(d->mode), "attach", text_how(d->how), "role",
			 text_role(d->role), "trusted", d->trusted, "vnis", json_vnis(&d->listed),
			 "addresses", json_addresses(&d->listed), "program_id", d->prog_id, "since",
			 (json_int_t)d->attached, "state", state);
}

struct attach_args {
	char **dev;
	int devs;
	enum attach_want want;
	enum xr_role role;
	bool trusted;
	struct xr_listed listed;
};

static int take_vni(struct args *args, void *to)
{
	struct xr_listed *l = &((struct attach_args *)to)->listed;
	__u64 vni;
	int ret;

	if (l->vnis == XR_DEV_VNIS)
		return cmd_usage("attach: at most %d vni of a device", XR_DEV_VNIS);
	ret = args_u64(args, 0, 0xffffff, &vni);
	if (!ret)
		l->vni[l->vnis++] = vni;
	return ret;
}

static int take_address(struct args *args, void *to)
{
	struct xr_listed *l = &((struct attach_args *)to)->listed;
	int ret;

	if (l->addrs == XR_DEV_ADDRS)
		return cmd_usage("attach: at most %d address of a device", XR_DEV_ADDRS);
	ret = args_addr(args, l->addr[l->addrs]);
	if (!ret)
		l->addrs++;
	return ret;
}

static const char *const modes[] = { "auto", "native", "generic", NULL };
static const char *const roles[] = { "node", "backend", "pass", NULL };

/* clang-format off */
#define TO(member) ARGS_TO(struct attach_args, member)
static const struct args_key attach_keys[] = {
	{ "mode", ARGS_WORD, TO(want), ATTACH_AUTO, .words = modes },
	{ "role", ARGS_WORD, TO(role), XR_ROLE_NODE, .words = roles },
	{ "trusted", ARGS_FLAG, TO(trusted) },
	{ "vni", ARGS_OTHER, .take = take_vni },
	{ "address", ARGS_OTHER, .take = take_address },
	{ 0 }
};
#undef TO
/* clang-format on */

static bool is_attach_key(const char *word)
{
	const struct args_key *key;

	for (key = attach_keys; key->word; key++)
		if (!strcmp(word, key->word))
			return true;
	return false;
}

static int parse_attach(int argc, char **argv, struct attach_args *a)
{
	struct args args = args_after(argc, argv);
	struct args_given g = { .often = ARGS_ALL };
	int ret;

	a->dev = args.argv;
	a->role = XR_ROLE_NODE;
	/* Devices may have any name, so the first keyword is not abbreviated. */
	while (args.argc && !is_attach_key(*args.argv)) {
		args_next(&args);
		a->devs++;
	}
	if (!a->devs)
		return cmd_usage("attach: a device is missing");
	ret = args_take(&args, attach_keys, a, &g);
	if (!ret && a->role != XR_ROLE_BACKEND && (a->listed.vnis || a->listed.addrs))
		return cmd_usage("attach: vni and address are for role backend");
	if (!ret && a->role == XR_ROLE_PASS && a->want == ATTACH_GENERIC)
		return cmd_usage("attach: role pass is of use in native mode only");
	return ret;
}

static void print_attached(const struct xr_device *d, const char *note)
{
	printf("%s: %s mode, %s, role %s", d->name, text_mode(d->mode),
	       d->how == XR_ATTACH_DISPATCHER ? "through libxdp's dispatcher" : "the only program",
	       text_role(d->role));
	if (note[0])
		printf(" (%s)", note);
	putchar('\n');
}

static int print_all(struct plane *p, const struct attach_args *a, const struct xr_err *notes)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < a->devs; i++) {
		const struct xr_device *d = plane_device(p, a->dev[i]);

		if (opt.json)
			json_array_append_new(list, json_device(p, d));
		else
			print_attached(d, notes[i].text);
	}
	if (opt.json)
		return out_json(list);
	json_decref(list);
	return EXIT_DONE;
}

/* All or nothing: where one fails, those before it are detached again. */
static int attach_all(struct plane *p, const struct attach_args *a)
{
	struct xr_err notes[XR_MAX_DEVICES + 1] = { { "" } };
	int i, ret;

	if (a->devs > XR_MAX_DEVICES)
		return cmd_refuse("at most %d devices can be attached", XR_MAX_DEVICES);
	for (i = 0; i < a->devs; i++) {
		if (devices_attach(p, a->dev[i], a->want, a->role, &notes[i]))
			break;
		devices_trust(p, a->dev[i], a->trusted);
		devices_list_ends(p, a->dev[i], &a->listed);
	}
	if (i == a->devs)
		return print_all(p, a, notes);
	ret = cmd_fail(&notes[i]);
	while (i--)
		devices_detach(p, a->dev[i], NULL);
	return ret;
}

static int attach(int argc, char **argv)
{
	struct attach_args a = { .want = ATTACH_AUTO };
	struct plane *p;
	int ret = parse_attach(argc, argv, &a);

	if (ret)
		return ret;
	plane_ready_attach(opt.instance, a.dev, a.devs, a.role);
	ret = cmd_open(&p, PLANE_CREATE);
	if (ret)
		return ret;
	ret = drained_keeps(p) && a.role == XR_ROLE_NODE
		? cmd_refuse("the node is drained; \"xroam undrain\" first")
		: attach_all(p, &a);
	/* An error means no change: remove the instance that was made for this. */
	if (ret && p->created)
		instance_destroy(p, NULL);
	plane_close(p);
	return ret;
}

/* Warns where VIPs or hosts are left, but no device. */
static void warn_of_last(struct plane *p)
{
	bool serves = false;
	__u32 i;

	for (i = 0; i < XR_MAX_DEVICES; i++)
		if (p->devices[i].ifindex)
			return;
	for (i = 1; i <= p->meta->limits.vips; i++)
		serves |= p->vips[i].used;
	for (i = 1; i <= p->meta->limits.hosts; i++)
		serves |= p->host_info[i].name[0] != 0;
	if (serves)
		cmd_warn("the last device is taken away: nothing is steered any more");
}

/* One that is drained has no program any more, and is not to get it back. */
static int detach_one(struct plane *p, const char *dev, struct xr_err *err)
{
	struct xr_device *kept = drained_find(p, netns_id(), dev);

	if (!kept)
		return devices_detach(p, dev, err);
	memset(kept, 0, sizeof(*kept));
	return 0;
}

static int detach_every(struct plane *p, struct xr_err *err)
{
	struct xr_device *kept = NULL;

	while ((kept = drained_next(p, kept)))
		memset(kept, 0, sizeof(*kept));
	return devices_detach_all(p, err);
}

static int detach(int argc, char **argv)
{
	struct xr_err err = { "" };
	struct plane *p;
	int i, ret;

	if (argc < 2)
		return cmd_usage("detach: a device, or \"all\", is missing");
	if (argc == 2 && !strcmp(argv[1], "all") && strcmp(argv[0], "detach"))
		return cmd_usage(
			"command \"%s\": write \"detach all\" in full; what takes something away is not abbreviated",
			argv[0]);
	for (i = 1; argc > 2 && i < argc; i++)
		if (!strcmp(argv[i], "all"))
			return cmd_usage("detach: \"all\" stands alone, or name the devices");
	ret = cmd_open(&p, PLANE_CHANGE);
	if (ret)
		return ret;
	if (argc == 2 && !strcmp(argv[1], "all"))
		ret = detach_every(p, &err);
	else
		for (i = 1; i < argc && !ret; i++)
			ret = detach_one(p, argv[i], &err);
	if (!ret)
		warn_of_last(p);
	plane_close(p);
	if (ret && argc == 2 && *argv[1] && !strncmp("all", argv[1], strlen(argv[1])))
		return cmd_refuse("%s; for every device write \"detach all\" in full", err.text);
	return ret ? cmd_fail(&err) : EXIT_DONE;
}

static void show_row(struct plane *p, struct table *t, const struct xr_device *d, bool elsewhere)
{
	struct device_location at;
	const char *state = state_of(p, d, &at);
	time_t since = d->attached;
	char when[32], space[NETNS_TEXT];

	strftime(when, sizeof(when), "%F %T", localtime(&since));
	table_cell(t, "%s", at.name);
	if (elsewhere)
		table_cell(t, "%s", at.netns == netns_id() ? "-" : netns_text(at.netns, space));
	table_cell(t, "%s", text_mode(d->mode));
	table_cell(t, "%s", text_how(d->how));
	table_cell(t, "%s%s", text_role(d->role), d->trusted ? " trusted" : "");
	table_cell(t, "%u", d->prog_id);
	table_cell(t, "%s", when);
	table_cell(t, "%s", state);
}

static void show_one(struct plane *p, json_t *list, struct table *t, const struct xr_device *d,
		     bool elsewhere)
{
	if (opt.json)
		json_array_append_new(list, json_device(p, d));
	else
		show_row(p, t, d, elsewhere);
}

static bool any_elsewhere(const struct plane *p)
{
	__u64 here = netns_id();
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++)
		if (p->devices[i].ifindex && p->devices[i].netns != here)
			return true;
	return false;
}

static int show(int argc, char **argv)
{
	static const char *const here[] = { "DEVICE",  "MODE",  "ATTACH", "ROLE",
					    "PROGRAM", "SINCE", "STATE",  NULL };
	static const char *const several[] = { "DEVICE",  "NAMESPACE", "MODE",  "ATTACH", "ROLE",
					       "PROGRAM", "SINCE",     "STATE", NULL };
	struct table *t;
	struct plane *p;
	json_t *list;
	const struct xr_device *d = NULL;
	bool elsewhere;
	int ret;

	ret = args_none(argc, argv);
	if (!ret)
		ret = cmd_open(&p, PLANE_READ);
	if (ret)
		return ret;
	list = json_array();
	elsewhere = any_elsewhere(p);
	t = table_new(elsewhere ? several : here);
	while ((d = plane_next_device(p, d)))
		show_one(p, list, t, d, elsewhere);
	while ((d = drained_next(p, d)))
		show_one(p, list, t, d, elsewhere);
	plane_close(p);
	return out_list(list, t);
}

static const struct cmd commands[] = {
	{ "attach", attach }, { "detach", detach }, { "show", show }, { NULL, NULL }
};

int do_dev(int argc, char **argv)
{
	return cmd_select(commands, notes, argc, argv);
}
