/* SPDX-License-Identifier: GPL-2.0-only */
/* What commands print: messages on standard error; JSON or a table on standard output. */
#ifndef XR_ARGS_OUT_H
#define XR_ARGS_OUT_H

#include <jansson.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"
#include "lib/text.h"

/* ---- messages: one line on stderr, with -j {"error": ...} or {"warning": ...} ---- */

/* An error; they return the exit status: EXIT_USAGE, the others EXIT_REFUSED. */
int cmd_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int cmd_refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int cmd_fail(const struct xr_err *err); /* prints err's line */
/* cmd_fail() for an error in a file: JSON has "file", and "line" where it is known. */
int cmd_fail_in(const char *file, const struct xr_err *err);
/* The last error's line; NULL: there was none. */
const char *cmd_last_error(void);
/* A warning: the command goes on, and its exit status stays as it was. */
void cmd_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * Keeps a warning that may come for each of many things: lines that differ in names and
 * numbers only become one line with a count. cmd_flush_warnings() prints what was kept;
 * every error does so first, and main() at the end.
 */
void cmd_warn_grouped(const char *line);
void cmd_flush_warnings(void);

/* ---- standard output and error, on their way out ---- */

/*
 * main() calls out_begin() first: from then on, what is printed to stdout and stderr
 * while this process holds an instance's lock is kept until it gives the lock back.
 * out_end() writes all that is left; 0, or -errno where stdout could not be written.
 */
void out_begin(void);
int out_end(void);
/* Whoever reads stdout may go away, and it is no failure. */
void out_may_be_left(void);
/* For the daemon, which must not wait for its log's reader: drops what is not read at once. */
void out_never_wait(void);

/* Clears the terminal that stdout is: through stdout itself it would be escaped. */
void out_clear_screen(void);

/* Prints the error and exits: output that lacks a part would be a lie. */
_Noreturn void out_no_memory(void);

/* ---- JSON ---- */

/* Prints the value as -j or -p asks, on one line or indented; frees it. */
int out_json(json_t *value);
/* A string from elsewhere, such as a name: made UTF-8, as JSON has to be. */
json_t *json_text(const char *text);
json_t *json_netns(__u64 id); /* null: this process's namespace */
/* Strings, written as the command line has them, such as "192.0.2.1:443/udp". */
json_t *json_addr(const __be32 addr[XR_ADDR_WORDS]);
json_t *json_vip(const __be32 addr[XR_ADDR_WORDS], __be16 port, __u8 proto);
json_t *json_mac(const __u8 mac[6]);
json_t *json_hex(const void *octets, size_t len);

/* ---- tables ---- */

/*
 * A table of left-aligned columns, wide as their widest cell. Cells are
 * formatted one by one; a row ends after as many as there are headings.
 */
struct table;
struct table *table_new(const char *const *headings); /* NULL-terminated */
void table_cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_right(struct table *t, size_t column); /* aligned right: numbers */
void table_print(struct table *t);                /* and frees it */
void table_free(struct table *t);

/* Prints the JSON list with -j, else the table; frees both. Returns the exit status. */
int out_list(json_t *list, struct table *t);

#endif
