// SPDX-License-Identifier: GPL-2.0-only
/* xroam state: what an instance has learned, for another node. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args/args.h"
#include "args/out.h"
#include "cmd.h"
#include "lib/progress.h"
#include "state_priv.h"
#include "state/state.h"

static const char notes[] =
	"The flow table with ages, and VMs with their moves and sequence numbers: what\n"
	"no file has. export writes them as a stream (\"-\" or nothing: standard output),\n"
	"import merges one into the instance: what is newer here stays, a backend or a\n"
	"host that is none here is counted and left out. Flows are found again only by\n"
	"an instance that was made with the same secret. A stream that is damaged or\n"
	"not complete changes nothing.\n"
	"  xroam state export - | ssh lb2 xroam state import -\n"
	"sync sends it, again and again (every 5 seconds), to the socket of a standby's\n"
	"listen: what came since the last time is what can be lost.\n";

static const char *const parts[] = { "flows", "vms", NULL };

/* ---- arguments ---- */

struct words {
	struct state_options o;
	__u32 every;
};

enum { ONLY, ANY_AGE, EVERY, RATE };

static const struct args_key keys[] = {
	[ONLY] = { "only", ARGS_WORD, ARGS_TO(struct words, o.what), .least = STATE_FLOWS,
		   .words = parts },
	[ANY_AGE] = { "any-age", ARGS_FLAG, ARGS_TO(struct words, o.any_age) },
	[EVERY] = { "every", ARGS_NUMBER, ARGS_TO(struct words, every), 1, 3600 },
	[RATE] = { "rate", ARGS_NUMBER, ARGS_TO(struct words, o.rate), 10000, 1ULL << 40 },
	{ .word = NULL },
};

_Static_assert(STATE_VMS == STATE_FLOWS + 1, "parts, in this order");

/* The words behind FILE. */
static int take_words(struct args *a, struct words *w, __u32 allowed)
{
	struct args_given g = { .allowed = allowed };

	w->o.what = STATE_ALL;
	return args_take(a, keys, w, &g);
}

/* ---- export ---- */

int cmd_export_state(struct plane *p, const char *file, const struct state_options *o,
		     struct state_sent *sent, struct xr_err *err)
{
	char part[4096];
	int fd, ret;

	if (snprintf(part, sizeof(part), "%s.part", file) >= (int)sizeof(part))
		return xr_fail(err, -ENAMETOOLONG, "%s: its name is too long", file);
	unlink(part);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return xr_fail(err, -errno, "%s: %s", part, strerror(errno));
	ret = state_export(p, fd, part, o, sent, err);
	if (close(fd) && !ret)
		ret = xr_fail(err, -errno, "%s: %s", part, strerror(errno));
	if (!ret && rename(part, file))
		ret = xr_fail(err, -errno, "%s: %s", file, strerror(errno));
	if (ret)
		unlink(part);
	return ret;
}

static int print_sent(const char *file, const struct state_sent *sent)
{
	if (opt.json)
		return out_json(json_pack("{s:o, s:I, s:I, s:I}", "file", json_text(file), "flows",
					  (json_int_t)sent->flows, "vms", (json_int_t)sent->vms,
					  "octets", (json_int_t)sent->octets));
	printf("%s: %llu flows, %llu VMs, %llu octets\n", file, sent->flows, sent->vms,
	       sent->octets);
	return EXIT_DONE;
}

static int export(int argc, char **argv)
{
	struct words w = { 0 };
	struct args a = args_after(argc, argv);
	const char *file = "-";
	struct state_sent sent;
	struct xr_err err;
	struct plane *p;
	int ret;

	if (a.argc && strcmp(a.argv[0], "only"))
		file = args_next(&a);
	ret = take_words(&a, &w, ARGS_BIT(ONLY));
	if (ret)
		return ret;
	if (!strcmp(file, "-") && isatty(STDOUT_FILENO))
		return cmd_usage("state export: standard output is a terminal; name a FILE");
	ret = cmd_open(&p, PLANE_READ);
	if (ret)
		return ret;
	/* A pipe may have no reader: a signal ends that wait, and the stream has no end. */
	progress_stage(strcmp(file, "-") ? PROGRESS_PREPARING : PROGRESS_READING);
	if (!strcmp(file, "-"))
		ret = state_export(p, STDOUT_FILENO, "stdout", &w.o, &sent, &err);
	else
		ret = cmd_export_state(p, file, &w.o, &sent, &err);
	progress_stage(PROGRESS_OFF);
	plane_close(p);
	if (ret)
		return cmd_fail(&err);
	return strcmp(file, "-") ? print_sent(file, &sent) : EXIT_DONE;
}

/* ---- import ---- */

static int print_taken(const struct state_taken *t)
{
	if (opt.json)
		return out_json(json_pack(
			"{s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:I, s:I, s:I}}", "flows",
			"new", (json_int_t)t->flows_new, "newer", (json_int_t)t->flows_newer,
			"kept", (json_int_t)t->flows_kept, "idle", (json_int_t)t->flows_idle,
			"full", (json_int_t)t->flows_full, "no_backend",
			(json_int_t)t->flows_unknown, "vms", "new", (json_int_t)t->vms_new,
			"changed", (json_int_t)t->vms_changed, "kept", (json_int_t)t->vms_kept,
			"no_host", (json_int_t)t->vms_unknown, "refused",
			(json_int_t)t->vms_refused));
	printf("flows: %llu new, %llu newer than here, %llu older or the same, %llu idle, "
	       "%llu without room, %llu of backends that are none here\n",
	       t->flows_new, t->flows_newer, t->flows_kept, t->flows_idle, t->flows_full,
	       t->flows_unknown);
	printf("VMs: %llu new, %llu changed, %llu older or the same, %llu at hosts that are none "
	       "here, %llu refused\n",
	       t->vms_new, t->vms_changed, t->vms_kept, t->vms_unknown, t->vms_refused);
	return EXIT_DONE;
}

