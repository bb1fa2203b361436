/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every object's commands share. One file per object, each with one
 * do_<object>(argc, argv), argv[0] being the object's word. Handlers get
 * argv[0] = the command's word and return the exit status.
 */
#ifndef XR_ARGS_ARGS_H
#define XR_ARGS_ARGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"
#include "lib/text.h"
#include "plane/plane.h"

/* EXIT_WOULD: of what is only tried, and would change something. */
enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_WOULD = 3 };

/* The options in front of the object. */
struct cmd_options {
	const char *instance;
	bool json, pretty, verbose;
};

extern struct cmd_options opt;

struct cmd {
	const char *word;
	int (*run)(int argc, char **argv);
};

/*
 * The list's command that s names, in full or by a prefix (what destroys: in full);
 * NULL: reported.
 */
const struct cmd *cmd_match(const struct cmd *cmds, const char *what, const char *s);
/* The same of plain words (NULL-terminated): the index, < 0: reported. */
int cmd_word(const char *const *words, const char *what, const char *s);
/* argv[1] is "help", -h or --help: prints help. Objects without commands. */
bool cmd_help(const char *help, int argc, char **argv);
/*
 * Runs the command that argv[1] names, in full or by a prefix that only one
 * has. "help", -h and --help, there or after the command, print help. Without
 * argv[1] the command "show" runs where there is one; else it is a usage
 * error. The list ends with a NULL word.
 */
int cmd_select(const struct cmd *cmds, const char *help, int argc, char **argv);

/* One line on stderr, or {"error": ...} with -j. */
int cmd_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int cmd_refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int cmd_fail(const struct xr_err *err); /* EXIT_REFUSED with err's line */
/* The same of a file: JSON has "file", and "line" where it is known. */
int cmd_fail_in(const char *file, const struct xr_err *err);
/* Goes on, exit status as it was; "warning: ..." or {"warning": ...}. */
void cmd_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * The same of what may be said of each of many things: those that differ in names
 * and numbers only become one line with a count, said by cmd_warn_now(), which
 * whoever says an error calls, and main().
 */
void cmd_warn_of(const char *line);
void cmd_warn_now(void);

/* Opens opt.instance; 0 or the exit status, the line being printed. */
int cmd_open(struct plane **p, enum plane_how how);

/* ---- arguments: a cursor over the words after the command ---- */

struct args {
	int argc;
	char **argv;     /* argv[0] is the next word */
	const char *key; /* the last keyword taken, for messages */
};

static inline struct args args_after(int argc, char **argv)
{
	return (struct args){ .argc = argc - 1, .argv = argv + 1 };
}

/* The next word, or NULL when there is none. */
char *args_next(struct args *a);
/* The next word; where there is none prints "WHAT is missing", gives NULL. */
char *args_need(struct args *a, const char *what);
/* EXIT_DONE where nothing is left; else a usage error about the next word. */
int args_end(struct args *a);
/*
 * Takes the next word as one of keys (NULL-terminated; unique prefixes count):
 * its index, -1 at the end of the words, -2 for an unknown word (reported).
 */
int args_key(struct args *a, const char *const *keys);
/*
 * The value after a keyword, parsed. 0 or EXIT_USAGE (reported). They say
 * which keyword the value belongs to.
 */
int args_u64(struct args *a, __u64 min, __u64 max, __u64 *out);
int args_addr(struct args *a, __be32 addr[XR_ADDR_WORDS]);
int args_vip(struct args *a, __be32 addr[XR_ADDR_WORDS], __be16 *port, __u8 *proto);
int args_mac(struct args *a, __u8 mac[6]);
int args_dev(struct args *a, char dev[16]);
int args_hex(struct args *a, void *out, size_t max, size_t *len);
int args_word(struct args *a, const char *const *words, int *out);

/* ---- output ---- */

/*
 * First and last of all: from then on what goes to stdout and stderr while this
 * process has an instance's lock goes out when it is given back. out_end(): -errno
 * of what did not get out.
 */
void out_begin(void);
int out_end(void);
/* What is not read at once is lost: of one who must not wait for his log's reader. */
void out_never_wait(void);

/* Says so, and ends: what is shown without a part of it would be a lie. */
_Noreturn void out_no_memory(void);

/* Prints the value as -j or -p asks, on one line or indented; frees it. */
int out_json(json_t *value);
/* Of a name or words from elsewhere: JSON is UTF-8, whatever they are. */
json_t *json_text(const char *text);
json_t *json_netns(__u64 id); /* null: this one */
/* Text of the kind "vip 192.0.2.1:443/udp" as JSON string values. */
json_t *json_addr(const __be32 addr[XR_ADDR_WORDS]);
json_t *json_vip(const __be32 addr[XR_ADDR_WORDS], __be16 port, __u8 proto);
json_t *json_mac(const __u8 mac[6]);
json_t *json_hex(const void *octets, size_t len);
/* Adds "mtu" of a path, and "mtu_learned" where ICMP told of it. */
void json_add_mtu(json_t *to, struct plane *p, __u32 path);

/*
 * A table of left-aligned columns, wide as their widest cell. Cells are
 * formatted one by one; a row ends after as many as there are headings.
 */
struct table;
struct table *table_new(const char *const *headings); /* NULL-terminated */
void table_cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_right(struct table *t, size_t column); /* numbers */
void table_print(struct table *t);                /* and free */
void table_free(struct table *t);                 /* unprinted */

/* Of a list made both ways, prints the one that is wanted; frees both. */
int out_list(json_t *list, struct table *t);

/* ---- objects ---- */

int do_apply(int argc, char **argv);
int do_check(int argc, char **argv);
int do_export(int argc, char **argv);
int do_vip(int argc, char **argv);
int do_backend(int argc, char **argv);
int do_cid(int argc, char **argv);
int do_host(int argc, char **argv);
int do_vm(int argc, char **argv);
int do_dev(int argc, char **argv);
int do_reload(int argc, char **argv);
int do_destroy(int argc, char **argv);
int do_status(int argc, char **argv);
int do_stats(int argc, char **argv);
int do_monitor(int argc, char **argv);
int do_explain(int argc, char **argv);
int do_run(int argc, char **argv);

#endif
