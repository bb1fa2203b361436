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

/* Return the exit status, EXIT_USAGE or EXIT_REFUSED. */
int cmd_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int cmd_refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int cmd_fail(const struct xr_err *err); /* EXIT_REFUSED with err's line */
/* The same of a file: JSON has "file", and "line" where it is known. */
int cmd_fail_in(const char *file, const struct xr_err *err);
/* The command goes on, and its exit status stays as it was. */
void cmd_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * The same of what may be said of each of many things: those that differ in names
 * and numbers only become one line with a count, said by cmd_warn_now(), which
 * whoever says an error calls, and main().
 */
void cmd_warn_of(const char *line);
void cmd_warn_now(void);

/* ---- standard output and error, on their way out ---- */

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

/* ---- JSON ---- */

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

/* ---- tables ---- */

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

#endif