static void warn_of_taken(const struct state_taken *t)
{
	if (t->vms_refused)
		cmd_warn("%llu VM%s refused; the first: %s", t->vms_refused,
			 t->vms_refused == 1 ? " was" : "s were", t->refusal.text);
}

static int open_file(const char *file, int *fd)
{
	*fd = strcmp(file, "-") ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	return *fd < 0 ? cmd_refuse("%s: %s", file, strerror(errno)) : EXIT_DONE;
}

static int merge(const struct state_stream *s, const char *file, const struct state_options *o)
{
	struct state_taken taken;
	struct xr_err err;
	struct plane *p;
	int ret;

	progress_stage(PROGRESS_PREPARING);
	ret = cmd_open(&p, PLANE_CHANGE);
	if (ret)
		return ret;
	progress_rest("a part is merged, and the same import again brings the rest");
	if (progress_stopped()) {
		ret = xr_fail(&err, -EINTR, PROGRESS_STOPPED);
	} else {
		progress_stage(PROGRESS_MAKING);
		ret = state_import(p, s, o, &taken, &err);
		progress_stage(ret ? PROGRESS_OFF : PROGRESS_MADE);
	}
	if (!ret)
		plane_event(p, "state import: %llu flows, %llu VMs",
			    taken.flows_new + taken.flows_newer, taken.vms_new + taken.vms_changed);
	plane_close(p);
	if (ret)
		return cmd_refuse("%s: %s", file, err.text);
	warn_of_taken(&taken);
	return print_taken(&taken);
}

static int import(int argc, char **argv)
{
	struct args a = args_after(argc, argv);
	struct words w = { 0 };
	struct state_stream *s;
	const char *file = args_need(&a, "FILE (\"-\": standard input)"), *name;
	struct xr_err err;
	int ret, fd;

	if (!file)
		return EXIT_USAGE;
	name = strcmp(file, "-") ? file : "stdin";
	ret = take_words(&a, &w, ARGS_BIT(ONLY) | ARGS_BIT(ANY_AGE));
	if (!ret)
		ret = open_file(file, &fd);
	if (ret)
		return ret;
	progress_stage(PROGRESS_READING);
	progress_doing("reading it", 0);
	ret = state_read(fd, name, 0, &s, &err);
	if (fd != STDIN_FILENO)
		close(fd);
	if (ret > 0)
		return cmd_refuse("%s: there is nothing in it", name);
	if (ret)
		return cmd_fail(&err);
	ret = merge(s, name, &w.o);
	state_free(s);
	return ret;
}

/* ---- live ---- */

#define EVERY_DEFAULT 5
#define RATE_DEFAULT  8000000

static void on_sent(void *ctx, const struct state_sent *sent, const struct xr_err *err)
{
	if (err)
		cmd_warn("%s", err->text);
	else
		print_sent(ctx, sent);
	fflush(stdout);
}

static void on_taken(void *ctx, const struct state_taken *taken, const struct xr_err *err)
{
	(void)ctx;
	if (err) {
		cmd_warn("%s", err->text);
		return;
	}
	warn_of_taken(taken);
	print_taken(taken);
	fflush(stdout);
}

static int live(int argc, char **argv, __u32 allowed,
		int (*run)(const struct state_live *l, struct xr_err *err))
{
	/* Ages in a live stream are right, whatever the other node's clock. */
	struct words w = { .o = { .rate = RATE_DEFAULT, .any_age = true }, .every = EVERY_DEFAULT };
	struct args a = args_after(argc, argv);
	char *socket = args_need(&a, "SOCKET, its path,");
	struct state_live l;
	struct xr_err err;
	int ret;

	if (!socket)
		return EXIT_USAGE;
	if (!*socket)
		return cmd_usage("SOCKET is empty; write the path of a Unix socket");
	ret = take_words(&a, &w, allowed);
	if (ret)
		return ret;
	l = (struct state_live){
		.instance = opt.instance,
		.socket = socket,
		.options = w.o,
		.every = w.every,
		.sent = on_sent,
		.taken = on_taken,
		.ctx = socket,
	};
	return run(&l, &err) ? cmd_fail(&err) : EXIT_DONE;
}

static int run_sync(int argc, char **argv)
{
	return live(argc, argv, ARGS_BIT(ONLY) | ARGS_BIT(EVERY) | ARGS_BIT(RATE), state_sync);
}

static int run_listen(int argc, char **argv)
{
	return live(argc, argv, ARGS_BIT(ONLY), state_listen);
}

static const struct cmd commands[] = { { "export", export },
				       { "import", import },
				       { "sync", run_sync },
				       { "listen", run_listen },
				       { NULL, NULL } };

int do_state(int argc, char **argv)
{
	return cmd_select(commands, notes, argc, argv);
}
