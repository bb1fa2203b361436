// SPDX-License-Identifier: GPL-2.0-only
/* xroam health: how the daemon finds out whether backends serve. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edit_priv.h"
#include "lib/health_state.h"
#include "model/model_edit.h"
#include "show/show.h"

static const char notes[] =
	"The daemon (\"xroam run\") runs the checks that VIPs and backends name (\"vip set\n"
	"VIP health NAME\", \"backend set NAME health NAME\"). Its probes travel as clients'\n"
	"packets do. \"backend show\" has what came of them.\n"
	"SECONDS: 2, 0.5 or 500ms. RANGES: 200-399,404. command comes last; its words are\n"
	"the program, by its path from the root, and its arguments: no shell reads them.\n";

/* The check as the command line describes it, and which facts that gives. */
struct health_args {
	struct xr_health_check check;
	struct args_given facts;
};

enum {
	TYPE,
	PORT,
	INTERVAL,
	TIMEOUT,
	RISE,
	FALL,
	JITTER,
	SOURCE,
	PATH,
	HOST,
	STATUS,
	VERIFY,
	COMMAND,
};

static int take_ms(struct args *a, __u32 *to)
{
	char *text = args_need(a, a->key);

	if (!text)
		return EXIT_USAGE;
	if (!health_to_ms(text, to))
		return EXIT_DONE;
	return cmd_usage("%s: \"%s\" is no time from 0.01 to 3600 seconds, such as 2, 0.5 or 500ms",
			 a->key, text);
}

static int take_interval(struct args *a, void *to)
{
	return take_ms(a, &((struct health_args *)to)->check.interval_ms);
}

static int take_timeout(struct args *a, void *to)
{
	return take_ms(a, &((struct health_args *)to)->check.timeout_ms);
}

static int take_text(struct args *a, char *to)
{
	char *text = args_need(a, a->key);

	if (!text)
		return EXIT_USAGE;
	if (strlen(text) >= XR_CHECK_TEXT)
		return cmd_usage("%s: at most %d octets", a->key, XR_CHECK_TEXT - 1);
	memset(to, 0, XR_CHECK_TEXT);
	strcpy(to, text);
	return EXIT_DONE;
}

static int take_path(struct args *a, void *to)
{
	return take_text(a, ((struct health_args *)to)->check.path);
}

static int take_host(struct args *a, void *to)
{
	return take_text(a, ((struct health_args *)to)->check.host);
}

static int take_status(struct args *a, void *to)
{
	char *text = args_need(a, "the list of status ranges");

	if (!text)
		return EXIT_USAGE;
	if (!health_to_ranges(text, ((struct health_args *)to)->check.status))
		return EXIT_DONE;
	return cmd_usage(
		"status: \"%s\" is no list of up to %d ranges from 100 to 599, such as 200-399,404",
		text, XR_CHECK_RANGES);
}

/* All words that are left. */
static int take_command(struct args *a, void *to)
{
	struct xr_health_check *check = &((struct health_args *)to)->check;
	char *word = args_need(a, "the program of the command");

	if (!word)
		return EXIT_USAGE;
	for (; word; word = args_next(a))
		if (health_add_word(check, word))
			return cmd_usage("command: at most 255 words and %d octets in all",
					 XR_CHECK_COMMAND - 1);
	return EXIT_DONE;
}

static const char *const types[] = { "tcp", "quic", "http", "https", "command", NULL };

/* clang-format off */
#define TO(member) ARGS_TO(struct health_args, check.member)
static const struct args_key keys[] = {
	[TYPE] =     { "type", ARGS_WORD, TO(type), XR_CHECK_TCP, .words = types },
	[PORT] =     { "port", ARGS_NUMBER, TO(port), 1, 65535 },
	[INTERVAL] = { "interval", ARGS_OTHER, .take = take_interval },
	[TIMEOUT] =  { "timeout", ARGS_OTHER, .take = take_timeout },
	[RISE] =     { "rise", ARGS_NUMBER, TO(rise), 1, HEALTH_COUNT_MOST },
	[FALL] =     { "fall", ARGS_NUMBER, TO(fall), 1, HEALTH_COUNT_MOST },
	[JITTER] =   { "jitter", ARGS_NUMBER, TO(jitter), 0, 50 },
	[SOURCE] =   { "source", ARGS_ADDR, TO(source) },
	[PATH] =     { "path", ARGS_OTHER, .take = take_path },
	[HOST] =     { "host", ARGS_OTHER, .take = take_host },
	[STATUS] =   { "status", ARGS_OTHER, .take = take_status },
	[VERIFY] =   { "verify", ARGS_FLAG, TO(verify) },
	[COMMAND] =  { "command", ARGS_OTHER, .take = take_command },
	{ 0 }
};
#undef TO
/* clang-format on */

