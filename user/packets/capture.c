// SPDX-License-Identifier: GPL-2.0-only
/* xroam capture: packets as XDP saw and left them, and why. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args/args.h"
#include "args/out.h"
#include "capture_priv.h"
#include "lib/reason.h"
#include "packets.h"
#include "packets_priv.h"
#include "show/stop.h"

static const char notes[] =
	"Shows packets as XDP saw them and as it left them, with what was done and why:\n"
	"pcapng, with the verdict as each packet's comment, to FILE or to a pipe; a line\n"
	"a packet on a terminal. Ctrl-C ends it. While it lasts every packet costs more;\n"
	"before and after, nothing.\n"
	"FILTER is an expression as tcpdump has it, about the frame as it came in.\n"
	"reason: whose verdict or note is one of these. vip, vm: only theirs; vm: from or\n"
	"to that MAC, or redirected for it. dev: only what came in there; else on every\n"
	"attached device (but those of role pass).\n"
	"before, after: only that; both, the default, writes two frames where a packet\n"
	"left as something else.\n"
	"-w FILE: the file (mode 0600: packets are somebody's); - is standard output,\n"
	"which it is as well where that is no terminal. -c: ends after N packets;\n"
	"seconds: after N seconds. -s: octets of each to keep (16000). rate: packets a\n"
	"second at most, of all CPUs (10000).\n"
	"At the end the counts tell what was captured, and what was not, and why.\n"
	"-v: says on stderr when it has begun.\n";

#define RATE_DEFAULT 10000

/* ---- what is wanted ---- */

enum keyword { REASON, VIP, VM, DEV, RATE, SECONDS, BEFORE, AFTER, BOTH, WRITE, COUNT, SNAP };

