// SPDX-License-Identifier: GPL-2.0-only
/* The command: options, and which object's command runs. See xroam(8). */
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "args/args.h"
#include "args/grammar.h"
#include "args/out.h"
#include "audit/audit.h"
#include "cluster/cluster.h"
#include "cmd/cmd.h"
#include "lib/progress.h"
#include "packets/packets.h"
#include "show/show.h"

static const char about_options[] =
	"\n"
	"Options: -i, --instance NAME   the instance (or XROAM_INSTANCE; \"default\")\n"
	"         -j, --json            JSON;  -p, --pretty  JSON, indented\n"
	"         -v, --verbose         more detail, libbpf's messages too\n"
	"         -V, --version         -h, --help\n"
	"\n"
	"Objects and commands may be abbreviated, what takes something away may not;\n"
	"\"xroam help OBJECT\" tells more. Options may stand behind the object, too.\n";

static void print_help(FILE *to)
{
	grammar_print(to);
	fputs(about_options, to);
}

static int do_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	print_help(stdout);
	return EXIT_DONE;
}

static const struct cmd objects[] = {
#define X(word, summary) { #word, do_##word },
	XR_OBJECTS(X)
#undef X
		{ "help", do_help },
	{ NULL, NULL },
};

static const struct option options[] = {
	{ "instance", required_argument, NULL, 'i' },
	{ "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'p' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int print_bpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (!opt.verbose || level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, fmt, ap);
}

static int print_xdp(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	if (!opt.verbose || level == LIBXDP_DEBUG)
		return 0;
	return vfprintf(stderr, fmt, ap);
}

static int print_version(void)
{
	if (opt.json)
		return out_json(
			json_pack("{s:s, s:i}", "version", XR_VERSION, "abi", XR_ABI_VERSION));
	printf("xroam %s (map layout %d)\n", XR_VERSION, XR_ABI_VERSION);
	return EXIT_DONE;
}

/* The options before the object. -1: go on; else the exit status. */
static int parse_options(int argc, char **argv)
{
	const char *env = getenv("XROAM_INSTANCE");
	bool version = false, want_help = false;
	struct xr_err err;
	int c;

	if (env && *env)
		opt.instance = env;
	opterr = 0;
	/* '+': getopt stops at the object, and late_options() takes what follows. */
	while ((c = getopt_long(argc, argv, "+:i:jpvVh", options, NULL)) != -1) {
		switch (c) {
		case 'i':
			opt.instance = optarg;
			break;
		case 'p':
			opt.pretty = true;
			/* fall through */
		case 'j':
			opt.json = true;
			break;
		case 'v':
			opt.verbose = true;
			break;
		case 'V':
			version = true;
			break;
		case 'h':
			want_help = true;
			break;
		case ':':
			return cmd_usage("option %s needs a value", argv[optind - 1]);
		default:
			return cmd_usage("option %s is unknown; see \"xroam help\"",
					 argv[optind - 1]);
		}
	}
	if (text_check_instance(opt.instance, &err))
		return cmd_usage("%s", err.text);
	if (want_help)
		return do_help(0, NULL);
	if (version)
		return print_version();
	return -1;
}

/* The letters of "-j", "-vj" or "--json", as "j", "vj"; NULL: it is no such option. */
static const char *late_letters(const char *word)
{
	static const char *const words[][2] = {
		{ "--json", "j" },
		{ "--pretty", "p" },
		{ "--verbose", "v" },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i][0]))
			return words[i][1];
	return word[0] == '-' && word[1] && strspn(word + 1, "jpv") == strlen(word + 1) ? word + 1
											: NULL;
}

/* The name of "--instance=NAME" or "-i NAME", *n words in all; NULL: it is neither. */
static const char *late_instance(int left, char **argv, int *n)
{
	*n = 1;
	if (!strncmp(argv[0], "--instance=", 11))
		return argv[0] + 11;
	if (strcmp(argv[0], "-i") && strcmp(argv[0], "--instance"))
		return NULL;
	*n = 2;
	return left > 1 ? argv[1] : "";
}

/*
 * Takes options out of the words that follow the object, up to a "--", as a device may
 * be called "-j". The number of words that are left; < 0: reported.
 */