static int parse(int argc, char **argv, struct health_args *want)
{
	struct args a = args_after(argc, argv);
	char name[XR_NAME_LEN] = "";
	int ret;

	want->check = health_check_default;
	ret = args_name(&a, "health check", name);
	if (ret)
		return ret;
	if (strlen(name) >= XR_CHECK_NAME)
		return cmd_usage("health check \"%s\": a name has at most %d characters", name,
				 XR_CHECK_NAME - 1);
	strcpy(want->check.name, name);
	return args_take(&a, keys, want, &want->facts);
}

static int edit_add(struct model *m, void *ctx, struct xr_err *err)
{
	struct health_args *want = ctx;
	struct model_health *h;

	if (model_find_health(m, want->check.name))
		return xr_fail(
			err, -EEXIST,
			"health check %s exists already; change it with \"health set\", or take another name",
			want->check.name);
	h = model_grow(&m->health, &m->n_health, sizeof(*h));
	if (!h)
		return xr_fail(err, -ENOMEM, "out of memory");
	h->check = want->check;
	return 0;
}

static int add(int argc, char **argv)
{
	struct health_args want = { .facts = { 0 } };
	int ret = parse(argc, argv, &want);

	if (!ret && !args_has(&want.facts, TYPE))
		ret = cmd_usage("health add: type tcp|quic|http|https|command is missing");
	return ret ? ret : cmd_edit(PLANE_CREATE, EDIT_LITTLE, edit_add, &want);
}

static int no_check(struct xr_err *err, const char *name)
{
	return xr_fail(err, -ENOENT,
		       "there is no health check %s; \"xroam health show\" lists them", name);
}

static int edit_set(struct model *m, void *ctx, struct xr_err *err)
{
	const struct health_args *want = ctx;
	struct model_health *h = model_find_health(m, want->check.name);
	struct xr_health_check *to;

	if (!h)
		return no_check(err, want->check.name);
	to = &h->check;
#define SET(fact, member)                 \
	if (args_has(&want->facts, fact)) \
	memcpy(&to->member, &want->check.member, sizeof(to->member))
	SET(PORT, port);
	SET(INTERVAL, interval_ms);
	SET(TIMEOUT, timeout_ms);
	SET(RISE, rise);
	SET(FALL, fall);
	SET(JITTER, jitter);
	SET(SOURCE, source);
	SET(PATH, path);
	SET(HOST, host);
	SET(STATUS, status);
	SET(VERIFY, verify);
	SET(COMMAND, command);
	SET(COMMAND, words);
#undef SET
	return 0;
}

static int set(int argc, char **argv)
{
	struct health_args want = { .facts.allowed = ~ARGS_BIT(TYPE) };
	int ret = parse(argc, argv, &want);

	if (!ret && !want.facts.given)
		ret = cmd_usage("health set: say what to change, such as interval 5");
	return ret ? ret : cmd_edit(PLANE_CHANGE, EDIT_LITTLE, edit_set, &want);
}

/* Who names it: one of them, for a message; NULL: nobody. */
static const char *user_of(const struct model *m, const char *name, char buf[TEXT_VIP])
{
	size_t i;

	for (i = 0; i < m->n_vips; i++)
		if (!strcmp(m->vips[i].check, name))
			return text_vip(buf, m->vips[i].addr, m->vips[i].port, m->vips[i].proto);
	for (i = 0; i < m->n_backends; i++)
		if (!strcmp(m->backends[i].check, name))
			return m->backends[i].info.name;
	return NULL;
}

static int edit_del(struct model *m, void *ctx, struct xr_err *err)
{
	struct model_health *h = model_find_health(m, ctx);
	char buf[TEXT_VIP];
	const char *user;

	if (!h)
		return no_check(err, ctx);
	user = user_of(m, ctx, buf);
	if (user)
		return xr_fail(
			err, -EBUSY,
			"health check %s is that of %s; \"health none\" there first, by \"vip set\" or \"backend set\"",
			h->check.name, user);
	model_drop(m->health, &m->n_health, sizeof(*h), h - m->health);
	return 0;
}

static int del(int argc, char **argv)
{
	struct args args = args_after(argc, argv);
	char *name = args_need(&args, "the health check's name");
	int ret = name ? args_end(&args) : EXIT_USAGE;

	return ret ? ret : cmd_edit(PLANE_CHANGE, EDIT_LITTLE, edit_del, name);
}

static const struct cmd commands[] = { { "add", add },
				       { "set", set },
				       { "del", del },
				       { "show", show_health_checks },
				       { NULL, NULL } };

int do_health(int argc, char **argv)
{
	return cmd_select(commands, notes, argc, argv);
}
