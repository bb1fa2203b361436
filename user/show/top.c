// SPDX-License-Identifier: GPL-2.0-only
/* xroam top: rates as they are, on a terminal; or frame by frame for a script. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args/args.h"
#include "args/out.h"
#include "show.h"
#include "stop.h"
#include "top_priv.h"

static const char notes[] =
	"Rates per VIP, backend, reason, device and host, moves under way, and what is\n"
	"wrong; the most active first, as many as fit. On a terminal until q is typed\n"
	"(? lists the keys), else, or with -n, frame by frame: N of them, one every\n"
	"SECONDS (1). A section's name shows that one alone. With -j an object each.\n";

struct top_args {
	__u64 seconds, frames; /* frames 0: no end */
	int section;
};

static const char *const section_words[] = { "vip",  "backend", "reason", "dev", "host",
					     "move", "-n",      "-d",     NULL };

enum { WORD_FRAMES = TOP_SECTIONS + 1, WORD_SECONDS };

static int parse(int argc, char **argv, struct top_args *top)
{
	struct args a = args_after(argc, argv);
	int key, ret;

	*top = (struct top_args){ .seconds = 1, .section = -1 };
	while (a.argc) {
		key = args_next_key(&a, section_words);
		if (key < 0)
			return EXIT_USAGE;
		if (key == WORD_FRAMES)
			ret = args_u64(&a, 1, 1000000000, &top->frames);
		else if (key == WORD_SECONDS)
			ret = args_u64(&a, 1, 3600, &top->seconds);
		else if (top->section >= 0)
			return cmd_usage("\"%s\" is not expected here: one section, or all",
					 section_words[key]);
		else
			ret = 0, top->section = key;
		if (ret)
			return ret;
	}
	return EXIT_DONE;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* ---- frame by frame ---- */

static void print_frame(const struct top *t, const struct top_view *v)
{
	struct top_frame f = { NULL, 0, 0 };
	size_t i;

	top_lay_out(t, v, &f);
	for (i = 0; i < f.n; i++)
		puts(f.line[i]);
	putchar('\n');
	top_frame_free(&f);
}

static int print_frames(struct top *t, const struct top_args *args, struct top_view *v)
{
	double next = now();
	__u64 i;

	show_until_stopped();
	for (i = 0; !show_stopped && (!args->frames || i < args->frames); i++) {
		next += args->seconds;
		while (!show_stopped && now() < next)
			poll(NULL, 0, (int)((next - now()) * 1000) + 1);
		if (show_stopped)
			break;
		top_read(t);
		if (opt.json)
			out_json(top_json(t));
		else
			print_frame(t, v);
		if (fflush(stdout))
			break; /* main() reports it */
	}
	return EXIT_DONE;
}

/* ---- on a terminal ---- */

static int draw(const struct top *t, struct top_view *v)
{
	struct top_frame f = { NULL, 0, 0 };
	int ret;

	screen_size(&v->columns, &v->rows);
	top_lay_out(t, v, &f);
	ret = screen_draw(&f, v->rows);
	top_frame_free(&f);
	return ret;
}

/* false: quit. */
static bool obey_key(int key, struct top_view *v)
{
	static const char sections[] = "vbrdhm";
	const char *at;

	switch (key) {
	case -1:
	case 'q':
	case 'Q':
		return false;
	case 's':
		v->order = (v->order + 1) % TOP_ORDERS;
		return true;
	case 'p':
	case ' ':
		v->paused = !v->paused;
		return true;
	case '?':
		v->help = !v->help;
		return true;
	case 'a':
		v->section = -1;
		return true;
	case '\t':
		v->section = v->section == TOP_SECTIONS ? -1 : v->section + 1;
		return true;
	}
	at = key ? strchr(sections, key) : NULL;
	if (at)
		v->section = at - sections;
	return true;
}

static int run_screen(struct top *t, const struct top_args *args, struct top_view *v)
{
	double next = now() + args->seconds;
	int ret = 0, left;

	screen_enter();
	while (!show_stopped && !ret) {
		ret = draw(t, v);
		left = (int)((next - now()) * 1000) + 1;
		if (ret || !obey_key(screen_key(left > 0 ? left : 0), v))
			break;
		if (now() < next)
			continue;
		next = now() + args->seconds;
		if (!v->paused)
			top_read(t);
	}
	screen_leave();
	/* A terminal that was closed is no failure of ours. */
	return EXIT_DONE;
}

int do_top(int argc, char **argv)
{
	struct top t = { .instance = NULL };
	const char *no_color = getenv("NO_COLOR");
	struct top_args args;
	struct top_view v;
	int ret;

	if (cmd_help(notes, argc, argv))
		return EXIT_DONE;
	ret = parse(argc, argv, &args);
	if (ret)
		return ret;
	setlocale(LC_CTYPE, "");
	t.instance = opt.instance;
	v = (struct top_view){
		.columns = 80,
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.section = args.section,
		.interval = args.seconds,
	};
	top_read(&t);
	if (!t.there) {
		ret = cmd_refuse("%s", t.why);
	} else if (opt.json || args.frames || !screen_possible()) {
		ret = print_frames(&t, &args, &v);
	} else {
		v.color = !no_color || !*no_color;
		ret = run_screen(&t, &args, &v);
	}
	top_free(&t);
	return ret;
}