static int late_options(int argc, char **argv)
{
	const char *letters, *name;
	int i, to = 1, words;
	struct xr_err err;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			while (++i < argc)
				argv[to++] = argv[i];
			break;
		}
		letters = late_letters(argv[i]);
		name = letters ? NULL : late_instance(argc - i, argv + i, &words);
		if (name) {
			if (text_check_instance(name, &err)) {
				cmd_usage("%s", err.text);
				return -1;
			}
			opt.instance = name;
			i += words - 1;
		} else if (letters) {
			opt.json |= strpbrk(letters, "jp") != NULL;
			opt.pretty |= strchr(letters, 'p') != NULL;
			opt.verbose |= strchr(letters, 'v') != NULL;
		} else {
			argv[to++] = argv[i];
		}
	}
	argv[to] = NULL;
	return to;
}

static int run_object(int argc, char **argv)
{
	const struct cmd *object;
	char *help_of[] = { NULL, "help", NULL };

	if (!argc) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	/* Of the shells' completion; its words are not this command's. */
	if (!strcmp(argv[0], "complete"))
		return do_complete(argc, argv);
	argc = late_options(argc, argv);
	if (argc < 0)
		return EXIT_USAGE;
	object = cmd_match(objects, "object", argv[0]);
	if (!object)
		return EXIT_USAGE;
	if (object->run != do_run)
		progress_allow(!opt.json && isatty(STDERR_FILENO), opt.json);
	opt.object = object->word;
	if (object->run != do_help || argc == 1)
		return object->run(argc, argv);
	/* "help vm" is "vm help". */
	object = cmd_match(objects, "object", argv[1]);
	if (!object)
		return EXIT_USAGE;
	opt.object = object->word;
	help_of[0] = argv[1];
	return object->run(2, help_of);
}

/*
 * Where jansson gets no memory it leaves the value out: a list would be shorter, and
 * what is wrong missing. So the command ends instead.
 */
static void *json_memory(size_t size)
{
	void *memory = malloc(size);

	if (memory)
		return memory;
	out_no_memory();
}

/* Why a change was refused: no command's wrong usage, which asked for none. */
static const char *audited_error(int status)
{
	if (status != EXIT_REFUSED)
		return NULL;
	return cmd_last_error() ?: "failed";
}

/*
 * sd_journal_sendv(), once there is something to write: libsystemd and the six libraries that it
 * needs are a third of what it takes to start a command.
 */
static int to_journal(const struct iovec *fields, int n)
{
	static int (*sendv)(const struct iovec *fields, int n);
	void *lib = sendv ? NULL : dlopen("libsystemd.so.0", RTLD_NOW);

	if (lib)
		*(void **)&sendv = dlsym(lib, "sd_journal_sendv");
	return sendv ? sendv(fields, n) : -ELIBACC;
}

/* As late_options() takes options out of argv. */
static char **copy_of(int argc, char **argv)
{
	char **words = malloc((argc + 1) * sizeof(*words));

	if (!words)
		out_no_memory();
	return memcpy(words, argv, (argc + 1) * sizeof(*words));
}

int main(int argc, char **argv)
{
	struct audit_actor self;
	int status, ret;

	json_set_alloc_funcs(json_memory, free);
	libbpf_set_print(print_bpf);
	libxdp_set_print(print_xdp);
	out_begin();
	opt.words = copy_of(argc, argv);
	audit_to(to_journal);
	audit_self(&self, AUDIT_COMMAND, argc, argv);
	audit_begin(&self);
	status = parse_options(argc, argv);
	if (status < 0)
		status = run_object(argc - optind, argv + optind);
	progress_stage(PROGRESS_OFF);
	audit_end(opt.instance, audited_error(status));
	cmd_flush_warnings();
	/* Output that a full disk did not take must not look like success. */
	ret = out_end();
	if (ret && status != EXIT_USAGE)
		status = cmd_refuse("cannot write the output: %s", strerror(-ret));
	out_end();
	/* Shells and scripts tell a command that was interrupted by this. */
	return status == EXIT_REFUSED && progress_signal() ? 128 + progress_signal() : status;
}
