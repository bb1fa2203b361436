/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The words of a command line: options, the command's word, and its arguments one by
 * one. What is printed is in out.h.
 */
#ifndef XR_ARGS_ARGS_H
#define XR_ARGS_ARGS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/text.h"
#include "plane/plane.h"

/* Exit statuses. EXIT_WOULD: a dry run found something that would change. */
enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_WOULD = 3 };

/* The options, which may stand in front of the object or behind it. */
struct cmd_options {
	const char *instance;
	bool json, pretty, verbose;
	const char *object; /* in full */
	char **words;       /* main()'s argv, from which no option was taken; ends with a NULL */
};

extern struct cmd_options opt;

/*
 * Opens opt.instance, after finishing what a killed command left half done. 0, or the
 * exit status with the error printed.
 */
int cmd_open(struct plane **p, enum plane_access how);

/* ---- choosing a command ---- */

/* A handler gets argv[0] = the command's word and returns the exit status. */
struct cmd {
	const char *word;
	int (*run)(int argc, char **argv);
};

/*
 * The command of the list (it ends with a NULL word) that s names, in full or by a
 * prefix that only one has; words that take something away count in full only.
 * what: how the error calls it. NULL: the error is printed.
 */
const struct cmd *cmd_match(const struct cmd *cmds, const char *what, const char *s);
/* The same for plain words (NULL-terminated): the index; < 0: the error is printed. */
int cmd_word_index(const char *const *words, const char *what, const char *s);
/* As cmd_match(), in silence: the index, or < 0. A prefix counts whatever the word does. */
int cmd_index_of(const char *const *words, const char *s);
/*
 * Whether argv[1] is "help", -h or --help; prints opt.object's usage (see grammar.h) and
 * notes, what is to be said of it, then. For objects without commands.
 */
bool cmd_help(const char *notes, int argc, char **argv);
/*
 * Runs the command that argv[1] names (see cmd_match) and returns its status. "help",
 * -h and --help, there or after the command, print help as above. Without argv[1] the
 * command "show" runs where there is one; else it is a usage error.
 */
int cmd_select(const struct cmd *cmds, const char *notes, int argc, char **argv);

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
/* The next word; NULL, with the error "WHAT is missing" printed, where there is none. */
char *args_need(struct args *a, const char *what);
/* EXIT_DONE where nothing is left; else a usage error about the next word. */
int args_end(struct args *a);
/* args_end() for a command that takes no arguments. */
int args_none(int argc, char **argv);
/*
 * Takes the next word as one of keys (NULL-terminated; unique prefixes count):
 * its index; -1 at the end of the words; -2 for an unknown word, the error being printed.
 */
int args_next_key(struct args *a, const char *const *keys);
/*
 * Parse the next word, the value of the keyword a->key. 0, or EXIT_USAGE with an error
 * printed that names the keyword.
 */
int args_u64(struct args *a, __u64 min, __u64 max, __u64 *out);
int args_addr(struct args *a, __be32 addr[XR_ADDR_WORDS]);
int args_vip(struct args *a, __be32 addr[XR_ADDR_WORDS], __be16 *port, __u8 *proto);
int args_mac(struct args *a, __u8 mac[6]);
int args_dev(struct args *a, char dev[16]);
int args_hex(struct args *a, void *out, size_t max, size_t *len);
int args_word(struct args *a, const char *const *words, int *out);
/* Parses the next word as the name of a WHAT ("backend", "host"); as above. */
int args_name(struct args *a, const char *what, char name[XR_NAME_LEN]);

/* ---- keywords with their values, by a table ---- */

#define ARGS_KEYS     16 /* at most, of one command */
#define ARGS_BIT(key) (1U << (key))
#define ARGS_ALL      (~0U)

enum args_kind {
	ARGS_FLAG,   /* no value: the member becomes 1 */
	ARGS_NUMBER, /* least to most */
	ARGS_WORD,   /* one of words: the member becomes least + its index */
	ARGS_ADDR,
	ARGS_MAC,
	ARGS_DEV,
	ARGS_TEXT,  /* the member is a const char *, and points at the word */
	ARGS_OTHER, /* take() takes it */
};

/* A keyword, and which member of the command's own struct gets its value. */
struct args_key {
	const char *word;
	enum args_kind kind;
	size_t offset, size;
	__u64 least, most;
	const char *const *words; /* NULL-terminated */
	const char *what;         /* of a text: "WHAT is missing" */
	int (*take)(struct args *a, void *to);
};

#define ARGS_TO(type, member) \
	.offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)

/* Keys by the bit of their index, ARGS_BIT(). */
struct args_given {
	__u32 allowed; /* 0: all */
	__u32 often;   /* may be given several times; the others once */
	__u32 given;   /* were given; args_take() sets these bits */
};

static inline bool args_has(const struct args_given *g, int key)
{
	return g->given & ARGS_BIT(key);
}

/*
 * Takes all words that are left as keywords with their values, and stores the values in
 * the struct at "to". The list of keys ends with a NULL word. 0, or the exit status with
 * the error printed.
 */
int args_take(struct args *a, const struct args_key *keys, void *to, struct args_given *g);
/* Copies the members of the keys in given from one struct to another; not of ARGS_OTHER. */
void args_copy(const struct args_key *keys, __u32 given, void *to, const void *from);

#endif