/* In full only: what is no keyword is a word of the filter. */
static int keyword_of(const char *word)
{
	static const char *const words[] = {
		[REASON] = "reason", [VIP] = "vip",         [VM] = "vm",         [DEV] = "dev",
		[RATE] = "rate",     [SECONDS] = "seconds", [BEFORE] = "before", [AFTER] = "after",
		[BOTH] = "both",     [WRITE] = "-w",        [COUNT] = "-c",      [SNAP] = "-s",
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

static int take_reason(struct args *a, struct capture_want *w)
{
	const char *word = args_need(a, "reason: the word");
	unsigned int i;

	if (!word)
		return EXIT_USAGE;
	for (i = 1; i < XR_REASON_MAX && strcmp(word, reason_word(i)); i++)
		;
	if (i == XR_REASON_MAX)
		return cmd_usage("reason \"%s\" is unknown; \"xroam stats reason\" has the words",
				 word);
	w->reasons[(i - 1) / 32] |= 1U << (i - 1) % 32;
	return EXIT_DONE;
}

static int take_vip(struct args *a, struct capture_want *w)
{
	if (w->has_vip)
		return cmd_usage("vip: only one can be given");
	w->has_vip = true;
	return args_vip(a, w->vip, &w->port, &w->proto);
}

static int take_vm(struct args *a, struct capture_want *w)
{
	__u8 mac[6];
	int ret = args_mac(a, mac);

	w->mac = ret ? 0 : vm_key(mac, 0);
	return ret;
}

static int take_dev(struct args *a, struct capture_want *w)
{
	const char *dev = args_need(a, "dev: the device");
	struct xr_err err;

	if (!dev)
		return EXIT_USAGE;
	if (text_check_dev("dev", dev, &err))
		return cmd_usage("%s", err.text);
	if (w->n_devs == CAPTURE_DEVS)
		return cmd_usage("dev: %d are the most; without it, all are captured",
				 CAPTURE_DEVS);
	w->dev[w->n_devs++] = dev;
	return EXIT_DONE;
}

static int take_number(struct args *a, const char *key, __u64 most, __u64 *to)
{
	a->key = key;
	return args_u64(a, 1, most, to);
}

static int take_u32(struct args *a, const char *key, __u64 most, __u32 *to)
{
	__u64 n;
	int ret = take_number(a, key, most, &n);

	if (!ret)
		*to = n;
	return ret;
}

static int take_file(struct args *a, const char **file)
{
	*file = args_need(a, "-w: the file");
	return *file ? EXIT_DONE : EXIT_USAGE;
}

static int take_keyword(struct args *a, enum keyword key, struct capture_args *c)
{
	a->key = args_next(a);
	switch (key) {
	case REASON:
		return take_reason(a, &c->want);
	case VIP:
		return take_vip(a, &c->want);
	case VM:
		return take_vm(a, &c->want);
	case DEV:
		return take_dev(a, &c->want);
	case RATE:
		return take_u32(a, "rate", 1000000000, &c->want.rate);
	case SNAP:
		return take_u32(a, "-s", XR_CAPTURE_SNAP, &c->want.snap);
	case SECONDS:
		return take_number(a, "seconds", 1000000000, &c->seconds);
	case COUNT:
		return take_number(a, "-c", ~0ULL, &c->packets);
	case WRITE:
		return take_file(a, &c->file);
	case BEFORE:
		c->want.which = XR_CAPTURE_BEFORE;
		return EXIT_DONE;
	case AFTER:
		c->want.which = XR_CAPTURE_AFTER;
		return EXIT_DONE;
	case BOTH:
		c->want.which = XR_CAPTURE_BEFORE | XR_CAPTURE_AFTER;
		return EXIT_DONE;
	}
	return EXIT_USAGE;
}

/* The words that are no keywords, joined by blanks. */
static int add_to_filter(struct capture_args *c, const char *word)
{
	size_t had = c->expression ? strlen(c->expression) : 0;
	char *more = realloc(c->expression, had + strlen(word) + 2);

	if (!more)
		return cmd_refuse("out of memory");
	if (had)
		more[had++] = ' ';
	strcpy(more + had, word);
	c->expression = more;
	return EXIT_DONE;
}

static int parse(int argc, char **argv, struct capture_args *c)
{
	struct args a = args_after(argc, argv);
	int key, ret = EXIT_DONE;
	bool ended = false;

	while (!ret && a.argc) {
		key = keyword_of(a.argv[0]);
		if (key >= 0) {
			ended = c->expression;
			ret = take_keyword(&a, key, c);
		} else if (a.argv[0][0] == '-' && a.argv[0][1] && !c->expression) {
			ret = cmd_usage("capture: option %s is unknown; see \"xroam capture help\"",
					a.argv[0]);
		} else if (ended) {
			ret = cmd_usage(
				"capture: \"%s\" stands apart from the filter \"%s\": write the filter in one piece",
				a.argv[0], c->expression);
		} else {
			ret = add_to_filter(c, args_next(&a));
		}
	}
	return ret;
}

/* ---- the command ---- */

/* A descriptor, which is standard output's for "-"; < 0: -errno. */
static int open_file(const char *file)
{
	struct stat st;
	int fd;

	if (!strcmp(file, "-"))
		return STDOUT_FILENO;
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	/* A file that was there may be anybody's to read. */
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && fchmod(fd, 0600)) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd >= 0 ? fd : -errno;
}

static int open_and_capture(struct capture_run *run, int *fd)
{
	const struct capture_args *args = run->args;
	int ret = cmd_open(&run->p, PLANE_CHANGE);

	if (ret)
		return ret;
	if (args->file) {
		*fd = open_file(args->file);
		if (*fd < 0)
			return cmd_refuse("%s: %s", args->file, strerror(-*fd));
		run->file = pcapng_new(*fd, "xroam " XR_VERSION);
		if (!run->file)
			return cmd_refuse("out of memory");
	}
	run->out = args->file ? *fd : STDOUT_FILENO;
	if (capture_open(run->p, &args->want, &run->c, &run->err))
		return cmd_fail(&run->err);
	signal(SIGPIPE, SIG_IGN);
	out_may_be_left();
	show_until_stopped();
	ret = capture_run(run);
	/* Without an error of its own: the reader or the operator ended it. */
	if (ret && run->err.text[0] && ret != -EPIPE)
		ret = cmd_fail(&run->err);
	else
		ret = EXIT_DONE;
	run->err.text[0] = '\0';
	if (capture_close(run->c, &run->err))
		ret = cmd_refuse("the plain programs are not all back: %s; \"xroam reload\"",
				 run->err.text);
	return ret;
}

int do_capture(int argc, char **argv)
{
	struct capture_args args = {
		.want = { .rate = RATE_DEFAULT,
			  .snap = XR_CAPTURE_SNAP,
			  .which = XR_CAPTURE_BEFORE | XR_CAPTURE_AFTER },
	};
	struct capture_run run = { .args = &args };
	struct capture_filter filter;
	int ret, fd = -1;

	if (cmd_help(notes, argc, argv))
		return EXIT_DONE;
	ret = parse(argc, argv, &args);
	if (ret)
		goto out;
	if (filter_compile(args.expression ? args.expression : "", &filter, &run.err)) {
		ret = cmd_usage("%s", run.err.text);
		goto out;
	}
	args.want.filter = &filter;
	if (!args.file && !opt.json && !isatty(STDOUT_FILENO))
		args.file = "-";
	if (args.file && !strcmp(args.file, "-") && isatty(STDOUT_FILENO)) {
		ret = cmd_usage(
			"-w -: standard output is a terminal, which cannot show pcapng: pipe it into a program, or name a file");
		goto out;
	}
	ret = open_and_capture(&run, &fd);
	pcapng_free(run.file);
	plane_close(run.p);
	if (fd > STDERR_FILENO && close(fd) && !ret)
		ret = cmd_refuse("%s: %s", args.file, strerror(errno));
out:
	free(args.expression);
	return ret;
}
